package live_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestPatchByLink(t *testing.T) {
	trip := &trip{}
	page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/hosts/a")
	before := len(page.Frames())
	page.Click("#next")
	if got := page.Text("#state"); got != `cpu "" 0 []` || page.Text("h1") != "next" || page.Title() != "Host next" {
		t.Errorf("state %s of %s, title %q", got, page.Text("h1"), page.Title())
	}
	if page.Text("#mount") != "1" || page.Text("#runs") != "2" {
		t.Errorf("mount %s, Params ran %s times; want the same mount, and 2", page.Text("#mount"), page.Text("#runs"))
	}
	if urls, at := page.History(); !slices.Equal(urls, []string{"/hosts/a", "/hosts/next?sort=cpu"}) || at != 1 {
		t.Errorf("history %v at %d", urls, at)
	}
	if n := len(page.Frames()) - before; n != 1 {
		t.Errorf("%d frames, want 1", n)
	}
	page.Click("#place")
	if urls, _ := page.History(); !slices.Equal(urls, []string{"/hosts/a", "/hosts/next?q=x"}) || page.Text("#state") != `name "x" 0 []` {
		t.Errorf("replaced: history %v, state %s", urls, page.Text("#state"))
	}
	page.Back()
	if page.URL() != "/hosts/a" || page.Text("h1") != "a" || page.Text("#mount") != "1" {
		t.Errorf("back: %s shows %s, mount %s", page.URL(), page.Text("h1"), page.Text("#mount"))
	}
	page.Forward()
	if page.URL() != "/hosts/next?q=x" || page.Text("h1") != "next" || page.Text("#mount") != "1" {
		t.Errorf("forward: %s shows %s, mount %s", page.URL(), page.Text("h1"), page.Text("#mount"))
	}
	// The page's token is for its new path: it is resumed, and mounted, there.
	page.Drop()
	page.Connect()
	if page.Joined() != "resume" || page.Text("#mount") != "1" {
		t.Errorf("joined by %s", page.Joined())
	}
}

func TestNavigateByLink(t *testing.T) {
	trip := &trip{}
	trip.journey = func(s *live.Socket, _ *host) error {
		s.Flash("info", "Gone over")
		return s.Navigate("/other")
	}
	page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/hosts/a?q=1")
	page.Click("#other")
	if page.Title() != "Other" || page.URL() != "/other" || page.Joined() != "navigate" || page.Text("#referer") != "/hosts/a?q=1" {
		t.Errorf("%q at %s, joined by %s, referer %s", page.Title(), page.URL(), page.Joined(), page.Text("#referer"))
	}
	if class, _ := page.Attr("main[data-live]", "class"); class != "wide" || page.Has("div[data-live]") {
		t.Errorf("container: %s", page.HTML("[data-live]"))
	}
	page.Await("the end of the page before", func() bool { return trip.unmounts.Load() == 1 })
	page.Push("Typing", Typing{"here"})
	if page.Text("#typed") != "here" {
		t.Errorf("the new page does not hear: %s", page.HTML(""))
	}
	page.Back()
	if page.URL() != "/hosts/a?q=1" || page.Text("#mount") != "2" || page.Text("#state") != `name "1" 0 []` {
		t.Errorf("back: %s shows mount %s, %s", page.URL(), page.Text("#mount"), page.Text("#state"))
	}
	page.Forward()
	if page.Text("#mount") != "2" || page.Title() != "Other" {
		t.Errorf("forward: %s", page.HTML(""))
	}
	page.Back()
	page.Push("Go", Go{}) // by the server, with a message
	if got := page.Flash(); len(got) != 1 || got[0].Text != "Gone over" || page.URL() != "/other" {
		t.Errorf("at %s with flash %v", page.URL(), got)
	}
	page.Drop()
	page.Connect()
	if page.Joined() != "resume" {
		t.Errorf("joined by %s", page.Joined())
	}
}

