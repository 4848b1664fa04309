package live_test

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// choir sings a message of its concert's topic.
type choir struct {
	Sung    int
	concert *concert
	waits   bool // for the others
}

type concert struct {
	topic  live.Topic[int]
	choirs int32 // that wait
	ready  atomic.Int32
	all    chan struct{} // closed when all do
	made   []weak.Pointer[choir]
}

func (*choir) Events() []live.Handler { return []live.Handler{live.OnMessage((*choir).Sing)} }

func (c *choir) Mount(_ context.Context, s *live.Socket) error {
	_, err := c.concert.topic.Subscribe(s)
	return err
}

func (c *choir) Sing(_ context.Context, _ *live.Socket, n int) error {
	if c.waits {
		if c.concert.ready.Add(1) == c.concert.choirs {
			close(c.concert.all)
		}
		<-c.concert.all
	}
	c.Sung += n
	return nil
}

func newConcert(waits func(nth int) bool) (*concert, *live.App) {
	k := &concert{topic: live.NewTopic[int]("songs"), all: make(chan struct{})}
	app := newApp()
	live.Handle(app, "GET /choir", func(*http.Request) (*choir, error) {
		c := &choir{concert: k, waits: waits(len(k.made))}
		k.made = append(k.made, weak.Make(c))
		return c, nil
	})
	return k, app
}

func (c choir) Render() templ.Component { return markup(`<p>%d</p>`, c.Sung) }

// A message of a topic reaches every page at once, even when the handlers of all that came first block.
func TestABlockedHandlerHoldsNoOtherPageUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, app := newConcert(func(int) bool { return true })
		k.choirs = 40
		var pages []*livetest.Page
		for range k.choirs {
			pages = append(pages, livetest.Open(t, app, "/choir"))
		}
		if err := k.topic.Publish(t.Context(), app, 1); err != nil {
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

// Nor does it keep one in memory.
func TestABlockedHandlerKeepsNoOtherPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, app := newConcert(func(nth int) bool { return nth == 0 })
		var others []*livetest.Page
		livetest.Open(t, app, "/choir")
		for range 20 {
			others = append(others, livetest.Open(t, app, "/choir"))
		}
		if err := k.topic.Publish(t.Context(), app, 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, page := range others {
			page.Close()
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		runtime.GC()
		kept := 0
		for _, c := range k.made[1:] {
			if c.Value() != nil {
				kept++
			}
		}
		if kept > 0 {
			t.Errorf("%d of 20 pages that have ended are kept", kept)
		}
		close(k.all)
	})
}
