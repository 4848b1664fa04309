package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/livelong-dev/livelong/live/internal/token"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Renewal says what becomes of the stored values when a browser session is renewed.
type Renewal int

// What becomes of stored values.
const (
	CarryState Renewal = iota // they go over to the new session
	ClearState                // the new session starts empty, and they are gone
	endState                  // there is no new session
)

// renewing is what the cookie of a renewed session remembers of one before it, until the browser has come to a page with
// stored fields: a browser may be renewed several times before.
type renewing struct {
	id  [32]byte
	how Renewal
}

// maxRenewals bounds what a cookie remembers.
const maxRenewals = 8

// renewed is what the session that follows s remembers.
func (s session) renewed(how Renewal) []renewing {
	from := append([]renewing{{s.id, how}}, s.from...)
	if n := len(from); n > maxRenewals {
		// What is stored was stored before the first of them, or after the last.
		if from[n-2].how == ClearState {
			from[n-1].how = ClearState
		}
		from = slices.Delete(from, n-2, n-1)
	}
	return from
}

// older are the sessions that s was renewed from, the newest first.
func (s session) older() []session {
	all := make([]session, len(s.from))
	for i, old := range s.from {
		all[i] = session{id: old.id, from: s.from[i+1:]}
	}
	return all
}

// RenewSession gives the browser a new session id in the answer to r, and must be called before the answer's body is
// written. Call it whenever what the session may do changes, above all at login: an id that somebody has slipped the
// user before is then worth nothing.
//
// Stored values go over when the browser first comes with the new id to a page that has stored fields, so nothing is lost
// should the answer be, or should the browser be renewed again before. From then on the old session is over: its open
// pages are loaded again with the new one, and whoever else holds its id gets a new, empty session.
func (a *App) RenewSession(w http.ResponseWriter, r *http.Request, how Renewal) {
	fresh := a.newSession()
	if old, ok := a.sessionOf(r); ok {
		fresh.from = old.renewed(how)
	}
	a.setCookie(w, r, fresh)
}

// EndSession logs the browser out in the answer to r, and must be called before the answer's body is written: its stored
// values are gone for good, its cookie is removed, and its open pages, on every node, are loaded again. After an error
// the values may still be there; the cookie is removed all the same. It may block for as long as the stash does.
func (a *App) EndSession(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, &http.Cookie{Name: a.cookieName(r), Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: a.secure(r)})
	s, ok := a.sessionOf(r)
	if !ok {
		return nil
	}
	err := a.forget(r.Context(), s)
	a.dismiss(r.Context(), s)
	if err != nil {
		return fmt.Errorf("end the browser session: %w", err)
	}
	return nil
}

// forget ends a session, and those that it was renewed from, in the stash.
func (a *App) forget(ctx context.Context, s session) error {
	err := a.stash.End(ctx, a.stashSession(s))
	for _, old := range s.older() {
		err = errors.Join(err, a.stash.End(ctx, a.stashSession(old)))
	}
	return err
}

// RenewSession is [App.RenewSession] from a handler: what the page has stored is saved first, and the browser loads
// the page at target with the new session. The target is a path of this app.
func (s *Socket) RenewSession(ctx context.Context, how Renewal, target string) error {
	return s.in.leaveSession(ctx, how, target)
}

// EndSession is [App.EndSession] from a handler: the browser loads the page at target, without a session. The target
// is a path of this app.
func (s *Socket) EndSession(ctx context.Context, target string) error {
	return s.in.leaveSession(ctx, endState, target)
}

// ticket is what lets a socket change the cookie: the browser brings it to sessionPath.
type ticket struct {
	ID  []byte  `json:"i"` // of the new session
	How Renewal `json:"h"`
	To  string  `json:"t"`
}

const (
	sessionPath = "/_live/session"
	ticketAge   = time.Minute
)

func (in *instance) leaveSession(ctx context.Context, how Renewal, target string) error {
	if len(target) == 0 || target[0] != '/' {
		return fmt.Errorf("leave the session for %q: want a path that starts with a slash", target)
	}
	if err := checkTarget(target); err != nil {
		return err
	}
	if how == CarryState && in.stashed != nil {
		if err := in.socket.Stash(ctx); err != nil {
			return err
		}
	}
	fresh := in.app.newSession()
	data, err := json.Marshal(ticket{fresh.id[:], how, target})
	if err != nil {
		return err
	}
	sealed := in.app.ring.Seal(token.Ticket, data, in.session.id[:], time.Now().Add(ticketAge))
	return in.socket.Redirect(sessionPath + "?t=" + url.QueryEscape(sealed))
}

