package diff

import (
	"cmp"
	"slices"
)

// Comparing grafts. The items of a host's graft are those of any element; they come after the items of the tree around,
// whose nodes are in their new places by then.

// trees writes the items for two trees and what is grafted into them, and returns how many, and whether the first is an
// order op.
func (d *Differ) trees(old, new *Tree) (items int, order bool) {
	if old.region != nil && new.region != nil {
		return d.regions(old, new)
	}
	return d.plainly(old, new)
}

func (d *Differ) plainly(old, new *Tree) (items int, order bool) {
	o, n, on, nn, base := d.old, d.new, d.on, d.nn, len(d.brought)
	d.old, d.new, d.on, d.nn = old, new, old.nodes(), new.nodes()
	if old.Hash() != new.Hash() || len(d.on) != len(d.nn) {
		items, order = d.children(0, 0)
	}
	if len(new.Grafts) > 0 {
		slices.SortFunc(d.brought[base:], func(a, b span) int { return cmp.Compare(a.start, b.start) })
		items += d.grafts(base)
	}
	d.brought = d.brought[:base]
	d.old, d.new, d.on, d.nn = o, n, on, nn
	return items, order
}

// Begin begins a patch that only changes grafts, appended to dst; [Differ.End] ends and returns it.
func (d *Differ) Begin(dst []byte) {
	d.ops, d.inserted, d.inserts = 0, shapeOffset, false
	d.buf = append(dst, '[')
}

// Graft adds what turns one tree into another that stands in its place, to which the path leads: see [Tree.Path].
func (d *Differ) Graft(path []uint32, old, new *Tree) {
	before := len(d.buf)
	for _, child := range path {
		d.number(int(child))
	}
	if !d.content(old, new) {
		d.buf = d.buf[:before]
	}
}

// End returns the patch.
func (d *Differ) End() []byte {
	patch := append(d.buf, ']')
	d.buf = nil
	return patch
}

// span is a piece of the new tree's HTML that the patch brings, with what is grafted into it.
type span struct{ start, end uint32 }

var empty Tree

// grafts writes the items for what has changed in the grafts of d.new. Those that stand in one element are put together.
func (d *Differ) grafts(brought int) (items int) {
	var w walk
	w.begin(d, d.nn)
	defer w.end(d)
	earlier := earlier{grafts: d.old.Grafts}
	run := group{}
	for i := range d.new.Grafts {
		g := &d.new.Grafts[i]
		was := earlier.find(g)
		if was == g.Tree {
			continue
		}
		for brought < len(d.brought) && d.brought[brought].end <= g.At {
			brought++
		}
		if brought < len(d.brought) && d.brought[brought].start < g.At {
			continue
		}
		if was == nil {
			was = &empty
		}
		steps := w.to(d, g.At)
		if len(steps) == 0 {
			continue
		}
		last := steps[len(steps)-1]
		if last.parent != run.parent || !run.open {
			items += run.close(d)
			run = group{parent: last.parent, open: true, start: len(d.buf)}
			for _, s := range steps[:len(steps)-1] {
				d.number(int(s.child))
			}
			run.items = len(d.buf)
		}
		run.add(d, int(last.child), was, g.Tree, len(steps) > 1)
	}
	return items + run.close(d)
}

// group is what is written for the grafts that stand in one element.
type group struct {
	parent uint32
	open   bool
	start  int // of its path, in the buffer
	items  int // after the path
	count  int
	nested bool // the items are in an array of their own
}

func (r *group) add(d *Differ, child int, old, new *Tree, path bool) {
	before := len(d.buf)
	if r.count == 1 && path && !r.nested {
		// The second: from here on they stand in an array, after the comma that ends the path.
		d.buf = slices.Insert(d.buf, r.items+1, '[')
		r.nested = true
		before++
	}
	d.number(child)
	if !d.content(old, new) {
		d.buf = d.buf[:before]
		return
	}
	r.count++
}

// close ends the group, and returns how many items it is.
func (r *group) close(d *Differ) int {
	switch {
	case !r.open:
		return 0
	case r.count == 0:
		d.buf = d.buf[:r.start]
	case r.nested:
		d.buf = append(d.buf, ']')
		return 1
	}
	return r.count
}

// content writes, after a path, what changes in the element that it leads to; false: nothing.
func (d *Differ) content(old, new *Tree) bool {
	at := len(d.buf) + 1
	d.buf = append(d.buf, ',', '[')
	items, order := d.trees(old, new)
	return d.enclose(at, items, order)
}

// enclose ends the array of items that begins at a byte of the buffer. A single item goes on with the path instead.
func (d *Differ) enclose(at, items int, order bool) bool {
	switch {
	case items == 0:
		return false
	case items == 1 && !order:
		copy(d.buf[at:], d.buf[at+1:])
		d.buf = d.buf[:len(d.buf)-1]
	default:
		d.buf = append(d.buf, ']')
	}
	return true
}

// earlier finds the trees that stood in hosts before; mostly they come in the same order.
type earlier struct {
	grafts []Graft
	next   int
	known  map[hostName]int
}

// hostName tells the hosts of a tree apart.
type hostName struct {
	id     string
	region bool
}

func (e *earlier) find(g *Graft) *Tree {
	if t := e.expected(g); t != nil {
		return t
	}
	if e.known == nil {
		e.known = make(map[hostName]int, len(e.grafts))
		for i := range e.grafts {
			e.known[hostName{e.grafts[i].ID, e.grafts[i].ofRegion()}] = i
		}
	}
	i, ok := e.known[hostName{g.ID, g.ofRegion()}]
	if !ok {
		return nil
	}
	e.next = i + 1
	return e.grafts[i].Tree
}

// expected returns the tree that comes next, if it is that of g.
func (e *earlier) expected(g *Graft) *Tree {
	if e.next >= len(e.grafts) {
		return nil
	}
	o := &e.grafts[e.next]
	if o.ID != g.ID || o.ofRegion() != g.ofRegion() {
		return nil
	}
	e.next++
	return o.Tree
}

// walk goes from host to host in the order in which they stand, and knows the path to each.
type walk struct {
	nodes []Node
	base  int // of its steps in Differ.steps
}

// step of a path: the node at is the child'th of its parent.
type step struct{ parent, at, child uint32 }

func (w *walk) begin(d *Differ, nodes []Node) {
	w.nodes, w.base = nodes, len(d.steps)
	d.steps = append(d.steps, step{at: 1})
}

func (w *walk) end(d *Differ) { d.steps = d.steps[:w.base] }

// to returns the path to the element that ends its open tag at an offset, beyond that of the call before.
func (w *walk) to(d *Differ, offset uint32) []step {
	for len(d.steps)-w.base > 1 && w.nodes[d.steps[len(d.steps)-1].parent].End <= offset {
		d.steps = d.steps[:len(d.steps)-1]
	}
	for {
		s := &d.steps[len(d.steps)-1]
		end := w.nodes[s.parent].Next
		for s.at < end && w.nodes[s.at].End <= offset {
			s.at = w.nodes[s.at].Next
			s.child++
		}
		if s.at >= end || w.nodes[s.at].TagEnd > offset {
			return nil
		}
		if w.nodes[s.at].TagEnd == offset {
			return d.steps[w.base:]
		}
		d.steps = append(d.steps, step{parent: s.at, at: s.at + 1})
	}
}
