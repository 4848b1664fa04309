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
	id    uint64
	sum   uint64 // of its HTML: its nodes are hashed under another key than those around
	inner namespace
	key   Key

	mu      sync.Mutex
	known   [4]comparison
	next    int
	foreign map[namespace]*Tree // the same HTML, where it stands in a drawing or a formula
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
// goroutines. All regions that stand in one place, one after the other, need the same key. After a *[SyntaxError] the tree has
// no nodes: whether the HTML is well formed where it stands, [Graft.FitRegion] says. Old, when not nil, is the region before: it
// only saves time.
func NewRegion(markup []byte, old *Tree, key *Key) (*Tree, error) {
	return parseRegion(markup, old, key, nsHTML)
}

func parseRegion(markup []byte, old *Tree, key *Key, inner namespace) (*Tree, error) {
	t := &Tree{}
	if old != nil {
		t.Nodes = make([]Node, 0, len(old.Nodes)+len(old.Nodes)/16)
	}
	err := new(Parser).parse(t, markup, old, key, inner)
	t.RightSize()
	t.region = newRegion(markup)
	t.region.inner, t.region.key = inner, *key
	return t, err
}

// FitRegion makes a graft that is a region fit its host in outer, which has been parsed: in an svg element the same HTML means
// another tree. Any other graft is left as it is.
func (g *Graft) FitRegion(outer *Tree) error {
	r := g.Tree.region
	if r == nil {
		return nil
	}
	host := outer.host(g.At)
	if host == 0 {
		return hidden(g)
	}
	inner := outer.Nodes[host].inner()
	if inner == r.inner && len(g.Tree.Nodes) > 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.foreign[inner]; t != nil {
		g.Tree = t
		return nil
	}
	t, err := parseRegion(g.Tree.HTML, nil, &r.key, inner)
	if err != nil {
		return err
	}
	if r.foreign == nil {
		r.foreign = map[namespace]*Tree{}
	}
	r.foreign[inner] = t
	g.Tree = t
	return nil
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
