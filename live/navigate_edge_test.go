package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

// A page that was navigated to, and whose Params has corrected its path, has a token for the path that it is at.
func TestNavigationToACorrectedPathIsResumed(t *testing.T) {
	trip := &trip{}
	trip.params = func(s *live.Socket, h *host, u *url.URL) error {
		if h.Name == "old" {
			return s.Patch("/hosts/new")
		}
		return nil
	}
	page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/other")
	page.Visit("/hosts/old")
	if page.URL() != "/hosts/new" || page.Text("h1") != "new" {
		t.Fatalf("at %s: %s", page.URL(), page.Text("h1"))
	}
	page.Push("Typing", Typing{"draft"})
	page.Drop()
	page.Connect()
	if page.Joined() != "resume" || page.Text("#typed") != "draft" {
		t.Errorf("joined by %s: %s", page.Joined(), page.HTML(""))
	}
}

// An embedded view leads nowhere inside the foreign page that it stands in: the browser loads what it asks for.
func TestEmbeddedViewNavigates(t *testing.T) {
	trip := &trip{}
	app := travelling(trip, live.GroupOptions{})
	g := app.Group(live.GroupOptions{})
	widget := live.Embed(g, "widget", func(*http.Request) (*host, error) { return &host{trip: trip}, nil })
	live.Handle(g, "GET /inside", func(*http.Request) (*other, error) { return &other{trip: trip}, nil })
	b := livetest.NewBrowser(t, app).Through(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/blog" {
			app.ServeHTTP(w, r)
			return
		}
		view, err := widget.Render(w, r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "<html><body>")
		view.Render(r.Context(), w)
		fmt.Fprint(w, "</body></html>")
	}))
	for _, ask := range []func(p *livetest.Page){
		func(p *livetest.Page) { p.Push("Go", Go{To: "/inside"}) },
		func(p *livetest.Page) { p.PushRaw("/", `{"to":"/inside","mode":"push"}`) },
	} {
		page := b.Open("/blog")
		ask(page)
		if page.Redirected() != "/inside" || page.URL() != "/blog" || trip.others.Load() != 0 {
			t.Errorf("sent to %q, at %s, %d mounts", page.Redirected(), page.URL(), trip.others.Load())
		}
	}
}

// folder is a page whose wildcards may hold slashes.
type folder struct{ Dir, Name string }

func (f folder) Render() templ.Component { return markup(`<p id="at">%s: %s</p>`, f.Dir, f.Name) }

// Two paths that differ in what is escaped are two pages: who may see the one cannot join the other by it.
func TestJoinAtAPathThatIsEscapedOtherwise(t *testing.T) {
	var only atomic.Value
	only.Store("")
	app := newApp()
	g := app.Group(live.GroupOptions{Authorize: func(r *http.Request) error {
		if dir := only.Load().(string); dir != "" && r.PathValue("dir") != dir {
			return errors.New("not you")
		}
		return nil
	}})
	live.Handle(g, "GET /files/{dir}/{name}", func(r *http.Request) (*folder, error) {
		return &folder{r.PathValue("dir"), r.PathValue("name")}, nil
	})
	p := newTab(t, livetest.NewBrowser(t, app), "/files/mine%2Fsecret/plan")
	p.join()
	p.drop()
	only.Store("mine")
	p.path = "/files/mine/secret%2Fplan"
	p.dial()
	if d, code := p.next(); code != 4403 {
		t.Errorf("closed with %d, answered %+v", code, d.Extra.Join)
	}
}

// What ends a page while the next one is being mounted ends that one, too.
func TestLogoutWhileNavigating(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trip := &trip{}
		ready := make(chan struct{})
		trip.mountOther = func(*live.Socket, *other) error { <-ready; return nil }
		app := travelling(trip, live.GroupOptions{})
		b := livetest.NewBrowser(t, app).Through(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/logout" {
				app.ServeHTTP(w, r)
			} else if err := app.EndSession(w, r); err != nil {
				t.Error(err)
			}
		}))
		p := newTab(t, b, "/hosts/a")
		p.join()
		p.send(`[1,"/",{"v":{"to":"/other","mode":"push"}}]`)
		synctest.Wait()
		r, _ := http.NewRequest(http.MethodGet, "/logout", nil)
		b.Do(r)
		synctest.Wait()
		close(ready)
		synctest.Wait()
		if n := live.Instances(app); n != 0 {
			t.Errorf("%d places in the registry of pages whose session is over", n)
		}
	})
}

