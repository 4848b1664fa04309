package diff

import (
	"slices"
	"strconv"
)

// Aligning child lists that differ in more than their nodes' content: children are matched by key, else by equal
// hashes, else by standing after a match, and one order op says where each of them goes. Which nodes then really move
// in the DOM is the client's decision: it sees the whole permutation.

// shifted reports whether children that differ place by place would mostly be found unchanged at other places: a row
// inserted and one removed look like many changed rows.
func (d *Differ) shifted(c *change) bool {
	if c.keyed || c.unequal <= fewUnequal {
		return false
	}
	base := len(d.pairs) - c.unequal
	d.index.reset(c.unequal)
	for i, p := range d.pairs[base:] {
		d.index.add(d.on[p.old].Hash, int32(i), nil)
	}
	found := 0
	for _, p := range d.pairs[base:] {
		if d.index.find(d.nn[p.new].Hash) != nil {
			found++
		}
	}
	return found > c.unequal/2
}

// unmatched marks a new child without an old one.
const unmatched = -1

// align writes the items for two child lists from their first difference on.
func (d *Differ) align(c *change) (items int, order bool) {
	oldBase, newBase, matchBase, pairBase := len(d.oldKids), len(d.newKids), len(d.matches), len(d.pairs)
	on, nn := d.on, d.nn
	d.oldKids = appendSiblings(d.oldKids, on, c.old, c.oldEnd)
	d.newKids = appendSiblings(d.newKids, nn, c.new, c.newEnd)
	old, new := d.oldKids[oldBase:], d.newKids[newBase:]
	suffix := 0
	for suffix < len(old) && suffix < len(new) && on[old[len(old)-1-suffix]].Hash == nn[new[len(new)-1-suffix]].Hash {
		suffix++
	}
	old, new = old[:len(old)-suffix], new[:len(new)-suffix]
	for range new {
		d.matches = append(d.matches, unmatched)
	}
	matches := d.matches[matchBase:]
	d.match(old, new, matches)

	if !inPlace(matches, len(old)) {
		d.order(c, old, new, matches, suffix)
		items, order = 1, true
	}
	for i, m := range matches {
		if m != unmatched && on[old[m]].Hash != nn[new[i]].Hash {
			d.push(c.first+i, old[m], new[i])
		}
	}
	// What is left of the scratch is of no use below.
	d.oldKids, d.newKids, d.matches = d.oldKids[:oldBase], d.newKids[:newBase], d.matches[:matchBase]
	items += d.each(pairBase)
	d.pairs = d.pairs[:pairBase]
	return items, order
}

func appendSiblings(dst []uint32, nodes []Node, first, end uint32) []uint32 {
	for i := first; i < end; i = nodes[i].Next {
		dst = append(dst, i)
	}
	return dst
}

// inPlace reports whether every old child stays where it is and none is new.
func inPlace(matches []int32, old int) bool {
	if len(matches) != old {
		return false
	}
	for i, m := range matches {
		if int(m) != i {
			return false
		}
	}
	return true
}

// match finds an old child for each new one and writes its position to matches.
func (d *Differ) match(old, new []uint32, matches []int32) {
	if len(old) == 0 || len(new) == 0 {
		return
	}
	// Old children with one identity are chained, the first one first.
	d.next = slices.Grow(d.next[:0], len(old))[:len(old)]
	d.index.reset(len(old))
	for i := len(old) - 1; i >= 0; i-- {
		d.index.add(identity(&d.on[old[i]]), int32(i), d.next)
	}
	for i := range new {
		n := &d.nn[new[i]]
		e := d.index.find(identity(n))
		if e == nil {
			continue
		}
		// Two keys may share a hash: look at a few of the chain.
		link := &e.head
		for tries := 0; *link >= 0 && tries < 8; tries++ {
			j := *link
			if o := &d.on[old[j]]; n.Key == 0 || d.compatible(o, n) {
				matches[i] = j
				*link = d.next[j]
				d.next[j] = taken
				break
			}
			link = &d.next[j]
		}
	}
	d.matchNeighbours(old, new, matches)
}

// taken marks, in Differ.next, an old child that has been matched.
const taken = -2

