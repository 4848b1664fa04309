package live

import (
	"container/list"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// registry knows every instance that was parked or attached and has not ended, and every connection.
type registry struct {
	app       *App
	mu        sync.Mutex // taken before an instance's mu
	instances map[uuid.UUID]*instance
	parked    waiting
	detached  waiting
	conns     map[*connection]struct{}
	closing   bool
	sockets   sync.WaitGroup
	runners   sync.WaitGroup
}

// waiting are the instances that wait for a browser, the longest first, bounded in number and bytes.
type waiting struct {
	list     list.List // of *instance
	bytes    int
	max      int
	maxBytes int
}

func (r *registry) init(a *App) {
	r.app = a
	r.instances = map[uuid.UUID]*instance{}
	r.conns = map[*connection]struct{}{}
	r.parked.max, r.parked.maxBytes = a.options.MaxParked, a.options.MaxParkedBytes
	r.detached.max, r.detached.maxBytes = a.options.MaxDetached, a.options.MaxDetachedBytes
}

// Why instances end, where a recording tells them apart.
const (
	whyStopping  = "the server is stopping"
	whyLate      = "no browser came"
	whyCrowded   = "too many pages wait for their browser"
	whyForbidden = "not authorized any more"
	whyOver      = "its session is over"
)

// overhead is what an instance counts beside its HTML.
const overhead = 4 << 10

// add puts an instance at the end, and returns those that must go.
func (w *waiting) add(in *instance, html int) (out []*instance) {
	in.cost = overhead + html
	in.waiting = w.list.PushBack(in)
	w.bytes += in.cost
	for w.list.Len() > w.max || w.bytes > w.maxBytes {
		oldest := w.list.Front().Value.(*instance)
		w.remove(oldest)
		out = append(out, oldest)
	}
	return out
}

// evict forgets instances that must go, so that no browser gets them any more. The caller holds r.mu.
func (r *registry) evict(out []*instance) []*instance {
	for _, in := range out {
		if r.instances[in.page.id] == in {
			delete(r.instances, in.page.id)
		}
		r.forgetDepartures(in, in.left)
	}
	return out
}

func (w *waiting) remove(in *instance) {
	if in.waiting != nil {
		w.list.Remove(in.waiting)
		w.bytes -= in.cost
		in.waiting = nil
	}
}

// leave takes an instance off the lists. The caller holds r.mu.
func (r *registry) leave(in *instance) {
	if in.waiting == nil {
		return
	}
	if in.parked {
		r.parked.remove(in)
	} else {
		r.detached.remove(in)
	}
}

// admit refuses new instances while the app stops.
func (r *registry) admit() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return &StatusError{Status: http.StatusServiceUnavailable, Err: errors.New("the server is stopping")}
	}
	return nil
}

// park lets an instance wait for its page's socket. From here on it belongs to its runner.
func (r *registry) park(in *instance, html int) {
	r.mu.Lock()
	in.mu.Lock()
	in.parked = true
	in.until = time.Now().Add(r.app.options.ParkFor)
	r.instances[in.page.id] = in
	out := r.evict(r.parked.add(in, html))
	in.scheduled = false
	in.arm()
	in.mu.Unlock()
	stopping := r.closing
	r.mu.Unlock()
	for _, old := range out {
		old.end("too many pages wait for their socket")
	}
	if stopping {
		in.end(whyStopping)
	}
}

