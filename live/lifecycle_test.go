package live_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
	. "github.com/livelong-dev/livelong/live/internal/testviews"
	"github.com/livelong-dev/livelong/live/livetest"
)

// newProbe serves a Probe at /items/{id} and counts into calls.
func newProbe(calls *Calls, g live.GroupOptions, mount func(context.Context, *live.Socket) error, change ...func(*live.Options)) *live.App {
	app := newApp(change...)
	live.Handle(app.Group(g), "GET /items/{id}", func(*http.Request) (*Probe, error) { return NewProbe(calls, mount), nil })
	return app
}

// L1, L2, L3, L5
func TestMountRunsOnce(t *testing.T) {
	var calls Calls
	page := livetest.Open(t, newProbe(&calls, live.GroupOptions{}, nil), "/items/7?q=x")
	if !strings.Contains(page.First(), `<p id="params">7 x</p>`) {
		t.Errorf("the first HTML does not show the parameters:\n%s", page.First())
	}
	page.Click("button", "set")
	if got := page.Text("#params"); got != "7 x" {
		t.Errorf("connected, the page shows %q", got)
	}
	page.Drop()
	page.Connect()
	page.Click("button", "set")
	if want := (Counts{Factory: 1, Mount: 1, Params: 1, Connected: 2}); calls.Counts() != want {
		t.Errorf("calls %+v, want %+v", calls.Counts(), want)
	}
}

// L3
func TestEmbeddedViewHasNoParams(t *testing.T) {
	var calls Calls
	app := newApp()
	e := live.Embed(app, "probe", func(*http.Request) (*Probe, error) { return NewProbe(&calls, nil), nil })
	app.Mount("/foreign/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := e.Render(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(w, "<!DOCTYPE html><title>foreign</title>")
		if err := body.Render(r.Context(), w); err != nil {
			t.Error(err)
		}
	}))
	page := livetest.Open(t, app, "/foreign/")
	if got := page.Text("#params"); got != "no params" {
		t.Errorf("params %q", got)
	}
	page.Click("button", "set")
	if page.Text("#value") != "set" || page.Joined() != "adopt" || calls.Counts().Mount != 1 {
		t.Errorf("value %q, joined %q, %+v", page.Text("#value"), page.Joined(), calls.Counts())
	}
}

// L6
func TestRenderMaySwapTemplates(t *testing.T) {
	var calls Calls
	page := livetest.Open(t, newProbe(&calls, live.GroupOptions{}, nil), "/items/7")
	page.Click("button", "swap")
	if page.Has("#letters") || page.Text("#second") != "the second template" {
		t.Error(page.HTML(""))
	}
	page.Click("button", "swap")
	if !page.Has("#letters") || page.Has("#second") {
		t.Error(page.HTML(""))
	}
}

// L7
func TestReplyAnswersPush(t *testing.T) {
	page := livetest.Open(t, newApp(), "/")
	if got := string(page.Push("Sum", Sum{A: 2, B: 3})); got != `{"total":5}` {
		t.Errorf("reply %s", got)
	}
}

// L10
func TestUnmountRunsOnce(t *testing.T) {
	ends := map[string]func(page *livetest.Page){
		"after the grace time": func(page *livetest.Page) { page.Drop(); page.Sleep(61 * time.Second) },
		"when the tab closes":  func(page *livetest.Page) { page.Close(); page.Sleep(61 * time.Second) },
		"nobody connects":      nil,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls Calls
				app := newProbe(&calls, live.GroupOptions{}, nil)
				page := livetest.NewBrowser(t, app).Load("/items/7")
				if end == nil {
					page.Sleep(9 * time.Second)
					if calls.Counts().Unmount != 0 {
						t.Error("unmounted before its time")
					}
					page.Sleep(2 * time.Second)
				} else {
					page.Connect()
					end(page)
				}
				if calls.Counts().Unmount != 1 || probe.Instances(app) != 0 {
					t.Errorf("%d calls of Unmount, %d instances left", calls.Counts().Unmount, probe.Instances(app))
				}
			})
		})
	}
}

