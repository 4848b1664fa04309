package live

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live/internal/diff"
)

// env is what a rendering may read beside the view's fields. It travels in the page token, so that the page renders
// the same bytes wherever it is mounted again.
type env struct {
	nonce, locale string

	path   string // the child whose template runs
	pass   *pass  // nil: nothing is used again
	region bool   // for many pages
}

type envKey struct{}

func envOf(ctx context.Context) *env {
	if e, ok := ctx.Value(envKey{}).(*env); ok {
		return e
	}
	return &env{}
}

// Nonce returns the page's Content-Security-Policy nonce, as set by [Options.Nonce]; empty when there is none.
func Nonce(ctx context.Context) string { return envOf(ctx).nonce }

// Locale returns the page's locale, as set by [Options.Locale]; empty when there is none.
func Locale(ctx context.Context) string { return envOf(ctx).locale }

// context returns a fresh one for a rendering, which a cancelled request must not cut short.
func (e *env) context() context.Context {
	return e.initialize(context.WithValue(context.Background(), envKey{}, e))
}

// initialize prepares a context that carries e for templ, which remembers in it what styles and scripts it has written, and
// leaves them out the next time: so two renderings must not share one.
func (e *env) initialize(ctx context.Context) context.Context {
	ctx = templ.InitializeContext(ctx)
	if e.nonce != "" {
		ctx = templ.WithNonce(ctx, e.nonce)
	}
	return ctx
}

// sink collects a rendering.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error)       { s.b = append(s.b, p...); return len(p), nil }
func (s *sink) WriteString(p string) (int, error) { s.b = append(s.b, p...); return len(p), nil }

// writeTag writes an open tag with attributes of its own, which are HTML, and further ones. Scripts of templ that these call
// come before it.
func writeTag(ctx context.Context, w io.Writer, tag, own string, attributes ...templ.Attributer) error {
	var scripts sink
	out := sink{[]byte("<" + tag + own)}
	for _, a := range attributes {
		if err := templruntime.RenderAttributes(ctx, &out, &scripts, tag, a); err != nil {
			return err
		}
	}
	_, err := w.Write(append(append(scripts.b, out.b...), '>'))
	return err
}

// workbench holds what one update needs and the next can use again.
type workbench struct {
	sink   sink
	pass   pass
	tree   *diff.Tree
	parser diff.Parser
	differ diff.Differ
	patch  []byte
	frame  []byte
	marks  []int
	paths  []uint32

	fetched byte // of no meaning: see [diff.Tree.Fetch]
}

var workbenches = sync.Pool{New: func() any { return &workbench{tree: &diff.Tree{}} }}

// render appends the view's HTML to out. A panic in Render comes back as an error with its stack.
func (t *viewType) render(view any, e *env, out *sink) error {
	return t.renderIn(e.context(), view, out)
}

func (t *viewType) renderIn(ctx context.Context, view any, out *sink) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	if err := t.component(view).Render(ctx, out); err != nil {
		return fmt.Errorf("render %v: %w", t.typ, err)
	}
	return nil
}

// check is what development and tests ask of each rendering: that it is pure, and that a browser builds from it the
// tree the server believes in.
func (t *viewType) check(view any, e *env, html []byte) error {
	if err := diff.CheckNesting(html); err != nil {
		return fmt.Errorf("%v renders HTML that browsers build differently: %w", t.typ, err)
	}
	var again, copied sink
	ctx := e.context()
	for range 2 {
		again.b = again.b[:0]
		if err := t.renderIn(ctx, view, &again); err != nil {
			return fmt.Errorf("%v does not render twice: %w", t.typ, err)
		}
	}
	if !bytes.Equal(again.b, html) {
		at, was, is := firstDifference(html, again.b)
		return fmt.Errorf("%v renders other HTML the second time, at byte %d: %q instead of %q; read no clock and no random number, range over no map but by its sorted keys, and put css and script templates and Once handles into the layout: templ writes them only once", t.typ, at, is, was)
	}
	clone, err := t.clone(view)
	if err != nil {
		return fmt.Errorf("%v is not pure: %w", t.typ, err)
	}
	if err := t.render(clone, e, &copied); err != nil {
		return fmt.Errorf("%v is not pure: a copy of its exported fields does not render: %w", t.typ, err)
	}
	if !bytes.Equal(copied.b, html) {
		at, was, is := firstDifference(html, copied.b)
		return fmt.Errorf("%v is not pure: a copy of its exported fields renders other HTML, at byte %d: %q instead of %q; read exported fields only, and no clock, random number or map order", t.typ, at, is, was)
	}
	return nil
}

// firstDifference returns where a and b part, and some of each from there.
func firstDifference(a, b []byte) (at int, fromA, fromB string) {
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	cut := func(s []byte) string {
		return strings.ToValidUTF8(string(s[max(0, at-10):min(len(s), at+30)]), "")
	}
	return at, cut(a), cut(b)
}
