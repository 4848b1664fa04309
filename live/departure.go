package live

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// departure is where a browser was taken away from, and may still be when it loses its connection: another page, as its
// attach secret names it, or another path of the same page.
type departure struct {
	id     uuid.UUID
	attach int64
	route  *route
	path   string // as it is escaped
}

// maxDepartures bounds the pages that a browser may be behind: it is told of each, and answers.
const maxDepartures = 8

// depart notes where the browser may still be. The caller holds r.mu and mu.
func (r *registry) depart(in *instance, from departure) {
	in.left = append(in.left, from)
	if len(in.left) > maxDepartures {
		r.forgetDepartures(in, in.left[:1])
		in.left = in.left[1:]
	}
	r.instances[from.id] = in
}

// succeed lets next take the place of the instance that its browser is navigated away from, which ends. A browser that
// loses its connection before it has heard of next finds it by the secret it has.
func (r *registry) succeed(in, next *instance) {
	r.mu.Lock()
	in.mu.Lock()
	next.mu.Lock()
	conn := in.conn
	in.conn = nil
	why := ""
	if in.ending { // while next was mounted, nobody could know of that
		for _, m := range in.mailbox {
			if m, ok := m.(endMessage); ok {
				why = m.why
			}
		}
	}
	next.received, next.answered, next.since = in.received, in.received, in.received
	r.instances[next.page.id] = next
	for _, d := range append(in.left, departure{in.page.id, in.attach, in.route, in.request.URL.EscapedPath()}) {
		r.depart(next, d)
	}
	in.left = nil
	next.conn, next.deaf, next.scheduled = conn, true, false
	if conn != nil {
		conn.in.Store(next)
		next.enter(attachMessage{conn: conn, how: wire.Navigate, join: wire.Options{Params: next.params}})
	}
	next.mu.Unlock()
	in.mu.Unlock()
	stopping := r.closing
	r.mu.Unlock()
	in.finish("the browser was navigated to another page")
	if conn == nil || conn.gone.Load() {
		next.detach(conn) // nobody else will
	}
	if stopping {
		why = whyStopping
	}
	if why != "" {
		next.end(why)
	}
}

// forgetDepartures takes pages that a browser has left off the list. The caller holds r.mu.
func (r *registry) forgetDepartures(in *instance, left []departure) {
	for _, d := range left {
		if d.id != in.page.id && r.instances[d.id] == in {
			delete(r.instances, d.id)
		}
	}
}

// here notes that the browser shows the page of a visit.
func (in *instance) here(c *connection, visit string) {
	in.mu.Lock()
	deaf := in.deaf
	in.mu.Unlock()
	if !deaf {
		return // said before: without the lock of all pages
	}
	r := &in.app.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.conn == c && visit == strconv.Itoa(in.visits) {
		in.arrive()
	}
}

// arrive notes that the browser shows the page: events that come now were made on it. It may not have heard of the
// page's path. The caller holds r.mu and mu.
func (in *instance) arrive() {
	in.app.registry.forgetDepartures(in, in.left)
	in.deaf = false
	in.left = slices.DeleteFunc(in.left, func(d departure) bool { return d.id != in.page.id })
}

// movedTo returns where the page is now that a browser knows at a route's path; nil when it is there, or never was.
func (r *registry) movedTo(id uuid.UUID, rt *route, path string) *url.URL {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.instances[id]
	if in == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if !slices.ContainsFunc(in.left, func(d departure) bool { return d.id == id && d.route == rt && d.path == path }) {
		return nil
	}
	return in.request.URL
}
