package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live/internal/diff"
)

// drawing is what a view has rendered: the page's, or a child's.
type drawing struct {
	tree  *diff.Tree
	parts []part
	rev   uint32 // the child's, then
}

// part is a piece of a view's HTML that the next rendering may use again as it is: what a [Memo] rendered.
type part struct {
	key, version any
	start, end   uint32 // in the HTML
	inner        int32  // how many of the parts that follow are inside
	fresh        bool   // it must not be used again
}

// canvas is the rendering of one view under way.
type canvas struct {
	sink   *sink
	owner  *child  // whose template runs; nil: the page's
	old    drawing // what may be used again
	parts  []part
	grafts []diff.Graft
	next   int // of the old parts, the one that is expected next
	index  map[any]int
	twice  map[any]bool // in development: the keys so far
}

// pass is one rendering of a page: of its view, and of those children that have changed. It belongs to the runner.
// Renderings that only check something have none: in them every component renders itself.
type pass struct {
	in     *instance
	env    env
	base   context.Context // carries env
	reuse  bool            // what was rendered before may be used again
	at     *canvas         // of the template that runs
	page   canvas
	within []*canvas // for children, by how deep they stand
	depth  int
	drawn  []*child // they have a next drawing
	spare  spare
	fresh  bool // children that are new have got what is stored for them
}

// begin prepares a pass. old is the tree of the rendering before, or nil.
func (p *pass) begin(in *instance, out *sink, old *diff.Tree) {
	p.abandon()
	p.in, p.env, p.reuse, p.fresh, p.depth = in, *in.env, old != nil, false, 0
	p.env.pass = p
	p.page.sink = out
	p.page.begin(p, nil, drawing{tree: old, parts: in.parts})
	p.at = &p.page
	if f := in.family; f != nil {
		f.passes++
	}
}

func (x *canvas) begin(p *pass, owner *child, old drawing) {
	x.owner, x.old, x.parts, x.grafts, x.next, x.index, x.twice = owner, old, x.parts[:0], x.grafts[:0], 0, nil, nil
	if !p.reuse {
		x.old = drawing{}
	}
	if p.in.app.report != nil {
		x.twice = map[any]bool{}
	}
}

// end forgets what would keep the instance alive.
func (x *canvas) end() {
	clear(x.parts)
	clear(x.grafts)
	x.owner, x.old, x.index, x.twice = nil, drawing{}, nil, nil
}

// abandon ends a pass whose outcome is not kept, or kept by now.
func (p *pass) abandon() {
	for _, c := range p.drawn {
		c.next = drawing{}
	}
	clear(p.drawn)
	p.drawn = p.drawn[:0]
	p.page.end()
	p.in, p.env = nil, env{}
}

// context returns one for a view's template.
func (p *pass) context() context.Context {
	if p.base == nil {
		p.base = context.WithValue(context.Background(), envKey{}, &p.env)
	}
	return p.env.initialize(p.base)
}

// view renders the page's view.
func (p *pass) view() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	if err := p.in.typ.component(p.in.view).Render(p.context(), p.page.sink); err != nil {
		return fmt.Errorf("render %v: %w", p.in.typ.typ, err)
	}
	return nil
}

// again gives a child that has not changed a tree of its HTML that is to be parsed.
func (p *pass) again(g *diff.Graft) {
	c := g.Of.(*child)
	d := c.drawn
	if c.next.tree == g.Tree {
		d = c.next
	}
	d.tree = &diff.Tree{HTML: slices.Clone(g.Tree.HTML), Grafts: slices.Clone(g.Tree.Grafts)}
	for i := range d.tree.Grafts {
		if inner, ok := d.tree.Grafts[i].Of.(*child); ok {
			inner.shown = p.in.family.passes
		}
	}
	p.drew(c, d)
	g.Tree = d.tree
}

// unchanged leaves the page's own HTML as it is, and renders those children that have changed.
func (p *pass) unchanged() error {
	p.page.grafts = append(p.page.grafts, p.page.old.tree.Grafts...)
	for i := range p.page.grafts {
		if err := p.renew(&p.page.grafts[i]); err != nil {
			return err
		}
	}
	return nil
}

