package diff

import (
	"bytes"
	"strconv"
)

// Differ holds the scratch of comparing trees. It keeps no reference to a tree between calls and may be pooled, but is
// used by one goroutine at a time. The zero Differ is ready.
type Differ struct {
	old, new *Tree
	on, nn   []Node
	buf      []byte

	ops      int
	inserted uint32
	inserts  bool

	// Stacks, shared by the levels of recursion.
	pairs            []pair
	oldKids, newKids []uint32
	matches          []int32
	next             []int32
	brought          []span
	steps            []step

	index    index
	oldAttrs []attr
	newAttrs []attr
	name     []byte
	refs     references
}

// pair is an old and a new node that stand for each other.
type pair struct {
	child    uint32 // position of new among its siblings
	old, new uint32
}

// Append appends to dst the patch that turns old into new: a JSON array, see PROTOCOL.md of live/internal/wire; "[]"
// when the trees are equal. Both must have been parsed under the same key, and are only read. What is grafted into them is
// compared where it is not the same tree.
func (d *Differ) Append(dst []byte, old, new *Tree) (patch []byte) {
	d.ops, d.inserted, d.inserts = 0, shapeOffset, false
	d.buf = append(dst, '[')
	d.trees(old, new)
	patch = append(d.buf, ']')
	d.buf = nil
	clear(d.oldAttrs[:cap(d.oldAttrs)])
	clear(d.newAttrs[:cap(d.newAttrs)])
	return patch
}

// Inserted returns the shape hash over the nodes the last patch inserts, in the order they stand in it; any tells
// whether there are some.
func (d *Differ) Inserted() (shape uint32, any bool) { return d.inserted, d.inserts }

// Ops returns how many operations the last patch has: texts set, elements whose attributes change, child lists
// reordered.
func (d *Differ) Ops() int { return d.ops }

// separate appends the comma before an item.
func (d *Differ) separate() {
	if d.buf[len(d.buf)-1] != '[' {
		d.buf = append(d.buf, ',')
	}
}

func (d *Differ) number(n int) {
	d.separate()
	d.buf = strconv.AppendInt(d.buf, int64(n), 10)
}

// children writes the items for the children of old node o and new node n, and returns how many, and whether the first
// is an order op.
func (d *Differ) children(o, n uint32) (items int, order bool) {
	base := len(d.pairs)
	c := d.pairUp(o, n)
	if c.any {
		if c.aligned && !d.shifted(&c) {
			items = d.each(base)
		} else {
			d.pairs = d.pairs[:base]
			items, order = d.align(&c)
		}
	}
	d.pairs = d.pairs[:base]
	return items, order
}

// change is what a first look at two child lists has found.
type change struct {
	any      bool
	parent   uint32 // new node
	aligned  bool   // the lists are equally long, and children at the same place can stand for each other
	keyed    bool   // some of those that differ have a key
	unequal  int    // how many differ
	first    int    // the first place with a difference, and the children there
	old, new uint32
	oldEnd   uint32
	newEnd   uint32
}

// pairUp compares children place by place and puts those that differ on d.pairs, up to the first two that cannot stand
// for each other.
func (d *Differ) pairUp(o, n uint32) (c change) {
	on, nn := d.on, d.nn
	c.parent, c.oldEnd, c.newEnd = n, on[o].Next, nn[n].Next
	o++
	n++
	child := 0
	for ; o < c.oldEnd && n < c.newEnd; child++ {
		a, b := &on[o], &nn[n]
		if a.Hash != b.Hash {
			if !c.any {
				c.any, c.first, c.old, c.new = true, child, o, n
			}
			if !d.compatible(a, b) {
				return c
			}
			c.unequal++
			c.keyed = c.keyed || a.Key != 0
			d.push(child, o, n)
			if c.unequal == fewUnequal+1 && !c.keyed && !d.equallyMany(a.Next, b.Next, &c) {
				return c // something was inserted or removed: the pairs would all be wrong
			}
		}
		o, n = a.Next, b.Next
	}
	c.aligned = o >= c.oldEnd && n >= c.newEnd
	if !c.any && !c.aligned {
		c.any, c.first, c.old, c.new = true, child, o, n
	}
	return c
}

