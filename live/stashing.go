package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// stashed is an instance's side of its stash, of a view with stored fields. It belongs to the runner.
type stashed struct {
	handle  StashHandle               // nil: what is stored cannot be read, and nothing is written
	slots   []slot                    // one per stored field of the page's view, and then of its children
	rest    map[StoredKey]StoredValue // what is stored for children that may appear
	later   []StoredValue
	written uint64 // the newest write handed over
	saved   uint64 // writes up to this one are durable
	owed    bool   // what was recovered is not durable yet
	trouble bool
	warned  bool  // the user has read that changes are lost, as the stash cannot be read
	refused bool  // the stash has refused a write, which is to be tried again
	err     error // it takes no more of this instance
	told    wire.Save
	gate    *gate // of the event that is being handled, if it is gated
}

// untold means that no browser has been told how the page is stored.
const untold = wire.Save(255)

// slot is what is known of one stored field.
type slot struct {
	child    *child // whose field it is; nil: the page's
	f        *stored
	initial  []byte  // of a child: the encoding of its default
	seen     uint64  // of a child: the field's fingerprint when it was last looked at
	adopted  uint64  // hash of the encoding last recovered, pushed or written: what equals it is not written
	next     uint64  // of the encoding that is being handed over
	revision uint64  // of the stored value last adopted
	write    uint64  // the newest write of the key; durable from stashed.saved on
	update   *update // see Update
	from     uint8   // under which of its names the value was found
	unsaved  bool    // the field was changed, and is not handed over yet
	broken   bool    // its value cannot be encoded
	gone     bool    // nobody holds the child any more: it is forgotten once its last change is handed over
	foreign  bool    // what is stored has the form of an older version: an Update must not run on it
}

func (st *stashed) unsaved() bool {
	return slices.ContainsFunc(st.slots, func(s slot) bool { return s.unsaved })
}

// writable reports whether changes of stored fields are written at all.
func (in *instance) writable() bool {
	return in.stashed != nil && in.stashed.handle != nil && !in.defaults && in.stashed.err == nil
}

// flush proves that what is unsaved renders, and stashes it.
func (in *instance) flush() error {
	if !in.writable() || !in.stashed.unsaved() {
		return nil
	}
	if err := in.prove(); err != nil {
		return err
	}
	in.stash()
	return nil
}

// prove renders the view and throws the result away: what cannot be rendered is not stashed.
func (in *instance) prove() error {
	if in.family != nil {
		return in.proveChildren()
	}
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	bench.sink.b = bench.frame[:0]
	err := in.typ.render(in.view, in.env, &bench.sink)
	bench.frame = bench.sink.b
	return err
}

// stash hands over what changed since it was last done, and tells the user when it is not taken.
func (in *instance) stash() {
	if err := in.handOver(); err != nil {
		in.log().Error("stash", "err", err)
		in.showError(0, in.saveText(err))
	}
}

// saveText is what the user reads of changes that were not stored.
func (in *instance) saveText(err error) string {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Text
	}
	text := "Your changes could not be saved."
	if in.app.options.Dev {
		text += " " + err.Error()
	}
	return text
}

// handOver gives the stash what is unsaved. After an error it is tried again, later.
func (in *instance) handOver() error {
	if !in.writable() || !in.stashed.unsaved() {
		return nil
	}
	in.mu.Lock()
	in.proof = time.Time{}
	in.mu.Unlock()
	ops, err := in.operations()
	if len(ops) > 0 {
		n, refused := in.stashed.handle.Write(ops)
		if refused != nil {
			return errors.Join(err, in.refuse(refused))
		}
		in.handedOver(ops, n)
	}
	in.stashed.refused = false
	in.hearLater()
	return err
}

// refuse notes that the stash has not taken something. When the instance has lost its stash for good, that is not shown
// but acted upon.
func (in *instance) refuse(err error) error {
	if errors.Is(err, ErrSessionEnded) || errors.Is(err, ErrSuperseded) {
		in.stashed.err = err
		in.notify()
		return nil
	}
	in.stashed.refused = true
	return err
}