// renew puts into a graft of the rendering before what stands there now.
func (p *pass) renew(g *diff.Graft) (err error) {
	if c, ok := g.Of.(*child); ok {
		if err := p.show(c); err != nil {
			return err
		}
		g.Tree, err = p.treeOf(c)
	}
	return err
}

// show notes that a child is shown.
func (p *pass) show(c *child) error {
	if c.shown == p.in.family.passes {
		return fmt.Errorf("live.Child %q: %s shows this *%v twice", c.id, p.name(), c.typ.typ)
	}
	c.shown = p.in.family.passes
	return nil
}

// treeOf returns what a child shows: what it did before, if nothing has changed since.
func (p *pass) treeOf(c *child) (*diff.Tree, error) {
	if !p.reuse || c.drawn.tree == nil || c.drawn.rev != c.rev {
		return p.draw(c)
	}
	t := c.drawn.tree
	if len(t.Grafts) == 0 || p.at.twice == nil && !p.changedIn(c) {
		return t, nil
	}
	var grafts []diff.Graft
	for i := range t.Grafts {
		g := t.Grafts[i]
		if err := p.renew(&g); err != nil {
			return nil, err
		}
		if g.Tree == t.Grafts[i].Tree {
			continue
		}
		if grafts == nil {
			grafts = slices.Clone(t.Grafts)
		}
		grafts[i] = g
	}
	if grafts != nil {
		t = t.With(grafts)
		p.drew(c, drawing{t, c.drawn.parts, c.rev})
	}
	return t, nil
}

// changedIn reports whether a child has changed that stands in another one. With many changes it does not look.
func (p *pass) changedIn(c *child) bool {
	changed := p.in.family.changed
	if len(changed) > maxRegrafted {
		return true
	}
	for _, at := range changed {
		for at = at.host; at != nil; at = at.host {
			if at == c {
				return true
			}
		}
	}
	return false
}

func (p *pass) drew(c *child, d drawing) {
	c.next = d
	p.drawn = append(p.drawn, c)
}

// draw renders a child. Its tree is to be parsed.
func (p *pass) draw(c *child) (*diff.Tree, error) {
	if p.depth == len(p.within) {
		p.within = append(p.within, &canvas{sink: &sink{}})
	}
	outer, path, x := p.at, p.env.path, p.within[p.depth]
	x.begin(p, c, c.drawn)
	x.sink.b = x.sink.b[:0]
	defer x.end()
	p.depth++
	p.at, p.env.path = x, c.id
	err := c.render(p.context(), x.sink)
	p.at, p.env.path = outer, path
	p.depth--
	if err != nil {
		return nil, err
	}
	d := p.spare.take(len(x.sink.b), len(x.parts))
	d.rev = c.rev
	d.tree.HTML = append(d.tree.HTML, x.sink.b...)
	d.tree.Grafts = slices.Clone(x.grafts)
	d.parts = append(d.parts, x.parts...)
	p.drew(c, d)
	return d.tree, nil
}

// spare are drawings that were replaced; what they consist of is used again. Children change again and again, and of much
// the same size.
type spare struct{ drawings []drawing }

const (
	maxSpare      = 16
	maxSpareBytes = 64 << 10
)

func (s *spare) give(d drawing) {
	if len(s.drawings) < maxSpare && cap(d.tree.HTML) <= maxSpareBytes {
		clear(d.parts)
		s.drawings = append(s.drawings, drawing{d.tree.Reset(), d.parts[:0], 0})
	}
}

// take returns an empty drawing for HTML of a size and a number of parts.
func (s *spare) take(size, parts int) drawing {
	for i := range s.drawings {
		d := s.drawings[i]
		if room := cap(d.tree.HTML); size <= room && room <= 2*size+64 && parts <= cap(d.parts) && cap(d.parts) <= 2*parts+8 {
			last := len(s.drawings) - 1
			s.drawings[i], s.drawings[last] = s.drawings[last], drawing{}
			s.drawings = s.drawings[:last]
			return d
		}
	}
	d := drawing{tree: &diff.Tree{HTML: make([]byte, 0, size)}}
	if parts > 0 {
		d.parts = make([]part, 0, parts)
	}
	return d
}

