package live

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live/internal/payload"
)

// Click sends e when the element is clicked. A second click before the first is answered is ignored.
func Click(e any, options ...BindOption) templ.Attributer { return bind("live-click", e, options) }

// ClickAway sends e on a click outside the element.
func ClickAway(e any, options ...BindOption) templ.Attributer {
	return bind("live-click-away", e, options)
}

// Submit sends e with the form's fields when the form is submitted.
func Submit(e any, options ...BindOption) templ.Attributer { return bind("live-submit", e, options) }

// Change sends e when a control changes: on a form with all its fields, on a single control with that one.
func Change(e any, options ...BindOption) templ.Attributer { return bind("live-change", e, options) }

// KeyDown sends e when a key is pressed in the element; see [Keys].
func KeyDown(e any, options ...BindOption) templ.Attributer { return bind("live-keydown", e, options) }

// KeyUp sends e when a key is released in the element; see [Keys].
func KeyUp(e any, options ...BindOption) templ.Attributer { return bind("live-keyup", e, options) }

// Focus sends e when the element gains focus.
func Focus(e any, options ...BindOption) templ.Attributer { return bind("live-focus", e, options) }

// Blur sends e when the element loses focus.
func Blur(e any, options ...BindOption) templ.Attributer { return bind("live-blur", e, options) }

// WindowKeyDown sends e when a key is pressed anywhere in the page; see [Keys].
func WindowKeyDown(e any, options ...BindOption) templ.Attributer {
	return bind("live-window-keydown", e, options)
}

// WindowKeyUp sends e when a key is released anywhere in the page; see [Keys].
func WindowKeyUp(e any, options ...BindOption) templ.Attributer {
	return bind("live-window-keyup", e, options)
}

// WindowFocus sends e when the page's window gains focus.
func WindowFocus(e any, options ...BindOption) templ.Attributer {
	return bind("live-window-focus", e, options)
}

// WindowBlur sends e when the page's window loses focus.
func WindowBlur(e any, options ...BindOption) templ.Attributer {
	return bind("live-window-blur", e, options)
}

// BindOption adjusts when a binding sends its event.
type BindOption struct{ text string }

// Debounce waits until the control has been quiet for d; leaving the control or submitting its form sends at once.
func Debounce(d time.Duration) BindOption { return BindOption{";d=" + millis(d)} }

// DebounceBlur waits until the control loses focus.
func DebounceBlur() BindOption { return BindOption{";d=blur"} }

// Throttle sends the first event at once and then at most one per d; the last one is never lost.
func Throttle(d time.Duration) BindOption { return BindOption{";t=" + millis(d)} }

// Keys lets only these keys pass, named as by KeyboardEvent.key and compared without regard to case. The space bar may
// be called Space.
func Keys(names ...string) BindOption {
	return BindOption{";k=" + strings.ReplaceAll(strings.Join(names, ","), " ", "Space")}
}

// PreventDefault keeps the browser from doing what it would do otherwise.
func PreventDefault() BindOption { return BindOption{";p"} }

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Key identifies an element among its siblings, so that it keeps its DOM node, focus and typed text when the siblings
// are reordered. Without it, the element's id does that.
func Key[T ~string | ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64](key T) templ.Attributer {
	a := &attribute{value: fmt.Sprint(key)}
	return a.named("live-key")
}

// attribute is one attribute. Its value is handed to templ by pointer, which costs no allocation.
type attribute struct {
	value string
	item  [1]templ.KeyValue[string, any]
}

func (a *attribute) named(name string) *attribute {
	a.item[0].Key, a.item[0].Value = name, &a.value
	return a
}

// Items implements [templ.Attributer].
func (a *attribute) Items() []templ.KeyValue[string, any] { return a.item[:] }

func bind(name string, e any, options []BindOption) templ.Attributer {
	a := &attribute{value: bindingValue(e, options)}
	return a.named(name)
}

// binding is what all bindings of one event type share.
type binding struct {
	head    string // the name and the client values
	payload *payload.Event
}

var (
	bindings sync.Map // reflect.Type → *binding
	scratch  = sync.Pool{New: func() any { return new([]byte) }}
)

// bindingValue returns `Name;options JSON`, see internal/wire/PROTOCOL.md. It panics on what can never be an event.
func bindingValue(e any, options []BindOption) string {
	b := bindingOf(reflect.TypeOf(e))
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	out := append((*buf)[:0], b.head...)
	for _, o := range options {
		out = append(out, o.text...)
	}
	mark := len(out)
	out, err := b.payload.AppendValue(append(out, ' '), reflect.ValueOf(e))
	if err != nil {
		panic(fmt.Sprintf("bind event: %v", err))
	}
	if len(out) == mark+1 {
		out = out[:mark]
	}
	*buf = out
	return string(out)
}

func bindingOf(t reflect.Type) *binding {
	if b, ok := bindings.Load(t); ok {
		return b.(*binding)
	}
	if t == nil || t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("bind event: %v is not a struct", t))
	}
	name, err := nameOf(t)
	if err != nil {
		panic("bind event: " + err.Error())
	}
	p, err := payload.ForEvent(t)
	if err != nil {
		panic("bind event: " + err.Error())
	}
	b := &binding{head: name, payload: p}
	if fields := p.ClientFields(); len(fields) > 0 {
		b.head += ";c=" + strings.Join(fields, ",")
	}
	bindings.Store(t, b)
	return b
}

// Names of the fields that [Post] hides in its form.
const (
	postEvent = "live-event"
	postSeal  = "live-seal"
	postChild = "live-child"
)

// emptySeal is what a view renders: its bytes are the same for all browsers. The document gets the seal, see
// [root.Render]; user input cannot look like this, as its quotes are escaped.
const emptySeal = `<input type="hidden" name="` + postSeal + `" value="">`

// Post renders a form around its children that sends e when it is submitted, over the socket where there is one and by
// a plain POST where there is no JavaScript. Further attributes, such as those of [Change], go onto the form.
//
//	@live.Post(Add{By: 1}) {
//		<button>+1</button>
//	}
func Post(e any, attributes ...templ.Attributer) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		children := templ.GetChildren(ctx)
		ctx = templ.ClearChildren(ctx)
		value := bindingValue(e, nil)
		attributes := append(slices.Clip(attributes), (&attribute{value: value}).named("live-submit"))
		if err := writeTag(ctx, w, "form", ` method="post"`, attributes...); err != nil {
			return err
		}
		if _, err := io.WriteString(w, `<input type="hidden" name="`+postEvent+`" value="`+templ.EscapeString(value)+
			`">`+emptySeal); err != nil {
			return err
		}
		if id := envOf(ctx).path; id != "" {
			if _, err := io.WriteString(w, `<input type="hidden" name="`+postChild+`" value="`+templ.EscapeString(id)+`">`); err != nil {
				return err
			}
		}
		if err := children.Render(ctx, w); err != nil {
			return err
		}
		_, err := io.WriteString(w, `</form>`)
		return err
	})
}
