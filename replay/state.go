package replay

import (
	"maps"
	"slices"
	"strings"
)

// state is what both sides remember of the entries since the last keyframe: the values that the next ones are written as
// steps from.
type state struct {
	parts    map[string]*part // by path
	payloads map[payloadSlot][]byte
	patch    []byte
	title    string
	bytes    int // of the fields
}

// part is a view's fields, in the order in which they first came.
type part struct {
	names  []string
	values map[string][]byte
}

type payloadSlot struct {
	kind CauseKind
	name string
}

// What is remembered of payloads and patches. Longer ones are written whole each time.
const (
	maxPayloadSlots = 64
	maxRemembered   = 64 << 10
)

func newState() state {
	return state{parts: map[string]*part{}, payloads: map[payloadSlot][]byte{}}
}

// part returns the fields at a path, made if need be.
func (s *state) part(path string) *part {
	p := s.parts[path]
	if p == nil {
		p = &part{values: map[string][]byte{}}
		s.parts[path] = p
	}
	return p
}

// set replaces a field's value; nil removes it. The state keeps what it is given.
func (s *state) set(p *part, name string, value []byte) {
	old, ok := p.values[name]
	s.bytes += len(value) - len(old)
	switch {
	case value == nil && ok:
		delete(p.values, name)
		p.names = slices.DeleteFunc(p.names, func(n string) bool { return n == name })
	case value != nil:
		if !ok {
			p.names = append(p.names, name)
		}
		p.values[name] = value
	}
}

// drop forgets a child.
func (s *state) drop(path string) {
	if p := s.parts[path]; p != nil {
		for _, v := range p.values {
			s.bytes -= len(v)
		}
		delete(s.parts, path)
	}
}

// forget is a keyframe's beginning: nothing before it counts.
func (s *state) forget(fieldsToo bool) {
	clear(s.payloads)
	s.patch, s.title = nil, ""
	if fieldsToo {
		clear(s.parts)
		s.bytes = 0
	}
}

// rememberPayload keeps a payload for the next of its name, if it may be kept.
func (s *state) rememberPayload(slot payloadSlot, payload []byte) {
	if _, ok := s.payloads[slot]; len(payload) > maxRemembered || !ok && len(s.payloads) >= maxPayloadSlots {
		delete(s.payloads, slot)
		return
	}
	s.payloads[slot] = payload
}

func (s *state) rememberPatch(patch []byte) {
	if s.patch = nil; len(patch) <= maxRemembered {
		s.patch = patch
	}
}

// all returns the fields of all views, ordered by path. The values are the state's own.
func (s *state) all() []Part {
	parts := make([]Part, 0, len(s.parts))
	for _, path := range slices.SortedFunc(maps.Keys(s.parts), strings.Compare) {
		p := s.parts[path]
		fields := make([]Field, len(p.names))
		for i, name := range p.names {
			fields[i] = Field{name, p.values[name]}
		}
		parts = append(parts, Part{Path: path, Fields: fields})
	}
	return parts
}