func TestDetachedInstanceWaitsForTheGraceTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls Calls
		page := livetest.Open(t, newProbe(&calls, live.GroupOptions{}, nil), "/items/7")
		page.Click("button", "every")
		page.Drop()
		page.Sleep(5500 * time.Millisecond)
		page.Connect()
		if page.Joined() != "resume" || calls.Counts().Unmount != 0 || calls.Counts().Mount != 1 {
			t.Errorf("joined %q, %+v", page.Joined(), calls.Counts())
		}
		page.Sleep(100 * time.Millisecond)
		if got := page.Text("#messages"); got != "tick,tick,tick,tick,tick" {
			t.Errorf("messages %q", got)
		}
		// L14
		if got := page.Text("#back"); got != "1" {
			t.Errorf("reconnects %q, want 1", got)
		}
	})
}

// L11
func TestNoChangeSendsAnEmptyReply(t *testing.T) {
	page := livetest.Open(t, newApp(), "/")
	page.Click("button", "nothing")
	frames := page.Frames()
	if last := frames[len(frames)-1]; last != len("[1,[]]")+2 {
		t.Errorf("%d B, want an empty reply", last)
	}
}

// L12
func TestContextValuesReachTheView(t *testing.T) {
	var calls Calls
	loads := 0
	app := newProbe(&calls, live.GroupOptions{}, nil)
	browser := livetest.NewBrowser(t, app).Through(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			loads++
			r = r.WithContext(context.WithValue(r.Context(), Loaded{}, "from the middleware"))
		}
		app.ServeHTTP(w, r)
	}))
	page := browser.Open("/items/7")
	if got := page.Text("#value"); got != "from the middleware" || loads != 1 || calls.Counts().Factory != 1 {
		t.Errorf("value %q after %d loads, %+v", got, loads, calls.Counts())
	}
}

// L13
func TestConnectParams(t *testing.T) {
	var calls Calls
	browser := livetest.NewBrowser(t, newProbe(&calls, live.GroupOptions{}, func(_ context.Context, s *live.Socket) error {
		if s.ConnectParams() != nil {
			t.Error("Mount sees connect params")
		}
		return nil
	}))
	browser.Params = map[string]string{"timeZone": "Europe/Berlin"}
	page := browser.Open("/items/7")
	page.Await("the zone", func() bool { return page.Text("#zone") == "Europe/Berlin" })
}

// L15, L18
func TestOnMountHooks(t *testing.T) {
	letter := func(l string) func(context.Context, *live.Socket) error {
		return func(_ context.Context, s *live.Socket) error {
			s.View().(*Probe).Letter(l)
			return nil
		}
	}
	t.Run("run in their order", func(t *testing.T) {
		var calls Calls
		page := livetest.Open(t, newProbe(&calls, live.GroupOptions{OnMount: []func(context.Context, *live.Socket) error{letter("a"), letter("b"), letter("c")}}, nil), "/items/7")
		if got := page.Text("#letters"); got != "abc" {
			t.Errorf("letters %q", got)
		}
	})
	t.Run("may halt", func(t *testing.T) {
		var calls Calls
		app := newProbe(&calls, live.GroupOptions{OnMount: []func(context.Context, *live.Socket) error{
			func(context.Context, *live.Socket) error { return live.RedirectTo("/login") }, letter("b")}}, nil)
		r, _ := http.NewRequest(http.MethodGet, "/items/7", nil)
		res := livetest.NewBrowser(t, app).Do(r)
		if res.Code != http.StatusSeeOther || res.Result().Header.Get("Location") != "/login" || calls.Counts().Mount != 0 || calls.Counts().Unmount != 0 {
			t.Errorf("%d to %q, %+v", res.Code, res.Result().Header.Get("Location"), calls.Counts())
		}
	})
}

