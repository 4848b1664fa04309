package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/livelong-dev/livelong/live"
)

// handle is an instance's side of its session. Its fields belong to the session's lock.
type handle struct {
	s      *session
	view   string
	page   string
	notify func()

	epoch   uint64 // of its page when it attached; what a newer instance of the page raised it to refuses this one
	n       uint64 // its newest write
	saved   uint64 // its newest durable write
	given   *batch // the newest of what it was given that is not durable; nil: all is
	news    map[ref]struct{}
	told    bool  // notified, and Take not called since
	trouble bool  // what Take said last
	missed  []ref // written and refused since the newest durable write: the instance has to hear what is stored instead
	err     error
	closed  bool
}

var _ live.StashHandle = (*handle)(nil)

// concerns reports whether the instance may hold the value.
func (h *handle) concerns(r ref) bool {
	if r.page != "" {
		return r.page == h.page
	}
	return r.view == "" || r.view == h.view
}

func (h *handle) ref(k live.StoredKey) ref {
	switch k.Scope {
	case live.ScopePage:
		return ref{page: h.page, key: k.Name}
	case live.ScopeShared:
		return ref{key: k.Name}
	}
	return ref{view: h.view, key: k.Name}
}

func (h *handle) key(r ref) live.StoredKey {
	switch {
	case r.page != "":
		return live.StoredKey{Scope: live.ScopePage, Name: r.key}
	case r.view != "":
		return live.StoredKey{Scope: live.ScopeView, Name: r.key}
	}
	return live.StoredKey{Scope: live.ScopeShared, Name: r.key}
}

// changed makes Take return a value again. The session's lock is held.
func (h *handle) changed(r ref) {
	if h.news == nil {
		h.news = map[ref]struct{}{}
	}
	h.news[r] = struct{}{}
	h.tell()
}

// tell lets the instance know that Take has something. The session's lock is held.
func (h *handle) tell() {
	if !h.told && !h.closed {
		h.told = true
		h.notify()
	}
}

// owes reports whether something that the instance shows is not durable. The session's lock is held.
func (h *handle) owes() bool { return h.given != nil || h.saved < h.n }

// fail refuses all further writes. The session's lock is held.
func (h *handle) fail(err error) {
	if h.err == nil {
		h.err = err
		h.tell()
	}
}

// Take implements [live.StashHandle].
func (h *handle) Take() live.StashNews {
	s := h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	h.told = false
	h.trouble = s.trouble && h.owes()
	news := live.StashNews{Saved: h.saved, Owed: h.given != nil, Trouble: h.trouble, Err: h.err}
	if s.shown == nil {
		return news // they are told once the document is in memory again
	}
	for r := range h.news {
		v := live.StoredValue{StoredKey: h.key(r)}
		if c := s.shown.get(r); c != nil {
			v.Raw, v.Version, v.Revision = c.raw, c.version, c.revision
		}
		news.Values = append(news.Values, v)
	}
	h.news = nil
	return news
}

// Write implements [live.StashHandle].
func (h *handle) Write(ops []live.StashOp) (uint64, error) {
	s := h.s
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := h.admit(ops)
	if err != nil {
		return 0, h.refused(err)
	}
	b := s.open()
	s.take(b, h, entries)
	s.kick()
	return h.n, nil
}

// Commit implements [live.StashHandle].
func (h *handle) Commit(ctx context.Context, ops []live.StashOp) (uint64, error) {
	s := h.s
	s.mu.Lock()
	entries, err := h.admit(ops)
	if err != nil {
		err = h.refused(err)
		s.mu.Unlock()
		return 0, err
	}
	for _, b := range s.queue {
		b.urgent = true
	}
	b := s.append(&batch{gated: true, urgent: true})
	s.take(b, h, entries)
	n := h.n
	s.kick()
	s.mu.Unlock()
	select {
	case <-b.done:
		return n, b.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-b.done:
		return n, b.err
	default:
	}
	if b.sent {
		// Whether it has landed is found out by the next read; it is not sent again.
		b.abandoned = true
		return 0, fmt.Errorf("%w: %w", ErrUnknown, context.Cause(ctx))
	}
	s.finish(b, context.Cause(ctx))
	s.refresh()
	return 0, fmt.Errorf("not saved: %w", context.Cause(ctx))
}

