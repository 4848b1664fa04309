package live_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// choir sings when all have breathed in: a handler waits for those of all other pages.
type choir struct {
	Sung    int
	concert *concert
}

type concert struct {
	topic   live.Topic[int]
	singers int32
	ready   atomic.Int32
	all     chan struct{}
}

func (*choir) Events() []live.Handler { return []live.Handler{live.OnMessage((*choir).Sing)} }

func (c *choir) Mount(_ context.Context, s *live.Socket) error {
	_, err := c.concert.topic.Subscribe(s)
	return err
}

func (c *choir) Sing(_ context.Context, _ *live.Socket, n int) error {
	if c.concert.ready.Add(1) == c.concert.singers {
		close(c.concert.all)
	}
	<-c.concert.all
	c.Sung += n
	return nil
}

func (c choir) Render() templ.Component { return markup(`<p>%d</p>`, c.Sung) }

// A message of a topic reaches every page at once, even when the handlers of all that came first block.
func TestABlockedHandlerHoldsNoOtherPageUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &concert{topic: live.NewTopic[int]("songs"), singers: 40, all: make(chan struct{})}
		app := newApp()
		live.Handle(app, "GET /choir", func(*http.Request) (*choir, error) { return &choir{concert: st}, nil })
		var pages []*livetest.Page
		for range st.singers {
			pages = append(pages, livetest.Open(t, app, "/choir"))
		}
		if err := st.topic.Publish(t.Context(), app, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for i, page := range pages {
			if got := page.Text("p"); got != "1" {
				t.Errorf("page %d shows %s, want 1", i, got)
			}
		}
	})
}
