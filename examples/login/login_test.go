package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live/livetest"
)

func newTestSite(t *testing.T) *site {
	s, err := newSite(serve.Config{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}}, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// post sends a plain form.
func post(b *livetest.Browser, path string, form url.Values) (location string) {
	r, _ := http.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Do(r).Header().Get("Location")
}

func logIn(t *testing.T, b *livetest.Browser, name, password string) {
	t.Helper()
	b.Load("/login")
	if to := post(b, "/session", url.Values{"name": {name}, "password": {password}}); to != "/" {
		t.Fatalf("the login leads to %q", to)
	}
}

func TestStrangersAreSentToTheLogin(t *testing.T) {
	b := livetest.NewBrowser(t, newTestSite(t).app)
	if got := b.Open("/").Text("h1"); got != "Log in" {
		t.Errorf("a stranger sees %q", got)
	}
	if to := post(b, "/session", url.Values{"name": {"ada"}, "password": {"guessed"}}); to != "/login?wrong=1" {
		t.Errorf("a wrong password leads to %q", to)
	}
	if got := b.Open("/login?wrong=1").Text(".wrong"); got != "Name or password is wrong." {
		t.Errorf("and shows %q", got)
	}
}

// What was typed before the login is there after it, and the session's id is another one.
func TestLoginCarriesWhatWasTyped(t *testing.T) {
	b := livetest.NewBrowser(t, newTestSite(t).app)
	page := b.Open("/login")
	page.Type("#greeting", "Countess")
	page.AwaitSaved()
	before := cookie(b, "livelong_session")
	page.Close()
	logIn(t, b, "ada", "countess")
	if got := b.Open("/").Text("h1"); got != "Notes of Countess" {
		t.Errorf("after the login: %q", got)
	}
	if cookie(b, "livelong_session") == before {
		t.Error("the session has the same id")
	}
}

func cookie(b *livetest.Browser, name string) string {
	r, _ := http.NewRequest(http.MethodGet, "/static/none", nil)
	b.Do(r)
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Logging out in one tab ends the other within two seconds, and forgets what was stored.
func TestLogoutEndsTheOtherTab(t *testing.T) {
	b := livetest.NewBrowser(t, newTestSite(t).app)
	b.Open("/login").Type("#greeting", "Countess")
	logIn(t, b, "ada", "countess")
	page := b.Open("/")
	page.Type("#text", "a draft")
	page.AwaitSaved()
	began := time.Now()
	if to := post(b, "/logout", nil); to != "/login" {
		t.Fatalf("the logout leads to %q", to)
	}
	if code := page.AwaitClosed(); code != 4401 && code != 4403 { // whichever notices first
		t.Errorf("the other tab is closed with %d", code)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the other tab was closed after %v", took)
	}
	again := b.Open("/")
	if got := again.Text("h1"); got != "Log in" {
		t.Errorf("loaded again, it shows %q", got)
	}
	if got := again.Value("#greeting"); got != "" {
		t.Errorf("what was stored is still there: %q", got)
	}
}

// A login that expires while the page is open sends the page to the login.
func TestExpiredLoginEndsThePage(t *testing.T) {
	s := newTestSite(t)
	b := livetest.NewBrowser(t, s.app)
	logIn(t, b, "ada", "countess")
	page := b.Open("/")
	if err := s.sessions.Store.Delete(cookie(b, s.sessions.Cookie.Name)); err != nil {
		t.Fatal(err)
	}
	if code := page.AwaitClosed(); code != 4401 {
		t.Errorf("the page is closed with %d, want 4401: ask for it again", code)
	}
}

// A note of another user is out of reach, whatever a script sends.
func TestNotesAreTheirUsers(t *testing.T) {
	s := newTestSite(t)
	ada, grace := livetest.NewBrowser(t, s.app), livetest.NewBrowser(t, s.app)
	logIn(t, ada, "ada", "countess")
	logIn(t, grace, "grace", "admiral")
	page := grace.Open("/")
	page.Push("Drop", Drop{ID: s.notes.of("ada")[0].ID})
	if got := page.Error(); got != "There is no such note of yours." {
		t.Errorf("the answer is %q", got)
	}
	if n := len(s.notes.of("ada")); n != 1 {
		t.Errorf("ada has %d notes, want 1", n)
	}
	page.Push("Drop", Drop{ID: s.notes.of("grace")[0].ID})
	if n := page.Count("li"); n != 0 {
		t.Errorf("grace has %d notes, want none", n)
	}
}
