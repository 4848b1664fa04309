package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestHopelessPagesAreGivenUp(t *testing.T) {
	broken := false
	drawPuppet = func(p puppet) string {
		if broken {
			panic("render")
		}
		return fmt.Sprint("<p>", p.N, "</p>")
	}
	defer func() { drawPuppet = nil }()
	tests := map[string]*kit{
		"Connected panics":                     {connected: func(*live.Socket, *puppet) error { panic("connected") }},
		"Render panics once the page is there": {pull: func(*live.Socket, *puppet, Pull) error { broken = true; return nil }},
		"a message that Mount sends panics": {
			mount: func(_ context.Context, s *live.Socket, _ *puppet) error { return s.Send(Note{}) },
			note:  func(*live.Socket, *puppet, Note) error { panic("note") },
		},
	}
	for name, k := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken = false
				app := newPuppets(k)
				p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
				p.dial()
				if k.pull != nil {
					p.read()
					p.pull(Pull{By: 1})
				}
				for {
					if _, code := p.next(); code == 4500 {
						break
					} else if code != 0 {
						t.Fatalf("closed with %d, want 4500", code)
					}
				}
				if n := k.mounts.Load(); n > 3 {
					t.Errorf("mounted %d times", n)
				}
				synctest.Wait()
				if n := probe.Instances(app); n != 0 || k.mounts.Load() != k.unmounts.Load() {
					t.Errorf("%d instances are left, %d mounted, %d unmounted", n, k.mounts.Load(), k.unmounts.Load())
				}
			})
		})
	}
}

// moody panics wherever the app's code is called by nobody who expects it.
type moody struct {
	Count grumpy `stored:"session"`
	Angry string
}

type grumpy struct{ N int }

var grumpyPanics bool

func (g grumpy) MarshalJSON() ([]byte, error) {
	if grumpyPanics {
		panic("marshal")
	}
	return json.Marshal(struct{ M int }{g.N})
}

func (g *grumpy) UnmarshalJSON(b []byte) error {
	var v struct{ M int }
	err := json.Unmarshal(b, &v)
	g.N = v.M
	return err
}

func (m moody) Render() templ.Component { return templ.Raw("<p>" + m.Angry + "</p>") }

func (m *moody) Title() string {
	if m.Angry == "title" {
		panic("title")
	}
	return "moody"
}

func (*moody) Events() []live.Handler { return []live.Handler{live.On((*moody).Pull)} }

func (m *moody) Pull(_ context.Context, s *live.Socket, e Pull) error {
	switch m.Angry = e.What; e.What {
	case "marshal":
		m.Count.N++
		grumpyPanics = true
	case "reply":
		s.Reply(grumpy{1})
		grumpyPanics = true
	case "halt":
		m.Angry = ""
	}
	return nil
}

func TestPanicsAnywhereEndOnlyTheirPage(t *testing.T) {
	for _, what := range []string{"title", "marshal", "reply", "stash"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer func() { grumpyPanics = false }()
				app := newApp()
				live.Handle(app, "GET /moody", func(*http.Request) (*moody, error) { grumpyPanics = false; return &moody{}, nil })
				page, other := livetest.Open(t, app, "/moody"), livetest.Open(t, app, "/")
				if what == "stash" {
					app := newPuppets(&kit{}, func(o *live.Options) { o.Stash = &stash{broken: true} })
					page = livetest.Open(t, app, "/puppet")
				}
				page.Push("Pull", Pull{What: what, By: 1})
				page.Await("the fresh page", func() bool { return page.Joined() == "mount" })
				page.Sleep(time.Second)
				if got := page.Error(); !strings.Contains(got, "started afresh") {
					t.Errorf("error %q", got)
				}
				other.Click("button", "+1")
				page.Push("Pull", Pull{What: "halt"})
			})
		})
	}
}

func TestPanicInTitleFailsThePage(t *testing.T) {
	k := &kit{title: func() string { panic("title") }}
	r, _ := http.NewRequest(http.MethodGet, "/puppet", nil)
	res := livetest.NewBrowser(t, newPuppets(k)).Do(r)
	if res.Code != 500 || k.unmounts.Load() != 1 {
		t.Errorf("answered %d, %d unmounted", res.Code, k.unmounts.Load())
	}
}

