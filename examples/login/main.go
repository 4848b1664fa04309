// Command login shows a user's own session library beside the framework's browser session: github.com/alexedwards/scs
// knows who is logged in, live.App what the browser's pages have stored. Logging in renews both, logging out ends both.
package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/examples/internal/look"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
)

//go:embed static
var static embed.FS

func main() {
	serve.Main(func(c serve.Config) (*live.App, error) {
		s, err := newSite(c, time.Minute)
		if err != nil {
			return nil, err
		}
		return s.app, nil
	})
}

// users and their passwords; a real app asks its database.
var users = map[string]string{"ada": "countess", "grace": "admiral"}

// site is the app with what logs users in and out around it.
type site struct {
	app      *live.App
	sessions *scs.SessionManager
	notes    *notebook
}

// newSite makes the app. Every so often it asks whether who has a page open is still logged in.
func newSite(c serve.Config, every time.Duration) (*site, error) {
	state, err := durable.Open(durable.Options{Bucket: c.Bucket("state")})
	if err != nil {
		return nil, err
	}
	layout := look.Layout("Notes", "A login of your own beside the session of the pages.", "/static/login.css", c.ReplayLinks()...)
	s := &site{
		app:      live.New(live.Options{Secrets: c.Secrets, Dev: c.Dev, Layout: layout, Stash: state, Recorder: c.Recorder()}),
		sessions: scs.New(),
		notes:    newNotebook(),
	}
	s.sessions.IdleTimeout = 20 * time.Minute
	private := s.app.Group(live.GroupOptions{Authorize: s.authorize, AuthorizeEvery: every})
	live.Handle(private, "GET /{$}", func(r *http.Request) (*Notes, error) {
		return &Notes{User: s.user(r), all: s.notes}, nil
	})
	live.Handle(s.app, "GET /login", func(*http.Request) (*Login, error) { return &Login{}, nil })

	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, err
	}
	look.Mount(s.app)
	c.MountReplay(s.app)
	s.app.Mount("/static/", http.FileServerFS(files))
	s.app.Wrap(func(app http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", app)
		mux.HandleFunc("POST /session", s.logIn)
		mux.HandleFunc("POST /logout", s.logOut)
		return http.NewCrossOriginProtection().Handler(s.sessions.LoadAndSave(mux))
	})
	return s, nil
}

// user returns who is logged in; empty: nobody. It asks the session store each time: a page that stays open keeps its
// request, and what that remembers is old.
func (s *site) user(r *http.Request) string {
	cookie, err := r.Cookie(s.sessions.Cookie.Name)
	if err != nil {
		return ""
	}
	ctx, err := s.sessions.Load(context.Background(), cookie.Value)
	if err != nil {
		return ""
	}
	return s.sessions.GetString(ctx, "user")
}

func (s *site) authorize(r *http.Request) error {
	if s.user(r) == "" {
		return live.RedirectTo("/login")
	}
	return nil
}

// logIn answers the login form. Both sessions get new ids: one that somebody has slipped the user is worth nothing now.
func (s *site) logIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	name := r.PostFormValue("name")
	if want, ok := users[name]; !ok || r.PostFormValue("password") != want {
		http.Redirect(w, r, "/login?wrong=1", http.StatusSeeOther)
		return
	}
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		http.Error(w, "You cannot be logged in at the moment.", http.StatusServiceUnavailable)
		return
	}
	s.sessions.Put(r.Context(), "user", name)
	s.app.RenewSession(w, r, live.CarryState)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// logOut ends both sessions, and with them every open page of this browser.
func (s *site) logOut(w http.ResponseWriter, r *http.Request) {
	if err := errors.Join(s.sessions.Destroy(r.Context()), s.app.EndSession(w, r)); err != nil {
		http.Error(w, "You could not be logged out. Please try again.", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
