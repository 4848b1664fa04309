package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/livelong-dev/livelong/live/internal/token"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// connection is one socket of one browser tab.
type connection struct {
	app       *App
	transport *transport
	session   session
	route     *route // nil: embedded, the token tells
	in        atomic.Pointer[instance]
	seen      atomic.Int64 // when the last frame came, in nanoseconds
	limiter   *rate.Limiter
	heard     atomic.Bool   // a frame came after the join: the browser has its answer
	refused   int           // events refused, less those allowed
	gone      atomic.Bool   // nothing is read any more
	writer    chan struct{} // holds the writer
}

// write sends a frame of an instance, unless the connection has gone over to the next one: no frame of the old one may
// follow its successor's first.
func (c *connection) write(in *instance, frame []byte) error {
	c.writer <- struct{}{}
	defer func() { <-c.writer }()
	if c.in.Load() != in {
		return nil
	}
	return c.transport.write(frame)
}

// leave detaches the instance.
func (c *connection) leave() {
	c.gone.Store(true)
	if in := c.in.Load(); in != nil {
		in.detach(c)
	}
}

// serveSocket upgrades the request. Its handler returns at once, so that net/http's buffers and stack go back; the
// socket is read by a fresh goroutine with a context that does not end with the request.
func (a *App) serveSocket(w http.ResponseWriter, r *http.Request, rt *route) {
	refuse := func(err error) { a.fail(w, r, &StatusError{Status: http.StatusForbidden, Err: err}) }
	if err := a.checkOrigin(r); err != nil {
		refuse(err)
		return
	}
	s, ok := a.sessionOf(r)
	if !ok {
		refuse(errors.New("the upgrade carries no browser session"))
		return
	}
	if rt != nil {
		if err := rt.group.authorize(r); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	t, err := a.accept(w, r)
	if err != nil {
		a.log.Info("socket refused", "path", r.URL.Path, "err", err)
		return
	}
	c := &connection{app: a, transport: t, session: s, route: rt, writer: make(chan struct{}, 1)}
	c.limiter = rate.NewLimiter(rate.Limit(a.limits.Events), a.limits.Burst)
	if !a.registry.open(c) {
		go func() { defer a.registry.closed(c); t.close(wire.CloseGoingAway, "the server is stopping") }()
		return
	}
	go c.serve(slimRequest(r))
}

// serve reads the join and then all other frames.
func (c *connection) serve(r *http.Request) {
	defer c.app.registry.closed(c)
	defer c.leave()
	defer c.transport.drop()
	defer func() {
		if v := recover(); v != nil {
			c.app.log.Error("panic in a socket", "err", v, "stack", string(debug.Stack()))
		}
	}()
	deadline := time.AfterFunc(wire.JoinTimeout, c.transport.drop)
	err := c.transport.read(func(frame []byte) error { return c.join(frame, r) })
	deadline.Stop()
	r = nil // not needed any more, and sockets live long
	for err == nil {
		err = c.transport.read(c.frame)
	}
	var refusal *refusal
	var bad *wire.FrameError
	switch {
	case errors.As(err, &refusal):
		c.app.log.Info("join refused", "code", refusal.code, "err", refusal.err)
		c.transport.close(refusal.code, refusal.err.Error())
	case errors.As(err, &bad):
		c.app.log.Warn("frame refused", "err", err)
		c.transport.close(wire.CloseBadFrame, err.Error())
	case tooBig(err):
		c.app.log.Warn("frame refused", "err", fmt.Errorf("more than %d bytes", c.app.limits.Frame))
	}
}

// refusal is an error that closes the socket with a code of its own.
type refusal struct {
	code int
	err  error
}

func (r *refusal) Error() string { return r.err.Error() }

// join answers the first frame.
func (c *connection) join(frame []byte, r *http.Request) error {
	j, err := wire.DecodeJoin(frame, c.app.limits)
	if errors.Is(err, wire.ErrVersion) {
		return &refusal{wire.CloseVersion, err}
	}
	if err != nil {
		return err
	}
	p, err := c.app.openPage(j.Token, c.session)
	if err != nil {
		return &refusal{wire.CloseBadToken, err}
	}
	if c.route == nil {
		rt, ok := c.app.routes[p.route]
		if !ok || !rt.embedded {
			return &refusal{wire.CloseBadToken, fmt.Errorf("page token: no view is embedded as %q", p.route)}
		}
		c.route = rt
		if r.URL, err = url.Parse(p.url); err != nil {
			return &refusal{wire.CloseBadToken, fmt.Errorf("page token: %w", err)}
		}
		if err := rt.group.authorize(r); err != nil {
			return c.unauthorized(err)
		}
	}
	if p.route != c.route.name {
		return &refusal{wire.CloseBadToken, fmt.Errorf("page token: it is for %s, this is %s", p.route, c.route.name)}
	}
	// What Authorize has allowed is this path, and a page of the same route may show what it would not. Where a slash is
	// escaped, the wildcards of the pattern differ.
	if u, err := url.Parse(p.url); err != nil || u.EscapedPath() != r.URL.EscapedPath() {
		return &refusal{wire.CloseBadToken, errors.New("page token: it is for another path")}
	}
	c.seen.Store(time.Now().UnixNano())
	return c.enter(p, j.Options, r)
}

// enter finds the instance that a join is for, or mounts one.
func (c *connection) enter(p *page, o wire.Options, r *http.Request) error {
	at := r.URL.RequestURI()
	id, number, known := c.app.openSecret(o.Secret, c.session)
	if known {
		rt, path := c.placeOf(id, r)
		in, stale := c.app.registry.resume(id, number, rt, path, attachMessage{conn: c, how: wire.Resume, join: o, at: at})
		if in != nil {
			return nil
		}
		if p.id = id; stale {
			p.id, known = newPageID(), false // somebody else holds the newer secret
		}
	} else if c.app.registry.adopt(p.id, attachMessage{conn: c, how: wire.Adopt, join: o, at: at}) {
		return nil
	} else {
		// Another tab has adopted the instance, or it is gone: this page has never run, so its draft is blank.
		p.id = newPageID()
	}
	in, err := c.app.mount(c.route, r, c.session, p, mountOptions{samePage: known})
	if errors.Is(err, ErrSessionEnded) {
		return &refusal{wire.CloseBadToken, err}
	}
	if err != nil {
		if _, ok := errors.AsType[*redirection](err); statusOf(err) < 500 || ok {
			return c.unauthorized(err)
		}
		c.app.log.Error("mount", "view", c.route.viewType.name, "err", err)
		return &refusal{wire.CloseFailed, errors.New("the page could not be mounted")}
	}
	if in.socket.Outdated() {
		in.log().Warn("the page was loaded from another build", "client", p.client, "here", clientVersion)
	}
	in.received, in.answered = o.N, o.N
	if known {
		in.attach = number // the numbers go on, in case the answer is lost
	}
	c.app.registry.add(in, attachMessage{conn: c, how: wire.Mount, join: o, at: at}, nil)
	return nil
}

// placeOf returns where a page may be resumed: at the path that its browser has joined at and was authorized for, or,
// when the page was given another URL that the browser has not heard of, there, if that is allowed too.
func (c *connection) placeOf(id uuid.UUID, r *http.Request) (rt *route, path string) {
	if u := c.app.registry.movedTo(id, c.route, r.URL.EscapedPath()); u != nil && !c.route.embedded {
		if to := c.app.find(r, u); to.err == nil && to.route != nil && to.route.group == c.route.group {
			return to.route, u.EscapedPath()
		}
	}
	return c.route, r.URL.EscapedPath()
}

// unauthorized refuses a join whose page would be answered with a status or a redirect: the browser asks the page,
// which says which. The error's own text is for the log.
func (c *connection) unauthorized(err error) error {
	c.app.log.Info("join refused", "view", c.route.viewType.name, "err", err)
	return &refusal{wire.CloseUnauthorized, errors.New("ask for the page again")}
}

// enter puts an attach before all messages that have waited for it. The caller holds mu, under which it has also set
// the connection: no frame may be written to that before the answer to its join.
func (in *instance) enter(m attachMessage) {
	in.mailbox = append([]message{m}, in.mailbox...)
	if !in.scheduled {
		in.start()
	}
}

// attached answers a join, as the runner. The connection is in.conn already.
func (in *instance) attached(m attachMessage) error {
	var extra wire.Extra
	in.params = m.join.Params
	if len(m.join.Size) == len(in.viewport) {
		copy(in.viewport[:], m.join.Size)
	}
	if every := in.route.group.options.AuthorizeEvery; every > 0 && !in.rechecked {
		in.rechecked = true // an answer may be given again
		in.startTimer(every, every, nil, recheckMessage{})
	}
	in.mu.Lock()
	if !m.same {
		in.attach++
	}
	joined := &wire.Joined{How: m.how, Secret: in.app.sealSecret(in.page.id, in.attach, in.session), N: in.received}
	in.mu.Unlock()
	extra.Join = joined
	var again [][]byte
	if in.attachedAt.IsZero() {
		in.attachedAt = time.Now()
	}
	if m.how == wire.Adopt || m.how == wire.Mount {
		in.shown = m.at
		defer in.correctURL()
	}
	switch m.how {
	case wire.Adopt:
		in.stash() // what Mount has changed: the page's GET has proved that it renders
		if in.htmlMode {
			in.resync = true
		} else {
			extra.Shape = &in.shape
		}
	case wire.Resume:
		in.reconnects++
		in.mu.Lock()
		in.confirm(m.join.K)
		if in.lost || m.join.K != in.confirmed {
			// What the browser has is not known any more: it counts on from what it has applied.
			in.resync = true
			in.kept, in.keptBytes, in.lost = nil, 0, false
			in.count, in.confirmed = m.join.K, m.join.K
			in.shown = m.at
			defer in.correctURL()
		}
		again = append(again, in.kept...)
		in.mu.Unlock()
	case wire.Navigate:
		in.again(m.join.N)
		joined.Visit = in.visits
		if err := in.arrived(&extra); err != nil {
			return err
		}
	case wire.Mount:
		if m.join.Secret != "" {
			in.reconnects++
		}
		if m.same {
			in.again(m.join.N)
		}
		if in.redirect != "" {
			// As the answer to a GET has no page then, this one has none, and no event reaches it.
			in.mu.Lock()
			in.deaf = true
			in.mu.Unlock()
		} else if err := in.remounted(m.join.Tag, &extra); err != nil {
			return err
		}
	}
	if st := in.stashed; st != nil {
		joined.Recovered = m.how == wire.Mount && in.recovery.Status == Recovered
		// Frames that are sent again end with the mark told last.
		if len(again) == 0 || st.told == untold {
			st.told = in.save()
		}
		told := st.told
		extra.Save = &told
	}
	frame, err := wire.AppendDown(nil, in.answered, nil, &extra)
	if err != nil {
		return err
	}
	in.mu.Lock()
	if in.conn == m.conn {
		in.frames = append([][]byte{frame}, again...)
	}
	in.mu.Unlock()
	return nil
}

// again forgets what was sent after a mount whose answer was lost: frames are counted from 1, and unanswered events
// dropped, as if the mount were now.
func (in *instance) again(newest int) {
	in.drop()
	in.resync, in.answered = false, max(in.answered, newest)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.kept, in.keptBytes, in.lost = nil, 0, false
	in.count, in.confirmed = 0, 0
}

// remounted renders a fresh instance and compares it with what the browser shows.
func (in *instance) remounted(shows string, extra *wire.Extra) error {
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	b, err := in.firstRender(bench)
	if err != nil {
		return err
	}
	in.dirty = false
	in.stash()
	if in.hasTag {
		shape := in.shape
		extra.Shape = &shape
		extra.Tag = b.tag
	}
	if !in.hasTag || b.tag != shows {
		html := string(b.html)
		extra.HTML = &html
	}
	if in.title != "" {
		extra.Title = &in.title
	}
	bench.tree.HTML = b.html
	return nil
}

// frame handles a frame that follows the join.
func (c *connection) frame(frame []byte) error {
	c.seen.Store(time.Now().UnixNano())
	c.heard.Store(true)
	up, err := wire.DecodeUp(frame, c.app.limits)
	if err != nil {
		return err
	}
	in := c.in.Load()
	switch up.Kind {
	case wire.Event:
		refused := ""
		if !c.limiter.Allow() {
			if c.refused++; c.refused > 10*c.app.limits.Burst {
				return &refusal{wire.CloseFlood, fmt.Errorf("more than %d events a second, again and again", c.app.limits.Events)}
			}
			refused = fmt.Sprintf("%s: more than %d events a second", up.Name, c.app.limits.Events)
		} else {
			c.refused = max(0, c.refused-1) // not 0: the limit refills all the time
		}
		// The payload aliases a buffer that is read into again.
		up.Payload.Value = append([]byte(nil), up.Payload.Value...)
		for k, v := range up.Payload.Client {
			up.Payload.Client[k] = append([]byte(nil), v...)
		}
		err := in.postEvent(c, up, refused)
		for next := c.in.Load(); next != in; next = c.in.Load() {
			// The instance has crashed meanwhile, perhaps before it could take the number of the event.
			in = next
			err = in.postEvent(c, up, refused)
		}
		return err
	case wire.Confirm:
		in.mu.Lock()
		if in.conn == c {
			in.confirm(up.N)
		}
		in.mu.Unlock()
		return nil
	case wire.Ping:
		in.pong(c)
		return nil
	case wire.Here:
		in.here(c, up.Reason)
		return nil
	default:
		if !c.limiter.Allow() {
			return &refusal{wire.CloseFlood, fmt.Errorf("more than %d requests a second", c.app.limits.Events)}
		}
		in.app.log.Warn("the browser's page differs from the server's", "view", in.typ.name, "asks", up.Kind == wire.HTML, "reason", up.Reason)
		return in.postControl(c, up.Kind)
	}
}

func (in *instance) postControl(c *connection, kind wire.Kind) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waitForRoom(c)
	if in.conn == c && !in.ended {
		in.push(controlMessage{kind})
	}
	return nil
}