func TestNavigationOutOfTheGroup(t *testing.T) {
	for _, to := range []string{"/elsewhere", "/files/x.pdf", "/nowhere"} {
		trip := &trip{}
		page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/hosts/a")
		page.Visit(to)
		if page.Redirected() != to || page.URL() != "/hosts/a" || page.Text("#mount") != "1" {
			t.Errorf("link to %s: sent to %q, at %s", to, page.Redirected(), page.URL())
		}
		page.Push("Go", Go{To: to})
		if page.Redirected() != to {
			t.Errorf("Navigate to %s: sent to %q", to, page.Redirected())
		}
		if n := trip.others.Load(); n != 0 {
			t.Errorf("%d mounts of a page that the browser loads", n)
		}
	}
}

func TestNavigationIsAuthorized(t *testing.T) {
	var allowed atomic.Bool
	allowed.Store(true)
	var answer error
	trip := &trip{}
	var asked []string
	app := travelling(trip, live.GroupOptions{
		Authorize: func(r *http.Request) error {
			asked = append(asked, r.URL.RequestURI()+" "+r.PathValue("name"))
			if allowed.Load() {
				return nil
			}
			return answer
		},
	})
	page := livetest.Open(t, app, "/hosts/a")
	asked = nil
	page.Click("#next")
	page.Back()
	page.Visit("/other")
	if want := []string{"/hosts/next?sort=cpu next", "/hosts/a a", "/other "}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	allowed.Store(false)
	for _, tt := range []struct {
		err  error
		want string
	}{
		{live.RedirectTo("/login"), "/login"},
		{errors.New("not you"), "/hosts/b"},
		{&live.StatusError{Status: 401}, "/hosts/b"},
	} {
		answer = tt.err
		page.Visit("/hosts/b")
		if page.Redirected() != tt.want || page.URL() != "/other" {
			t.Errorf("%v: sent to %q, at %s", tt.err, page.Redirected(), page.URL())
		}
	}
	if n := trip.hosts.Load(); n != 1 {
		t.Errorf("%d mounts of pages that are not allowed", n-1)
	}
}

func TestAuthorizeThatPanics(t *testing.T) {
	var panics atomic.Bool
	trip := &trip{}
	app := travelling(trip, live.GroupOptions{Authorize: func(*http.Request) error {
		if panics.Load() {
			panic("no user")
		}
		return nil
	}})
	b := livetest.NewBrowser(t, app)
	page := b.Open("/hosts/a")
	panics.Store(true)
	page.Visit("/other")
	if page.Error() == "" || page.URL() != "/hosts/a" || trip.others.Load() != 0 {
		t.Errorf("at %s", page.URL())
	}
	if page.Push("Typing", Typing{"still there"}); page.Text("#typed") != "still there" || page.Text("#mount") != "1" {
		t.Errorf("the page before: %s", page.HTML(""))
	}
	r, _ := http.NewRequest(http.MethodGet, "/other", nil)
	if res := b.Do(r); res.Code != http.StatusInternalServerError {
		t.Errorf("GET answered %d", res.Code)
	}
}

func TestHookHaltsNavigation(t *testing.T) {
	var letters []string
	closed := false
	trip := &trip{}
	app := travelling(trip, live.GroupOptions{OnMount: []func(context.Context, *live.Socket) error{
		func(context.Context, *live.Socket) error { letters = append(letters, "a"); return nil },
		func(context.Context, *live.Socket) error {
			letters = append(letters, "b")
			if closed {
				return live.RedirectTo("/login")
			}
			return nil
		},
	}})
	page := livetest.Open(t, app, "/hosts/a")
	closed, letters = true, nil
	page.Click("#other")
	if page.Redirected() != "/login" || trip.others.Load() != 0 || !slices.Equal(letters, []string{"a", "b"}) {
		t.Errorf("sent to %q, mounted %d times, hooks %v", page.Redirected(), trip.others.Load(), letters)
	}
}

