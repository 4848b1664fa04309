package live

import (
	"bytes"
	"container/list"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// memory is the stash of an app that has none: stored fields live in this process, bounded, the least recently used
// places forgotten first. What it takes it has, so it acknowledges at once.
type memory struct {
	mu       sync.Mutex
	limit    int // bytes
	size     int
	revision uint64
	sessions map[string]*memorySession
	order    *list.List // of *memoryPlace, most recently used first
}

// memorySession is there while anything is stored in it or attached to it.
type memorySession struct {
	id      string
	places  map[memoryKey]*memoryPlace
	handles map[*memoryHandle]struct{}
	ended   bool // it holds one empty place, which is how its end is remembered
}

// memoryKey says whose values a place holds: a view's in the session, a page's, or (empty) those shared by all views.
type memoryKey struct{ view, page string }

type memoryPlace struct {
	memoryKey
	session *memorySession
	values  map[string]StoredValue
	size    int
	element *list.Element
}

const (
	memoryLimit = 64 << 20
	placeSize   = 400 // about what an empty one costs
)

func newMemory(limit int) *memory {
	return &memory{limit: limit, sessions: map[string]*memorySession{}, order: list.New()}
}

// Attach implements [Stash].
func (m *memory) Attach(_ context.Context, a Attachment) (StashHandle, error) {
	var notify notifications
	defer notify.send()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range a.Session.IDs {
		if s := m.sessions[id]; s != nil && s.ended {
			return nil, ErrSessionEnded
		}
	}
	s := m.session(a.Session.IDs[0])
	for _, id := range a.Session.IDs[1:] {
		if old := m.sessions[id]; old != nil {
			m.move(old, s)
			for h := range old.handles {
				h.session = s
				s.handles[h] = struct{}{}
			}
			clear(old.handles)
			m.forget(old)
		}
	}
	for _, id := range a.Session.From {
		if old := m.sessions[id]; old != nil && !old.ended && len(s.places) == 0 {
			m.move(old, s)
		}
		m.end(id, &notify)
	}
	if a.Back {
		for old := range s.handles {
			if old.page == a.Page {
				old.err = ErrSuperseded
				notify.add(old)
			}
		}
	}
	h := &memoryHandle{memory: m, session: s, view: a.View, page: a.Page, notify: a.Notify, first: true}
	s.handles[h] = struct{}{}
	for _, p := range s.places {
		if h.sees(p.memoryKey) {
			m.order.MoveToFront(p.element)
		}
	}
	return h, nil
}

// End implements [Stash].
func (m *memory) End(_ context.Context, s StashSession) error {
	var notify notifications
	defer notify.send()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range slices.Concat(s.IDs, s.From) {
		m.end(id, &notify)
	}
	return nil
}

func (m *memory) session(id string) *memorySession {
	s := m.sessions[id]
	if s == nil {
		s = &memorySession{id: id, places: map[memoryKey]*memoryPlace{}, handles: map[*memoryHandle]struct{}{}}
		m.sessions[id] = s
	}
	return s
}

// move gives a session what lies under another id; where both have something, the newer id's stays.
func (m *memory) move(from, to *memorySession) {
	for key, p := range from.places {
		if to.places[key] != nil {
			m.drop(p)
			continue
		}
		delete(from.places, key)
		p.session, to.places[key] = to, p
	}
}

// end forgets a session's values, and remembers for as long as there is room that it is over.
func (m *memory) end(id string, notify *notifications) {
	s := m.session(id)
	for _, p := range s.places {
		m.drop(p)
	}
	s.ended = true
	m.sessions[id] = s // dropping its last place may have forgotten it
	m.place(s, memoryKey{})
	for h := range s.handles {
		h.err = ErrSessionEnded
		notify.add(h)
	}
	m.shrink()
}

// place returns where values lie, and makes it if need be.
func (m *memory) place(s *memorySession, key memoryKey) *memoryPlace {
	p := s.places[key]
	if p == nil {
		p = &memoryPlace{memoryKey: key, session: s, values: map[string]StoredValue{}}
		p.element = m.order.PushFront(p)
		s.places[key] = p
		p.grow(m, placeSize+len(key.view)+len(key.page))
	}
	m.order.MoveToFront(p.element)
	return p
}

func (p *memoryPlace) grow(m *memory, bytes int) { p.size += bytes; m.size += bytes }

func (m *memory) drop(p *memoryPlace) {
	m.order.Remove(p.element)
	m.size -= p.size
	delete(p.session.places, p.memoryKey)
	m.forget(p.session)
}

// forget leaves nothing of a session that holds nothing.
func (m *memory) forget(s *memorySession) {
	if len(s.places) == 0 && len(s.handles) == 0 && m.sessions[s.id] == s {
		delete(m.sessions, s.id)
	}
}

func (m *memory) shrink() {
	for m.size > m.limit && m.order.Len() > 1 {
		p := m.order.Back().Value.(*memoryPlace)
		for h := range p.session.handles {
			// What is forgotten for want of room is not deleted: pages that show it go on.
			h.changed = slices.DeleteFunc(h.changed, func(key StoredKey) bool { return h.at(key.Scope) == p.memoryKey })
		}
		m.drop(p)
	}
}

// notifications are sent when no lock is held.
type notifications []func()

func (n *notifications) add(h *memoryHandle) { *n = append(*n, h.notify) }

func (n *notifications) send() {
	for _, f := range *n {
		f()
	}
}

// memoryHandle is one instance's. The memory's lock guards it.
type memoryHandle struct {
	*memory
	session    *memorySession
	view, page string
	notify     func()
	first      bool // nothing was taken yet
	changed    []StoredKey
	n          uint64
	err        error
}

// at returns where the values of a scope lie for the handle.
func (h *memoryHandle) at(s StashScope) memoryKey {
	switch s {
	case ScopePage:
		return memoryKey{h.view, h.page}
	case ScopeShared:
		return memoryKey{}
	}
	return memoryKey{view: h.view}
}

func (h *memoryHandle) sees(key memoryKey) bool {
	return key == memoryKey{} || key.view == h.view && (key.page == "" || key.page == h.page)
}

// Take implements [StashHandle].
func (h *memoryHandle) Take() StashNews {
	h.mu.Lock()
	defer h.mu.Unlock()
	news := StashNews{Saved: h.n, Err: h.err}
	if h.first {
		h.first = false
		for _, scope := range []StashScope{ScopeView, ScopePage, ScopeShared} {
			if p := h.session.places[h.at(scope)]; p != nil {
				news.Values = slices.AppendSeq(news.Values, maps.Values(p.values))
			}
		}
	} else {
		for _, key := range h.changed {
			v := StoredValue{StoredKey: key}
			if p := h.session.places[h.at(key.Scope)]; p != nil {
				if stored, ok := p.values[key.Name]; ok {
					v = stored
				}
			}
			news.Values = append(news.Values, v)
		}
	}
	h.changed = nil
	return news
}

// Write implements [StashHandle].
func (h *memoryHandle) Write(ops []StashOp) (uint64, error) {
	var notify notifications
	defer notify.send()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return 0, h.err
	}
	for i := range ops {
		h.apply(&ops[i], &notify)
	}
	h.n++
	notify.add(h)
	h.shrink()
	return h.n, nil
}

