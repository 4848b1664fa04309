package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Limits of the server that [App.Serve] runs.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 20 * time.Second
)

// detach lets an instance wait for its browser to come back.
func (in *instance) detach(c *connection) {
	r := &in.app.registry
	r.mu.Lock()
	in.mu.Lock()
	var out []*instance
	if in.conn == c && !in.ended {
		in.conn, in.heard = nil, c != nil && c.heard.Load()
		in.frames = nil // they are kept
		in.until = time.Now().Add(in.app.options.Grace)
		out = r.evict(r.detached.add(in, in.keptBytes+in.size))
		in.arm()
	}
	if in.room != nil {
		in.room.Broadcast()
	}
	in.mu.Unlock()
	r.mu.Unlock()
	for _, old := range out {
		old.end(whyCrowded)
	}
}

// end asks an instance to end; its runner does it before anything else.
func (in *instance) end(why string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.endSoon(why)
}

// endSoon makes ending the next thing that happens. The caller holds mu.
func (in *instance) endSoon(why string) {
	if in.ending || in.ended {
		return
	}
	in.ending = true
	in.mailbox = append([]message{endMessage{why}}, in.mailbox...)
	if !in.scheduled {
		in.start()
	}
}

// finish ends the instance, as its owner: no message is handled afterwards, and Unmount has been called once.
func (in *instance) finish(why string) {
	r := &in.app.registry
	r.mu.Lock()
	in.mu.Lock()
	if in.ended {
		in.mu.Unlock()
		r.mu.Unlock()
		return
	}
	in.ended = true
	r.leave(in)
	if r.instances[in.page.id] == in {
		delete(r.instances, in.page.id)
	}
	r.forgetDepartures(in, in.left)
	in.conn, in.mailbox, in.single[0], in.frames, in.kept = nil, nil, nil, nil, nil
	if in.timer != nil {
		in.timer.Stop()
	}
	for t := range in.timers {
		t.stop()
	}
	subs := slices.Collect(maps.Keys(in.subs))
	if in.room != nil {
		in.room.Broadcast()
	}
	in.mu.Unlock()
	r.mu.Unlock()
	for _, sub := range subs {
		in.app.topics.end(sub)
	}
	if u, ok := in.view.(Unmounter); ok && in.mounted {
		if _, crash := in.guard(func() error { u.Unmount(in.ctx); return nil }); crash != nil {
			in.log().Error("panic in Unmount", "err", crash, "stack", string(crash.(*panicked).stack))
		}
	}
	in.endRecording(why)
	in.cancel()
	in.drop()
	if st := in.stashed; st != nil && st.handle != nil {
		st.handle.Close()
	}
	in.log().Debug("instance ended", "why", why)
}

// arm sets the timer to what the instance has to do next. The caller holds mu.
func (in *instance) arm() {
	var next time.Time
	switch o := &in.app.options; {
	case in.ended:
		return
	case in.conn == nil:
		next = in.until
	default:
		next = time.Unix(0, in.conn.seen.Load()).Add(o.Silence)
		if idle := in.active.Add(o.IdleAfter); in.awake && idle.Before(next) {
			next = idle
		}
	}
	if !in.proof.IsZero() && in.proof.Before(next) {
		next = in.proof
	}
	if next.IsZero() || !in.due.IsZero() && !next.Before(in.due) {
		return
	}
	in.due = next
	if in.timer == nil {
		in.timer = time.AfterFunc(time.Until(next), in.expire)
	} else {
		in.timer.Reset(time.Until(next))
	}
}

// expire does what is due.
func (in *instance) expire() {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := time.Now()
	in.due = time.Time{}
	switch o := &in.app.options; {
	case in.ended:
		return
	case !in.proof.IsZero() && !now.Before(in.proof):
		in.proof = time.Time{}
		in.push(proofMessage{})
		return
	case in.conn == nil:
		if !now.Before(in.until) {
			in.endSoon(whyLate)
			return
		}
	case now.Sub(time.Unix(0, in.conn.seen.Load())) >= o.Silence:
		in.conn.transport.drop() // its reader detaches
		return
	case in.awake && now.Sub(in.active) >= o.IdleAfter:
		if len(in.kept) == 0 && !in.lost && !in.scheduled && !in.writing {
			was := in.active
			in.push(tickMessage{})
			in.active = was
			return
		}
		in.active = now // busy, or not confirmed yet: look again later
	}
	in.arm()
}

// tick drops the tree of an idle instance whose patches are confirmed, and lets the browser know the tag of what it
// shows, so that it can say so should this process end.
func (in *instance) tick() (send bool) {
	in.mu.Lock()
	quiet := len(in.kept) == 0 && !in.lost && !in.pending && in.conn != nil
	if quiet {
		in.awake = false
	}
	in.mu.Unlock()
	if !quiet || in.dirty || in.tree == nil {
		return false
	}
	in.forget()
	if in.hasTag {
		in.out.Tag = formatTag(in.tag)
	}
	return true
}

// Shutdown stops the app: it refuses new instances, closes every socket so that browsers come back, elsewhere or
// later, ends every instance, and waits until all that is done or ctx ends. [App.Serve] calls it.
func (a *App) Shutdown(ctx context.Context) error {
	r := &a.registry
	r.mu.Lock()
	r.closing = true
	var closing []*connection
	for c := range r.conns {
		closing = append(closing, c)
	}
	var ending []*instance
	for _, in := range r.instances {
		ending = append(ending, in)
	}
	r.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range closing {
		wg.Go(func() { c.transport.close(wire.CloseGoingAway, "the server is stopping") })
	}
	for _, in := range ending {
		in.end(whyStopping)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
		r.sockets.Wait()
		r.runners.Wait()
		a.topics.stop()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, c := range closing {
			c.transport.drop()
		}
		return ctx.Err()
	}
}