// Of several calls that lead elsewhere the last one counts, an error more than all, and none is left for the next turn.
func TestLastCallLeads(t *testing.T) {
	trip := &trip{}
	for _, tt := range []struct {
		name     string
		journey  func(s *live.Socket) error
		url, out string
	}{
		{"redirect, navigate", func(s *live.Socket) error { s.Redirect("/files/x"); return s.Navigate("/other") }, "/other", ""},
		{"redirect, patch", func(s *live.Socket) error { s.Redirect("/files/x"); return s.Patch("?q=1") }, "/hosts/a?q=1", ""},
		{"navigate, redirect", func(s *live.Socket) error { s.Navigate("/other"); return s.Redirect("/files/x") }, "/hosts/a", "/files/x"},
		{"patch, redirect", func(s *live.Socket) error { s.Patch("?q=1"); return s.Redirect("/files/x") }, "/hosts/a", "/files/x"},
		{"patch, navigate", func(s *live.Socket) error { s.Patch("?q=1"); return s.Navigate("/other") }, "/other", ""},
		{"navigate, error", func(s *live.Socket) error { s.Navigate("/other"); return live.RedirectTo("/files/x") }, "/hosts/a", "/files/x"},
	} {
		trip.journey = func(s *live.Socket, _ *host) error { return tt.journey(s) }
		page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/hosts/a")
		page.Push("Go", Go{})
		page.Push("Typing", Typing{"still here"})
		if page.URL() != tt.url || page.Redirected() != tt.out {
			t.Errorf("%s: at %s, sent to %q; want %s and %q", tt.name, page.URL(), page.Redirected(), tt.url, tt.out)
		}
	}
}

// errand is a page with a plain form.
type errand struct {
	closed *atomic.Bool
	runs   *atomic.Int32
}

func (*errand) Events() []live.Handler { return []live.Handler{live.On((*errand).Turn)} }

func (e *errand) Turn(context.Context, *live.Socket, Turn) error { e.runs.Add(1); return nil }

func (e *errand) Mount(_ context.Context, s *live.Socket) error {
	if e.closed.Load() {
		return s.Redirect("/login")
	}
	return nil
}

func (errand) Render() templ.Component { return live.Post(Turn{1}) }