// direct brings what was written to w into the HTML of the template that runs; false when w does not lead there.
func (p *pass) direct(w io.Writer) bool {
	if b, ok := w.(*templruntime.Buffer); ok {
		return b.Underlying == io.Writer(p.at.sink) && b.Flush() == nil
	}
	return w == io.Writer(p.at.sink)
}

// name is that of the view whose template runs.
func (p *pass) name() string {
	if c := p.at.owner; c != nil {
		return c.typ.name
	}
	return p.in.typ.name
}

// find returns the old part of a key, wherever it was.
func (x *canvas) find(key any) (i int, ok bool) {
	old := x.old.parts
	if x.index == nil {
		x.index = make(map[any]int, len(old))
		for i := range old {
			x.index[old[i].key] = i
		}
	}
	i, ok = x.index[key]
	return i, ok
}

// stood returns the tree that stood in a host before, or nil.
func (x *canvas) stood(id string) *diff.Tree {
	if x.old.tree != nil {
		for i := range x.old.tree.Grafts {
			if g := &x.old.tree.Grafts[i]; g.ID == id {
				return g.Tree
			}
		}
	}
	return nil
}

// open begins a part, where the HTML ends now.
func (x *canvas) open(p part) (n int) {
	p.start = uint32(len(x.sink.b))
	x.parts = append(x.parts, p)
	return len(x.parts) - 1
}

// close ends a part. Those in which templ has written a style or a script must not be used again.
func (x *canvas) close(n int) {
	p := &x.parts[n]
	p.end, p.inner = uint32(len(x.sink.b)), int32(len(x.parts)-1-n)
	at := p.start
	for i := n + 1; i < len(x.parts); {
		inner := &x.parts[i]
		p.fresh = p.fresh || inner.fresh || writesOnce(x.sink.b[at:inner.start])
		at, i = inner.end, i+1+int(inner.inner)
	}
	p.fresh = p.fresh || writesOnce(x.sink.b[at:p.end])
}

func writesOnce(html []byte) bool {
	return bytes.Contains(html, []byte("<style")) || bytes.Contains(html, []byte("<script"))
}

// usable reports whether the children in an old part are still those that are held. One that went and came back since is
// another one, and what is known of the old one is not looked at any more.
func (p *pass) usable(i int) bool {
	old := &p.at.old.parts[i]
	for _, g := range p.at.old.tree.GraftsIn(old.start, old.end) {
		if c, ok := g.Of.(*child); ok && !p.in.holds(c) {
			return false
		}
	}
	return true
}

// use takes an old part, and all in it, into this rendering. Children in it that have changed are rendered anew.
func (p *pass) use(i int) error {
	x := p.at
	old := &x.old.parts[i]
	shift := uint32(len(x.sink.b)) - old.start
	x.next = i + 1 + int(old.inner)
	for _, part := range x.old.parts[i:x.next] {
		part.start += shift
		part.end += shift
		x.parts = append(x.parts, part)
	}
	for _, g := range x.old.tree.GraftsIn(old.start, old.end) {
		if err := p.renew(&g); err != nil {
			return err
		}
		g.At += shift
		x.grafts = append(x.grafts, g)
	}
	x.sink.b = append(x.sink.b, x.old.tree.HTML[old.start:old.end]...)
	return nil
}

// once reports whether a key comes for the first time. Only what is checked knows.
func (x *canvas) once(key any) bool {
	first := !x.twice[key]
	x.twice[key] = true
	return first
}

// childFailed is a child that does not render.
type childFailed struct {
	child *child
	err   error
}

func (f *childFailed) Error() string { return fmt.Sprintf("child %s: %v", f.child.id, f.err) }
func (f *childFailed) Unwrap() error { return f.err }

func (c *child) render(ctx context.Context, w io.Writer) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &childFailed{c, &panicked{v, debug.Stack()}}
		}
	}()
	return c.typ.component(c.view).Render(ctx, w)
}
