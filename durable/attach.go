package durable

import (
	"context"
	"fmt"

	"github.com/livelong-dev/livelong/live"
)

// attach joins an instance to the session.
func (s *session) attach(ctx context.Context, a live.Attachment) (*handle, error) {
	h := &handle{s: s, view: a.View, page: a.Page, notify: a.Notify}
	ctx, cancel := context.WithTimeout(ctx, s.store.options.ReadTimeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins++
	defer func() { s.pins-- }()
	if len(s.from) == 0 {
		s.from = a.Session.From
	}
	if !(a.Session.New && s.version == "" && s.doc != nil && s.err == nil && !s.gate()) {
		w := &waiter{need: s.looks + 1, done: make(chan error, 1)}
		s.waiters = append(s.waiters, w)
		s.kick()
		if err := s.wait(ctx, w); err != nil {
			return nil, err
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	if s.shown == nil {
		return nil, s.unusable() // since it was read, in a blink
	}
	h.epoch = s.shown.epoch(h.page)
	if a.Back {
		if err := s.raise(ctx, h); err != nil {
			return nil, err
		}
	}
	h.initial()
	s.handles[h] = struct{}{}
	if s.shown.epoch(h.page) > h.epoch {
		h.fail(live.ErrSuperseded) // mounted twice in one batch, and this one was the first
	}
	s.listen()
	s.renew()
	s.kick()
	return h, nil
}

// wait waits for the document. The lock is held, and released meanwhile.
func (s *session) wait(ctx context.Context, w *waiter) error {
	s.mu.Unlock()
	var err error
	select {
	case err = <-w.done:
		s.mu.Lock()
		return err
	case <-ctx.Done():
		s.mu.Lock()
	}
	for i := range s.waiters {
		if s.waiters[i] == w {
			s.waiters = append(s.waiters[:i:i], s.waiters[i+1:]...)
			return fmt.Errorf("its document cannot be read in time: %w", context.Cause(ctx))
		}
	}
	return <-w.done
}

// raise makes h the page's only instance that writes: durably, before the page is shown. The lock is held, and released
// meanwhile.
func (s *session) raise(ctx context.Context, h *handle) error {
	b := s.open()
	b.urgent = true
	b.add([]entry{{h: h, kind: attach}})
	s.kick()
	s.mu.Unlock()
	select {
	case <-b.done:
	case <-ctx.Done():
	}
	s.mu.Lock()
	var err error
	select {
	case <-b.done:
		err = b.err
	default:
		h.closed = true // see entry.withdrawn
		err = fmt.Errorf("its document cannot be written in time: %w", context.Cause(ctx))
	}
	if err == nil && s.shown == nil {
		err = s.unusable()
	}
	return err
}

// unusable says why there is no document, though somebody waited for it. The lock is held.
func (s *session) unusable() error {
	if s.broken != nil {
		return s.broken
	}
	return ErrClosed
}

// end makes the session a tombstone.
func (s *session) end(ctx context.Context) error {
	s.mu.Lock()
	if s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	b := s.append(&batch{ending: true, urgent: true})
	s.kick()
	s.mu.Unlock()
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnknown, context.Cause(ctx))
	}
}
