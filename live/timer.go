package live

import (
	"errors"
	"time"
)

// timer is one of an instance's [Socket.After] and [Socket.Every].
type timer struct {
	in      *instance
	message message
	every   time.Duration // 0: once
	t       *time.Timer
}

func (in *instance) startTimer(d, every time.Duration, message message) (stop func()) {
	t := &timer{in: in, message: message, every: every}
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
		delete(in.timers, t)
		t.stop()
	}
}

func (t *timer) stop() { t.t.Stop() }

func (t *timer) fire() {
	in := t.in
	in.mu.Lock()
	_, running := in.timers[t]
	if running && t.every > 0 {
		t.t.Reset(t.every)
	} else {
		delete(in.timers, t)
	}
	in.mu.Unlock()
	if !running {
		return
	}
	if m, ok := t.message.(recheckMessage); ok {
		in.post1(m) // an instance that has ended needs none
		return
	}
	if err := in.post1(t.message); errors.Is(err, ErrMailboxFull) {
		in.log().Warn("a timer's message was dropped: the mailbox is full", "limit", in.app.options.Mailbox)
	}
}
