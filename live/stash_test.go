package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/livelong-dev/livelong/live"
)

// stash is a Stash that does what a test tells it. It keeps one value per key, for all sessions, views and pages.
type stash struct {
	mu       sync.Mutex
	values   map[live.StoredKey]live.StoredValue
	revision uint64
	attached []live.Attachment
	handles  []*stashHandle
	saved    []string // what was written and committed, as N=1, and N+=2 for an Update that gives 2
	closed   int

	unread error // of Attach
	refuse error // of Write and Commit
	broken bool  // the next Write panics
	slow   bool  // nothing becomes durable before settle
	stuck  bool  // nor does Attach return before its context ends
}

type stashHandle struct {
	s     *stash
	a     live.Attachment
	news  live.StashNews
	n     uint64
	keys  []live.StoredKey // written, and not durable
	woken *sync.Cond
}

func (s *stash) put(version int, values ...string) *stash {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(values); i += 2 {
		s.set(live.StoredKey{Name: values[i]}, version, json.RawMessage(values[i+1]))
	}
	return s
}

func (s *stash) set(key live.StoredKey, version int, raw json.RawMessage) live.StoredValue {
	s.revision++
	v := live.StoredValue{StoredKey: key, Raw: raw, Version: version, Revision: s.revision}
	if s.values == nil {
		s.values = map[live.StoredKey]live.StoredValue{}
	}
	if s.values[key] = v; raw == nil {
		delete(s.values, key)
	}
	return v
}

func (s *stash) Attach(ctx context.Context, a live.Attachment) (live.StashHandle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attached = append(s.attached, a)
	if s.stuck {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if s.unread != nil {
		return nil, s.unread
	}
	h := &stashHandle{s: s, a: a, woken: sync.NewCond(&s.mu)}
	for _, v := range s.values {
		h.news.Values = append(h.news.Values, v)
	}
	s.handles = append(s.handles, h)
	return h, nil
}

func (s *stash) End(context.Context, live.StashSession) error { return nil }

// push lets the newest handle hear a value that another node has written.
func (s *stash) push(version int, name, raw string) {
	s.tell(func(news *live.StashNews) {
		var value json.RawMessage
		if raw != "" {
			value = json.RawMessage(raw)
		}
		news.Values = append(news.Values, s.set(live.StoredKey{Name: name}, version, value))
	})
}

// tell lets the newest handle hear something.
func (s *stash) tell(f func(*live.StashNews)) {
	s.mu.Lock()
	h := s.handles[len(s.handles)-1]
	f(&h.news)
	h.woken.Broadcast()
	s.mu.Unlock()
	h.a.Notify()
}

// settle makes all that was written durable.
func (s *stash) settle() {
	s.tell(func(*live.StashNews) { s.handles[len(s.handles)-1].settle() })
}

func (h *stashHandle) settle() {
	for _, key := range h.keys {
		v, ok := h.s.values[key]
		if !ok {
			v.StoredKey = key
		}
		h.news.Values = append(h.news.Values, v)
	}
	h.news.Saved, h.keys = h.n, nil
}

func (h *stashHandle) Take() live.StashNews {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	news := h.news
	h.news.Values = nil
	return news
}

func (h *stashHandle) Write(ops []live.StashOp) (uint64, error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.s.broken {
		h.s.broken = false
		panic("stash")
	}
	if h.s.refuse != nil {
		return 0, h.s.refuse
	}
	for _, op := range ops {
		h.apply(op)
	}
	h.n++
	if !h.s.slow {
		h.settle()
	}
	return h.n, nil
}

func (h *stashHandle) apply(op live.StashOp) {
	if op.Reset {
		h.s.saved = append(h.s.saved, "reset")
		for key := range h.s.values {
			h.keys = append(h.keys, key)
		}
		clear(h.s.values)
		return
	}
	raw, how := op.Put, "="
	if len(op.Update) > 0 {
		present := h.s.values[op.StoredKey]
		version := present.Version
		raw, how = present.Raw, "+="
		for _, f := range op.Update {
			var err error
			if raw, err = f(raw, version); err != nil {
				panic(err)
			}
			version = op.Version
		}
	}
	h.s.set(op.StoredKey, op.Version, raw)
	h.keys = append(h.keys, op.StoredKey)
	h.s.saved = append(h.s.saved, op.Name+how+string(raw))
}

func (h *stashHandle) Commit(ctx context.Context, ops []live.StashOp) (uint64, error) {
	n, err := h.Write(ops)
	if err == nil {
		err = h.Flush(ctx)
	}
	return n, err
}

func (h *stashHandle) Flush(ctx context.Context) error {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	defer context.AfterFunc(ctx, func() { h.woken.L.Lock(); defer h.woken.L.Unlock(); h.woken.Broadcast() })()
	for h.news.Saved < h.n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.woken.Wait()
	}
	return nil
}

func (h *stashHandle) Close() {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	h.s.closed++
}

// all returns what was written.
func (s *stash) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.saved)
}
