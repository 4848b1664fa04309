package diff

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// region is what is known of a tree that is grafted into many: it is parsed once, and compared once with each of those that
// stood in its place before.
type region struct {
	id  uint64
	sum uint64 // of its HTML: its nodes are hashed under another key than those around

	mu    sync.Mutex
	known [4]comparison
	next  int
}

// comparison is what turns one region into another.
type comparison struct {
	from     uint64 // the region before
	items    []byte
	count    int
	order    bool
	ops      int
	inserted uint32
	inserts  bool
}

var regions atomic.Uint64

func newRegion(markup []byte) *region {
	sum := sha256.Sum256(markup)
	return &region{id: regions.Add(1), sum: binary.LittleEndian.Uint64(sum[:])}
}

// NewRegion parses HTML that many pages show. Its tree may be grafted into theirs, whatever their keys, and be used by many
// goroutines. All regions that stand in one place, one after the other, need the same key. Old, when not nil, is the one
// before: it only saves time.
func NewRegion(markup []byte, old *Tree, key *Key) (*Tree, error) {
	t := old.Like()
	if err := new(Parser).Parse(t, markup, old, key); err != nil {
		return nil, err
	}
	t.RightSize()
	t.region = newRegion(markup)
	return t, nil
}

// regions writes the items for two regions, which are made once.
func (d *Differ) regions(old, new *Tree) (items int, order bool) {
	r := new.region
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.known {
		if c := &r.known[i]; c.from == old.region.id && !(c.inserts && d.inserts) {
			d.buf = append(d.buf, c.items...)
			d.ops += c.ops
			if c.inserts {
				d.inserted, d.inserts = c.inserted, true
			}
			return c.count, c.order
		}
	}
	start, ops, inserted := len(d.buf), d.ops, d.inserts
	items, order = d.plainly(old, new)
	if !inserted { // else the shape is also that of what came before
		r.known[r.next] = comparison{old.region.id, append([]byte(nil), d.buf[start:]...), items, order, d.ops - ops, d.inserted, d.inserts}
		r.next = (r.next + 1) % len(r.known)
	}
	return items, order
}
