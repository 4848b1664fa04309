package live

import "github.com/livelong-dev/livelong/live/internal/diff"

// regraft makes the patch when nothing has changed but a few children that show no others: what it costs does not depend on
// how large the page around them is. It reports whether it could; otherwise nothing has happened, and [instance.renderTree]
// looks at the whole page. Errors, too, are left to that.
func (in *instance) regraft(w *workbench) bool {
	f := in.family
	if f == nil || in.stale || in.tree == nil || len(f.changed) > maxRegrafted {
		return false
	}
	w.sink.b = w.sink.b[:0]
	w.pass.begin(in, &w.sink, in.tree)
	var places [maxRegrafted]*diff.Graft
	var ends [maxRegrafted]int // of the paths
	paths := w.paths[:0]
	for i, c := range f.changed {
		if places[i] = in.placeOf(c); places[i] == nil || len(c.drawn.tree.Grafts) > 0 {
			return false
		}
		before := len(paths)
		if paths = in.findPath(paths, c); len(paths) == before {
			return false
		}
		ends[i] = len(paths)
		w.fetched ^= c.drawn.tree.Fetch()
	}
	for _, c := range f.changed {
		t, err := w.pass.draw(c)
		if err != nil || len(t.Grafts) > 0 || w.parser.ParseInPlace(t, c.drawn.tree, &in.key) != nil {
			return false
		}
	}
	w.paths = paths
	w.differ.Begin(w.patch[:0])
	start := 0
	for i, c := range f.changed {
		w.differ.Graft(paths[start:ends[i]], c.drawn.tree, c.next.tree)
		start = ends[i]
	}
	w.patch = w.differ.End()
	for i, c := range f.changed {
		places[i].Tree = c.next.tree
		w.pass.spare.give(c.drawn)
		c.drawn = c.next
	}
	f.settle()
	in.forgetBefore()
	return true
}

// maxRegrafted is how many children are looked for one by one.
const maxRegrafted = 16

// treeAround returns the tree last sent in which a child stands.
func (in *instance) treeAround(c *child) *diff.Tree {
	if c.host == nil {
		return in.tree
	}
	return c.host.drawn.tree
}

// placeOf returns where a child stands in what was sent last; nil: it does not.
func (in *instance) placeOf(c *child) *diff.Graft {
	t := in.treeAround(c)
	if t == nil || c.drawn.tree == nil {
		return nil
	}
	if c.place < len(t.Grafts) && t.Grafts[c.place].Of == any(c) {
		return &t.Grafts[c.place]
	}
	for i := range t.Grafts {
		if t.Grafts[i].Of == any(c) {
			c.place = i
			return &t.Grafts[i]
		}
	}
	return nil
}

// findPath appends the path to where a child stands in what was sent last; nothing when it does not.
func (in *instance) findPath(path []uint32, c *child) []uint32 {
	if c.pathIn == in.family.kept {
		return append(path, c.path[:c.steps]...)
	}
	before := len(path)
	if c.host != nil {
		if path = in.findPath(path, c.host); len(path) == before {
			return path
		}
	}
	outer, g := len(path), in.placeOf(c)
	if g != nil {
		path = in.treeAround(c).Path(path, g.At)
	}
	if len(path) == outer {
		return path[:before]
	}
	if c.steps = copy(c.path[:], path[before:]); c.steps == len(path)-before {
		c.pathIn = in.family.kept
	}
	return path
}
