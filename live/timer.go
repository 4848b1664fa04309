package live

import "time"

// timer is one of an instance's [Socket.After] and [Socket.Every]. At most one message of it waits in the mailbox, so it needs
// no room there.
type timer struct {
	in      *instance
	child   *child // whose it is; nil: the page's view
	message message
	every   time.Duration // 0: once
	t       *time.Timer

	// Guarded by the instance's mu.
	waiting bool // in the mailbox
	over    bool
}

// timerMessage is a timer's message in a mailbox.
type timerMessage struct{ t *timer }

func (in *instance) startTimer(d, every time.Duration, of *child, message message) (stop func()) {
	t := &timer{in: in, child: of, message: message, every: every}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended {
		return func() {}
	}
	if in.timers == nil {
		in.timers = map[*timer]struct{}{}
	}
	in.timers[t] = struct{}{}
	t.t = time.AfterFunc(d, t.fire)
	return func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		t.stop()
	}
}

// stop makes what still waits in the mailbox be dropped, too. The caller holds the instance's mu.
func (t *timer) stop() {
	delete(t.in.timers, t)
	t.over = true
	t.t.Stop()
}

func (t *timer) fire() {
	in := t.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if t.over {
		return
	}
	if t.every > 0 {
		t.t.Reset(t.every)
	} else {
		delete(in.timers, t)
	}
	m := timerMessage{t}
	if t.waiting || in.app.hushed && fromApp(m) {
		return
	}
	t.waiting = true
	in.push(m)
}

// open returns the timer's message.
func (m timerMessage) open() message {
	m.t.waiting = false
	if m.t.over {
		return nil
	}
	return m.t.message
}