func TestNavigationToWhatIsMissing(t *testing.T) {
	trip := &trip{}
	trip.params = func(s *live.Socket, h *host, u *url.URL) error {
		if h.Name == "gone" {
			return fmt.Errorf("host: %w", fs.ErrNotExist)
		}
		if h.Name == "broken" {
			return errors.New("the database is away")
		}
		return nil
	}
	trip.mountOther = func(*live.Socket, *other) error { return errors.New("the database is away") }
	page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/hosts/a?q=x")
	page.Visit("/hosts/gone")
	if page.Redirected() != "/hosts/gone" || page.URL() != "/hosts/a?q=x" {
		t.Errorf("missing: sent to %q, at %s", page.Redirected(), page.URL())
	}
	for _, to := range []string{"/hosts/broken", "/other"} {
		page.Visit(to)
		if page.Error() == "" || page.URL() != "/hosts/a?q=x" || page.Text("#mount") != "1" || page.Text("#state") != `name "x" 0 []` {
			t.Errorf("%s: at %s, shows %s", to, page.URL(), page.HTML(""))
		}
	}
}

func TestParamsThatAlwaysPatch(t *testing.T) {
	trip := &trip{}
	var loop atomic.Bool
	trip.params = func(s *live.Socket, h *host, u *url.URL) error {
		if !loop.Load() {
			return nil
		}
		return s.Patch(fmt.Sprintf("?page=%d", h.Page+1))
	}
	app := travelling(trip, live.GroupOptions{})
	b := livetest.NewBrowser(t, app)
	page := b.Open("/hosts/a")
	loop.Store(true)
	page.Visit("/hosts/b")
	if err := page.Error(); !strings.Contains(err, "too many redirects") {
		t.Errorf("the user reads %q", err)
	}
	if page.URL() != "/hosts/a" || page.Text("#state") != `name "" 0 []` || page.Text("#mount") != "1" {
		t.Errorf("at %s: %s", page.URL(), page.Text("#state"))
	}
	r, _ := http.NewRequest(http.MethodGet, "/hosts/b", nil)
	if res := b.Do(r); res.Code != http.StatusLoopDetected || !strings.Contains(res.Body.String(), "too many redirects") {
		t.Errorf("GET: %d %s", res.Code, res.Body)
	}
	loop.Store(false)
	page.Click("#next")
	if page.Text("h1") != "next" {
		t.Error("the page does not go on")
	}
}

// A Params that corrects the URL is followed, by one history entry.
func TestParamsThatPatchesOnce(t *testing.T) {
	trip := &trip{}
	trip.params = func(s *live.Socket, h *host, u *url.URL) error {
		if h.Name == "old" {
			return s.Patch("/hosts/new?sort=cpu")
		}
		return nil
	}
	app := travelling(trip, live.GroupOptions{})
	page := livetest.Open(t, app, "/hosts/a")
	page.Visit("/hosts/old")
	if urls, at := page.History(); !slices.Equal(urls, []string{"/hosts/a", "/hosts/new?sort=cpu"}) || at != 1 || page.Text("h1") != "new" {
		t.Errorf("history %v at %d, %s", urls, at, page.Text("h1"))
	}
	r, _ := http.NewRequest(http.MethodGet, "/hosts/old", nil)
	if res := livetest.NewBrowser(t, app).Do(r); res.Code != http.StatusSeeOther || res.Header().Get("Location") != "/hosts/new?sort=cpu" {
		t.Errorf("GET: %d to %s", res.Code, res.Header().Get("Location"))
	}
}

