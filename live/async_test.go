package live_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// loader is a view that waits for something.
type loader struct {
	Number live.Result[int]
	Mounts int
	load   func(ctx context.Context, n int) (int, error)
	opts   []live.AsyncOption
	runs   *int

	unmounts *atomic.Int32
}

type Load struct{ N int }

func (*loader) Events() []live.Handler { return []live.Handler{live.On((*loader).Load)} }

func (l *loader) start(s *live.Socket, n int) {
	live.Async(s, &l.Number, func(ctx context.Context) (int, error) { return l.load(ctx, n) }, l.opts...)
}

func (l *loader) Mount(_ context.Context, s *live.Socket) error {
	*l.runs++
	l.Mounts = *l.runs
	l.start(s, 0)
	return nil
}

func (l *loader) Unmount(context.Context) { l.unmounts.Add(1) }

func (l *loader) Load(_ context.Context, s *live.Socket, e Load) error {
	if e.N < 0 {
		panic("on purpose")
	}
	l.start(s, e.N)
	return nil
}

func (l loader) Render() templ.Component {
	r := l.Number
	return markup(`<p id="loading">%t</p><p id="ready">%t</p><p id="value">%d</p><p id="error">%s</p><p id="mounts">%d</p>`, r.Loading, r.Ready, r.Value, r.Error, l.Mounts)
}

// loading opens a page that loads numbers: n milliseconds and the number itself.
func loading(t *testing.T, load func(context.Context, int) (int, error), opts ...live.AsyncOption) *livetest.Page {
	return livetest.Open(t, newLoader(new(atomic.Int32), load, opts...), "/")
}

func newLoader(unmounts *atomic.Int32, load func(context.Context, int) (int, error), opts ...live.AsyncOption) *live.App {
	runs := 0
	app := live.New(live.Options{Secrets: [][]byte{secret}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*loader, error) {
		return &loader{load: load, opts: opts, runs: &runs, unmounts: unmounts}, nil
	})
	return app
}

func sees(t *testing.T, page *livetest.Page, loading, ready, value, err string) {
	t.Helper()
	if page.Text("#loading") != loading || page.Text("#ready") != ready || page.Text("#value") != value || page.Text("#error") != err {
		t.Errorf("%s\nwant loading %s, ready %s, value %s, error %q", page.HTML(""), loading, ready, value, err)
	}
	if page.Text("#mounts") != "1" {
		t.Errorf("mounted %s times", page.Text("#mounts"))
	}
}

func TestAsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := loading(t, func(ctx context.Context, n int) (int, error) {
			time.Sleep(time.Second)
			switch n {
			case 2:
				panic("on purpose")
			case 3:
				return 0, live.Errorf("There is no three.")
			case 4:
				return 0, errors.New("secret details")
			}
			return n + 10, nil
		})
		sees(t, page, "true", "false", "0", "") // the first HTML shows that it is loading
		page.Sleep(time.Second)
		sees(t, page, "false", "true", "10", "")
		page.Push("Load", Load{1})
		sees(t, page, "true", "true", "10", "") // the old value stays
		page.Sleep(time.Second)
		sees(t, page, "false", "true", "11", "")
		for n, text := range map[int]string{2: "That did not work. Please try again.", 3: "There is no three.", 4: "That did not work. Please try again."} {
			page.Push("Load", Load{n})
			page.Sleep(time.Second)
			sees(t, page, "false", "true", "11", text)
		}
		page.Push("Load", Load{5})
		page.Sleep(time.Second)
		sees(t, page, "false", "true", "15", "")
		if page.Joined() != "adopt" {
			t.Errorf("the page has come back by %s", page.Joined())
		}
	})
}

func TestAsyncIsLoadedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cancelled atomic.Int32
		page := loading(t, func(ctx context.Context, n int) (int, error) {
			select {
			case <-time.After(time.Duration(10-n) * time.Second):
				return n, nil
			case <-ctx.Done():
				cancelled.Add(1)
				return 0, ctx.Err()
			}
		}, live.AsyncReset())
		page.Push("Load", Load{1})
		page.Push("Load", Load{2})
		page.Sleep(time.Second)
		if n := cancelled.Load(); n != 2 {
			t.Errorf("%d functions were told that nobody waits for them", n)
		}
		page.Sleep(8 * time.Second)
		sees(t, page, "false", "true", "2", "")
		page.Push("Load", Load{3})
		sees(t, page, "true", "false", "0", "")
		page.Close() // the goroutine ends with the instance, or the bubble would not
	})
}

func TestAsyncThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		page := loading(t, func(ctx context.Context, n int) (int, error) {
			<-release // deaf
			return 1, nil
		}, live.AsyncTimeout(5*time.Second), live.AsyncFailure("The report takes too long."))
		page.Sleep(4 * time.Second)
		sees(t, page, "true", "false", "0", "")
		page.Sleep(time.Second)
		sees(t, page, "false", "false", "0", "The report takes too long.")
		close(release)
		page.Sleep(time.Second)
		sees(t, page, "false", "false", "0", "The report takes too long.")
	})
}