// refused counts a refusal.
func (h *handle) refused(err error) error {
	h.s.store.metrics.Add(MetricRefused, 1)
	return err
}

// admit turns ops into entries, and refuses what is too much. The session's lock is held.
func (h *handle) admit(ops []live.StashOp) ([]entry, error) {
	s := h.s
	switch {
	case h.err != nil:
		return nil, h.err
	case h.closed:
		return nil, errors.New("the handle is closed")
	case s.broken != nil:
		return nil, s.broken
	}
	entries := make([]entry, 0, len(ops))
	cost, size, before, idle := 0, 0, 0, 0
	o := &s.store.options
	if s.shown != nil {
		before = s.shown.size()
	} else if s.memo != nil {
		before, idle = s.memo.size, s.memo.idle
	}
	size = before
	for _, op := range ops {
		e := entry{h: h, kind: put, ref: h.ref(op.StoredKey), raw: op.Put, version: op.Version, update: op.Update}
		switch {
		case op.Reset:
			e.kind = reset
		case len(op.Update) > 0:
			e.kind = update
		case op.Put == nil:
			e.kind = remove
		case !json.Valid(op.Put):
			return nil, fmt.Errorf("key %s: its value is not JSON", e.ref.key)
		}
		value := len(op.Put)
		if e.kind == update && s.shown != nil {
			raw, err := e.run(s.shown.get(e.ref))
			if err != nil {
				return nil, fmt.Errorf("key %s: update: %w", e.ref.key, err)
			}
			value = len(raw)
		}
		e.cost = entryCost + len(e.ref.key) + value
		cost += e.cost
		if e.kind == put || e.kind == update {
			size += valueCost(e.ref, value)
			if old, ok := s.bytes(e.ref); ok {
				size -= valueCost(e.ref, old)
			}
		}
		entries = append(entries, e)
	}
	if size > o.MaxBytes && s.shown != nil {
		idle = s.shown.idle(o.Clock(), o.DraftTTL)
	}
	switch {
	case size > o.MaxBytes && size > before && size-idle > o.MaxBytes:
		if s.shown == nil {
			s.stale = true // as it is now there may be room: the page is told, and tries again
			s.kick()
		}
		return nil, tooLarge(size, o.MaxBytes)
	case s.pending+cost > o.MaxPending:
		return nil, tooMuchPending(s.pending+cost, o.MaxPending)
	case int(s.store.pending.Load())+cost > o.MaxPendingTotal:
		return nil, tooMuchPending(int(s.store.pending.Load())+cost, o.MaxPendingTotal)
	}
	return entries, nil
}

// Flush implements [live.StashHandle].
func (h *handle) Flush(ctx context.Context) error {
	s := h.s
	s.mu.Lock()
	var last *batch
	for _, b := range s.queue {
		b.urgent = true
		if _, ok := b.acks[h]; ok {
			last = b
		}
	}
	if last == nil {
		defer s.mu.Unlock()
		return h.err
	}
	s.kick()
	s.mu.Unlock()
	select {
	case <-last.done:
		if last.err != nil {
			return last.err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return h.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnknown, context.Cause(ctx))
	}
}

// Close implements [live.StashHandle].
func (h *handle) Close() {
	s := h.s
	s.mu.Lock()
	if h.closed {
		s.mu.Unlock()
		return
	}
	h.closed = true
	delete(s.handles, h)
	for _, b := range s.queue {
		b.urgent = true // nobody will be there to change more
	}
	s.listen()
	s.mu.Unlock()
	s.store.release(s)
}

// owe notes that what the instance is given now may be of any batch that is not durable. The session's lock is held.
func (h *handle) owe() {
	if n := len(h.s.queue); n > 0 {
		h.given = h.s.queue[n-1]
	}
}

// initial makes the first Take return all that is stored for the instance.
func (h *handle) initial() {
	h.owe()
	h.news = map[ref]struct{}{}
	h.s.shown.each(func(r ref, _ *value) {
		if h.concerns(r) {
			h.news[r] = struct{}{}
		}
	})
}