// operations are the writes of what is unsaved. The error names the keys whose values cannot be encoded.
func (in *instance) operations() (ops []StashOp, err error) {
	st := in.stashed
	var broken []string
	var errs []error
	for i := range st.slots {
		s, f := &st.slots[i], st.slots[i].f
		if !s.unsaved {
			continue
		}
		if f.Scope == ScopePage && in.attach == 0 {
			s.unsaved, s.update = false, nil // of a plain form: nobody will have this page
			continue
		}
		raw, err := in.encodeSlot(s)
		if err != nil {
			s.unsaved, s.broken, s.update = false, true, nil
			broken, errs = append(broken, f.Name), append(errs, err)
			continue
		}
		hash := assigns.Hash(raw)
		if hash == s.adopted {
			s.unsaved, s.update = false, nil
			continue
		}
		s.next = hash
		op := StashOp{StoredKey: f.StoredKey, Version: in.typ.storedVersion, Put: json.RawMessage(raw)}
		// What is stored under the key is another value if the field's was found under a former name.
		if u := s.update; u != nil && !u.assigned && !s.foreign && s.from == 0 {
			op.Put, op.Update = nil, u.steps
		}
		ops = append(ops, op)
	}
	if len(errs) > 0 {
		err = &Error{fmt.Sprintf("This could not be saved: %s.", strings.Join(broken, ", ")), errors.Join(errs...)}
	}
	return ops, err
}

// handedOver notes that the stash has taken operations as its n-th write.
func (in *instance) handedOver(ops []StashOp, n uint64) {
	st := in.stashed
	st.written = n
	for i := range st.slots {
		s, f := &st.slots[i], st.slots[i].f
		if slices.ContainsFunc(ops, func(op StashOp) bool { return op.StoredKey == f.StoredKey }) {
			s.adopted, s.write = s.next, n
			s.unsaved, s.update, s.from, s.foreign = false, nil, 0, false
			if s.child != nil {
				st.remember(s)
			}
		}
	}
	st.slots = slices.DeleteFunc(st.slots, func(s slot) bool { return s.gone && !s.unsaved })
	in.take() // a stash in this process has it already
}

// take asks the stash what is new. Values wait until no method of the view runs.
func (in *instance) take() {
	st := in.stashed
	news := st.handle.Take()
	st.saved, st.owed, st.trouble = max(st.saved, news.Saved), news.Owed, news.Trouble
	if news.Err != nil {
		st.err = news.Err
	}
	for _, v := range news.Values {
		st.later = slices.DeleteFunc(st.later, func(o StoredValue) bool { return o.StoredKey == v.StoredKey })
		st.later = append(st.later, v)
	}
}

// hearLater sees to what take has brought while something else was going on.
func (in *instance) hearLater() {
	if in.stashed.err != nil || len(in.stashed.later) > 0 {
		in.notify()
	}
}

// save is how the page is stored.
func (in *instance) save() wire.Save {
	st := in.stashed
	owes := st.owed || st.saved < st.written || st.unsaved()
	switch {
	case st.handle == nil:
		return wire.Unavailable
	case in.defaults, st.refused, owes && st.trouble, slices.ContainsFunc(st.slots, func(s slot) bool { return s.broken }):
		return wire.Unsaved
	case owes:
		return wire.Saving
	}
	return wire.Saved
}

// tellSave puts the saved mark into the next frame, if it has changed.
func (in *instance) tellSave() {
	if in.saveChanged() {
		in.stashed.told = in.save()
		told := in.stashed.told
		in.out.Save = &told
		if in.rec != nil {
			in.rec.Saved(told.String())
		}
	}
}

func (in *instance) saveChanged() bool { return in.stashed != nil && in.save() != in.stashed.told }
