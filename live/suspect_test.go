package live_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// fragile is a view whose next build cannot bear what this one has stored.
type fragile struct {
	N int `stored:"session"`
}

var nextBuild struct{ render, mount atomic.Bool }

// deploy runs a build that panics somewhere.
func deploy(where string) {
	nextBuild.render.Store(where == "render")
	nextBuild.mount.Store(where == "mount")
}

func (f fragile) Render() templ.Component {
	if nextBuild.render.Load() && f.N > 0 {
		panic("render")
	}
	return templ.Raw(fmt.Sprintf("<output>%d</output>", f.N))
}

func (f *fragile) Mount(context.Context, *live.Socket) error {
	if nextBuild.mount.Load() && f.N > 0 {
		panic("mount")
	}
	return nil
}

func (*fragile) Events() []live.Handler {
	return []live.Handler{live.On((*fragile).Deposit), live.On((*fragile).Restore)}
}

func (f *fragile) Deposit(context.Context, *live.Socket, Deposit) error { f.N++; return nil }

// Restore resets what is stored.
type Restore struct{}

func (f *fragile) Restore(ctx context.Context, s *live.Socket, _ Restore) error {
	return s.ResetStored(ctx)
}

// A stored value that a page cannot bear does not lock its browser out, is not overwritten, and can be reset.
func TestStoredValuesThatPanic(t *testing.T) {
	for _, where := range []string{"render", "mount"} {
		t.Run(where, func(t *testing.T) {
			defer func() { deploy("") }()
			app := newApp()
			live.Handle(app, "GET /fragile", func(*http.Request) (*fragile, error) { return &fragile{}, nil })
			browser := livetest.NewBrowser(t, app)
			page := browser.Open("/fragile")
			page.Push("Deposit", nil)
			page.AwaitSaved()
			page.Close()
			deploy(where)

			page = browser.Open("/fragile")
			if got := page.Text("output"); got != "0" {
				t.Errorf("shows %s, want the default", got)
			}
			if !strings.Contains(page.First(), "cannot be shown") || page.Saved() != "unsaved" {
				t.Errorf("marked %q, told:\n%s", page.Saved(), page.First())
			}
			page.Close()
			deploy("") // the build that has stored it is back
			page = browser.Open("/fragile")
			if got := page.Text("output"); got != "1" {
				t.Errorf("what was stored is %s, want 1", got)
			}
			page.Close()
			deploy(where)
			page = browser.Open("/fragile")
			page.Push("Restore", nil)
			page.AwaitSaved()
			page.Close()
			deploy("")
			if got := browser.Open("/fragile").Text("output"); got != "0" {
				t.Errorf("after the reset: %s", got)
			}
		})
	}
}
