package durable

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// batch is what one write of the document adds to it. Once it was sent, it never changes: it may have landed.
type batch struct {
	seq       uint64
	entries   []entry
	acks      map[*handle]uint64 // the newest write of each handle in it
	gated     bool               // written alone, and seen by nobody before it is durable
	abandoned bool               // its waiter has gone: it is not sent again
	urgent    bool               // it does not wait for CommitEvery
	sent      bool
	left      bool // given up when the store was closed
	ending    bool // it makes the session a tombstone
	since     time.Time
	cost      int
	done      chan struct{} // closed when it is durable or refused
	err       error         // why it was refused
}

type kind uint8

const (
	put kind = iota
	remove
	update
	reset  // all keys of the view and the page
	attach // raises the page's epoch
	touch  // only renews what expires
)

// entry is one change to the document.
type entry struct {
	h       *handle // nil: of nobody
	kind    kind
	ref     ref
	raw     json.RawMessage
	version int
	update  []live.UpdateFunc
	cost    int
}

// entryCost is what an entry counts beside its key and value.
const entryCost = 64

// valueCost is the bytes of a value in a document, no less.
func valueCost(r ref, raw int) int { return len(r.key) + raw + 56 }

// run computes the new value of an update from the present one; nil: there is none.
func (e *entry) run(old *value) (raw json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	version := e.version
	if old != nil {
		raw, version = old.raw, old.version
	}
	for _, f := range e.update {
		if raw, err = f(raw, version); err != nil {
			return nil, err
		}
		version = e.version
	}
	if !json.Valid(raw) {
		return nil, fmt.Errorf("the new value is not JSON")
	}
	return raw, nil
}

// add appends entries. Those of the same handle that they make pointless are left out: a field that is typed into for
// as long as the bucket is away waits as one value. What a reset makes pointless stays: once it is durable, the instance
// is told of its keys.
func (b *batch) add(entries []entry) {
	for _, e := range entries {
		if e.kind == put || e.kind == remove {
			kept := b.entries[:0]
			for _, old := range b.entries {
				if old.h == e.h && old.h != nil && old.kind <= update && old.ref == e.ref {
					b.cost -= old.cost
				} else {
					kept = append(kept, old)
				}
			}
			b.entries = kept
		}
		b.entries = append(b.entries, e)
		b.cost += e.cost
	}
}

// withdrawn reports whether the entry is of a mount that was given up: it must not replace the one that was done instead.
// If it was sent before, it may have landed.
func (e *entry) withdrawn() bool { return e.kind == attach && e.h.closed }

// apply makes the entry's change in d. A failing update leaves its key as it is; the error says so.
func (e *entry) apply(d *document) error {
	switch e.kind {
	case put, update:
		old := d.get(e.ref)
		v := &value{raw: e.raw, revision: d.revision, version: e.version}
		if old != nil {
			v.extra = old.extra
		}
		if e.kind == update {
			var err error
			if v.raw, err = e.run(old); err != nil {
				return fmt.Errorf("key %s: update: %w", e.ref.key, err)
			}
		}
		d.set(e.ref, v)
	case remove:
		d.set(e.ref, nil)
	case reset:
		d.reset(e.h.view, e.h.page)
	case attach:
		d.page(e.h.page).epoch++
	}
	return nil
}
