//go:build unix

package live_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/bench/floor/views"
	"github.com/livelong-dev/livelong/bench/pages"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// dataPage is the page of a table of 500 rows that performance is measured on.
type dataPage struct{ pages.Dash }

func (*dataPage) Events() []live.Handler { return []live.Handler{live.On((*dataPage).Pull)} }

func (d *dataPage) Pull(context.Context, *live.Socket, Pull) error { d.Tick(); return nil }

func (d dataPage) Render() templ.Component { return views.Dash(d.Rows) }

// An event of a page whose tree was dropped renders twice and parses the whole page once.
func TestWaking(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for some seconds")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // the collector's share of an event is chance
	synctest.Test(t, func(t *testing.T) {
		app := newApp()
		live.Handle(app, "GET /data", func(*http.Request) (*dataPage, error) { return &dataPage{*pages.NewDash()}, nil })
		b := livetest.NewBrowser(t, app)
		live.StopChecking(app)
		p := newTab(t, b, "/data")
		p.join()
		event := func() time.Duration {
			synctest.Wait()
			start := processTime(t)
			p.pull(Pull{})
			p.answer(p.n)
			synctest.Wait()
			return processTime(t) - start
		}
		event()
		hot, waking := time.Hour, time.Hour
		for range 200 / raced {
			for range 3 {
				hot = min(hot, event())
			}
			p.send(fmt.Sprintf("[%d]", p.k))
			time.Sleep(11 * time.Second)
			p.read() // the tag
			synctest.Wait()
			if live.Trees(app) != 0 {
				t.Fatal("the tree is kept")
			}
			waking = min(waking, event())
		}
		t.Logf("an event of the data page costs %v CPU, one that wakes it %v: %.2f times as much", hot, waking, ratio(waking, hot))
		if raced == 1 && ratio(waking, hot) > 1.1*2.5 { // a tenth for the machine
			t.Errorf("an event that wakes the page costs %.2f times one that does not, want at most 2.5", ratio(waking, hot))
		}
		p.drop()
	})
}