// The browser goes on sending until it has read that the page was mounted afresh.
func TestEventsUnderWayToACrashedPage(t *testing.T) {
	for _, slow := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			crashed := false
			k := &kit{pull: func(_ *live.Socket, _ *puppet, e Pull) error {
				if e.What == "panic" {
					crashed = true
					panic("pull")
				}
				return nil
			}}
			k.mount = func(context.Context, *live.Socket, *puppet) error {
				if crashed {
					time.Sleep(slow)
				}
				return nil
			}
			p := newTab(t, livetest.NewBrowser(t, newPuppets(k)), "/puppet")
			p.join()
			p.pull(Pull{What: "panic"})
			for range 10 {
				synctest.Wait()
				p.pull(Pull{By: 1})
			}
			d := p.read()
			if d.Extra.Join == nil || d.Extra.Join.How != wire.Mount {
				t.Fatalf("the panic is answered %+v", d)
			}
			p.pull(Pull{By: 100})
			p.answer(p.n) // the socket is not closed for a gap in the numbers
		})
	}
}

func TestChangesOfMountAreSavedOnceAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		visits := &kit{mount: func(_ context.Context, _ *live.Socket, p *puppet) error { p.N++; return nil }}
		browser := livetest.NewBrowser(t, newPuppets(visits, func(o *live.Options) { o.Stash = s }))
		page := browser.Load("/puppet")
		page.Sleep(time.Minute)
		if s.all() != "[]" {
			t.Errorf("saved %s for a page that nobody connected", s.all())
		}
		browser.Open("/puppet").Sleep(0)
		if got := s.all(); got != "[N=1]" {
			t.Errorf("saved %s, want what Mount has counted", got)
		}
	})
}

func TestChangesAreSavedWithoutAReader(t *testing.T) {
	ends := map[string]func(p *tab, app *live.App){
		"a second later":            func(p *tab, _ *live.App) { time.Sleep(1100 * time.Millisecond) },
		"when the connection drops": func(p *tab, _ *live.App) { p.drop(); time.Sleep(1100 * time.Millisecond) },
		"when the app stops": func(p *tab, app *live.App) {
			go app.Shutdown(context.Background())
			time.Sleep(100 * time.Millisecond)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stash{}
				app := newPuppets(&kit{}, func(o *live.Options) { o.Stash = s })
				p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
				p.join()
				p.pull(Pull{By: 1})
				synctest.Wait() // the answer is not read, so the next change is not rendered
				p.pull(Pull{By: 1})
				synctest.Wait()
				end(p, app)
				synctest.Wait()
				if got := s.all(); got != "[N=1 N=2]" {
					t.Errorf("saved %s, want both changes", got)
				}
			})
		})
	}
}

func TestEndedSessionIsSentAwayAtTheJoin(t *testing.T) { // L15
	synctest.Test(t, func(t *testing.T) {
		loggedIn := true
		k := &kit{}
		app := newApp()
		g := app.Group(live.GroupOptions{OnMount: []func(context.Context, *live.Socket) error{func(context.Context, *live.Socket) error {
			if !loggedIn {
				return live.RedirectTo("/login")
			}
			return nil
		}}})
		live.Handle(g, "GET /members", func(*http.Request) (*puppet, error) { return &puppet{kit: k}, nil })
		p := newTab(t, livetest.NewBrowser(t, app), "/members")
		loggedIn = false
		time.Sleep(time.Minute) // the parked instance is gone
		p.dial()
		if d, code := p.next(); code != 4401 {
			t.Errorf("%+v, closed with %d, want 4401: the browser asks for the page and is redirected", d, code)
		}
		if n := k.mounts.Load(); n != 1 {
			t.Errorf("the view's Mount ran %d times", n)
		}
	})
}

func TestErrorsOfAJoinStayOnTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail error
		k := &kit{mount: func(context.Context, *live.Socket, *puppet) error { return fail }}
		for _, err := range []error{errors.New("secret"), &live.StatusError{Status: 404, Err: errors.New("secret")}} {
			fail = nil
			p := newTab(t, livetest.NewBrowser(t, newPuppets(k)), "/puppet")
			fail = err
			time.Sleep(time.Minute)
			p.dial()
			_, _, got := p.ws.Read(t.Context())
			if got == nil || strings.Contains(got.Error(), "secret") {
				t.Errorf("the browser reads %v", got)
			}
		}
	})
}

