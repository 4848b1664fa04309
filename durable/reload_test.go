package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

type tally struct {
	N int `stored:"session"`
}

// Count adds one.
type Count struct{}

func (tally) Events() []live.Handler { return []live.Handler{live.On((*tally).Count)} }

func (c *tally) Count(context.Context, *live.Socket, Count) error { c.N++; return nil }

func (c tally) Render() templ.Component { return templ.Raw(fmt.Sprintf("<output>%d</output>", c.N)) }

// A page that is loaded again while its values cannot be written does not call them saved.
func TestReloadedPageIsNotSaved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var refuse atomic.Bool
		b := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{
			Before: func(_ context.Context, r durabletest.Request) error {
				if r.Op == durabletest.Put && refuse.Load() {
					return errors.New("503")
				}
				return nil
			},
		})
		st, err := durable.Open(durable.Options{Bucket: b, SweepEvery: -1, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		app := live.New(live.Options{Secrets: [][]byte{make([]byte, 32)}, Stash: st, Logger: slog.New(slog.DiscardHandler)})
		live.Handle(app, "GET /", func(*http.Request) (*tally, error) { return &tally{}, nil })
		defer func() {
			if err := errors.Join(app.Shutdown(t.Context()), st.Close(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		browser := livetest.NewBrowser(t, app)
		page := browser.Open("/")
		page.Push("Count", nil)
		page.AwaitSaved()
		refuse.Store(true)
		page.Push("Count", nil)
		page.Sleep(3 * time.Second)
		if got := page.Saved(); got != "unsaved" {
			t.Errorf("the page is %s", got)
		}
		page.Close()
		page = browser.Open("/")
		if n, got := page.Text("output"), page.Saved(); n != "2" || got == "saved" {
			t.Errorf("loaded again, it shows %s, which is not durable, as %s", n, got)
		}
		refuse.Store(false)
		page.AwaitSaved()
		page.Close()
	})
}

// A page can be loaded while the bucket refuses writes and answers reads.
func TestPagesAreReadWhileWritesAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var refuse atomic.Bool
		b := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{
			Before: func(_ context.Context, r durabletest.Request) error {
				if r.Op == durabletest.Put && refuse.Load() {
					return fs.ErrPermission
				}
				return nil
			},
		})
		st := open(t, b)
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"))
		p.flush()
		refuse.Store(true)
		p.write(put(view("b"), "2"))
		time.Sleep(5 * time.Second)
		began := time.Now()
		for range 3 {
			q, err := tryAttach(t, st, live.Attachment{Session: ids("s"), View: "view"})
			if err != nil {
				t.Fatal(err)
			}
			q.want("a", "1")
			q.want("b", "2")
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the pages took %v", took)
		}
		refuse.Store(false)
	})
}
