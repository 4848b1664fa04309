package durable

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"time"
)

// document is all that is stored of one browser session: one object.
//
// Fields that this build does not know, at every level, are kept as they are, so that two builds can write in turn.
// A document is never changed once it is shared: a write makes a copy.
type document struct {
	generation string // random; another one under the same key is another session
	revision   uint64 // one more with each write
	nonce      string // random with each write: two writes never have equal contents, so versions never repeat
	created    int64  // Unix seconds, like all times here
	written    int64
	expires    int64
	state      state
	to         string // frozen, or moved: the key of the session's new document
	renewed    bool   // the move was a renewal: whoever holds the old id is not forwarded

	shared  *keys
	views   map[string]*keys
	drafts  map[string]*draft
	applied map[string]landed // the newest batches, by incarnation

	extra map[string]json.RawMessage

	bytes int // what size has counted; 0: not yet
}

// state is whether a session is alive.
type state string

const (
	alive  state = ""
	frozen state = "frozen" // being moved to another key; its contents are final
	dead   state = "dead"   // a tombstone
)

// keys are the stored keys of one view type, or those that all views share.
type keys struct {
	values map[string]*value
	extra  map[string]json.RawMessage
	owner  *document // the one that may change values; other documents share them
}

// value is one stored key.
type value struct {
	raw      json.RawMessage
	revision uint64 // of the document, when it was written
	version  int    // of the view type that wrote it
	extra    map[string]json.RawMessage
}

// draft is what one page has stored for itself.
type draft struct {
	keys
	expires int64
	epoch   uint64 // how often the page was mounted again by a join that held its attach secret
}

// landed is the newest batch of one incarnation that is in the document.
type landed struct {
	Seq uint64 `json:"seq"`
	At  int64  `json:"at"`
}

// What is remembered of other incarnations' batches. One that waits out a longer outage could be applied twice.
const (
	maxApplied = 32
	appliedFor = 24 * time.Hour
)

func newDocument(now time.Time) *document {
	return &document{generation: random(), created: now.Unix()}
}

