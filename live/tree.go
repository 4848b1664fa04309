package live

import (
	"errors"

	"github.com/livelong-dev/livelong/live/internal/diff"
)

// renderTree renders the instance's view, in lockstep with old, the tree last sent, when that is not nil. A syntax error
// comes with a tree that has its HTML only. The tree is the bench's until [instance.keep].
func (in *instance) renderTree(w *workbench, old *diff.Tree) (*diff.Tree, error) {
	if w.tree == nil {
		w.tree = old.Like()
	}
	own, err := in.renderOnce(w, old)
	for err != nil {
		failed, ok := errors.AsType[*childFailed](err)
		if !ok || !in.restore(failed, true) {
			break
		}
		// What it shows now was another one's fields, or children, when it was last looked at. The turn may have been that of
		// another child.
		only, loaded := in.only, in.loaded
		if in.loaded = failed.child; in.loaded != only {
			in.only = nil
		}
		in.note()
		in.only, in.loaded = only, loaded
		own, err = in.renderOnce(w, old)
	}
	if err != nil {
		w.tree.HTML = w.sink.b[:0]
		w.pass.abandon()
		return nil, err
	}
	in.stale = false
	in.forgetBefore()
	p := &w.pass
	grafts := p.page.grafts
	p.page.grafts = nil
	t := w.tree
	if own {
		t.Grafts = grafts
		err = w.parser.Parse(t, w.sink.b, old, &in.key)
	} else {
		t = old.With(grafts)
	}
	if err == nil {
		err = in.parseGrafts(w, t, own)
	}
	return t, err
}

// renderOnce renders into the bench. When only children have changed, their templates run alone, and own is false.
func (in *instance) renderOnce(w *workbench, old *diff.Tree) (own bool, err error) {
	p := &w.pass
	w.sink.b = w.tree.HTML[:0]
	p.begin(in, &w.sink, old)
	if in.family != nil && old != nil && !in.stale {
		return false, p.unchanged()
	}
	for range maxGenerations {
		if err := p.view(); err != nil || !p.fresh {
			return true, err
		}
		w.sink.b = w.sink.b[:0]
		p.begin(in, &w.sink, old)
	}
	return true, errors.New("with each rendering, stored fields make children appear that were not there before")
}

// maxGenerations bounds how often what is stored for children may make others appear.
const maxGenerations = 32

// parseGrafts parses what children have rendered in a tree, and if that is new, also what they had rendered elsewhere.
func (in *instance) parseGrafts(w *workbench, t *diff.Tree, parsed bool) error {
	if parsed {
		for g := range t.Misplaced() {
			w.pass.again(g)
		}
	}
	for i := range t.Grafts {
		g := &t.Grafts[i]
		c, ok := g.Of.(*child)
		if !ok {
			if err := g.FitRegion(t); err != nil {
				return err
			}
			continue
		}
		if c.next.tree != g.Tree {
			continue
		}
		parsed := len(g.Tree.Nodes) == 0
		if parsed {
			var old *diff.Tree
			if w.pass.reuse {
				old = c.drawn.tree
			}
			if err := w.parser.ParseGraft(t, g, old, &in.key); err != nil {
				return err
			}
		}
		if err := in.parseGrafts(w, g.Tree, parsed); err != nil {
			return err
		}
	}
	return nil
}

// keep makes what renderTree has returned what was sent last.
func (in *instance) keep(w *workbench, t *diff.Tree) {
	p, before := &w.pass, in.tree
	in.tree = t
	if t == w.tree {
		if before != nil {
			in.hide(before)
		}
		in.parts, p.page.parts = p.page.parts, in.parts
		if len(in.parts) == 0 {
			in.parts, p.page.parts = nil, in.parts
		}
		w.tree = before
		t.RightSize()
	}
	if before != nil {
		clear(before.Grafts)
		p.page.grafts, before.Grafts = before.Grafts[:0], nil
	}
	for _, c := range p.drawn {
		if c.drawn.tree != nil {
			in.hide(c.drawn.tree)
		}
		c.drawn = c.next
	}
	if in.family != nil {
		in.family.kept++
		in.family.settle()
	}
	w.release()
}

// hide forgets what the children have rendered that stood in a tree and are shown no more.
func (in *instance) hide(before *diff.Tree) {
	for i := range before.Grafts {
		if c, ok := before.Grafts[i].Of.(*child); ok && c.shown != in.family.passes && c.drawn.tree != nil {
			in.hide(c.drawn.tree)
			c.drawn = drawing{}
		}
	}
}

// release ends what has been done on the bench, whether its outcome was kept or not.
func (w *workbench) release() {
	w.pass.abandon()
	if w.tree != nil {
		w.tree.Grafts = nil
	}
}

// drop forgets what was sent last.
func (in *instance) drop() {
	in.tree, in.parts = nil, nil
	if in.family != nil {
		for _, c := range in.family.children {
			c.drawn = drawing{}
		}
	}
}
