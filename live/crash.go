package live

import (
	"errors"
	"time"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// crashWindow is the time within which a second panic mounts the view with its defaults.
const crashWindow = time.Minute

// What the user reads when a page had to be mounted afresh.
const (
	crashText   = "Something went wrong. The page was started afresh."
	ungatedText = "That could not be saved. The page shows what is stored."
)

// crash ends an instance whose view panicked or cannot be rendered, and mounts the page afresh over the same socket. A
// second crash within a minute mounts its defaults: the stored values, which are left alone, may be what it cannot bear.
// When the defaults crash without an event, mounting once more would not help.
func (in *instance) crash(err error) {
	var p *panicked
	stack := ""
	if errors.As(err, &p) {
		stack = string(p.stack)
	}
	in.log().Error("instance crashed", "err", err, "stack", stack)
	in.crashedBy = RecordedEnd{Reason: EndPanic, Err: err, Stack: stack}
	now := time.Now()
	again := !in.crashed.IsZero() && now.Sub(in.crashed) < crashWindow
	hopeless := again && in.defaults && in.answered == in.since
	in.crashed = now
	in.afresh(mountOptions{samePage: true, defaults: again}, crashText, hopeless)
}

// retreat mounts the page afresh with what is stored, as the changes of a gated event are not.
func (in *instance) retreat(err error) {
	if errors.Is(err, ErrSessionEnded) || errors.Is(err, ErrSuperseded) {
		in.sendAway(err)
		return
	}
	in.log().Error("a gated event was not stored", "err", err)
	text := ungatedText
	if own, ok := errors.AsType[*Error](err); ok {
		text += " " + own.Text
	}
	in.afresh(mountOptions{samePage: true}, text, false)
}

// afresh ends an instance and mounts its page over the same socket.
func (in *instance) afresh(o mountOptions, text string, hopeless bool) {
	in.mu.Lock()
	conn := in.conn
	in.mu.Unlock()
	in.finish("the page is mounted afresh")
	if conn == nil {
		return
	}
	if hopeless {
		go conn.transport.close(wire.CloseFailed, "the page could not be mounted again")
		return
	}
	known := in.session
	known.new = false // by now it may have stored something
	o.referer = in.referer
	next, err := in.app.mount(in.route, in.request, known, in.page, o)
	if errors.Is(err, ErrSessionEnded) {
		go conn.transport.close(wire.CloseBadToken, "the browser session has ended: load the page again")
		return
	}
	if err != nil {
		in.log().Error("mount afresh", "err", err)
		go conn.transport.close(wire.CloseFailed, "the page could not be mounted again")
		return
	}
	next.params, next.reconnects, next.attach, next.crashed = in.params, in.reconnects, in.attach, in.crashed
	next.visits, next.arrival, next.viewport = in.visits, in.arrival, in.viewport
	next.showError(0, text)
	in.mu.Lock()
	how := wire.Mount
	if in.deaf {
		how = wire.Navigate // the browser may still show the page before
	}
	in.mu.Unlock()
	if how == wire.Mount && len(in.out.URL) > 0 {
		next.out.URL, next.out.Token, next.urgent = in.out.URL, in.out.Token, true // no frame has carried them
	}
	in.app.registry.add(next, attachMessage{conn: conn, how: how, join: wire.Options{Params: in.params}, at: in.shown}, in)
}