func random() string {
	var b [12]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// next returns a copy that may be changed, as the document's next write. Keys and values are shared until written.
func (d *document) next(now time.Time) *document {
	n := *d
	n.revision++
	n.nonce = random()
	n.written = now.Unix()
	n.views, n.drafts, n.applied = maps.Clone(d.views), maps.Clone(d.drafts), maps.Clone(d.applied)
	return &n
}

// land notes that a batch is in the document.
func (d *document) land(incarnation string, seq uint64, now time.Time) {
	if d.applied == nil {
		d.applied = map[string]landed{}
	}
	d.applied[incarnation] = landed{seq, now.Unix()}
	d.bytes = 0
	for len(d.applied) > 1 {
		oldest := incarnation
		for name, l := range d.applied {
			if at := d.applied[oldest].At; name != incarnation && (oldest == incarnation || l.At < at) {
				oldest = name
			}
		}
		if len(d.applied) <= maxApplied && now.Unix()-d.applied[oldest].At < int64(appliedFor.Seconds()) {
			break
		}
		delete(d.applied, oldest)
	}
}

func (d *document) has(incarnation string, seq uint64) bool { return d.applied[incarnation].Seq >= seq }

// epoch returns a page's attach epoch.
func (d *document) epoch(page string) uint64 {
	if dr := d.drafts[page]; dr != nil {
		return dr.epoch
	}
	return 0
}

// ref names a stored value within a document. Shared values have neither view nor page.
type ref struct{ view, page, key string }

// group returns the keys that r lies among; nil when there are none.
func (d *document) group(r ref) *keys {
	switch {
	case r.page != "":
		if dr := d.drafts[r.page]; dr != nil {
			return &dr.keys
		}
		return nil
	case r.view != "":
		return d.views[r.view]
	}
	return d.shared
}

// get returns a value; nil when there is none.
func (d *document) get(r ref) *value {
	if g := d.group(r); g != nil {
		return g.values[r.key]
	}
	return nil
}

// Bytes that a document, a draft and an incarnation take beside their keys, no less.
const (
	documentCost = 512
	draftCost    = 100
	appliedCost  = 64
)

// size returns about the bytes of the encoded document, rather more than less.
func (d *document) size() int {
	if d.bytes > 0 {
		return d.bytes
	}
	n := documentCost + draftCost*len(d.drafts) + appliedCost*len(d.applied)
	for name := range d.views {
		n += len(name) + draftCost
	}
	for name, raw := range d.extra {
		n += len(name) + len(raw)
	}
	d.each(func(r ref, v *value) { n += valueCost(r, len(v.raw)) })
	d.bytes = n
	return n
}

// set replaces a value, or removes it when v is nil. Only on what next returned.
func (d *document) set(r ref, v *value) {
	g := d.group(r)
	if g == nil && v == nil {
		return
	}
	if g == nil || g.owner != d {
		own := keys{owner: d}
		if g != nil {
			own.values, own.extra = maps.Clone(g.values), g.extra
		}
		if own.values == nil {
			own.values = map[string]*value{}
		}
		g = d.put(r, own)
	}
	if d.bytes > 0 {
		if old := g.values[r.key]; old != nil {
			d.bytes -= valueCost(r, len(old.raw))
		}
		if v != nil {
			d.bytes += valueCost(r, len(v.raw))
		}
	}
	if v == nil {
		delete(g.values, r.key)
	} else {
		g.values[r.key] = v
	}
}

// put replaces the keys that r lies among, and returns where they are now.
func (d *document) put(r ref, k keys) *keys {
	d.bytes = 0
	switch {
	case r.page != "":
		dr := d.page(r.page)
		dr.keys = k
		return &dr.keys
	case r.view != "":
		if d.views == nil {
			d.views = map[string]*keys{}
		}
		d.views[r.view] = &k
	default:
		d.shared = &k
	}
	return d.group(r)
}

// page returns a draft that may be changed. Only on what next returned.
func (d *document) page(id string) *draft {
	if d.drafts == nil {
		d.drafts = map[string]*draft{}
	}
	dr := &draft{}
	if old := d.drafts[id]; old != nil {
		*dr = *old
	}
	d.drafts[id] = dr
	d.bytes = 0
	return dr
}

// reset removes all keys of a view and of a page.
func (d *document) reset(view, page string) {
	d.bytes = 0
	if g := d.views[view]; g != nil {
		d.views[view] = &keys{extra: g.extra}
	}
	if g := d.drafts[page]; g != nil {
		d.page(page).keys = keys{extra: g.keys.extra}
	}
}

// each calls f for all values.
func (d *document) each(f func(ref, *value)) {
	walk := func(view, page string, k *keys) {
		if k == nil {
			return
		}
		for name, v := range k.values {
			f(ref{view, page, name}, v)
		}
	}
	walk("", "", d.shared)
	for view, k := range d.views {
		walk(view, "", k)
	}
	for page, dr := range d.drafts {
		walk("", page, &dr.keys)
	}
}

// drop forgets drafts whose time has passed, and, while the document is larger than limit, those that were not renewed
// for a while: a page that is open renews its draft each tenth of ttl. Only on what next returned.
func (d *document) drop(now time.Time, ttl time.Duration, limit int) {
	d.bytes = 0
	for page, dr := range d.drafts {
		if dr.expires < now.Unix() {
			delete(d.drafts, page)
		}
	}
	for d.size() > limit {
		oldest := d.idleDraft(now, ttl)
		if oldest == "" {
			return
		}
		delete(d.drafts, oldest)
		d.bytes = 0
	}
}

// idleDraft returns the page that was not open for the longest time; empty when all may be.
func (d *document) idleDraft(now time.Time, ttl time.Duration) string {
	oldest, at := "", now.Add(ttl-ttl/5).Unix()
	for page, dr := range d.drafts {
		if dr.expires < at {
			oldest, at = page, dr.expires
		}
	}
	return oldest
}

// idle returns the bytes of the drafts that drop may forget.
func (d *document) idle(now time.Time, ttl time.Duration) int {
	n, at := 0, now.Add(ttl-ttl/5).Unix()
	for _, dr := range d.drafts {
		if dr.expires < at {
			n += draftCost
			for name, v := range dr.values {
				n += valueCost(ref{key: name}, len(v.raw))
			}
		}
	}
	return n
}

// bury returns the tombstone that follows d.
func (d *document) bury(now time.Time) *document {
	n := d.next(now)
	n.state, n.expires = dead, now.Unix()
	n.shared, n.views, n.drafts, n.applied = nil, nil, nil, nil
	return n
}
