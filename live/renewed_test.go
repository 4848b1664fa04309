package live_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// A browser that is renewed again before it has come to a page with stored fields, as by a login in two steps, keeps or
// loses what the renewals say, and the first id is worth nothing.
func TestRenewalOfARenewedSession(t *testing.T) {
	for _, c := range []struct {
		steps []live.Renewal
		want  string
	}{
		{[]live.Renewal{live.CarryState, live.CarryState}, "1"},
		{[]live.Renewal{live.CarryState, live.CarryState, live.CarryState}, "1"},
		{[]live.Renewal{live.ClearState, live.CarryState}, "0"},
		{[]live.Renewal{live.CarryState, live.ClearState}, "0"},
	} {
		t.Run(fmt.Sprint(c.steps), func(t *testing.T) {
			app := newAccounts()
			mux := http.NewServeMux()
			mux.Handle("/", app)
			step := 0
			mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
				app.RenewSession(w, r, c.steps[step])
				step++
			})
			browser := livetest.NewBrowser(t, app).Through(mux)
			page := browser.Open("/account")
			page.Push("Deposit", nil)
			page.AwaitSaved()
			page.Close()
			first := cookies(browser)
			for range c.steps {
				r, _ := http.NewRequest(http.MethodPost, "/login", nil)
				browser.Do(r)
			}
			if got := browser.Open("/account").Text("output"); got != c.want {
				t.Errorf("total %s after the logins, want %s", got, c.want)
			}
			thief := livetest.NewBrowser(t, app)
			r, _ := http.NewRequest(http.MethodGet, "/account", nil)
			r.Header.Set("Cookie", first)
			if res := thief.Do(r); res.Header().Get("Set-Cookie") == "" || !strings.Contains(res.Body.String(), "<output>0</output>") {
				t.Errorf("the first id gets %s", res.Body)
			}
		})
	}
}

// A logout ends all that the browser may have stored under ids that were renewed and not presented.
func TestLogoutOfARenewedSession(t *testing.T) {
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
	page := browser.Open("/account")
	page.Push("Deposit", nil)
	page.AwaitSaved()
	page.Close()
	first := cookies(browser)
	for _, path := range []string{"/login", "/login", "/logout"} {
		r, _ := http.NewRequest(http.MethodPost, path, nil)
		browser.Do(r)
	}
	thief := livetest.NewBrowser(t, app)
	r, _ := http.NewRequest(http.MethodGet, "/account", nil)
	r.Header.Set("Cookie", first)
	if res := thief.Do(r); !strings.Contains(res.Body.String(), "<output>0</output>") {
		t.Errorf("the first id gets %s", res.Body)
	}
}

// endless is a stash that cannot end a session.
type endless struct{ *stash }

func (endless) End(ctx context.Context, _ live.StashSession) error {
	<-ctx.Done()
	return ctx.Err()
}

// While the stash is away, a browser whose session is to be cleared is not kept waiting for its page, nor one that logs
// out for the next.
func TestPagesDoNotWaitForTheEndOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newAccounts(func(o *live.Options) { o.Stash = endless{&stash{}} })
		mux := http.NewServeMux()
		mux.Handle("/", app)
		mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { app.RenewSession(w, r, live.ClearState) })
		browser := livetest.NewBrowser(t, app).Through(mux)
		browser.Open("/account").Close()
		ask := func(method, path string) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, method, path, nil)
			began := time.Now()
			if res := browser.Do(r); res.Code >= 400 {
				t.Errorf("%s is answered %d", path, res.Code)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s was answered after %v", path, took)
			}
		}
		ask(http.MethodPost, "/login")
		ask(http.MethodGet, "/account")
		page := browser.Open("/account")
		page.Push("Leave", Leave{To: "/account"})
		page.Await("the way out", func() bool { return page.Redirected() != "" })
		ask(http.MethodGet, page.Redirected())
	})
}

// strict is a bus that publishes nothing for who has gone.
type strict struct{ everywhere }

func (b *strict) Publish(ctx context.Context, topic string, data []byte) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return b.everywhere.Publish(ctx, topic, data)
}

// A logout whose browser does not wait for the answer closes the pages of all nodes.
func TestLogoutOfABrowserThatHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &strict{}
		node := func() *live.App {
			return newAccounts(func(o *live.Options) { o.Bus, o.Stash = bus, endless{&stash{}} })
		}
		one, two := node(), node()
		browser := livetest.NewBrowser(t, one)
		browser.Open("/account").Close()
		cookie := cookies(browser)
		browser.Visit(two)
		page := newTab(t, browser, "/account")
		page.join()
		ctx, cancel := context.WithCancel(t.Context())
		out, _ := http.NewRequestWithContext(ctx, http.MethodPost, "/logout", nil)
		out.Header.Set("Cookie", cookie)
		cancel()
		if err := one.EndSession(httptest.NewRecorder(), out); err == nil {
			t.Error("the values are said to be gone")
		}
		if code := page.closed(); code != 4403 {
			t.Errorf("the page is closed with %d, want 4403", code)
		}
	})
}
