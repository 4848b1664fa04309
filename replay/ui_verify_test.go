package replay_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// snail is a view that takes its time to render, once it is told to.
type snail struct{ Count int }

var snailPace atomic.Int64

func (*snail) Events() []live.Handler                               { return []live.Handler{live.On((*snail).Add)} }
func (s *snail) Add(_ context.Context, _ *live.Socket, e Add) error { s.Count += e.By; return nil }
func (s snail) Render() templ.Component {
	time.Sleep(time.Duration(snailPace.Load()))
	return text("<p>" + strconv.Itoa(s.Count) + "</p>")
}

// Of two viewers one verifies for both; when that one leaves, the other goes on.
func TestTheSecondViewerVerifiesWhenTheFirstLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		live.Handle(h.app, "GET /snail", func(*http.Request) (*snail, error) { return &snail{}, nil })
		page := livetest.Open(t, h.app, "/snail")
		for range 9 {
			page.Push("Add", Add{By: 1})
		}
		page.Close()
		time.Sleep(2 * time.Minute)
		id := h.one().Summary.ID
		snailPace.Store(int64(time.Second))
		defer snailPace.Store(0)
		first, second := livetest.Open(t, h.app, "/replay/"+id), livetest.Open(t, h.app, "/replay/"+id)
		second.Sleep(4 * time.Second)
		if got := second.Text(".check"); !strings.Contains(got, "checking") || strings.Contains(got, "checking 0") {
			t.Errorf("the second viewer reads %q after 4 of 10 seconds", got)
		}
		first.Close()
		second.Sleep(5 * time.Minute)
		if got := second.Text(".check"); !strings.Contains(got, "10 of 10 verified") {
			t.Errorf("the second viewer reads %q in the end", got)
		}
		second.Close()
	})
}
