package replay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// Action is what somebody wants to do in the UI.
type Action uint8

// What can be done.
const (
	ActionList   Action = iota + 1 // see the list; what is in it is asked for with ActionView and ActionWatch
	ActionView                     // see a recording, also as a line of the list
	ActionWatch                    // the same of one that is running
	ActionExport                   // take a recording away, as a file
	ActionDelete                   // of a recording
	ActionImport                   // bring one in
)

var actionNames = map[Action]string{
	ActionList: "list", ActionView: "view", ActionWatch: "watch", ActionExport: "export", ActionDelete: "delete", ActionImport: "import",
}

// String returns the action's name.
func (a Action) String() string { return nameOf(actionNames, a, "action") }

// UIOptions are options of [UI].
type UIOptions struct {
	// Authorize decides who may do what. It is asked for every request, for every event that does something, and once a
	// minute about pages that stay open. The summary is that of the recording, with an ID only while that cannot be read;
	// nil for ActionList and ActionImport. Any error refuses: what may not be seen is answered as if it did not exist, and is in no list. [live.RedirectTo] leads to
	// a login instead. It may be called often, by any goroutine, and should be quick. Nil: nobody may do anything.
	Authorize func(r *http.Request, a Action, s *Summary) error
	// Key signs the addresses of stylesheets and images, which a sandboxed frame asks for without cookies. Give one when
	// several processes serve one app. Default: random, of this process.
	Key []byte
}

// UI returns the pages that list recordings and play them. It must be given to [live.App.Mount], as in
//
//	app.Mount("/replay/", replay.UI(recorder, replay.UIOptions{Authorize: adminsOnly}))
//
// It is a handler of its own only so that it can be; what it shows itself is never recorded. See docs/replay.md.
func UI(rec *Recorder, o UIOptions) http.Handler {
	u := &ui{rec: rec, o: o, key: o.Key, tapes: map[string]*tape{}, shells: map[string]*Shell{}, checks: map[string]check{}}
	if len(u.key) == 0 {
		u.key = make([]byte, 32)
		rand.Read(u.key)
	}
	return u
}

// ui is what all its pages share.
type ui struct {
	rec  *Recorder
	o    UIOptions
	key  []byte
	app  *live.App
	base string // where it is mounted: /replay/

	mu     sync.Mutex
	tapes  map[string]*tape
	order  []*tape // the one used last at the end
	shells map[string]*Shell
	checks map[string]check // by id
}

// check is what is known of a recording's frames under this build.
type check struct {
	hash                string // of the recording
	verified, of, wrong int
	done                bool
}

// ServeHTTP implements [http.Handler]: nothing is served by it.
func (u *ui) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "replay.UI must be given to live.App.Mount", http.StatusNotFound)
}

// MountOn implements [live.Mountable].
func (u *ui) MountOn(a *live.App, prefix string) {
	if u.app != nil {
		panic("replay.UI: it is mounted already")
	}
	u.app, u.base = a, prefix
	g := a.Group(live.GroupOptions{Authorize: u.admit, AuthorizeEvery: time.Minute, Layout: u.layout, Recorder: live.Unrecorded})
	live.Handle(g, "GET "+prefix+"{$}", func(*http.Request) (*shelf, error) { return &shelf{ui: u, Base: u.base}, nil })
	live.Handle(g, "GET "+prefix+"{id}", func(r *http.Request) (*player, error) {
		return &player{ui: u, Base: u.base, ID: r.PathValue("id"), Speed: 1, SkipIdle: true}, nil
	})
	a.Mount(prefix, u.files())
}

// errHidden is the answer to what may not be seen.
var errHidden = &live.StatusError{Status: http.StatusNotFound, Err: errors.New("there is nothing, or it may not be seen")}

// ask asks Authorize. Its error is answered 404, or leads elsewhere if Authorize says so.
func (u *ui) ask(r *http.Request, a Action, s *Summary) (err error) {
	if u.o.Authorize == nil {
		return errHidden
	}
	defer func() {
		if v := recover(); v != nil {
			u.rec.o.Logger.Error("replay: panic in Authorize", "action", a, "err", fmt.Sprint(v))
			err = errHidden
		}
	}()
	if err := u.o.Authorize(r, a, s); err != nil {
		return &live.StatusError{Status: http.StatusNotFound, Err: err}
	}
	return nil
}

// may is ask of a recording that is to be seen.
func (u *ui) may(r *http.Request, s *Summary) error {
	if s.Node != "" {
		return u.ask(r, ActionWatch, s)
	}
	return u.ask(r, ActionView, s)
}

// admit authorizes the pages.
func (u *ui) admit(r *http.Request) error {
	id := r.PathValue("id")
	if id == "" {
		return u.ask(r, ActionList, nil)
	}
	_, err := u.visible(r, id)
	return err
}