// A plain form of a page whose Mount leads elsewhere by now reaches no handler.
func TestPostToAPageThatLeadsElsewhere(t *testing.T) {
	var closed atomic.Bool
	var runs atomic.Int32
	app := newApp()
	live.Handle(app, "GET /errand", func(*http.Request) (*errand, error) { return &errand{&closed, &runs}, nil })
	b := livetest.NewBrowser(t, app)
	page := b.Load("/errand")
	form := url.Values{}
	for _, field := range regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(page.HTML(""), -1) {
		form.Set(field[1], strings.ReplaceAll(field[2], "&#34;", `"`))
	}
	for _, want := range []string{"/errand", "/login"} {
		r, _ := http.NewRequest(http.MethodPost, "/errand", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if res := b.Do(r); res.Code != http.StatusSeeOther || res.Header().Get("Location") != want {
			t.Errorf("answered %d, to %q; want %s: %s", res.Code, res.Header().Get("Location"), want, res.Body)
		}
		closed.Store(true)
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("the handler ran %d times", n)
	}
}

// What a URL says is text, whatever bytes it has: what is stored, shown and recorded is the same.
func TestQueryThatIsNoText(t *testing.T) {
	app := newApp()
	live.Handle(app, "GET /q", func(*http.Request) (*filtered, error) { return &filtered{}, nil })
	page := livetest.Open(t, app, "/q?q=a%ffb") // which checks each rendering
	if got := page.Text("#q"); got != "a\uFFFDb" || page.URL() != "/q?q=a%ffb" {
		t.Errorf("%q at %s", got, page.URL())
	}
	page.Visit("/q?q=%fe%ff")
	if got := page.Text("#q"); got != "\uFFFD" {
		t.Errorf("%q at %s", got, page.URL())
	}
}

// direction says itself how it is written.
type direction int

func (d direction) MarshalText() ([]byte, error) { return []byte([]string{"up", "down"}[d]), nil }

func (d *direction) UnmarshalText(text []byte) error {
	switch string(text) {
	case "up":
		*d = 0
	case "down":
		*d = 1
	default:
		return errors.New("want up or down")
	}
	return nil
}

type sorted struct {
	Direction direction `query:"dir,default=down"`
	Plain     direction `query:"plain"`
	Since     time.Time `query:"since"`
}

func (*sorted) Events() []live.Handler { return []live.Handler{live.On((*sorted).Turn)} }

func (s *sorted) Turn(_ context.Context, _ *live.Socket, e Turn) error {
	s.Direction = direction(e.To)
	return nil
}

func (s sorted) Render() templ.Component {
	return markup(`<p id="dir">%d %d</p>`, int(s.Direction), int(s.Plain))
}

// The zero value of a type with a text of its own can be said by a URL, too, where another one is the default.
func TestQueryZeroValueBesideADefault(t *testing.T) {
	app := newApp()
	live.Handle(app, "GET /sorted", func(*http.Request) (*sorted, error) { return &sorted{}, nil })
	page := livetest.Open(t, app, "/sorted")
	for _, tt := range []struct {
		to         int
		shows, url string
	}{{0, "0 0", "/sorted?dir=up"}, {1, "1 0", "/sorted"}} {
		if page.Push("Turn", Turn{tt.to}); page.Text("#dir") != tt.shows || page.URL() != tt.url {
			t.Errorf("%s at %s, want %s at %s", page.Text("#dir"), page.URL(), tt.shows, tt.url)
		}
	}
}

// A hash is the browser's own affair, however it is written.
func TestVisitWithAnyHash(t *testing.T) {
	for to, want := range map[string]string{
		"/other#100%": "/other#100%25", "/other#%ff": "/other#%ff", "/other#a%20b#c": "/other#a%20b%23c", "/other#": "/other", "/other?#x?y": "/other#x?y",
	} {
		page := livetest.Open(t, travelling(&trip{}, live.GroupOptions{}), "/hosts/a")
		page.PushRaw("/", fmt.Sprintf(`{"to":%q,"mode":"push"}`, to))
		if page.URL() != want {
			t.Errorf("%s: at %s, want %s: %s", to, page.URL(), want, page.Error())
		}
	}
}

// A page that crashes right after it was given another URL is at that URL, and its browser is told.
func TestCrashAfterAPatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kit{}
		app := newApp()
		live.Handle(app, "GET /p/{name}", func(*http.Request) (*puppet, error) { return &puppet{kit: k}, nil })
		k.pull = func(s *live.Socket, _ *puppet, _ Pull) error {
			s.Send(Note{})
			return s.Patch("/p/b?x=1")
		}
		k.note = func(*live.Socket, *puppet, Note) error { panic("now") }
		p := newTab(t, livetest.NewBrowser(t, app), "/p/a")
		p.join()
		p.pull(Pull{})
		var told string
		for told == "" {
			for _, u := range p.read().Extra.URL {
				told = u[0].(string)
			}
		}
		if told != "/p/b?x=1" {
			t.Errorf("the browser was told %q", told)
		}
	})
}

// A browser that has come half of the way back to where it is already is found there.
func TestDropOnTheWayThereAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := ""
		k := &kit{pull: func(s *live.Socket, _ *puppet, _ Pull) error { return s.Patch(to) }}
		app := newApp()
		live.Handle(app, "GET /p/{name}", func(*http.Request) (*puppet, error) { return &puppet{kit: k}, nil })
		p := newTab(t, livetest.NewBrowser(t, app), "/p/a")
		p.join()
		for _, to = range []string{"/p/b", "/p/a"} {
			p.pull(Pull{})
			synctest.Wait()
		}
		p.drop() // nothing was read
		synctest.Wait()
		if joined := p.join(); joined.How != wire.Resume {
			t.Fatalf("joined by %v, want a resume", joined.How)
		}
		d := p.read() // it is sent what it has not applied
		if len(d.Extra.URL) != 1 || d.Extra.URL[0][0] != "/p/b" || d.Extra.Token == "" {
			t.Fatalf("the first frame leads to %v", d.Extra.URL)
		}
		p.path, p.token = "/p/b", d.Extra.Token
		p.drop()
		synctest.Wait()
		if joined := p.join(); joined.How != wire.Resume {
			t.Errorf("at %s it joined by %v, want a resume", p.path, joined.How)
		}
		if d := p.read(); len(d.Extra.URL) != 1 || d.Extra.URL[0][0] != "/p/a" {
			t.Errorf("the second frame leads to %v", d.Extra.URL)
		}
	})
}