func TestRecovery(t *testing.T) {
	var got live.Recovery
	k := &kit{mount: func(_ context.Context, s *live.Socket, p *puppet) error { got = s.Recovery(); return nil }}
	check := func(name, want string) {
		t.Helper()
		if got := fmt.Sprint(got.Status, got.Lost); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	app := newPuppets(k)
	browser := livetest.NewBrowser(t, app)
	page := browser.Open("/puppet")
	check("a new browser", "fresh []")
	browser.Load("/puppet")
	check("nothing stored", "not found []")
	page.Push("Pull", Pull{By: 1})
	browser.Load("/puppet")
	check("something stored", "recovered []")
	browser = livetest.NewBrowser(t, newPuppets(k, func(o *live.Options) { o.Stash = (&stash{}).put(0, "N", `"seven"`) }))
	browser.Load("/puppet")
	browser.Load("/puppet")
	check("of another type", "failed [N]")
}

func TestDraftsBelongToOnePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newPuppets(&kit{pull: func(_ *live.Socket, p *puppet, e Pull) error { p.Draft = e.What; return nil }})
		browser := livetest.NewBrowser(t, app)
		page := browser.Open("/puppet")
		page.Push("Pull", Pull{What: "mine", By: 1})
		page.Drop()
		page.Sleep(2 * time.Minute) // the instance is gone
		page.Connect()
		if page.Joined() != "mount" || page.Text("#draft") != "mine" || page.Text("#n") != "1" {
			t.Errorf("joined by %s, draft %q, n %s", page.Joined(), page.Text("#draft"), page.Text("#n"))
		}
		if again := browser.Open("/puppet"); again.Text("#draft") != "" || again.Text("#n") != "1" {
			t.Errorf("another page: draft %q, n %s", again.Text("#draft"), again.Text("#n"))
		}
	})
}

func TestUnreadableValuesAreNotOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{unread: errors.New("the disk is gone")}
		b := livetest.NewBrowser(t, newPuppets(&kit{}, func(o *live.Options) { o.Stash = s }))
		page := b.Open("/puppet")
		for _, want := range []string{"cannot be read", `class="live-unavailable"`} {
			if !strings.Contains(page.First(), want) {
				t.Errorf("the page as it is loaded does not say %s:\n%s", want, page.First())
			}
		}
		if page.Saved() != "unavailable" {
			t.Errorf("the page is %q", page.Saved())
		}
		page.Push("Pull", Pull{By: 1})
		if got := page.Text("#n"); got != "1" {
			t.Errorf("count %s: the page works on", got)
		}
		if got := page.Error(); !strings.Contains(got, "That is not saved") {
			t.Errorf("the user who changes something reads %q", got)
		}
		page.Push("Pull", Pull{By: 1}) // once is enough: the mark stands
		page.Close()
		page.Sleep(2 * time.Minute)
		if res := plain(t, b, "/puppet", Pull{By: 1}); res.StatusCode != 503 {
			t.Errorf("a plain form is answered %d", res.StatusCode)
		}
		if s.all() != "[]" {
			t.Errorf("saved %s", s.all())
		}
	})
}

func TestSecondCrashWithinAMinuteMountsDefaults(t *testing.T) {
	tests := []struct {
		name    string
		between func(page *livetest.Page)
		want    string
	}{
		{"at once", func(*livetest.Page) {}, "failed"},
		{"after a new connection", func(page *livetest.Page) { page.Drop(); page.Sleep(time.Second); page.Connect() }, "failed"},
		{"after more than a minute", func(page *livetest.Page) { page.Sleep(61 * time.Second) }, "recovered"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got live.RecoveryStatus
				k := &kit{
					mount: func(_ context.Context, s *live.Socket, _ *puppet) error { got = s.Recovery().Status; return nil },
					pull: func(_ *live.Socket, _ *puppet, e Pull) error {
						if e.What == "panic" {
							panic("pull")
						}
						return nil
					},
				}
				page := livetest.Open(t, newPuppets(k), "/puppet")
				page.Push("Pull", Pull{By: 7})
				page.Push("Pull", Pull{What: "panic"})
				page.Sleep(time.Second)
				if got != live.Recovered || page.Error() == "" {
					t.Errorf("the first crash: %s", got)
				}
				tt.between(page)
				page.Push("Pull", Pull{What: "panic"})
				page.Sleep(time.Second)
				if got.String() != tt.want || page.Error() == "" {
					t.Errorf("the second crash: %s, want %s", got, tt.want)
				}
				page.Push("Pull", Pull{By: 1})
				want := map[string]string{"failed": "7", "recovered": "8"}[tt.want] // defaults are not saved
				if n := page.Reload().Text("#n"); n != want {
					t.Errorf("after a reload %s, want %s", n, want)
				}
			})
		})
	}
}