// visible returns what is known of a recording that the request may see.
func (u *ui) visible(r *http.Request, id string) (Summary, error) {
	if u.o.Authorize == nil {
		return Summary{}, errHidden
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	s, err := u.summary(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
		// The store is down. Somebody who may see recordings is told so, on the page.
		s = Summary{ID: id}
		if err := u.may(r, &s); err != nil {
			return Summary{}, err
		}
		return s, nil
	}
	if err != nil {
		return Summary{}, errHidden
	}
	return s, u.may(r, &s)
}

// askTimeout is how long a page waits for the archive.
const askTimeout = 10 * time.Second

// summary returns what is known of a recording; Node is set when it is running. That there is none matches fs.ErrNotExist.
func (u *ui) summary(ctx context.Context, id string) (Summary, error) {
	if err := CheckID(id); err != nil {
		return Summary{}, err
	}
	if t := u.rec.takeOf(id); t != nil {
		if s, shown := t.glance(); shown {
			return s, nil
		}
	}
	s, err := readSummary(ctx, u.rec.archive, id)
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, ErrDamaged) || errors.Is(err, ErrFormat):
		return Summary{ID: id, Damage: err.Error()}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Summary{}, err
	}
	if s, err = u.rec.runningSummary(ctx, id); err == nil {
		return s, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Summary{}, err
	}
	r, err := u.rec.Get(ctx, id) // left by a crash
	if err != nil {
		return Summary{}, err
	}
	return r.Summary, nil
}

// runningSummary returns what another process has said of a recording that it makes.
func (c *Catalog) runningSummary(ctx context.Context, id string) (Summary, error) {
	s, err := Summary{}, fmt.Errorf("recording %s: %w", id, fs.ErrNotExist)
	if e := listAll(ctx, c.archive, runningPrefix+id+".", func(key string) error {
		data, _, e := c.archive.Get(ctx, key, "")
		if e != nil {
			return e
		}
		if s, e = decodeSummary(runningMagic, data); e == nil {
			_, s.Node, _ = parseRunningKey(key)
			err = nil
		}
		return nil
	}); e != nil && !errors.Is(e, fs.ErrNotExist) {
		return Summary{}, e
	}
	return s, err
}

// delete deletes recordings that the request may delete, and returns how many.
func (u *ui) delete(ctx context.Context, r *http.Request, ids []string) (n int, err error) {
	var allowed []string
	for _, id := range ids {
		s, err := u.visible(r, id)
		if err == nil {
			err = u.ask(r, ActionDelete, &s)
		}
		if err != nil {
			return 0, live.Errorf("Nothing was deleted: there is no recording %s, or you may not delete it.", id)
		}
		allowed = append(allowed, id)
	}
	if err := u.rec.Delete(ctx, allowed...); err != nil {
		if errors.Is(err, ErrRunning) {
			return 0, live.Errorf("A recording that is still running cannot be deleted.")
		}
		return 0, &live.Error{Text: "The store did not delete everything. Try again.", Err: err}
	}
	for _, id := range allowed {
		u.forget(id)
	}
	return len(allowed), nil
}

// maxTapes is how many indexes of recordings are kept in memory.
const maxTapes = 16

// tapeOf returns the index of a recording, which is read in the background.
func (u *ui) tapeOf(id string) *tape {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.tapes[id]
	if t == nil {
		t = newTape(u, id)
		u.tapes[id] = t
	} else {
		u.order = slices.DeleteFunc(u.order, func(x *tape) bool { return x == t })
	}
	if u.order = append(u.order, t); len(u.order) > maxTapes {
		delete(u.tapes, u.order[0].id)
		u.order = u.order[1:]
	}
	return t
}

// forget drops the index of a recording.
func (u *ui) forget(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.tapes, id)
	delete(u.checks, id)
	u.order = slices.DeleteFunc(u.order, func(x *tape) bool { return x.id == id })
}

// checkOf returns what is known of a recording's frames.
func (u *ui) checkOf(s *Summary) check {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c := u.checks[s.ID]; c.hash == s.Hash && s.Hash != "" {
		return c
	}
	return check{}
}

func (u *ui) setCheck(id string, c check) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.checks) >= 10_000 {
		clear(u.checks)
	}
	u.checks[id] = c
}

func (u *ui) log() *slog.Logger { return u.rec.o.Logger }

// shellOf reads what stood around a recording, once.
func (u *ui) shellOf(ctx context.Context, name string) (*Shell, error) {
	u.mu.Lock()
	known := u.shells[name]
	u.mu.Unlock()
	if known != nil {
		return known, nil
	}
	s, err := ReadShell(ctx, u.rec.archive, name)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.shells) >= 64 {
		clear(u.shells)
	}
	u.shells[name] = s
	return s, nil
}

// short is a text of at most n characters.
func short(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