// pong answers a ping. It does not wait for the runner, which may be busy in a
// handler for as long as that likes.
func (in *instance) pong(c *connection) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.conn != c {
		return
	}
	if in.writing {
		// The writer looks for more before it is done. That it is busy does not mean that the browser is still to hear
		// from it: the ping may have been sent after the frame came, before the writer has noticed that it did.
		if n := len(in.frames); n == 0 || string(in.frames[n-1]) != "[]" {
			in.frames = append(in.frames, []byte("[]")) // one answers all
		}
		return
	}
	in.writing = true
	in.mu.Unlock()
	err := c.write(in, []byte("[]"))
	if err != nil {
		c.transport.drop()
	}
	in.mu.Lock()
	in.writing = false
	if !in.scheduled && (in.pending || len(in.frames) > 0) {
		in.start()
	}
}

// sealSecret makes the secret that resumes an attach. It holds the page's id and the attach's number, and is good on
// every node.
func (a *App) sealSecret(id uuid.UUID, number int64, s session) string {
	data := binary.BigEndian.AppendUint64(id[:], uint64(number))
	return a.ring.Seal(token.Attach, data, s.id[:], time.Now().Add(a.options.TokenAge))
}

func (a *App) openSecret(secret string, s session) (id uuid.UUID, number int64, ok bool) {
	if secret == "" {
		return
	}
	data, err := a.ring.Open(token.Attach, secret, s.id[:], time.Now())
	if err != nil || len(data) != len(id)+8 {
		a.log.Warn("attach secret refused", "err", err)
		return
	}
	copy(id[:], data)
	return id, int64(binary.BigEndian.Uint64(data[len(id):])), true
}
