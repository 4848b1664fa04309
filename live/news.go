package live

import (
	"errors"
	"reflect"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// newsMessage asks the stash what is new. At most one waits.
type newsMessage struct{}

// notify is the [Attachment.Notify] of an instance. It passes the bound of the mailbox, of which it takes one place.
func (in *instance) notify() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.ended && !in.notified {
		in.notified = true
		in.push(newsMessage{})
	}
}

// hear takes over what others have stored, between two turns, and reports whether something is to be sent.
func (in *instance) hear() (send bool) {
	in.mu.Lock()
	in.notified = false
	in.mu.Unlock()
	st := in.stashed
	in.take()
	if st.err != nil {
		in.sendAway(st.err)
		return false
	}
	if in.defaults {
		st.keepShared()
		return in.saveChanged()
	}
	found, err := in.adoptable()
	if err != nil {
		in.log().Error("stored fields were reset, and there are no defaults", "err", err)
	}
	if len(found) > 0 {
		err, crash := in.guard(func() error { return in.adoptAll(found) })
		if crash != nil {
			in.crash(crash)
			return false
		}
		if err != nil && !errors.Is(err, ErrHalt) {
			in.fail(0, err)
		}
		if !in.conclude() {
			return false
		}
	}
	if st.refused {
		// The user knows already.
		if err := in.prove(); err != nil {
			in.crash(err)
			return false
		}
		if err := in.handOver(); err != nil {
			in.log().Warn("stash", "err", err)
		}
	}
	return in.dirty || in.resync || in.urgent || in.saveChanged()
}

// adoptable returns the values that differ from the view's. A key with a local write under way keeps its value: what
// becomes of that comes with its acknowledgement.
func (in *instance) adoptable() ([]adoption, error) {
	st := in.stashed
	values := in.setAside(st.later)
	st.later = nil
	readable, _ := in.migrate(values)
	var found []adoption
	var fresh reflect.Value
	for i := range st.slots {
		s, f := &st.slots[i], st.slots[i].f
		for _, v := range values {
			if s.unsaved && v.Scope == f.Scope && f.index(v.Name) >= 0 {
				st.later = append(st.later, v) // until it is handed over
			}
		}
		if s.unsaved || s.write > st.saved {
			continue
		}
		r, ok := newest(f, readable)
		if !ok {
			gone, removed := readable[StoredKey{f.Scope, f.names[s.from]}]
			if !removed || gone.Raw != nil {
				continue
			}
			if s.child == nil && !fresh.IsValid() {
				v, err := in.fresh()
				if err != nil {
					return found, err
				}
				fresh = v
			}
			a := in.asDefault(i, fresh)
			a.revision = gone.Revision
			if s.revision = a.revision; a.hash != s.adopted {
				found = append(found, a)
			}
			continue
		}
		if r.Revision < s.revision {
			continue
		}
		if !r.migrated && assigns.Hash(r.Raw) == s.adopted {
			s.note(r.Revision, f.index(r.Name), false)
			continue
		}
		a, err := in.decode(i, r)
		switch {
		case err != nil:
			in.log().Warn("a stored field was changed elsewhere to what cannot be read", "key", r.Name, "err", err)
		case a.hash == s.adopted:
			s.note(r.Revision, f.index(r.Name), r.migrated)
		default:
			found = append(found, a)
		}
	}
	return found, nil
}

// note remembers under which of its names and from when the value is that a field has already.
func (s *slot) note(revision uint64, from int, foreign bool) {
	s.revision, s.from, s.foreign = revision, uint8(from), foreign
}

// adoptAll sets fields to what others have stored, and lets the view know.
func (in *instance) adoptAll(found []adoption) error {
	in.wake() // what the page shows was made of the old values
	in.beginTurn(TurnStored, "", nil)
	var names []string
	for _, a := range found {
		in.adopt(a)
		names = append(names, in.slotName(&in.stashed.slots[a.slot]))
	}
	bench := workbenches.Get().(*workbench)
	bench.marks = in.scanFields(bench.marks[:0])
	in.noteRecorded(bench.marks)
	if in.rec != nil {
		in.rec.turn.Keys = names
	}
	workbenches.Put(bench)
	in.dirty = true
	if w, ok := in.view.(StoredWatcher); ok {
		return w.StoredChanged(in.ctx, &in.socket, names)
	}
	return nil
}

// fresh returns a view as the route's factory makes it.
func (in *instance) fresh() (reflect.Value, error) {
	var v any
	err, crash := in.guard(func() (err error) {
		v, err = in.route.factory(in.request)
		return err
	})
	if err = errors.Join(err, crash); err != nil {
		return reflect.Value{}, err
	}
	return reflect.ValueOf(v).Elem(), nil
}

// asDefault is the value that a stored field has in a fresh view.
func (in *instance) asDefault(i int, fresh reflect.Value) adoption {
	s := &in.stashed.slots[i]
	f := s.f
	field := &in.typeAt(s.child).assigns.Fields()[f.field]
	var v reflect.Value
	if s.child == nil {
		v = fresh.FieldByIndex(field.Index)
	} else if first, err := field.DecodeJSON(s.initial); err == nil {
		v = first
	} else {
		v = reflect.Zero(field.Type)
	}
	a := adoption{slot: i, value: v, name: f.Name, removed: true}
	if raw, err := field.AppendJSON(nil, v); err == nil {
		a.hash = assigns.Hash(raw)
	}
	return a
}

// keepShared forgets what is new but for shared values, which a reset brings back.
func (st *stashed) keepShared() {
	kept := st.later[:0]
	for _, v := range st.later {
		if v.Scope == ScopeShared {
			kept = append(kept, v)
		}
	}
	st.later = kept
}

// sendAway ends an instance that has lost its stash for good. A browser whose session is over loads the page again; one
// whose page was mounted elsewhere is shown that.
func (in *instance) sendAway(why error) {
	in.log().Info("the instance may write no more", "err", why)
	in.mu.Lock()
	conn := in.conn
	in.mu.Unlock()
	in.finish(why.Error())
	if conn == nil {
		return
	}
	if errors.Is(why, ErrSessionEnded) {
		go conn.transport.close(wire.CloseBadToken, "the browser session has ended: load the page again")
		return
	}
	go conn.transport.close(wire.CloseReplaced, "the page was mounted again elsewhere")
}
