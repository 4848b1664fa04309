package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"

	"github.com/livelong-dev/livelong/live/internal/assigns"
)

// unavailableText is what the user reads on a page whose stored values cannot be read.
const unavailableText = "What you saved before cannot be read at the moment. Changes on this page are not saved; load it again later."

// lostText is what the user reads who changes something on such a page.
const lostText = "That is not saved: what you saved before cannot be read at the moment. Load this page again later."

// recover joins the stash and sets the view's stored fields. The page's own are recovered only when the same page comes
// back. The error is [ErrSessionEnded]; what else goes wrong is in the Recovery.
func (in *instance) recover(samePage bool) (Recovery, error) {
	if !in.typ.stores(nil) {
		return Recovery{Status: Fresh}, nil
	}
	st := &stashed{slots: make([]slot, len(in.typ.stored)), told: untold}
	in.stashed = st
	for i := range st.slots {
		st.slots[i].f = &in.typ.stored[i]
		st.slots[i].adopted = in.hashSlot(&st.slots[i])
	}
	ctx, cancel := context.WithTimeout(in.ctx, in.app.options.AttachTimeout)
	defer cancel()
	handle, err := in.app.stash.Attach(ctx, Attachment{
		Session: in.app.stashSession(in.session), View: in.typ.storedName, Page: in.page.id.String(), Back: samePage, Notify: in.notify,
	})
	if errors.Is(err, ErrSessionEnded) {
		return Recovery{}, ErrSessionEnded
	}
	if err != nil {
		// What is stored must not be overwritten by what starts from defaults.
		in.log().Error("stored fields cannot be read", "err", err)
		in.socket.Flash("error", unavailableText)
		return Recovery{Status: Failed}, nil
	}
	st.handle = handle
	in.take()
	if errors.Is(st.err, ErrSessionEnded) {
		return Recovery{}, ErrSessionEnded
	}
	if in.defaults {
		st.keepShared()
		return Recovery{Status: Failed}, nil
	}
	values := st.later
	st.later = nil
	if !samePage {
		values = slices.DeleteFunc(values, func(v StoredValue) bool { return v.Scope == ScopePage })
	}
	values = in.setAside(values)
	if len(values) == 0 && len(st.rest) == 0 {
		if in.session.new {
			return Recovery{Status: Fresh}, nil
		}
		return Recovery{Status: NotFound}, nil
	}
	readable, lost := in.migrate(values)
	found := Recovery{Status: NotFound, Lost: lost}
	if len(st.rest) > 0 {
		found.Status = Recovered // by the children, once they are shown
	}
	for i := range st.slots {
		r, ok := newest(st.slots[i].f, readable)
		if !ok {
			continue
		}
		a, err := in.decode(i, r)
		if err != nil {
			in.log().Warn("a stored field cannot be read", "key", r.Name, "err", err)
			found.Lost = append(found.Lost, r.Name)
			continue
		}
		in.adopt(a)
		found.Status = Recovered
	}
	if found.Status == NotFound && len(found.Lost) > 0 {
		found.Status = Failed
	}
	return found, nil
}

// stashSession names a browser session to the stash.
func (a *App) stashSession(s session) StashSession {
	named := StashSession{IDs: a.storageIDs(s), New: s.new}
	for _, old := range s.from {
		if old.how != CarryState {
			break
		}
		named.From = append(named.From, a.storageIDs(session{id: old.id})...)
	}
	return named
}

// reading is a stored value in the form of the view's present version.
type reading struct {
	StoredValue
	migrated bool // its stored form is an older one, which an Update cannot take
}

