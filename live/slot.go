package live

import (
	"reflect"
	"slices"

	"github.com/livelong-dev/livelong/live/internal/assigns"
)

// stores reports whether the view, or a child that it may hold, has stored fields.
func (t *viewType) stores(seen []*viewType) bool {
	if len(t.stored) > 0 {
		return true
	}
	if slices.Contains(seen, t) {
		return false
	}
	for _, cf := range t.children {
		if cf.typ.stores(append(seen, t)) {
			return true
		}
	}
	return false
}

// holder returns the struct that a slot's field is part of.
func (in *instance) holder(s *slot) reflect.Value {
	if s.child != nil {
		return s.child.value
	}
	return in.value
}

func (in *instance) slotField(s *slot) reflect.Value {
	return in.holder(s).FieldByIndex(in.typeAt(s.child).assigns.Fields()[s.f.field].Index)
}

// slotName is what a slot's field is called where others are told that it has changed.
func (in *instance) slotName(s *slot) string {
	if s.child != nil {
		return s.f.Name
	}
	return in.typ.assigns.Fields()[s.f.field].Name
}

func (in *instance) encodeSlot(s *slot) ([]byte, error) {
	return in.typeAt(s.child).assigns.EncodeField(nil, in.holder(s), s.f.field)
}

// markSlot is the fingerprint of a slot's field as it is, and seenSlot as it was when it was last looked at.
func (in *instance) markSlot(s *slot) uint64 {
	return in.typeAt(s.child).assigns.MarkField(in.holder(s), s.f.field)
}

// lookedAt is the fingerprint of a child's slot after a scan. Where a child holds others its own mark says only which.
func (in *instance) lookedAt(s *slot) uint64 {
	if s.child.typ.children[s.f.field] != nil {
		return in.markSlot(s)
	}
	return s.child.marks[s.f.field]
}

func (in *instance) seenSlot(s *slot) uint64 {
	if s.child != nil {
		return s.seen
	}
	return in.marks[s.f.field]
}

// hashSlot returns the hash of the encoding of a slot's field; 0 when it cannot be encoded.
func (in *instance) hashSlot(s *slot) uint64 {
	raw, err := in.encodeSlot(s)
	if err != nil {
		return 0
	}
	return assigns.Hash(raw)
}

// setAside keeps the values that belong to no field that is known yet for the children that may appear, and returns the
// others.
func (in *instance) setAside(values []StoredValue) (known []StoredValue) {
	if in.family == nil && len(in.typ.children) == 0 {
		return values
	}
	st := in.stashed
	for _, v := range values {
		if slices.ContainsFunc(st.slots, func(s slot) bool { return s.f.Scope == v.Scope && s.f.index(v.Name) >= 0 }) {
			known = append(known, v)
			continue
		}
		if st.rest == nil {
			st.rest = map[StoredKey]StoredValue{}
		}
		st.rest[v.StoredKey] = v
	}
	return known
}

// remember keeps what a child has stored: it may go, and another one appear under its key.
func (st *stashed) remember(s *slot) {
	raw, err := s.child.typ.assigns.EncodeField(nil, s.child.value, s.f.field)
	if err != nil {
		return
	}
	if st.rest == nil {
		st.rest = map[StoredKey]StoredValue{}
	}
	st.rest[s.f.StoredKey] = StoredValue{StoredKey: s.f.StoredKey, Raw: raw, Revision: s.revision}
}

// appear gives a child that is shown for the first time what is stored for it. It reports whether that changed a field.
func (in *instance) appear(c *child) (changed bool) {
	st := in.stashed
	if st == nil || len(c.typ.stored) == 0 {
		return false
	}
	in.leave(func(other *child) bool { return other == c || other.id == c.id })
	for i := range c.typ.stored {
		own := &c.typ.stored[i]
		f := &stored{field: own.field, StoredKey: StoredKey{Scope: own.Scope, Name: c.id + "." + own.Name}}
		for _, name := range own.names {
			f.names = append(f.names, c.id+"."+name)
		}
		s := slot{child: c, f: f, seen: c.typ.assigns.MarkField(c.value, own.field)}
		s.initial, _ = in.encodeSlot(&s)
		s.adopted = assigns.Hash(s.initial)
		st.slots = append(st.slots, s)
		if in.defaults {
			continue
		}
		readable := map[StoredKey]reading{}
		for _, name := range f.names {
			if v, ok := st.rest[StoredKey{f.Scope, name}]; ok {
				readable[v.StoredKey] = reading{StoredValue: v}
			}
		}
		r, ok := newest(f, readable)
		if !ok {
			continue
		}
		a, err := in.decode(len(st.slots)-1, r)
		if err != nil {
			in.log().Warn("a stored field of a child cannot be read", "key", r.Name, "err", err)
			in.recovery.Lost = append(in.recovery.Lost, r.Name)
			continue
		}
		changed = changed || a.hash != s.adopted
		in.adopt(a)
	}
	if changed {
		in.family.lookInto(c) // it may hold other children now, which its template is about to show
		in.noteRecorded([]int{c.field})
	}
	return changed
}

// leave forgets the slots of children, but for those that are kept until they are stored.
func (in *instance) leave(gone func(*child) bool) {
	in.orphans = true
	if st := in.stashed; st != nil {
		st.slots = slices.DeleteFunc(st.slots, func(s slot) bool { return s.child != nil && !s.gone && gone(s.child) })
	}
}

// lose is leave for children that nobody holds any more. What they have changed last is still to be stored: for the next one
// under their key.
func (in *instance) lose(gone func(*child) bool) {
	if st := in.stashed; st != nil {
		for i := range st.slots {
			s := &st.slots[i]
			if s.child == nil || s.gone || !gone(s.child) {
				continue
			}
			if now := in.markSlot(s); now != s.seen {
				s.child.marks[s.f.field], s.seen, s.unsaved = now, now, true
			}
			if s.gone = s.unsaved; s.gone {
				st.remember(s)
			}
		}
	}
	in.leave(gone)
}
