package live

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"unsafe"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Shared is a value that many views hold, or one view in many fields, and that nobody changes: who wants another one shares
// it anew. Two are equal, by ==, when they come from one call of [Share]. So comparing what a view holds costs nothing,
// however large it is; it is encoded once; and [Region] renders it once for all pages that show it.
//
//	var scores = live.NewTopic[live.Shared[Scores]]("scores")
//
//	type Board struct{ Scores live.Shared[Scores] }
//
//	func (b *Board) Changed(_ context.Context, _ *live.Socket, s live.Shared[Scores]) error {
//		b.Scores = s
//		return nil
//	}
//
//	templ (b Board) Render() {
//		@live.Region("scores", b.Scores, table)
//	}
//
// T must be encodable as JSON. The zero Shared holds the zero T.
type Shared[T any] struct {
	id assigns.Identity
	c  *shared[T]
}

type shared[T any] struct {
	value T

	encode sync.Once
	json   []byte
	err    error

	mu      sync.Mutex
	regions map[regionKey]*region
}

// Share returns v to be held by many. Nothing that v points to may be changed any more.
func Share[T any](v T) Shared[T] {
	return Shared[T]{assigns.NewIdentity(), &shared[T]{value: v}}
}

// Value returns what is shared, which must not be changed.
func (s Shared[T]) Value() T {
	if s.c == nil {
		var zero T
		return zero
	}
	return s.c.value
}

func (s Shared[T]) immutable() {}

// MarshalJSON implements [json.Marshaler]: as the value is encoded.
func (s Shared[T]) MarshalJSON() ([]byte, error) {
	if s.c == nil {
		return []byte("null"), nil
	}
	c := s.c
	c.encode.Do(func() {
		c.err = errors.New("a shared value cannot be encoded: it has panicked") // for who comes later
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		c.err = e.Encode(&c.value)
		c.json = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	})
	return c.json, c.err
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Shared[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*s = Shared[T]{}
		return nil
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	*s = Share(v)
	return nil
}

// regionKey says what a region has been rendered by.
type regionKey struct {
	component uintptr
	locale    string
}

// region is what was rendered of a value.
type region struct {
	tree *diff.Tree
	of   unsafe.Pointer // the component: kept, so that no other one comes to lie there
}

// regionsKey hashes what is rendered for many pages.
var regionsKey = sync.OnceValue(func() diff.Key {
	var secret [16]byte
	rand.Read(secret[:])
	return diff.NewKey(secret)
})

// Region shows a shared value. All pages of this process that show it share one rendering, and the difference to the value
// that they showed before is found once; a page adds to that only what it costs to send. The component must show nothing but
// the value: no user, no nonce; what it shows may depend on [Locale]. It may bind events, which the views around handle, and
// contain memos, but no children and no regions. A method of a view, and a function literal that takes something along, may
// show what is one page's: such a component runs for each page anew, and nothing is shared.
//
// The name tells regions of one view apart, and from its children. The element around is a div, or what container says.
func Region[T any](name string, s Shared[T], component func(T) templ.Component, container ...Container) templ.Component {
	var c Container
	if len(container) > 0 {
		c = container[0]
	}
	fill(&c.Tag, "div")
	return &regionComponent[T]{name, c, s, component}
}

// regionComponent is the [templ.Component] of a region.
type regionComponent[T any] struct {
	name      string
	container Container
	s         Shared[T]
	component func(T) templ.Component
}

// Render implements [templ.Component].
func (x *regionComponent[T]) Render(ctx context.Context, w io.Writer) error {
	return showRegion(ctx, w, x.name, x.container, x)
}

func (x *regionComponent[T]) alone() templ.Component { return x.component(x.s.Value()) }

func (x *regionComponent[T]) shared(locale string, old *diff.Tree) (*region, error) {
	s := x.s
	if s.c == nil {
		s = Share(*new(T)) // for this page alone
	}
	return s.c.render(locale, x.component, old)
}

// render returns what a component shows of the value. Only a function that takes nothing along is the same one each time that
// it is asked for: what another one has taken along may be of one page, and is shown to no other. What stood in its place
// before makes that quicker.
func (c *shared[T]) render(locale string, component func(T) templ.Component, old *diff.Tree) (*region, error) {
	key := regionKey{reflect.ValueOf(component).Pointer(), locale}
	of := *(*unsafe.Pointer)(unsafe.Pointer(&component))
	c.mu.Lock() // who comes second waits for the first one's rendering
	r := c.regions[key]
	if r != nil {
		c.mu.Unlock()
		if r.of == of {
			return r, nil
		}
		return c.draw(of, locale, component, old)
	}
	defer c.mu.Unlock()
	r, err := c.draw(of, locale, component, old)
	if err != nil {
		return nil, err
	}
	if c.regions == nil {
		c.regions = map[regionKey]*region{}
	}
	for other := range c.regions {
		if len(c.regions) < maxRegions {
			break
		}
		delete(c.regions, other)
	}
	c.regions[key] = r
	return r, nil
}

func (c *shared[T]) draw(of unsafe.Pointer, locale string, component func(T) templ.Component, old *diff.Tree) (*region, error) {
	var out sink
	if old != nil {
		out.b = make([]byte, 0, len(old.HTML)+len(old.HTML)/16)
	}
	e := env{locale: locale, region: true}
	if err := component(c.value).Render(e.context(), &out); err != nil {
		return nil, err
	}
	k := regionsKey()
	tree, _ := diff.NewRegion(out.b, old, &k) // the page it stands in finds what is wrong
	return &region{tree, of}, nil
}

// maxRegions bounds the renderings that are kept of one value: a locale may be what a browser has sent.
const maxRegions = 64

// showRegion writes a region's element: with what many share, or, in a rendering that is no page's, with its component's own
// output.
func showRegion(ctx context.Context, w io.Writer, name string, container Container, x interface {
	alone() templ.Component
	shared(locale string, old *diff.Tree) (*region, error)
}) error {
	e := envOf(ctx)
	if e.region {
		return fmt.Errorf("live.Region %q stands in another region: pages cannot tell which of them has changed", name)
	}
	if name == "" {
		return errors.New("live.Region: the name is empty")
	}
	id := pathOf(e.path, name)
	if len(id) > wire.MaxTarget {
		return fmt.Errorf("live.Region: the name %.60q… is %d bytes long, with the keys of the children around it, want at most %d", name, len(id), wire.MaxTarget)
	}
	p := e.pass
	if p == nil || !p.direct(w) {
		alone := env{locale: e.locale, region: true}
		return writeHost(w, id, diff.HostOfRegion, container, func() error { return x.alone().Render(alone.context(), w) })
	}
	if p.at.twice != nil {
		if err := refuseBraces(ctx); err != nil {
			return fmt.Errorf("live.Region %q in %s: %w", name, p.name(), err)
		}
		if !p.at.once(regionName(name)) {
			return fmt.Errorf("live.Region: %s shows two regions with the name %q", p.name(), name)
		}
	}
	r, err := x.shared(e.locale, p.at.stood(id))
	if err != nil {
		return err
	}
	out := p.at.sink // what is in w has gone there
	if out.b, err = appendOpenTag(out.b, id, diff.HostOfRegion, container); err != nil {
		return err
	}
	p.at.grafts = append(p.at.grafts, diff.Graft{ID: id, At: uint32(len(out.b)), Tree: r.tree, Of: r})
	out.b = appendEndTag(out.b, container)
	return nil
}

type regionName string
