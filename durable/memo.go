package durable

import (
	"slices"
	"time"
)

// memo is what is remembered of a document that has left memory, with what was written since.
type memo struct {
	values     []memoValue
	size, idle int // as by the document's methods
}

type memoValue struct {
	ref   ref
	bytes int
}

// find returns the index of a value; -1 if there is none.
func (m *memo) find(r ref) int {
	return slices.IndexFunc(m.values, func(v memoValue) bool { return v.ref == r })
}

func newMemo(d *document, now time.Time, draftTTL time.Duration) *memo {
	n := 0
	d.each(func(ref, *value) { n++ })
	m := &memo{values: make([]memoValue, 0, n), size: d.size(), idle: d.idle(now, draftTTL)}
	d.each(func(r ref, v *value) { m.values = append(m.values, memoValue{r, len(v.raw)}) })
	return m
}

// take adds what is written while the document is not in memory.
func (m *memo) take(entries []entry) {
	if m == nil {
		return
	}
	for i := range entries {
		e := &entries[i]
		if e.kind > update {
			continue // it takes nothing
		}
		n := len(e.raw)
		if i := m.find(e.ref); i >= 0 {
			if e.kind == update {
				n = max(n, m.values[i].bytes)
			}
			m.size += n - m.values[i].bytes
			m.values[i].bytes = n
		} else {
			m.size += valueCost(e.ref, n)
			m.values = append(m.values, memoValue{e.ref, n})
		}
	}
}

// bytes returns the length of a value, as far as it is known here. The lock is held.
func (s *session) bytes(r ref) (n int, ok bool) {
	if s.shown != nil {
		v := s.shown.get(r)
		if v == nil {
			return 0, false
		}
		return len(v.raw), true
	}
	if s.memo != nil {
		if i := s.memo.find(r); i >= 0 {
			return s.memo.values[i].bytes, true
		}
	}
	return 0, false
}