// fewUnequal children are taken as they stand; with more of them, without keys, it is worth asking whether they moved.
const fewUnequal = 2

// equallyMany reports whether as many old siblings follow from o on as new ones from n on.
func (d *Differ) equallyMany(o, n uint32, c *change) bool {
	on, nn := d.on, d.nn
	for o < c.oldEnd && n < c.newEnd {
		o, n = on[o].Next, nn[n].Next
	}
	return o >= c.oldEnd && n >= c.newEnd
}

// push puts a pair on the stack, field by field for the reason Parser.add gives.
func (d *Differ) push(child int, old, new uint32) {
	if len(d.pairs) == cap(d.pairs) {
		d.pairs = append(d.pairs, pair{})[:len(d.pairs)]
	}
	d.pairs = d.pairs[:len(d.pairs)+1]
	p := &d.pairs[len(d.pairs)-1]
	p.child, p.old, p.new = uint32(child), old, new
}

// each writes the items of the pairs from d.pairs[base:] on.
func (d *Differ) each(base int) (items int) {
	for i, end := base, len(d.pairs); i < end; i++ {
		items += d.pair(d.pairs[i])
	}
	return items
}

// compatible reports whether old node o can become new node n by operations on it.
func (d *Differ) compatible(o, n *Node) bool {
	if o.Kind != n.Kind {
		return false
	}
	if o.Kind != Element {
		return true
	}
	const same = nsMask | innerMask | flagOpaque | flagRawText
	if o.Key != n.Key || o.NameLen != n.NameLen || (o.flags^n.flags)&same != 0 {
		return false
	}
	if was, is := d.old.graftAt(o), d.new.graftAt(n); (was == nil) != (is == nil) || was != nil && was.ofRegion() != is.ofRegion() {
		return false // what stands in the one is nowhere compared with what stands in the other
	}
	a, b := d.old.openTag(o), d.new.openTag(n)
	equalTags := string(a) == string(b)
	if n.flags&flagOpaque != 0 {
		// The content is not known, so it must be the same; and attributes of a shadow root do nothing afterwards.
		if !bytes.Equal(d.old.HTML[o.TagEnd:o.End], d.new.HTML[n.TagEnd:n.End]) ||
			!equalTags && equalFold(d.new.name(n), "template") {
			return false
		}
	}
	if equalTags {
		return true
	}
	nameEnd := 1 + int(n.NameLen)
	if string(a[:nameEnd]) != string(b[:nameEnd]) && !equalFold(a[:nameEnd], b[:nameEnd]) {
		return false
	}
	// The hash of a key is too short to trust it with an element's identity.
	return n.Key == 0 || string(keyBytes(a, o.keyAt)) == string(keyBytes(b, n.keyAt))
}

// pair writes the items for two compatible nodes, as one item of their parent's: none or one.
func (d *Differ) pair(p pair) (items int) {
	before := len(d.buf)
	o, n := &d.on[p.old], &d.nn[p.new]
	d.number(int(p.child))
	d.buf = append(d.buf, ',')
	if n.Kind != Element {
		d.buf = appendString(d.buf, d.refs.decode(d.new.value(n), decodingOf(n)))
		d.ops++
		return 1
	}
	at := len(d.buf)
	d.buf = append(d.buf, '[')
	order := false
	if n.flags&flagOpaque == 0 {
		items, order = d.children(p.old, p.new)
	}
	// Attributes come last, because nothing may come before an order op.
	if !bytes.Equal(d.old.openTag(o), d.new.openTag(n)) && d.attributes(o, n) {
		items++
	}
	if !d.enclose(at, items, order) {
		d.buf = d.buf[:before]
		return 0
	}
	return 1
}
