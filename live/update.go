package live

import (
	"errors"
	"fmt"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// maxKept bounds the bytes of frames an instance keeps until the browser has confirmed them.
const maxKept = 64 << 10

// update renders and appends a frame to those to be written. The runner calls it while it owns the instance.
func (in *instance) update() {
	defer in.catch()
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	var patch []byte
	if in.dirty || in.resync {
		var crash error
		if patch, crash = in.patch(bench); crash != nil {
			in.crash(crash)
			return
		}
		in.dirty = false
		in.recordFrame(patch)
		in.stash()
	}
	in.tellSave()
	in.carryFlash()
	frame, err := wire.AppendDown(bench.frame[:0], in.answered, patch, &in.out)
	if err != nil {
		in.log().Error("a reply or pushed value cannot be encoded", "err", err)
		in.out.Reply, in.out.Push = nil, nil
		in.showError(0, in.app.userText(err))
		frame, _ = wire.AppendDown(bench.frame[:0], in.answered, patch, &in.out) // only strings and numbers are left
	}
	bench.frame = frame
	in.clearOut()
	own := make([]byte, len(frame)) // exactly so large: it is kept until confirmed
	copy(own, frame)
	in.mu.Lock()
	in.enqueue(own)
	in.mu.Unlock()
}

// enqueue appends a counted frame. The caller holds mu.
func (in *instance) enqueue(frame []byte) {
	in.frames = append(in.frames, frame)
	in.count++
	if in.lost {
		return
	}
	in.kept = append(in.kept, frame)
	if in.keptBytes += len(frame); in.keptBytes > maxKept {
		in.kept, in.keptBytes, in.lost = nil, 0, true
	}
}

// confirm notes that the browser has applied k frames. The caller holds mu.
func (in *instance) confirm(k int) {
	if k <= in.confirmed || k > in.count {
		return // repeated, or counted before a fresh mount
	}
	drop := min(k-in.confirmed, len(in.kept))
	if in.lost {
		drop = 0
	}
	for _, f := range in.kept[:drop] {
		in.keptBytes -= len(f)
	}
	if in.kept = in.kept[drop:]; len(in.kept) == 0 {
		in.kept = nil
	}
	in.confirmed = k
	if in.lost && k == in.count {
		in.lost = false
	}
}

// patch renders the view and returns what changed since the tree last sent; what else is to be said goes into in.out.
// An error means that the view cannot be rendered.
func (in *instance) patch(bench *workbench) ([]byte, error) {
	old := in.tree
	if in.resync || in.htmlMode {
		old = nil
	}
	defer bench.release()
	if old != nil && in.regraft(bench) {
		in.checkRendering(old)
		in.retitle()
		in.tellShapes(&bench.differ, old)
		in.hasTree(in.size)
		return bench.patch, nil
	}
	tree, err := in.renderTree(bench, old)
	_, malformed := errors.AsType[*diff.SyntaxError](err)
	if err != nil && !malformed {
		return nil, err
	}
	in.checkRendering(tree)
	in.retitle()
	if malformed {
		if !in.htmlMode {
			in.sendWhole()
			in.log().Warn("the view's HTML is not well formed: it is sent whole from now on", "err", err)
		}
		in.whole(tree, false)
		return nil, nil
	}
	if old == nil {
		in.whole(tree, !in.htmlMode)
		if in.htmlMode {
			return nil, nil
		}
		bench.patch = bench.patch[:0]
	} else {
		bench.patch = bench.differ.Append(bench.patch[:0], old, tree)
		in.tellShapes(&bench.differ, tree)
	}
	size := in.size
	if tree == bench.tree {
		size = tree.Size()
	}
	in.keep(bench, tree)
	in.hasTree(size)
	return bench.patch, nil
}

// sendWhole makes every frame carry the page's whole HTML. There is no tree any more, nor the tag of one.
func (in *instance) sendWhole() {
	in.htmlMode, in.hasTag = true, false
	in.drop()
}

// hasTree notes that there is a tree, of HTML of a size, which is not the one that was dropped.
func (in *instance) hasTree(size int) {
	in.hasTag = false
	in.mu.Lock()
	in.size, in.awake = size, true
	in.mu.Unlock()
}

// checkRendering tells the test or the developer what is wrong with a rendering.
func (in *instance) checkRendering(t *diff.Tree) {
	report := in.app.report
	if report == nil {
		return
	}
	if bad := in.typ.check(in.view, in.env, wholeHTML(t)); bad != nil {
		report(bad)
		if in.app.options.Dev {
			in.showError(0, bad.Error())
		}
	}
}

// tellShapes puts into the next frame what the browser can check the newest patch by.
func (in *instance) tellShapes(d *diff.Differ, t *diff.Tree) {
	if shape, any := d.Inserted(); any {
		in.out.Inserted = &shape
	}
	if in.app.options.Dev {
		shape := t.Shape()
		in.out.Shape = &shape
	}
}

// whole puts the view's HTML into the next frame.
func (in *instance) whole(t *diff.Tree, shaped bool) {
	html := string(wholeHTML(t))
	in.out.HTML = &html
	if shaped {
		shape := t.Shape()
		in.out.Shape = &shape
	}
	in.resync = false
}

// wholeHTML returns the HTML that browsers see of a tree.
func wholeHTML(t *diff.Tree) []byte {
	if len(t.Grafts) == 0 {
		return t.HTML
	}
	return t.AppendHTML(make([]byte, 0, t.Size()))
}

// retitle puts the document's title into the next frame, if it changed.
func (in *instance) retitle() {
	if t, ok := in.view.(Titler); ok {
		if title := t.Title(); title != in.title {
			in.title = title
			in.out.Title = &title
		}
	}
}

// wake renders again the tree that was dropped, before a message changes the fields it was made of. The tag tells
// whether it is the one the browser shows.
func (in *instance) wake() {
	if in.tree != nil || in.htmlMode || in.resync || !in.hasTag {
		return
	}
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	in.hasTag = false
	tree, err := in.renderTree(bench, nil)
	defer bench.release()
	if err != nil || tree.Tag(&in.key) != in.tag {
		in.log().Warn("the view rendered other HTML for the same fields: it is sent whole; make Render read exported fields only", "err", err)
		in.resync = true
		return
	}
	in.keep(bench, tree)
	in.mu.Lock()
	in.awake = true
	in.mu.Unlock()
}

// forget drops the tree and keeps its tag.
func (in *instance) forget() {
	if in.tree == nil || in.resync || in.htmlMode {
		return
	}
	in.tag, in.shape, in.hasTag = in.tree.Tag(&in.key), in.tree.Shape(), true
	in.drop()
}

// firstRender renders the page's first state. Its tree is dropped at once: the browser may never connect, and when it
// does, it often only looks. The returned HTML is the bench's.
func (in *instance) firstRender(bench *workbench) (*root, error) {
	tree, err := in.renderTree(bench, nil)
	defer bench.release()
	_, malformed := errors.AsType[*diff.SyntaxError](err)
	if err != nil && !malformed {
		return nil, err
	}
	b := &root{in: in, html: wholeHTML(tree)}
	if malformed {
		in.sendWhole()
		in.log().Warn("the view's HTML is not well formed: it is sent whole", "err", err)
	} else {
		in.tag, in.shape, in.hasTag = tree.Tag(&in.key), tree.Shape(), true
		b.tag = formatTag(in.tag)
	}
	if report := in.app.report; report != nil {
		if bad := in.typ.check(in.view, in.env, b.html); bad != nil {
			report(bad)
			if in.app.options.Dev {
				return nil, bad
			}
		}
	}
	if t, ok := in.view.(Titler); ok {
		if _, crash := in.guard(func() error { in.title = t.Title(); return nil }); crash != nil {
			return nil, crash
		}
	}
	return b, nil
}

func formatTag(tag uint64) string { return fmt.Sprintf("%016x", tag) }