// The HTML of the GET shows that it is loading, and is not held up; what is done before the browser comes is shown then.
func TestAsyncDoesNotHoldThePageUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		page := livetest.NewBrowser(t, newLoader(new(atomic.Int32), func(context.Context, int) (int, error) {
			time.Sleep(time.Second)
			return 7, nil
		})).Load("/")
		if took := time.Since(start); took != 0 {
			t.Errorf("the GET took %v", took)
		}
		sees(t, page, "true", "false", "0", "")
		page.Sleep(2 * time.Second)
		page.Connect()
		page.Sleep(0)
		sees(t, page, "false", "true", "7", "")
		if page.Joined() != "adopt" {
			t.Errorf("joined by %s", page.Joined())
		}
	})
}

// A function that does not look at its context holds up neither the end of its page nor that of the app, and what it
// returns then reaches nobody.
func TestAsyncIsNotWaitedFor(t *testing.T) {
	ends := map[string]func(page *livetest.Page, app *live.App){
		"the page is closed": func(page *livetest.Page, _ *live.App) { page.Close(); page.Sleep(61 * time.Second) },
		"the page panics": func(page *livetest.Page, _ *live.App) {
			page.Push("Load", Load{-1})
			page.Await("it", func() bool { return page.Error() != "" })
		},
		"the app is shut down": func(_ *livetest.Page, app *live.App) {},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var unmounts, ended atomic.Int32
				release := make(chan struct{})
				app := newLoader(&unmounts, func(ctx context.Context, n int) (int, error) {
					<-release // deaf
					if ctx.Err() == nil {
						t.Error("the function's context goes on")
					}
					ended.Add(1)
					return 1, nil
				}, live.AsyncTimeout(0))
				page := livetest.Open(t, app, "/")
				end(page, app)
				synctest.Wait()
				if want := int32(1); name != "the app is shut down" && unmounts.Load() != want {
					t.Errorf("%d calls of Unmount, want %d", unmounts.Load(), want)
				}
				start := time.Now()
				if err := app.Shutdown(context.Background()); err != nil || time.Since(start) != 0 {
					t.Errorf("Shutdown: %v, after %v", err, time.Since(start))
				}
				if unmounts.Load() < 1 || ended.Load() != 0 {
					t.Errorf("%d calls of Unmount, %d functions have returned", unmounts.Load(), ended.Load())
				}
				close(release)
				synctest.Wait()
				if ended.Load() == 0 {
					t.Error("no function has returned")
				}
			})
		})
	}
}

// A function that ends its goroutine, as one of package testing does, has failed.
func TestAsyncThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := loading(t, func(context.Context, int) (int, error) {
			runtime.Goexit()
			return 1, nil
		}, live.AsyncFailure("It is gone."))
		page.Sleep(time.Second)
		sees(t, page, "false", "false", "0", "It is gone.")
	})
}

// A child that was taken away while it loaded does not load when it is put back.
func TestAsyncOfAChildThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := livetest.Open(t, newTheatre(&stageKit{}), "/theatre")
		page.PushTo(`[live-key="2"]`, "Ask", Ask{"count"})
		page.Push("Call", Call{"rise"})
		page.Push("Call", Call{"sit"})
		if got := page.Text(`[live-key="2"] u`); got != "false 0" {
			t.Errorf("the seat that came back shows %s, want that it does not load", got)
		}
		page.PushTo(`[live-key="2"]`, "Ask", Ask{"count"})
		if got := page.Text(`[live-key="2"] u`); got != "true 0" {
			t.Errorf("the seat shows %s", got)
		}
		page.Sleep(2 * time.Second)
		if got := page.Text(`[live-key="2"] u`); got != "false 5" {
			t.Errorf("the seat shows %s", got)
		}
	})
}

// ask sends an event of seat 1, and reads nothing.
func (p *tab) ask(what string) {
	p.t.Helper()
	p.eventOf("1", "Ask", Ask{what})
	synctest.Wait()
}

// A child that panics is put back to what its page shows; what has come for it meanwhile stays.
func TestAsyncOfAChildThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTab(t, livetest.NewBrowser(t, newTheatre(&stageKit{})), "/theatre")
		p.join()
		p.ask("count")
		p.ask("cough") // not rendered, as nothing is read
		time.Sleep(2 * time.Second)
		p.ask("panic")
		all := p.answer(p.n)
		if !strings.Contains(all, "as it was before") || !strings.Contains(all, "false 5") {
			t.Errorf("the child shows %s, want that it was put back, and false 5", all)
		}
	})
}

