package live_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

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