// add registers an instance that was mounted for a connection, and attaches it. When it follows one that crashed, the
// events that were received meanwhile are lost with that, and their numbers are taken.
func (r *registry) add(in *instance, m attachMessage, crashed *instance) {
	r.mu.Lock()
	old := r.instances[in.page.id]
	r.instances[in.page.id] = in
	if crashed != nil {
		crashed.mu.Lock()
		in.received, in.answered = crashed.received, crashed.received
		in.deaf, in.left, crashed.left = crashed.deaf, crashed.left, nil
	}
	in.mu.Lock()
	for _, d := range in.left {
		r.instances[d.id] = in
	}
	in.since = in.received
	in.conn, in.unheard, in.unasked = m.conn, true, crashed != nil
	m.conn.in.Store(in)
	in.scheduled = false
	in.enter(m)
	in.mu.Unlock()
	if crashed != nil {
		crashed.mu.Unlock()
	}
	stopping := r.closing
	r.mu.Unlock()
	if m.conn.gone.Load() {
		in.detach(m.conn) // nobody else will
	}
	if old != nil {
		old.mu.Lock()
		replaced := old.conn
		old.mu.Unlock()
		old.end("the page was mounted again")
		if replaced != nil {
			go replaced.transport.close(wire.CloseReplaced, "the page was mounted again by another connection")
		}
	}
	if stopping {
		in.end(whyStopping)
	}
}

// adopt gives a parked instance to the connection of its page; false when there is none.
func (r *registry) adopt(id uuid.UUID, m attachMessage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.instances[id]
	if in == nil {
		return false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.parked || in.ending || in.ended || in.page.id != id {
		return false
	}
	r.leave(in)
	in.parked, in.conn = false, m.conn
	m.conn.in.Store(in)
	in.enter(m)
	return true
}

// resume gives an instance to the connection that holds its newest attach secret. An older secret is good when the
// browser cannot have received the newer one; otherwise it is stale, as is one that a page of another path was given. The
// secret of a page that the browser was navigated away from is good for the page it was navigated to, as long as it may
// not know of that.
func (r *registry) resume(id uuid.UUID, number int64, rt *route, path string, m attachMessage) (_ *instance, stale bool) {
	r.mu.Lock()
	in := r.instances[id]
	if in == nil {
		r.mu.Unlock()
		return nil, false
	}
	in.mu.Lock()
	if in.ending || in.ended {
		in.mu.Unlock()
		r.mu.Unlock()
		return nil, false
	}
	heard := in.heard
	if in.conn != nil {
		heard = in.conn.heard.Load()
	}
	unanswered := number == in.attach-1 && (!heard || in.unasked)
	good := number == in.attach || unanswered
	moved := in.page.id != id
	if moved {
		good = slices.ContainsFunc(in.left, func(d departure) bool { return d.id == id && (d.attach == number || d.attach == number+1) })
		unanswered = false
	}
	if !good || in.route != rt || in.request.URL.EscapedPath() != path {
		in.mu.Unlock()
		r.mu.Unlock()
		return nil, true
	}
	r.leave(in)
	old, stuck := in.conn, in.writing
	in.conn = m.conn
	m.conn.in.Store(in)
	m.same = unanswered
	switch {
	case moved:
		m.how = wire.Navigate
		in.received = max(in.received, m.join.N)
	case !unanswered:
		in.unheard, in.unasked = false, false
		in.arrive()
		// Frames that it has not applied may lead it away from there, and back, and break off in between.
		if at, _, _ := strings.Cut(m.at, "?"); at == in.request.URL.EscapedPath() && m.join.K == in.count {
			in.left = nil
		}
	case in.unheard:
		// The browser does not know yet that this instance is another one than it was joined to.
		m.how = wire.Mount
		in.received = max(in.received, m.join.N)
	}
	in.enter(m)
	if in.room != nil {
		in.room.Broadcast()
	}
	in.mu.Unlock()
	r.mu.Unlock()
	switch {
	case old == nil:
	case stuck:
		go old.transport.drop() // what is being written to it holds up the answer
	default:
		// The same tab is back before we noticed that it was gone.
		go old.transport.close(wire.CloseReplaced, "the page was resumed by another connection")
	}
	return in, false
}

// open registers a connection; false when the app stops.
func (r *registry) open(c *connection) bool {
	r.app.topics.watching.Do(r.app.watchDismissals)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sockets.Add(1)
	if !r.closing {
		r.conns[c] = struct{}{}
	}
	return !r.closing
}

func (r *registry) closed(c *connection) {
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
	r.sockets.Done()
}
