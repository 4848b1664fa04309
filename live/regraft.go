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
	for i, c := range f.changed {
		if places[i] = in.placeOf(c); places[i] == nil || len(c.drawn.tree.Grafts) > 0 || c.next.tree != nil || !in.findPath(c) {
			return false
		}
		t, err := w.pass.draw(c)
		if err != nil || len(t.Grafts) > 0 || w.parser.ParseInPlace(t, c.drawn.tree, &in.key) != nil {
			return false
		}
	}
	w.differ.Begin(w.patch[:0])
	for _, c := range f.changed {
		w.differ.Graft(c.path, c.drawn.tree, c.next.tree)
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

// findPath sets the path to where a child stands in what was sent last, or reports that it does not.
func (in *instance) findPath(c *child) bool {
	if c.path != nil && c.pathIn == in.family.kept {
		return true
	}
	path := c.path[:0]
	if c.host != nil {
		if !in.findPath(c.host) {
			return false
		}
		path = append(path, c.host.path...)
	}
	g, before := in.placeOf(c), len(path)
	if g == nil {
		return false
	}
	if path = in.treeAround(c).Path(path, g.At); len(path) == before {
		return false
	}
	c.path, c.pathIn = path, in.family.kept
	return true
}
