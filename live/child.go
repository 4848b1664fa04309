package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strconv"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Child shows a view that another one holds: an exported pointer field, or one of a slice or map of such pointers.
//
//	type Board struct{ Cards []*Card }
//
//	templ (b Board) Render() {
//		for _, c := range b.Cards {
//			@live.Child(c.ID, c)
//		}
//	}
//
// A child has a Render and handlers of its own. An event goes to the nearest view around its element that handles it; when
// only a child has changed, only its template runs. Children may have children. The key names a child among those of the
// view that shows it, and with it the child's stored fields; it stays the same element when its neighbours move. The element
// around a child is a div, or what its Container method says.
//
// The page's template does not run for a change of a child, so it shows nothing else of one than the child itself.
//
// A child belongs to its page: it is encoded, stored and recorded with it. The page's Mount and handlers make it and give it
// what it needs, in unexported fields; a child has no Mount. One that Render has made is refused. A handler of a child may
// change the child and its own children; what else is to happen, it tells the views around it by [Emit].
func Child[K ~string | ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64](key K, view View) templ.Component {
	return &childComponent{keyText(key), view}
}

func keyText[K any](key K) string {
	switch key := any(key).(type) {
	case string:
		return key
	case int:
		return strconv.Itoa(key)
	}
	return fmt.Sprint(key)
}

type childComponent struct {
	key  string
	view View
}

// Render implements [templ.Component].
func (x *childComponent) Render(ctx context.Context, w io.Writer) error {
	v := reflect.ValueOf(x.view)
	if v.Kind() != reflect.Pointer {
		return fmt.Errorf("live.Child %q: a %T is no pointer", x.key, x.view)
	}
	if v.IsNil() {
		return nil
	}
	if x.key == "" {
		return fmt.Errorf("live.Child: the key of a %T is empty, which names the page itself", x.view)
	}
	e := envOf(ctx)
	if e.region {
		return fmt.Errorf("live.Child %q stands in a region, which many pages share, and a child is one page's", x.key)
	}
	id := pathOf(e.path, x.key)
	if len(id) > wire.MaxTarget {
		return fmt.Errorf("live.Child: the keys down to %.60q… are %d bytes long, want at most %d", id, len(id), wire.MaxTarget)
	}
	p := e.pass
	if p != nil && p.at.twice != nil {
		if err := refuseBraces(ctx); err != nil {
			return fmt.Errorf("live.Child %q in %s: %w", x.key, p.name(), err)
		}
	}
	if p == nil {
		inner := *e
		inner.path = id
		return writeHost(w, id, diff.HostOfChild, containerOf(x.view), func() error { return x.view.Render().Render(inner.context(), w) })
	}
	if !p.direct(w) {
		return fmt.Errorf("live.Child %q: the output of %s was led elsewhere", x.key, p.name())
	}
	var c *child
	f := p.in.family
	if f != nil {
		c = f.children[v.UnsafePointer()]
	}
	if c == nil {
		return fmt.Errorf("live.Child %q: no exported field of %s holds this *%v; keep children in pointer fields, slices or maps, and make them in Mount or a handler, not in Render",
			x.key, p.name(), v.Type().Elem())
	}
	other := f.byID[id]
	if other != nil && other != c && other.shown == f.passes {
		return fmt.Errorf("live.Child: %s shows two children with the key %q", p.name(), x.key)
	}
	if err := p.show(c); err != nil {
		return err
	}
	c.host = p.at.owner
	if c.id != id || other != c {
		if f.byID[c.id] == c {
			delete(f.byID, c.id) // another one may have it now
		}
		c.id, c.drawn = id, drawing{} // it contains the id
		f.byID[id] = c
		var err error
		if c.open, err = appendOpenTag(nil, id, diff.HostOfChild, c.typ.container); err != nil {
			return err
		}
		// What its owner's template has written before may be of the fields as they were.
		p.fresh = p.in.appear(c) || p.fresh
	}
	// What is in w has gone to the sink.
	out := p.at.sink
	out.b = append(out.b, c.open...)
	g := diff.Graft{ID: id, At: uint32(len(out.b)), Of: c}
	var err error
	if g.Tree, err = p.treeOf(c); err != nil {
		return err
	}
	p.at.grafts = append(p.at.grafts, g)
	out.b = appendEndTag(out.b, c.typ.container)
	return nil
}

// refuseBraces refuses what stands in braces behind a component that shows something else. Only development looks.
func refuseBraces(ctx context.Context) error {
	var out sink
	if err := templ.GetChildren(ctx).Render(ctx, &out); err == nil && len(bytes.TrimSpace(out.b)) > 0 {
		return fmt.Errorf("what stands in the braces behind it is shown nowhere: %.40q", out.b)
	}
	return nil
}

