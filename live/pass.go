package live

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live/internal/diff"
)

// part is a piece of a rendering that the next one may use again, as it is: what a [Memo] or a [Child] rendered.
type part struct {
	owner      *child // the child whose template shows it
	key        any    // of the memo, or the *child
	version    any    // of the memo
	child      *child
	rev        uint32 // the child's
	start, end uint32 // in the HTML
	inner      int32  // how many of the parts that follow are inside
	fresh      bool   // it must not be used again
}

// pass is one rendering of a view, as far as it may use again what the rendering before consists of. It belongs to the
// runner. Renderings that only prove or check something have none: in them every component renders itself.
type pass struct {
	in    *instance
	sink  *sink
	env   env
	html  []byte // of the rendering before
	old   []part // its parts, in the order of their starts
	parts []part // of this one
	next  int    // of the old ones, the one that is expected next
	index map[partKey]int
	owner *child // whose template runs
	twice map[partKey]bool
	fresh bool // children that are new have got what is stored for them
}

type partKey struct {
	owner *child
	key   any
}

// begin prepares a pass. old is the tree of the rendering before, or nil.
func (p *pass) begin(in *instance, out *sink, old *diff.Tree, parts []part) {
	p.in, p.sink, p.env = in, out, *in.env
	p.env.pass = p
	p.html, p.old, p.parts, p.next, p.index, p.owner, p.twice, p.fresh = nil, nil, p.parts[:0], 0, nil, nil, nil, false
	if old != nil {
		p.html, p.old = old.HTML, parts
	}
	if in.app.report != nil {
		p.twice = map[partKey]bool{}
	}
	if f := in.family; f != nil {
		f.passes++
	}
}

// end forgets what would keep the instance alive.
func (p *pass) end() {
	p.in, p.html, p.old, p.index, p.owner, p.twice, p.env = nil, nil, nil, nil, nil, nil, env{}
}

// view renders the page's view.
func (p *pass) view() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	if err := p.in.typ.component(p.in.view).Render(p.env.context(), p.sink); err != nil {
		return fmt.Errorf("render %v: %w", p.in.typ.typ, err)
	}
	return nil
}

// again makes the rendering of the one before, with only those children rendered anew that have changed.
func (p *pass) again() error { return p.copyRange(0, len(p.old), 0, uint32(len(p.html))) }

// direct brings what was written to w into the sink; false when w does not lead there.
func (p *pass) direct(w io.Writer) bool {
	if b, ok := w.(*templruntime.Buffer); ok {
		return b.Underlying == io.Writer(p.sink) && b.Flush() == nil
	}
	return w == io.Writer(p.sink)
}

// find returns the old part of a key.
func (p *pass) find(owner *child, key any) (i int, ok bool) {
	if p.next < len(p.old) && p.old[p.next].owner == owner && p.old[p.next].key == key {
		return p.next, true
	}
	if len(p.old) == 0 {
		return 0, false
	}
	if p.index == nil {
		p.index = make(map[partKey]int, len(p.old))
		for i := range p.old {
			p.index[partKey{p.old[i].owner, p.old[i].key}] = i
		}
	}
	i, ok = p.index[partKey{owner, key}]
	return i, ok
}

// open begins a part, where the sink is now.
func (p *pass) open(x part) (n int) {
	x.start = uint32(len(p.sink.b))
	p.parts = append(p.parts, x)
	return len(p.parts) - 1
}

func (p *pass) close(n int) {
	x := &p.parts[n]
	x.end, x.inner = uint32(len(p.sink.b)), int32(len(p.parts)-1-n)
}

// use copies an old part into this rendering.
func (p *pass) use(i int) error {
	old := p.old[i]
	if old.child != nil {
		old.child.shown = p.in.family.passes
	}
	n := p.open(old)
	err := p.copyRange(i+1, i+1+int(old.inner), old.start, old.end)
	p.close(n)
	p.next = i + 1 + int(old.inner)
	return err
}

// copyRange copies HTML of the rendering before, in which the old parts from i to j lie. Children that have changed are
// rendered anew.
func (p *pass) copyRange(i, j int, at, end uint32) error {
	for i < j {
		old := p.old[i]
		next := i + 1 + int(old.inner)
		if c := old.child; c != nil {
			if c.rev != old.rev {
				p.sink.b = append(p.sink.b, p.html[at:old.start]...)
				p.next = i + 1
				if err := p.child(c, p.sink); err != nil {
					return err
				}
				i, at = next, old.end
				continue
			}
			c.shown = p.in.family.passes
		}
		if old.inner == 0 {
			// Its bytes come with those that follow.
			old.start += uint32(len(p.sink.b)) - at
			old.end += uint32(len(p.sink.b)) - at
			p.parts = append(p.parts, old)
			i = next
			continue
		}
		p.sink.b = append(p.sink.b, p.html[at:old.start]...)
		n := p.open(old)
		if err := p.copyRange(i+1, next, old.start, old.end); err != nil {
			return err
		}
		p.close(n)
		i, at = next, old.end
	}
	p.sink.b = append(p.sink.b, p.html[at:end]...)
	return nil
}

// once reports whether a key comes for the first time in a pass that is checked.
func (p *pass) once(owner *child, key any) bool {
	k := partKey{owner, key}
	if p.twice == nil {
		return true
	}
	first := !p.twice[k]
	p.twice[k] = true
	return first
}

// child renders a child, and what is around it, to w, which leads to the sink.
func (p *pass) child(c *child, w io.Writer) error {
	outer, env := p.owner, p.env
	n := p.open(part{owner: outer, key: c, child: c, rev: c.rev})
	p.owner, env.path = c, c.id
	c.shown = p.in.family.passes
	err := writeChild(w, c.id, c.typ.container, func() error { return c.render(env.context(), w) })
	p.owner = outer
	if err == nil && !p.direct(w) {
		err = fmt.Errorf("render %v: the output was led elsewhere", c.typ.typ)
	}
	p.close(n)
	return err
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
