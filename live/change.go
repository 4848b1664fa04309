package live

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// update is what [Update] has done to a stored field since that was last handed to the stash.
type update struct {
	base     json.RawMessage // the field before
	steps    []UpdateFunc
	mark     uint64 // the field's fingerprint after the last step
	assigned bool   // it was also changed in other ways: only the final value says what was meant
}

// maxSteps bounds what is remembered of a field that cannot be handed over; with more, its final value is written.
const maxSteps = 256

// Update changes a field by a function of its present value. The page shows the result at once; for a stored field f
// runs again where another tab or node has changed the value meanwhile, so that a counter counted in two tabs at once
// loses nothing. f must be pure: it may run several times, on any goroutine.
//
// A field that is also assigned in the same turn is stored with its final value. On a field that is not stored, and on
// a part of a stored one, Update is an assignment. It panics when field points neither into the view nor into one of its
// children.
func Update[T any](s *Socket, field *T, f func(T) T) {
	in := s.in
	p := reflect.ValueOf(field)
	if !in.owns(p) {
		panic(fmt.Sprintf("live.Update: the %T is no field of %v", field, in.typ.typ))
	}
	i, ok := in.storedAt(p)
	if !ok {
		*field = f(*field)
		return
	}
	u := in.updating(i)
	*field = f(*field)
	slot := &in.stashed.slots[i]
	at := &in.typeAt(slot.child).assigns.Fields()[slot.f.field]
	base, typ := u.base, in.typ
	u.steps = append(u.steps, func(raw json.RawMessage, version int) (json.RawMessage, error) {
		var v T
		if i < len(typ.stored) {
			raw = typ.modern(i, raw, version)
		}
		if raw == nil || json.Unmarshal(raw, &v) != nil {
			// Nothing is stored, or what nobody can read and this write replaces.
			var fresh T
			if err := json.Unmarshal(base, &fresh); err != nil {
				return nil, err
			}
			v = fresh
		}
		v = f(v)
		return at.AppendJSON(nil, reflect.ValueOf(&v).Elem())
	})
	u.mark = in.markSlot(slot)
}

// owns reports whether p points into the view, or into one of its children, which may have been made in this very turn.
func (in *instance) owns(p reflect.Value) bool {
	return within(p, in.value) || in.family != nil && (in.family.at(p) != nil || in.anyChild(func(c reflect.Value) bool { return within(p, c.Elem()) }))
}

// within reports whether p points into the struct v.
func within(p, v reflect.Value) bool {
	start, at := v.Addr().Pointer(), p.Pointer()
	return at >= start && at+p.Type().Elem().Size() <= start+v.Type().Size()
}

// storedAt returns the stored field that p points to, the whole of it.
func (in *instance) storedAt(p reflect.Value) (i int, ok bool) {
	if !in.writable() {
		return 0, false
	}
	for i := range in.stashed.slots {
		f := in.slotField(&in.stashed.slots[i])
		if f.Addr().Pointer() == p.Pointer() && f.Type() == p.Type().Elem() {
			return i, true
		}
	}
	return 0, false
}

// updating returns what is known of a stored field's updates, before the next one.
func (in *instance) updating(i int) *update {
	s := &in.stashed.slots[i]
	now := in.markSlot(s)
	if s.update == nil {
		base, err := in.encodeSlot(s)
		if err != nil {
			base = json.RawMessage("null") // neither could the result be stored
		}
		s.update = &update{base: base, mark: now, assigned: s.unsaved || now != in.seenSlot(s)}
	}
	u := s.update
	if u.assigned = u.assigned || now != u.mark || len(u.steps) >= maxSteps; u.assigned {
		u.steps = u.steps[:0]
	}
	return u
}

// scanFields appends the fields that differ from those last seen to changed.
func (in *instance) scanFields(changed []int) []int {
	f := in.family
	if f == nil {
		return in.typ.assigns.Update(in.marks, in.value, changed)
	}
	if c := in.only; c != nil && !f.twice { // what is held twice has changed in two fields
		own, anything := f.scanChild(c)
		if own && c.id == "" {
			in.stale = true
		}
		if anything {
			changed = append(changed, c.field)
		}
		if in.app.report == nil {
			return changed
		}
		n := len(changed)
		var fields []int
		if fields, own = f.scan(nil); own || len(fields) > 0 {
			in.app.report(fmt.Errorf("a handler of the child %s (%s) changed something outside of it: let it Emit a message to the view whose that is", c.id, c.typ.name))
			changed, in.stale = append(changed[:n], fields...), in.stale || own
		}
		return changed
	}
	changed, own := f.scan(changed)
	in.stale = in.stale || own
	return changed
}

// note marks the fields that differ from those last seen, and reports whether any does.
func (in *instance) note() bool {
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	bench.marks = in.scanFields(bench.marks[:0])
	in.noteRecorded(bench.marks)
	if st := in.stashed; st != nil {
		for i := range st.slots {
			s := &st.slots[i]
			changed := s.child == nil && slices.Contains(bench.marks, s.f.field)
			if s.child != nil {
				seen := in.lookedAt(s)
				s.seen, changed = seen, seen != s.seen
			}
			if changed {
				s.unsaved, s.broken = true, false
			}
			switch {
			case s.update == nil:
			case !s.unsaved:
				s.update = nil // it has changed nothing
			case s.update.mark != in.seenSlot(s):
				s.update.assigned = true
			}
		}
	}
	return len(bench.marks) > 0
}

// changed notes what a turn has changed, and stashes it once its rendering is proved.
func (in *instance) changed() {
	if !in.note() {
		return
	}
	in.dirty = true
	if st := in.stashed; st != nil && st.handle == nil && st.unsaved() && !st.warned {
		st.warned = true
		in.showError(0, lostText)
	}
	if in.writable() && in.stashed.unsaved() && in.mustProve() {
		if err := in.flush(); err != nil {
			in.crash(err)
		}
	}
}

// proveAfter is how long a changed field may wait for the writer before it is rendered only to prove that it can be.
const proveAfter = time.Second

// mustProve reports whether no merged rendering will prove the change soon; otherwise it sees to it that it is proved
// in time all the same.
func (in *instance) mustProve() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.conn == nil || in.writing && in.pending && time.Since(in.busySince) > proveAfter {
		return true
	}
	if in.proof.IsZero() {
		in.proof = time.Now().Add(proveAfter)
	}
	return false
}