// writeHost writes the element around a child or a region.
func writeHost(w io.Writer, id, kind string, c Container, render func() error) error {
	open, err := appendOpenTag(nil, id, kind, c)
	if err != nil {
		return err
	}
	if _, err := w.Write(open); err != nil {
		return err
	}
	if err := render(); err != nil {
		return err
	}
	_, err = w.Write(appendEndTag(nil, c))
	return err
}

func appendOpenTag(dst []byte, id, kind string, c Container) ([]byte, error) {
	dst = append(append(append(dst, '<'), c.Tag...), ` live-key="`...)
	dst = append(append(append(dst, templ.EscapeString(id)...), `" `...), kind...)
	dst = append(dst, `=""`...)
	if len(c.Attrs) > 0 {
		var scripts sink
		out := sink{dst}
		if err := templruntime.RenderAttributes(context.Background(), &out, &scripts, c.Tag, maps.Clone(c.Attrs)); err != nil {
			return nil, err
		}
		if len(scripts.b) > 0 {
			return nil, fmt.Errorf("the attributes of the container of %q call a script of templ, for which there is no place", id)
		}
		dst = out.b
	}
	return append(dst, '>'), nil
}

func appendEndTag(dst []byte, c Container) []byte {
	return append(append(append(dst, "</"...), c.Tag...), '>')
}

func containerOf(view any) (c Container) {
	if x, ok := view.(Contained); ok {
		c = x.Container()
	}
	fill(&c.Tag, "div")
	return c
}

// Emit hands a message to the nearest view around a child that has an [OnMessage] handler for its type, in the same turn,
// once the handler that emits it has returned without an error. The error says that there is none.
func Emit(s *Socket, message any) error {
	if s.child != nil {
		for at := s.child.owner; ; at = at.owner {
			if _, ok := s.in.typeAt(at).handlers.messages[reflect.TypeOf(message)]; ok {
				s.in.emitted = append(s.in.emitted, emission{at, message})
				return nil
			}
			if at == nil {
				break
			}
		}
	}
	return fmt.Errorf("live.Emit: no view around has an OnMessage handler for %T", message)
}

// emission is a message from a child to a view around it.
type emission struct {
	to    *child
	value any
}

// typeAt returns the type of a child's view, or of the page's.
func (in *instance) typeAt(c *child) *viewType {
	if c == nil {
		return in.typ
	}
	return c.typ
}

// viewAt returns a child's view and socket, or the page's.
func (in *instance) viewAt(c *child) (view any, s *Socket) {
	if c == nil {
		return in.view, &in.socket
	}
	return c.view, &c.socket
}

// beginChild notes that a turn is a child's, before its handler runs.
func (in *instance) beginChild(c *child) {
	if c == nil {
		return
	}
	in.only = c
	if in.rec != nil {
		in.rec.turn.Child = c.id
	}
	if c.before == nil {
		c.before = c.snapshot()
		in.touched = append(in.touched, c)
	}
}

// deliver hands over what the children have emitted.
func (in *instance) deliver(ctx context.Context, err error) error {
	for i := 0; i < len(in.emitted) && err == nil; i++ {
		x := in.emitted[i]
		in.only = x.to
		if i >= maxEmitted {
			err = fmt.Errorf("%d messages were emitted in one turn", i)
			break
		}
		err = in.tell(ctx, x.to, x.value)
	}
	if len(in.emitted) > 0 {
		in.emitted = in.emitted[:0]
		in.only = nil // others were called, too
	}
	return err
}

// maxEmitted bounds what the handlers of one turn may emit: two views may answer each other for ever.
const maxEmitted = 1000

// childCrashText is what the user reads when a part of the page was put back.
const childCrashText = "Something went wrong. This part of the page is as it was before."

// restore puts a child back that has panicked, or does not render, to how it was when it rendered last, with what has been
// loaded for it since; and when that does not render either, without. It reports whether it could.
func (in *instance) restore(failed *childFailed, rendering bool) bool {
	c := failed.child
	before := c.before
	if c.before = nil; before == nil && rendering {
		before, c.without = c.without, nil
	}
	if before == nil || !before.restore(c) {
		return false
	}
	stack := ""
	if p, ok := errors.AsType[*panicked](failed.err); ok {
		stack = string(p.stack)
	}
	in.log().Error("child crashed", "child", c.id, "type", c.typ.name, "err", failed.err, "stack", stack)
	in.failTurn(failed.err)
	in.showError(in.event, childCrashText)
	in.emitted = in.emitted[:0]
	in.putBack++
	return true
}

// forgetBefore is called when all children have rendered.
func (in *instance) forgetBefore() {
	for _, c := range in.touched {
		c.before, c.without = nil, nil
	}
	in.touched = in.touched[:0]
}

// proveChildren renders the view as for a patch, and throws the result away: a child that does not render is put back.
func (in *instance) proveChildren() error {
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	stale := in.stale
	_, err := in.renderTree(bench, nil)
	bench.release()
	in.stale = stale
	if _, ok := errors.AsType[*diff.SyntaxError](err); ok {
		return nil
	}
	return err
}