// migrate returns values in the form of the view's version, and the keys of those that could not be brought into it.
func (in *instance) migrate(values []StoredValue) (readable map[StoredKey]reading, lost []string) {
	readable = map[StoredKey]reading{}
	older := map[int][]StoredValue{}
	migrator, able := in.view.(StoredMigrator)
	for _, v := range values {
		// The version of a shared value is that of whichever view wrote it.
		if able && v.Scope != ScopeShared && v.Raw != nil && v.Version < in.typ.storedVersion {
			older[v.Version] = append(older[v.Version], v)
		}
	}
	for _, version := range slices.Sorted(maps.Keys(older)) {
		raw, revisions, newest := map[string]json.RawMessage{}, map[string]uint64{}, uint64(0)
		given, stored := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		for _, v := range older[version] {
			if v.Revision >= revisions[v.Name] {
				raw[v.Name], revisions[v.Name] = slices.Clone(v.Raw), v.Revision
				given[v.Name], stored[v.Name] = raw[v.Name], v.Raw
			}
			newest = max(newest, v.Revision)
		}
		keys := slices.Sorted(maps.Keys(raw))
		err, crash := in.guard(func() error { return migrator.MigrateStored(version, raw) })
		if err = errors.Join(err, crash); err != nil {
			in.log().Error("stored fields cannot be migrated", "from", version, "to", in.typ.storedVersion, "keys", keys, "err", err)
			lost = append(lost, keys...)
			for i := range in.typ.stored {
				s := &in.stashed.slots[i]
				s.foreign = s.foreign || slices.ContainsFunc(keys, func(name string) bool { return name == in.typ.stored[i].Name })
			}
			continue
		}
		// What a migration makes is as new as what it makes it of: the values that it removes or changes.
		made := uint64(0)
		for name := range given {
			if !untouched(raw[name], given[name], stored[name]) {
				made = max(made, revisions[name])
			}
		}
		if made == 0 {
			made = newest
		}
		for i := range in.typ.stored {
			for _, name := range in.typ.stored[i].names {
				if value, ok := raw[name]; ok && value != nil {
					key := StoredKey{in.typ.stored[i].Scope, name}
					revision, kept := revisions[name]
					if !kept {
						revision = made
					}
					readable[key] = reading{StoredValue{key, value, version, revision}, !untouched(value, given[name], stored[name])}
				}
			}
		}
	}
	for _, v := range values {
		if !able || v.Scope == ScopeShared || v.Raw == nil || v.Version >= in.typ.storedVersion {
			if old, ok := readable[v.StoredKey]; !ok || v.Revision >= old.Revision {
				readable[v.StoredKey] = reading{v, false}
			}
		}
	}
	sort.Strings(lost)
	return readable, lost
}

// modern returns the value of a stored field in the form of the view's version, for an [Update] that finds what an older
// build has written meanwhile; nil when that cannot be told of this value alone. Any goroutine may call it.
func (t *viewType) modern(i int, raw json.RawMessage, version int) (now json.RawMessage) {
	migrator, able := reflect.New(t.typ).Interface().(StoredMigrator)
	f := &t.stored[i]
	if raw == nil || !able || f.Scope == ScopeShared || version >= t.storedVersion {
		return raw
	}
	defer func() {
		if recover() != nil {
			now = nil
		}
	}()
	values := map[string]json.RawMessage{f.Name: slices.Clone(raw)}
	if err := migrator.MigrateStored(version, values); err != nil {
		return nil
	}
	return values[f.Name]
}

// untouched reports whether a migration has left a value where it was and as it was, rather than made it anew: it means the
// same in both versions then, whatever it is.
func untouched(value, given, stored json.RawMessage) bool {
	return len(given) > 0 && len(value) == len(given) && &value[0] == &given[0] && string(value) == string(stored)
}

// newest returns the value for a stored field: of those under its key and the names it had before, the last written.
func newest(f *stored, readable map[StoredKey]reading) (best reading, ok bool) {
	for _, name := range f.names {
		if r, found := readable[StoredKey{f.Scope, name}]; found && r.Raw != nil && (!ok || r.Revision > best.Revision) {
			best, ok = r, true
		}
	}
	return best, ok
}

// adoption is a stored value that has become a Go value.
type adoption struct {
	slot     int
	value    reflect.Value
	hash     uint64
	revision uint64
	name     string
	foreign  bool
	removed  bool // nothing is stored any more: the value is the default
}

// decode makes the Go value of a stored one. A type's own methods may panic on what they do not know.
func (in *instance) decode(i int, r reading) (a adoption, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	s := &in.stashed.slots[i]
	f := &in.typeAt(s.child).assigns.Fields()[s.f.field]
	v, err := f.DecodeJSON(r.Raw)
	if err != nil {
		return a, err
	}
	// Encoded again, so that another order of keys or another number format is no other value.
	raw, err := f.AppendJSON(nil, v)
	return adoption{i, v, assigns.Hash(raw), r.Revision, r.Name, r.migrated, false}, err
}

// adopt sets a stored field to what is stored.
func (in *instance) adopt(a adoption) {
	s := &in.stashed.slots[a.slot]
	field := in.slotField(s)
	before := copyHolder(field)
	field.Set(a.value)
	if cf := in.typeAt(s.child).children[s.f.field]; cf != nil {
		cf.keep(before, field)
	}
	s.adopted, s.broken = a.hash, false
	s.note(a.revision, s.f.index(a.name), a.foreign)
	if s.child != nil {
		s.seen = in.markSlot(s)
		if a.removed {
			delete(in.stashed.rest, s.f.StoredKey)
		} else {
			in.stashed.remember(s)
		}
	}
}