// matchNeighbours pairs unkeyed children that are left over after the same match.
func (d *Differ) matchNeighbours(old, new []uint32, matches []int32) {
	const farthest = 16
	last := int32(unmatched)
	for i := range new {
		if matches[i] != unmatched {
			last = matches[i]
			continue
		}
		n := &d.nn[new[i]]
		if n.Key != 0 {
			continue
		}
		for j := last + 1; j < min(last+1+farthest, int32(len(old))) && d.next[j] != taken; j++ {
			if o := &d.on[old[j]]; o.Key == 0 && d.compatible(o, n) {
				matches[i], last = j, j
				d.next[j] = taken
				break
			}
		}
	}
}

// identity returns what a child is found by: its key and the length of its name, or what it is altogether.
func identity(n *Node) uint64 {
	if n.Key != 0 {
		return uint64(n.Key)<<8 | uint64(n.NameLen)
	}
	return n.Hash
}

// order writes an order op: the whole new list of children.
func (d *Differ) order(c *change, old, new []uint32, matches []int32, suffix int) {
	d.separate()
	d.buf = append(d.buf, '[')
	d.ops++
	run := oldRun{last: unmatched, length: c.first}
	for i := 0; i < len(new); i++ {
		if matches[i] != unmatched {
			d.extend(&run, c.first+int(matches[i]), 1)
			continue
		}
		d.flush(&run)
		end := i + 1
		for end < len(new) && matches[end] == unmatched {
			end++
		}
		d.fresh(c.parent, new[i:end])
		i = end - 1
	}
	if suffix > 0 {
		d.extend(&run, c.first+len(old), suffix)
	}
	d.flush(&run)
	d.buf = append(d.buf, ']')
}

// oldRun is a run of old children that stay together.
type oldRun struct {
	start, length int
	last          int // the old child listed last, before the run
}

func (d *Differ) extend(r *oldRun, child, length int) {
	if r.length > 0 && r.start+r.length == child {
		r.length += length
		return
	}
	d.flush(r)
	r.start, r.length = child, length
}

func (d *Differ) flush(r *oldRun) {
	if r.length == 0 {
		return
	}
	more := r.length
	if r.last < 0 || r.start != r.last+1 || r.length == 1 {
		d.number(r.start)
		more--
	}
	if more > 0 {
		d.separate()
		d.buf = append(d.buf, '-')
		d.buf = strconv.AppendInt(d.buf, int64(more), 10)
	}
	r.last = r.start + r.length - 1
	r.length = 0
}

// fresh writes new siblings as HTML.
func (d *Differ) fresh(parent uint32, nodes []uint32) {
	d.separate()
	d.inserts = true
	for _, i := range nodes {
		d.inserted = d.new.foldShape(d.inserted, i)
	}
	first, last := &d.nn[nodes[0]], &d.nn[nodes[len(nodes)-1]]
	if d.nn[parent].flags&flagRawText != 0 {
		// The bytes mean this text only inside their element, and the browser parses them outside.
		d.buf = appendTextAsHTML(d.buf, d.refs.decode(d.new.value(first), decodingOf(first)))
		return
	}
	if len(d.new.Grafts) == 0 {
		d.buf = appendString(d.buf, d.new.HTML[first.Start:last.End])
		return
	}
	d.brought = append(d.brought, span{first.Start, last.End})
	d.buf = appendString(d.buf, d.new.appendHTML(nil, first.Start, last.End))
}

// index finds old children by their identity: open addressing, one entry for each identity.
type index struct {
	entries []entry
	shift   uint
}

type entry struct {
	id   uint64
	used bool
	head int32 // first child of the chain, negative when all are taken
}

// reset makes room for n children.
func (x *index) reset(n int) {
	size, shift := 16, uint(60)
	for size < 2*n {
		size, shift = size<<1, shift-1
	}
	if cap(x.entries) < size {
		x.entries = make([]entry, size)
	} else {
		x.entries = x.entries[:size]
		clear(x.entries)
	}
	x.shift = shift
}

// add puts child at the head of the chain of its identity. Without next there are no chains.
func (x *index) add(id uint64, child int32, next []int32) {
	e := x.at(id)
	head := int32(unmatched)
	if e.used {
		head = e.head
	}
	*e = entry{id: id, used: true, head: child}
	if next != nil {
		next[child] = head
	}
}

// find returns the entry of an identity, or nil.
func (x *index) find(id uint64) *entry {
	if e := x.at(id); e.used {
		return e
	}
	return nil
}

func (x *index) at(id uint64) *entry {
	mask := uint64(len(x.entries) - 1)
	for i := id * 0x9E3779B97F4A7C15 >> x.shift; ; i++ {
		if e := &x.entries[i&mask]; !e.used || e.id == id {
			return e
		}
	}
}