func TestTargets(t *testing.T) {
	trip := &trip{}
	var errs []error
	var patch, navigate string
	trip.journey = func(s *live.Socket, _ *host) error {
		errs = nil
		if patch != "" {
			errs = append(errs, s.Patch(patch))
		}
		if navigate != "" {
			errs = append(errs, s.Navigate(navigate))
		}
		return nil
	}
	page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/hosts/a")
	for _, bad := range []string{"javascript:alert(1)", "//evil.test/", "https://evil.test/hosts/b", "\t//evil.test", "/\\evil.test", "ftp://live.test/",
		"data:text/html,x", "hosts/b", "", "/hosts/b\n", "https://live.test:1/hosts/b"} {
		patch, navigate = bad, ""
		page.Push("Go", Go{})
		if bad != "" && errs[0] == nil {
			t.Errorf("Patch(%q) is not refused", bad)
		}
		patch, navigate = "", bad
		page.Push("Go", Go{})
		if bad != "" && errs[0] == nil {
			t.Errorf("Navigate(%q) is not refused", bad)
		}
	}
	for _, foreign := range []string{"/other", "/nowhere", "/files/x"} {
		patch, navigate = foreign, ""
		if page.Push("Go", Go{}); errs[0] == nil {
			t.Errorf("Patch(%q) leads to another view and is not refused", foreign)
		}
	}
	if page.URL() != "/hosts/a" || page.Redirected() != "" {
		t.Errorf("at %s, sent to %q", page.URL(), page.Redirected())
	}
	patch = "http://live.test/hosts/b?sort=cpu#rows"
	page.Push("Go", Go{})
	if errs[0] != nil || page.URL() != "/hosts/b?sort=cpu#rows" || page.Text("#mount") != "1" || page.Text("h1") != "b" {
		t.Errorf("full URL of the same host: %v, at %s", errs[0], page.URL())
	}
	for _, visit := range []string{`{"to":"//evil.test/","mode":"push"}`, `{"to":"javascript:1","mode":"push"}`, `{"to":"/","mode":"fly"}`, `{"mode":"push"}`,
		`"/hosts/c"`, `{"to":"` + strings.Repeat("/x", 5000) + `","mode":"push"}`, `{"to":"/\\x","mode":"push"}`, ``} {
		page.PushRaw("/", visit)
		if page.Error() == "" {
			t.Errorf("the visit %.40s is not refused", visit)
		}
	}
}

func TestNavigationPassesTheMiddleware(t *testing.T) {
	type userKey struct{}
	var user atomic.Value
	user.Store("ann")
	trip := &trip{}
	var seen []string
	app := travelling(trip, live.GroupOptions{Authorize: func(r *http.Request) error {
		seen = append(seen, fmt.Sprint(r.Context().Value(userKey{})))
		return nil
	}})
	app.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Context().Value(userKey{}) != nil {
				t.Error("the middleware finds what it has put into the context before")
			}
			name := user.Load().(string)
			if name == "" {
				http.Redirect(w, r, "/login", http.StatusSeeOther)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, name)))
		})
	})
	page := livetest.Open(t, app, "/hosts/a")
	seen = nil
	user.Store("bob")
	page.Click("#next")
	page.Visit("/hosts/c")
	page.Visit("/other")
	if !slices.Equal(seen, []string{"bob", "bob", "bob"}) {
		t.Errorf("Authorize saw %q", seen)
	}
	user.Store("")
	page.Visit("/hosts/a")
	if page.Redirected() != "/hosts/a" || page.URL() != "/other" {
		t.Errorf("sent to %q, at %s: what the middleware answers the browser is to load", page.Redirected(), page.URL())
	}
}

func TestServerNavigatesADetachedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trip := &trip{}
		trip.journey = func(s *live.Socket, _ *host) error { s.After(time.Second, Depart{"/other"}); return nil }
		page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/hosts/a")
		page.Push("Go", Go{})
		page.Drop()
		time.Sleep(2 * time.Second)
		if trip.others.Load() != 0 {
			t.Error("a page was mounted that nobody shows")
		}
		page.Connect()
		page.Await("the other page", func() bool { return page.URL() == "/other" })
		if page.Title() != "Other" {
			t.Errorf("%s", page.HTML(""))
		}
	})
}

// What the middleware knew when the page was loaded is old when Authorize is asked again.
func TestRecheckPassesTheMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type userKey struct{}
		var user atomic.Value
		user.Store("ann")
		app := travelling(&trip{}, live.GroupOptions{AuthorizeEvery: 10 * time.Second, Authorize: func(r *http.Request) error {
			if r.Context().Value(userKey{}) != "ann" {
				return errors.New("not you")
			}
			return nil
		}})
		app.Wrap(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user.Load())))
			})
		})
		page := livetest.Open(t, app, "/hosts/a")
		page.Sleep(35 * time.Second)
		page.Push("Typing", Typing{"still here"})
		user.Store("")
		if code := page.AwaitClosed(); code != 4401 {
			t.Errorf("closed with %d", code)
		}
	})
}