// Commit implements [StashHandle]: nothing is ever on its way here.
func (h *memoryHandle) Commit(_ context.Context, ops []StashOp) (uint64, error) { return h.Write(ops) }

func (h *memoryHandle) apply(op *StashOp, notify *notifications) {
	if op.Reset {
		for _, scope := range []StashScope{ScopeView, ScopePage} {
			if p := h.session.places[h.at(scope)]; p != nil {
				for name := range p.values {
					h.tell(p.memoryKey, StoredKey{scope, name}, notify)
				}
				h.memory.drop(p)
			}
		}
		return
	}
	p := h.place(h.session, h.at(op.Scope))
	old, there := p.values[op.Name]
	raw := op.Put
	if len(op.Update) > 0 {
		var err error
		if raw, err = updated(old, op); err != nil {
			raw = old.Raw // the operation is left out
		}
	}
	h.tell(p.memoryKey, op.StoredKey, notify)
	switch {
	case raw == nil && there:
		delete(p.values, op.Name)
		p.grow(h.memory, -len(op.Name)-len(old.Raw))
	case raw == nil, there && old.Version == op.Version && bytes.Equal(raw, old.Raw):
	default:
		h.revision++
		p.values[op.Name] = StoredValue{op.StoredKey, bytes.Clone(raw), op.Version, h.revision}
		p.grow(h.memory, len(raw)-len(old.Raw))
		if !there {
			p.grow(h.memory, len(op.Name))
		}
	}
}

// updated runs an operation's functions on a value.
func updated(old StoredValue, op *StashOp) (raw json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	raw, version := old.Raw, old.Version
	for _, f := range op.Update {
		if raw, err = f(raw, version); err != nil {
			return nil, err
		}
		version = op.Version
	}
	return raw, nil
}

// tell lets all who see a key know that it was written.
func (h *memoryHandle) tell(at memoryKey, key StoredKey, notify *notifications) {
	for other := range h.session.handles {
		if other.sees(at) && !slices.Contains(other.changed, key) {
			other.changed = append(other.changed, key)
			if other != h {
				notify.add(other)
			}
		}
	}
}

// Flush implements [StashHandle].
func (h *memoryHandle) Flush(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Close implements [StashHandle].
func (h *memoryHandle) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = errors.New("the handle is closed")
	}
	delete(h.session.handles, h)
	h.forget(h.session)
}
