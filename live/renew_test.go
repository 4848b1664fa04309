package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// account is a page whose user logs in and out.
type account struct {
	Total int `stored:"session"`
}

type (
	// Deposit adds to the total.
	Deposit struct{}
	// Enter logs in.
	Enter struct{ Clear bool }
	// Leave logs out.
	Leave struct{ To string }
)

func (account) Events() []live.Handler {
	return []live.Handler{live.On((*account).Deposit), live.On((*account).Enter), live.On((*account).Leave)}
}

func (a account) Render() templ.Component {
	return templ.Raw(fmt.Sprintf("<output>%d</output>", a.Total))
}

func (a *account) Deposit(context.Context, *live.Socket, Deposit) error { a.Total++; return nil }

func (a *account) Enter(ctx context.Context, s *live.Socket, e Enter) error {
	how := live.CarryState
	if e.Clear {
		how = live.ClearState
	}
	return s.RenewSession(ctx, how, "/account?in=1")
}

func (a *account) Leave(ctx context.Context, s *live.Socket, e Leave) error {
	return s.EndSession(ctx, e.To)
}

func newAccounts(change ...func(*live.Options)) *live.App {
	app := newApp(change...)
	live.Handle(app, "GET /account", func(*http.Request) (*account, error) { return &account{}, nil })
	return app
}

// cookies are a browser's session cookie, as somebody who has seen it would send it.
func cookies(b *livetest.Browser) string {
	r, _ := http.NewRequest(http.MethodGet, "/nowhere", nil)
	b.Do(r)
	return r.Header.Get("Cookie")
}

// deposit sends the event.
func (p *tab) deposit() { p.t.Helper(); p.n++; p.send(fmt.Sprintf(`[%d,"Deposit"]`, p.n)) }

// closed waits until a page's connection has ended, and returns the code.
func (p *tab) closed() int {
	p.t.Helper()
	for {
		if _, code := p.next(); code != 0 {
			return int(code)
		}
	}
}

func TestRenewalCarriesStoredValues(t *testing.T) {
	for _, clear := range []bool{false, true} {
		t.Run(fmt.Sprint("clear=", clear), func(t *testing.T) {
			app := newAccounts()
			browser := livetest.NewBrowser(t, app)
			page := browser.Open("/account")
			page.Push("Deposit", nil)
			page.AwaitSaved()
			other := newTab(t, browser, "/account")
			other.join()
			stolen := cookies(browser)
			page.Push("Enter", Enter{Clear: clear})
			page.Await("the way to the new session", func() bool { return page.Redirected() != "" })
			page.Close()

			page = browser.Open(page.Redirected())
			want := map[bool]string{false: "1", true: "0"}[clear]
			if got := page.Text("output"); got != want {
				t.Errorf("total %s, want %s", got, want)
			}
			if now := cookies(browser); now == stolen {
				t.Error("the cookie is the same")
			}
			// The old session's open page is told to load again.
			if code := other.closed(); code != 4403 {
				t.Errorf("the other tab is closed with %d, want 4403", code)
			}
			// Whoever holds the old id has nothing.
			r, _ := http.NewRequest(http.MethodGet, "/account", nil)
			r.Header.Set("Cookie", stolen)
			res := httptest.NewRecorder()
			app.ServeHTTP(res, r)
			if !strings.Contains(res.Body.String(), "<output>0</output>") || res.Header().Get("Set-Cookie") == "" {
				t.Errorf("the old id gets %d %s %s", res.Code, res.Header(), res.Body)
			}
			// The new session goes on, with a cookie that has forgotten the old one.
			page.Push("Deposit", nil)
			page.AwaitSaved()
			if again := browser.Open("/account"); again.Text("output") == want {
				t.Error("the new session does not store")
			}
			if strings.Contains(cookies(browser), ".") {
				t.Error("the cookie still names the old session")
			}
		})
	}
}

func TestRenewalInAHandler(t *testing.T) {
	app := newAccounts()
	mux := http.NewServeMux()
	mux.Handle("/", app)
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { app.RenewSession(w, r, live.CarryState) })
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := app.EndSession(w, r); err != nil {
			t.Error(err)
		}
	})
	browser := livetest.NewBrowser(t, app).Through(mux)
	post := func(path string) {
		r, _ := http.NewRequest(http.MethodPost, path, nil)
		browser.Do(r)
	}
	post("/login") // without a session there is nothing to carry
	page := browser.Open("/account")
	page.Push("Deposit", nil)
	page.AwaitSaved()
	before := cookies(browser)
	post("/login")
	if now := cookies(browser); now == before {
		t.Error("the cookie is the same")
	}
	page.Close()
	page = browser.Open("/account")
	if got := page.Text("output"); got != "1" {
		t.Errorf("total %s after the login, want 1", got)
	}
	page.Close()
	post("/logout")
	if got := browser.Open("/account").Text("output"); got != "0" {
		t.Errorf("total %s after the logout, want 0", got)
	}
}