// However often the answer to a navigation is lost, Authorize is asked once in its time.
func TestRecheckAfterLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		app := travelling(&trip{}, live.GroupOptions{AuthorizeEvery: 20 * time.Second, Authorize: func(*http.Request) error {
			asked.Add(1)
			return nil
		}})
		p := newTab(t, livetest.NewBrowser(t, app), "/hosts/a")
		p.join()
		p.send(`[1,"/",{"v":{"to":"/other","mode":"push"}}]`)
		for range 5 {
			synctest.Wait()
			p.drop()
			synctest.Wait()
			p.dial()
		}
		synctest.Wait()
		asked.Store(0)
		time.Sleep(25 * time.Second)
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// A page that goes on patching its URL while nobody reads does not collect them.
func TestURLsOfADetachedPage(t *testing.T) {
	for _, tt := range []struct {
		options []live.NavigationOption
		most    int
	}{{nil, 32}, {[]live.NavigationOption{live.Replace()}, 1}} {
		synctest.Test(t, func(t *testing.T) {
			k := &kit{}
			n := 0
			k.connected = func(s *live.Socket, _ *puppet) error {
				if n == 0 {
					s.Every(100*time.Millisecond, Note{})
				}
				return nil
			}
			k.note = func(s *live.Socket, _ *puppet, _ Note) error {
				n++
				return s.Patch(fmt.Sprint("?n=", n), tt.options...)
			}
			p := newTab(t, livetest.NewBrowser(t, newPuppets(k)), "/puppet")
			p.join()
			p.drop()
			time.Sleep(30*time.Second + 50*time.Millisecond) // between two ticks
			synctest.Wait()
			want := fmt.Sprint("/puppet?n=", n)
			p.dial()
			p.ws.SetReadLimit(-1)
			p.read()
			urls := p.read().Extra.URL
			if len(urls) != tt.most || urls[len(urls)-1][0] != want {
				t.Errorf("%d URLs, the last %v, want %d and %s", len(urls), urls[len(urls)-1], tt.most, want)
			}
		})
	}
}

// A page whose Mount leads elsewhere shows nothing to a browser that joins it, as it does not in the answer to a GET.
func TestJoinOfAPageThatLeadsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trip := &trip{}
		app := travelling(trip, live.GroupOptions{})
		page := livetest.Open(t, app, "/other")
		page.Drop()
		time.Sleep(2 * time.Minute) // the grace time is over
		shown := page.HTML("")
		trip.mountOther = func(s *live.Socket, o *other) error {
			o.Referer = "for members only"
			return s.Redirect("/login")
		}
		page.Connect()
		page.Sleep(0)
		if page.Redirected() != "/login" || page.HTML("") != shown {
			t.Errorf("sent to %q, shows %s", page.Redirected(), page.HTML(""))
		}
	})
}

// Connected that always navigates ends with an error, and not in a circle without the browser.
func TestConnectedThatAlwaysNavigates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mounts := 0
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
		live.Handle(app, "GET /", func(*http.Request) (*circling, error) { mounts++; return &circling{}, nil })
		page := livetest.NewBrowser(t, app).Load("/")
		page.Connect()
		page.Await("an error", func() bool { return page.Error() != "" })
		page.Sleep(time.Second)
		for page.Error() != "" {
		}
		if mounts > 100 {
			t.Errorf("%d mounts", mounts)
		}
	})
}

type circling struct{ N int }

func (*circling) Connected(_ context.Context, s *live.Socket) error { return s.Navigate("/") }
func (c circling) Render() templ.Component                          { return markup(`<p>%d</p>`, c.N) }
