package live

import (
	"context"
	"fmt"
	"io"

	"github.com/a-h/templ"
)

// Memo shows a component, and when its version is what it was in the rendering before, the HTML of then instead of running
// it: a table of which one row has changed renders one row. The key names the memo among those of its view, whether one is
// inside another or not, and keys of two types differ; what the component shows must depend on nothing but the version,
// which can be anything that is comparable: a number that counts changes, or a struct of the values shown.
//
//	for _, r := range c.Rows {
//		@live.Memo(r.ID, r.Version, row(r))
//	}
//
// Memos may contain each other and children. In development and in tests the component runs all the same, and a version
// that stayed while the HTML changed is an error. A component that writes a style or a script is never taken again: templ
// writes these once, wherever they are needed first.
//
// The component runs in a context of its own: values that a component around it has put there do not reach it.
func Memo[K, V comparable](key K, version V, component templ.Component) templ.Component {
	return &memo[K, V]{key, version, component}
}

type memo[K, V comparable] struct {
	key       K
	version   V
	component templ.Component
}

// Render implements [templ.Component].
func (m *memo[K, V]) Render(ctx context.Context, w io.Writer) error {
	e := envOf(ctx)
	p := e.pass
	if p == nil || !p.direct(w) {
		return m.component.Render(e.context(), w)
	}
	x := p.at
	if x.twice != nil {
		if err := refuseBraces(ctx); err != nil {
			return fmt.Errorf("live.Memo %v in %s: %w", m.key, p.name(), err)
		}
		if !x.once(m.key) {
			return fmt.Errorf("live.Memo: the key %v comes twice in %s", m.key, p.name())
		}
	}
	i, known := m.find(x)
	if known {
		if old := &x.old.parts[i]; !old.fresh {
			if version, ok := old.version.(V); ok && version == m.version && p.usable(i) {
				return p.use(i)
			}
		}
		x.next = i + 1 // its own parts
	}
	n := x.open(part{key: m.key, version: m.version})
	if err := m.component.Render(e.context(), w); err != nil {
		return err
	}
	if !p.direct(w) {
		return fmt.Errorf("live.Memo %v: the output was led elsewhere", m.key)
	}
	x.close(n)
	return nil
}

// find returns the old part of the memo. Mostly it is the one that is expected next: then nothing is allocated.
func (m *memo[K, V]) find(x *canvas) (i int, ok bool) {
	if x.next < len(x.old.parts) {
		if key, ok := x.old.parts[x.next].key.(K); ok && key == m.key {
			return x.next, true
		}
	}
	if len(x.old.parts) == 0 {
		return 0, false
	}
	return x.find(m.key)
}