// X4
func TestLogoutEndsThePagesOfEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &everywhere{}
		stash := &stash{}
		node := func() *live.App {
			return newAccounts(func(o *live.Options) { o.Bus = shared; o.Stash = stash })
		}
		one, two := node(), node()
		browser := livetest.NewBrowser(t, one)
		page := browser.Open("/account")
		sameNode := newTab(t, browser, "/account")
		sameNode.join()
		// Another tab of the browser, on the other node.
		browser.Visit(two)
		otherNode := newTab(t, browser, "/account")
		otherNode.join()
		browser.Visit(one)
		bystander := newTab(t, livetest.NewBrowser(t, two), "/account")
		bystander.join()
		page.Push("Leave", Leave{To: "/account"})
		page.Await("the way out", func() bool { return page.Redirected() != "" })
		began := time.Now()
		out, _ := http.NewRequest(http.MethodGet, page.Redirected(), nil)
		if res := browser.Do(out); res.Code != http.StatusSeeOther || res.Header().Get("Location") != "/account" {
			t.Errorf("the ticket is answered %d %s", res.Code, res.Header().Get("Location"))
		}
		for name, p := range map[string]*tab{"this node": sameNode, "the other node": otherNode} {
			if code := p.closed(); code != 4403 {
				t.Errorf("the tab on %s is closed with %d, want 4403", name, code)
			}
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the tabs were closed after %v", took)
		}
		bystander.deposit()
		bystander.answer(bystander.n)
		// The ticket is good for one session only, which is gone.
		out, _ = http.NewRequest(http.MethodGet, page.Redirected(), nil)
		if res := browser.Do(out); res.Code != http.StatusForbidden {
			t.Errorf("the ticket's second use is answered %d", res.Code)
		}
	})
}

func TestTicketsAreBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newAccounts()
		browser, thief := livetest.NewBrowser(t, app), livetest.NewBrowser(t, app)
		page := browser.Open("/account")
		thief.Open("/account")
		page.Push("Enter", Enter{})
		page.Await("the way to the new session", func() bool { return page.Redirected() != "" })
		use := func(b *livetest.Browser, target string) int {
			r, _ := http.NewRequest(http.MethodGet, target, nil)
			return b.Do(r).Code
		}
		if code := use(thief, page.Redirected()); code != http.StatusForbidden {
			t.Errorf("another browser's use is answered %d", code)
		}
		if code := use(browser, "/_live/session?t=x"); code != http.StatusForbidden {
			t.Errorf("no ticket is answered %d", code)
		}
		page.Drop()
		page.Sleep(2 * time.Minute)
		page.Connect()
		if code := use(browser, page.Redirected()); code != http.StatusForbidden {
			t.Errorf("an old ticket is answered %d", code)
		}
		for _, target := range []string{"", "https://elsewhere.test/", "//elsewhere.test/", "javascript:alert(1)"} {
			page.Push("Leave", Leave{To: target})
			if page.Error() == "" {
				t.Errorf("leaving for %q is not refused", target)
			}
		}
	})
}

// X9
func TestAuthorizationIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var allowed atomic.Bool
		allowed.Store(true)
		app := newApp()
		group := app.Group(live.GroupOptions{AuthorizeEvery: time.Minute, Authorize: func(*http.Request) error {
			if !allowed.Load() {
				return live.RedirectTo("/login")
			}
			return nil
		}})
		live.Handle(group, "GET /private", func(*http.Request) (*account, error) { return &account{}, nil })
		page := newTab(t, livetest.NewBrowser(t, app), "/private")
		page.join()
		for range 3 {
			time.Sleep(50 * time.Second)
			page.deposit() // the page is used, and stays
			page.answer(page.n)
		}
		allowed.Store(false)
		if code := page.closed(); code != 4401 {
			t.Errorf("closed with %d, want 4401", code)
		}
	})
}

// everywhere is a bus between the apps of a test.
type everywhere struct{ subs []func(string, []byte) }

func (b *everywhere) Publish(_ context.Context, topic string, data []byte) error {
	for _, f := range b.subs {
		f(topic, data)
	}
	return nil
}

func (b *everywhere) Subscribe(topic string, f func([]byte)) (func(), error) {
	if topic == "" {
		return nil, errors.New("no topic")
	}
	b.subs = append(b.subs, func(t string, data []byte) {
		if t == topic {
			f(data)
		}
	})
	return func() {}, nil
}

// A cookie is set again when it is a month old, and not before: the answer to a page that was asked for before a login
// may come after it, and would undo it. On TLS its name keeps other hosts from setting it.
func TestCookieIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newAccounts()
		browser := livetest.NewBrowser(t, app)
		get := func() string {
			r, _ := http.NewRequest(http.MethodGet, "/account", nil)
			return browser.Do(r).Header().Get("Set-Cookie")
		}
		if get() == "" {
			t.Fatal("a new browser gets no cookie")
		}
		before := cookies(browser)
		if set := get(); set != "" {
			t.Errorf("set again at once: %s", set)
		}
		time.Sleep(29 * 24 * time.Hour)
		if set := get(); set != "" {
			t.Errorf("set again after 29 days: %s", set)
		}
		time.Sleep(2 * 24 * time.Hour)
		if set := get(); set == "" || cookies(browser) == before {
			t.Errorf("not set again after 31 days: %q", set)
		}
		browser.Visit(newAccounts(func(o *live.Options) { o.Secrets = [][]byte{[]byte("a newer secret of thirty-two bytes."), secret} }))
		if get() == "" || get() != "" {
			t.Error("a new secret does not set it again, once")
		}
	})
	r := httptest.NewRequest(http.MethodGet, "https://live.test/account", nil)
	w := httptest.NewRecorder()
	newAccounts().ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-livelong_session=") || !strings.Contains(set, "Secure") {
		t.Errorf("on TLS the cookie is %s", set)
	}
}