// L16
func TestEventHooks(t *testing.T) {
	var calls Calls
	var detach func()
	seen := 0
	page := livetest.Open(t, newProbe(&calls, live.GroupOptions{}, func(_ context.Context, s *live.Socket) error {
		detach = s.Hook(func(_ context.Context, s *live.Socket, event any) error {
			seen++
			if _, ok := event.(Set); ok {
				s.Reply("from the hook")
				detach()
				return live.ErrHalt
			}
			return nil
		})
		return nil
	}), "/items/7")
	if got := string(page.Push("Set", Set{Value: "1"})); got != `"from the hook"` || page.Text("#value") != "" {
		t.Errorf("reply %s, value %q", got, page.Text("#value"))
	}
	page.Push("Set", Set{Value: "2"})
	if page.Text("#value") != "2" || seen != 1 {
		t.Errorf("value %q, the hook ran %d times", page.Text("#value"), seen)
	}
}

// L19
func TestIdleInstanceWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := livetest.Open(t, newApp(), "/")
		page.Click("button", "+1")
		page.Confirm()
		page.Sleep(25 * time.Second)
		frames := page.Frames()
		if n := len(frames); n < 3 {
			t.Fatalf("frames %v, want one with the content tag", frames)
		}
		page.Click("button", "+1")
		if got := page.Text("output"); got != "2" {
			t.Errorf("count %q", got)
		}
		if last := page.Frames(); last[len(last)-1] > 50 {
			t.Errorf("the event after idling cost %d B", last[len(last)-1])
		}
	})
}

// L20
func TestContainer(t *testing.T) {
	var calls Calls
	page := livetest.Open(t, newProbe(&calls, live.GroupOptions{}, nil), "/items/7")
	if !page.Has("section.probe[data-live]") {
		t.Error(page.First())
	}
}

// R2
func TestToggledBlockCostsItself(t *testing.T) {
	page := livetest.Open(t, newApp(), "/")
	for range 2 {
		page.Click("button", "toggle")
		frames := page.Frames()
		if last := frames[len(frames)-1]; last > len(`<p id=\"more\">more of it</p>`)+50 {
			t.Errorf("%d B for a small block", last)
		}
		page.Click("button", "toggle")
		if page.Has("#more") || page.Count("button") != 7 {
			t.Error(page.HTML(""))
		}
	}
}

// R8
func TestStateIsEscaped(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>`
	app := live.New(live.Options{Secrets: [][]byte{secret}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*Counter, error) { return &Counter{Name: evil, Note: evil}, nil })
	page := livetest.Open(t, app, "/")
	page.Type("input[name=note]", `"><script>1</script>`)
	page.Click("button", "save")
	if page.Has("img") || page.Has("[data-live] script") || page.Text("h1") != "Counter "+evil {
		t.Error(page.HTML(""))
	}
	if v, _ := page.Attr("input[name=note]", "value"); v != `"><script>1</script>` {
		t.Errorf("value %q", v)
	}
}

func TestTimersAndTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls Calls
		app := newProbe(&calls, live.GroupOptions{}, nil)
		one, two := livetest.Open(t, app, "/items/1"), livetest.Open(t, app, "/items/2")
		one.Click("button", "after")
		one.Click("button", "stop")
		one.Sleep(59 * time.Second)
		if got := one.Text("#messages"); got != "" {
			t.Errorf("early: %q", got)
		}
		one.Sleep(2 * time.Second)
		if got := one.Text("#messages"); got != "after" {
			t.Errorf("messages %q", got)
		}
		one.Click("button", "topic")
		two.Click("button", "topic")
		if err := Told.Publish(t.Context(), app, Tell{Text: "news"}); err != nil {
			t.Fatal(err)
		}
		one.Sleep(time.Second)
		if got := []string{one.Text("#messages"), two.Text("#messages")}; !slices.Equal(got, []string{"after,news", "news"}) {
			t.Errorf("messages %q", got)
		}
	})
}

func TestMessagesSentWhileMountingWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls Calls
		app := newProbe(&calls, live.GroupOptions{}, func(_ context.Context, s *live.Socket) error {
			err := s.Send(Tell{Text: "from Mount"})
			synctest.Wait() // a runner, if there were one, would handle it now
			if s.View().(*Probe).Messages != nil {
				t.Error("a message was handled before Mount returned")
			}
			return err
		})
		page := livetest.Open(t, app, "/items/7")
		page.Sleep(time.Second)
		if got := page.Text("#messages"); got != "from Mount" {
			t.Errorf("messages %q", got)
		}
	})
}