// serveSession changes the cookie as a ticket says. The ticket opens only in the session that it was made for.
func (a *App) serveSession(w http.ResponseWriter, r *http.Request) {
	refuse := func(err error) { a.fail(w, r, &StatusError{Status: http.StatusForbidden, Err: err}) }
	s, ok := a.sessionOf(r)
	if !ok {
		refuse(errors.New("a ticket without a browser session"))
		return
	}
	data, err := a.ring.Open(token.Ticket, r.URL.Query().Get("t"), s.id[:], time.Now())
	if err != nil {
		refuse(fmt.Errorf("ticket: %w", err))
		return
	}
	var t ticket
	if err := json.Unmarshal(data, &t); err != nil || len(t.ID) != len(s.id) {
		refuse(fmt.Errorf("ticket of another build: %w", errors.Join(err, token.ErrExpired)))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if t.How == endState {
		ctx, cancel := context.WithTimeout(r.Context(), a.options.GateTimeout)
		defer cancel()
		if err := a.EndSession(w, r.WithContext(ctx)); err != nil {
			a.log.ErrorContext(r.Context(), "log out", "err", err)
		}
	} else {
		fresh := session{from: s.renewed(t.How)}
		copy(fresh.id[:], t.ID)
		a.setCookie(w, r, fresh)
	}
	http.Redirect(w, r, t.To, http.StatusSeeOther)
}

// present ends the sessions that s was renewed from, now that the browser has the new one.
func (a *App) present(ctx context.Context, s *session) {
	older := s.older()
	if len(a.stored.views) == 0 {
		s.from = nil // there are no values to come over
	}
	for i, old := range s.from {
		if old.how != ClearState {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, a.options.AttachTimeout)
		err := a.forget(limited, older[i])
		cancel()
		if err != nil {
			a.log.ErrorContext(ctx, "end a session that was renewed", "err", err)
			return // the next page tries again
		}
		s.from = s.from[:i:i]
		break
	}
	for _, old := range older {
		a.dismiss(ctx, old)
	}
}

func (a *App) sealRenewal(s session) string {
	var data []byte
	for _, old := range s.from {
		data = append(append(data, byte(old.how)), old.id[:]...)
	}
	return a.ring.Seal(token.Renewal, data, s.id[:], time.Now().Add(cookieAge))
}

// openRenewal returns what a cookie remembers of the sessions before; nil when there is nothing.
func (a *App) openRenewal(sealed string, id [32]byte) (from []renewing) {
	if sealed == "" {
		return nil
	}
	data, err := a.ring.Open(token.Renewal, sealed, id[:], time.Now())
	if err != nil || len(data)%(1+len(id)) != 0 {
		return nil
	}
	for old := range slices.Chunk(data, 1+len(id)) {
		from = append(from, renewing{[32]byte(old[1:]), Renewal(old[0])})
	}
	return from
}

// dismissTopic tells all nodes which sessions are over: the message is their storage ids.
const dismissTopic = "livelong.sessions.over"

// dismiss ends a session's pages on all nodes, even if the browser that asked for it has gone. Their browsers load them
// again.
func (a *App) dismiss(ctx context.Context, s session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.options.AttachTimeout)
	defer cancel()
	ids := a.storageIDs(s)
	a.registry.dismiss(ids)
	data, err := json.Marshal(ids)
	if err == nil {
		err = a.topics.bus.Publish(ctx, dismissTopic, data)
	}
	if err != nil {
		a.log.ErrorContext(ctx, "other nodes do not know that a session is over", "err", err)
	}
}

// watchDismissals listens to what other nodes dismiss, from the first connection on.
func (a *App) watchDismissals() {
	cancel, err := a.topics.bus.Subscribe(dismissTopic, func(data []byte) {
		var ids []string
		if err := json.Unmarshal(data, &ids); err != nil {
			a.log.Error("a message on sessions that are over cannot be decoded", "err", err)
			return
		}
		a.registry.dismiss(ids)
	})
	if err != nil {
		a.log.Error("pages whose session another node ends stay open", "err", err)
		return
	}
	a.topics.mu.Lock()
	a.topics.watch = cancel
	a.topics.mu.Unlock()
}

// recheckMessage makes an instance ask whether its page is still allowed, see [GroupOptions.AuthorizeEvery].
type recheckMessage struct{}

// recheck ends an instance that is not authorized any more: its browser asks for the page, and is answered.
func (in *instance) recheck() {
	err, crash := in.guard(func() error {
		if in.route.embedded {
			return in.route.group.authorize(in.request)
		}
		// As a GET would be, through the middleware: what that has put into the page's own request is old.
		to := in.app.find(in.request, in.request.URL)
		if to.err == nil && to.route != in.route {
			return errors.New("the middleware does not let it pass")
		}
		return to.err
	})
	if err = errors.Join(err, crash); err == nil {
		return
	}
	in.log().Info("a page is not allowed any more", "err", err)
	in.mu.Lock()
	conn := in.conn
	in.mu.Unlock()
	in.finish(whyForbidden)
	if conn != nil {
		go conn.transport.close(wire.CloseUnauthorized, "ask for the page again")
	}
}

// dismiss ends the pages of the session that has one of these storage ids.
func (r *registry) dismiss(ids []string) {
	known := map[[32]byte]bool{} // many pages have few sessions
	over := func(s session) bool {
		is, ok := known[s.id]
		if !ok {
			is = slices.ContainsFunc(r.app.storageIDs(s), func(id string) bool { return slices.Contains(ids, id) })
			known[s.id] = is
		}
		return is
	}
	r.mu.Lock()
	var conns []*connection
	for c := range r.conns {
		if over(c.session) {
			conns = append(conns, c)
		}
	}
	var ending []*instance
	for _, in := range r.instances {
		if over(in.session) {
			ending = append(ending, in)
		}
	}
	r.mu.Unlock()
	for _, in := range ending {
		in.end(whyOver)
	}
	for _, c := range conns {
		go c.transport.close(wire.CloseBadToken, "the browser session is over")
	}
}