// A result that a child cannot render is taken back, and nothing else is lost.
func TestAsyncResultThatDoesNotRender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := livetest.Open(t, newTheatre(&stageKit{}), "/theatre")
		seat := func(id string) string { return page.Text(`[live-key="`+id+`"] i`) + page.Text(`[live-key="`+id+`"] u`) }
		page.PushTo(`[live-key="0"]`, "Ask", Ask{"cough"})
		page.PushTo(`[live-key="1"]`, "Ask", Ask{"cough"})
		for range 2 {
			page.PushTo(`[live-key="1"]`, "Ask", Ask{"unlucky"})
			page.Sleep(2 * time.Second)
			if got, other := seat("1"), seat("0"); got != "cfalse 0" || other != "cfalse 0" {
				t.Fatalf("the seats show %s and %s, want both as they were", other, got)
			}
			if got := page.Error(); !strings.Contains(got, "as it was before") {
				t.Errorf("the user reads %q", got)
			}
		}
		page.PushTo(`[live-key="1"]`, "Ask", Ask{"count"})
		page.Sleep(2 * time.Second)
		if got := seat("1"); got != "cfalse 5" {
			t.Errorf("the seat shows %s", got)
		}
	})
}

// The same, while what a handler has changed before it is not rendered yet.
func TestAsyncResultThatDoesNotRenderWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTab(t, livetest.NewBrowser(t, newTheatre(&stageKit{})), "/theatre")
		p.join()
		for _, what := range []string{"unlucky", "cough", "cough"} {
			p.ask(what) // nothing is read: the writer waits with the first frame
		}
		time.Sleep(2 * time.Second)
		all := p.answer(p.n)
		if !strings.Contains(all, "as it was before") || strings.Contains(all, "afresh") {
			t.Errorf("the page shows %s, want that the child was put back", all)
		}
	})
}

// What a child cannot bear is not always a result that has come for it.
func TestResultsThatAreNotToBlame(t *testing.T) {
	load := func(n int) func(any, *live.Socket) error {
		return func(v any, s *live.Socket) error {
			live.Async(s, &v.(*twig).Load, func(context.Context) (int, error) { time.Sleep(time.Second); return n, nil })
			return nil
		}
	}
	inc := func(v any, _ *live.Socket) error { v.(*twig).N++; return nil }
	loses := func(v any, _ *live.Socket) error { panic("on purpose") }
	for _, tt := range []struct {
		name   string
		afresh bool
		do     func(p *tab, wait func())
	}{
		{"an emitted message is", true, func(p *tab, wait func()) {
			p.let("a", load(5))
			p.answer(p.n)
			p.let("a/x", inc)
			p.let("a/x", inc)
			wait()
			p.let("a/x", func(_ any, s *live.Socket) error { return live.Emit(s, Hear{do: func() { panic("on purpose") }}) })
		}},
		{"the page is", true, func(p *tab, wait func()) {
			p.let("a", load(5))
			p.answer(p.n)
			p.let("a/x", inc)
			p.let("a/x", inc)
			wait()
			p.let("", func(v any, _ *live.Socket) error { v.(*trunk).List[0].Bad = true; return nil })
		}},
		{"two of them are", false, func(p *tab, wait func()) {
			p.let("a", load(13))
			p.let("a", inc)
			wait()
			p.let("a", load(13))
			wait()
			p.let("a", inc)
		}},
		{"a result is, after a handler", false, func(p *tab, wait func()) {
			p.let("a", load(13))
			p.let("a", inc)
			wait()
			p.let("a", loses)
			p.let("a", func(v any, _ *live.Socket) error { w := v.(*twig); w.List = slices.Delete(w.List, 0, 1); return nil })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
					t.List = []*twig{{Key: "a", List: []*twig{{Key: "x"}, {Key: "y"}}}}
					return nil
				})
				p := newTab(t, livetest.NewBrowser(t, app), "/")
				p.join()
				tt.do(p, func() { time.Sleep(2 * time.Second); synctest.Wait() })
				all := p.answer(p.n)
				if afresh := strings.Contains(all, "<section>"); afresh != tt.afresh {
					t.Errorf("started afresh: %t, want %t: %s", afresh, tt.afresh, all)
				}
				p.let("", func(v any, _ *live.Socket) error {
					if a := v.(*trunk).List[0]; len(a.List) != 2 || a.List[0] == nil || a.List[0].Key != "x" || a.List[1] == nil {
						t.Errorf("it holds %v", a.List)
					}
					return nil
				})
			})
		})
	}
}

// A child that is put back while another one's handler stores is nothing that this handler has done.
func TestAResultThatDoesNotRenderWhileAnotherChildStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
			t.List = []*twig{{Key: "a"}, {Key: "b"}}
			return nil
		})
		p := newTab(t, livetest.NewBrowser(t, app), "/")
		p.join()
		p.let("b", func(v any, s *live.Socket) error {
			live.Async(s, &v.(*twig).Load, func(context.Context) (int, error) { time.Sleep(time.Second); return 13, nil })
			return nil
		})
		p.answer(p.n)
		inc := func(v any, _ *live.Socket) error { v.(*twig).N++; return nil }
		p.let("a", inc)
		p.let("a", inc)
		time.Sleep(2 * time.Second)
		p.let("a", func(v any, s *live.Socket) error { v.(*twig).Note = "kept"; return s.Stash(t.Context()) })
		if all := p.answer(p.n); !strings.Contains(all, "as it was before") {
			t.Errorf("the page shows %s, want that the other child was put back", all)
		}
	})
}
