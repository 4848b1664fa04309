package live

import (
	"context"
	"fmt"
	"reflect"
	"regexp"

	"github.com/livelong-dev/livelong/live/internal/payload"
)

// Handler is one entry of [Eventful]: made by [On] or [OnMessage].
type Handler struct {
	view    reflect.Type // the struct
	message reflect.Type // of the event or message
	remote  bool         // the browser may send it
	was     []string
	gated   bool // see Gated
	// call runs the method; decode fills in the event or message.
	call func(view any, ctx context.Context, s *Socket, decode func(into any) error) error
	// tell runs it for a message that is there.
	tell func(view any, ctx context.Context, s *Socket, message any) error
}

// HandlerOption adjusts [On]: made by [Was], or [Gated].
type HandlerOption func(*Handler)

// Was keeps serving an event under a name it had before, for pages and recordings made then.
func Was(name string) HandlerOption { return func(h *Handler) { h.was = append(h.was, name) } }

// Named gives an event type a wire name of its own; without it, the type's name is used.
type Named interface{ EventName() string }

// On lists an event that the browser may send: the method f handles it. The event is a struct; its exported fields are
// decoded from what the browser sends, all of which is user input: f authorizes.
//
// Untagged fields come from the attribute or the client's push and are decoded strictly. Fields tagged `form:"x"` come
// from the form only, fields tagged `client:"key"` (also value, target, submitter, x, y) are filled in by the browser.
// A [FieldErrors] embedded in the event receives conversion errors per field; without it such an event is refused.
//
// An error keeps the changes made so far and is shown to the user; see [Error].
func On[V, E any](f func(*V, context.Context, *Socket, E) error, options ...HandlerOption) Handler {
	h := handler(f)
	h.remote = true
	for _, o := range options {
		o(&h)
	}
	return h
}

// OnMessage lists a message that only the server may send: by [Socket.Send], a timer or a [Topic]. The browser cannot
// reach it.
func OnMessage[V, M any](f func(*V, context.Context, *Socket, M) error) Handler { return handler(f) }

func handler[V, E any](f func(*V, context.Context, *Socket, E) error) Handler {
	return Handler{
		view: reflect.TypeFor[V](), message: reflect.TypeFor[E](),
		call: func(view any, ctx context.Context, s *Socket, decode func(any) error) error {
			var e E
			if err := decode(&e); err != nil {
				return err
			}
			return f(view.(*V), ctx, s, e)
		},
		tell: func(view any, ctx context.Context, s *Socket, message any) error {
			return f(view.(*V), ctx, s, message.(E))
		},
	}
}

// FieldErrors holds one text per form field that could not be converted. Embedded in an event, it makes [On] deliver
// the event with these texts instead of refusing it.
type FieldErrors map[string]string

// SetFieldError sets the text of a field, unless it has one.
func (f *FieldErrors) SetFieldError(name, text string) {
	if *f == nil {
		*f = FieldErrors{}
	}
	if _, ok := (*f)[name]; !ok {
		(*f)[name] = text
	}
}

// event is an event as the browser knows it.
type event struct {
	Handler
	name    string
	payload *payload.Event
}

var eventName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// nameOf returns the wire name of an event type.
func nameOf(t reflect.Type) (string, error) {
	name := t.Name()
	if named, ok := reflect.New(t).Interface().(Named); ok {
		name = named.EventName()
	}
	if !eventName.MatchString(name) {
		return "", fmt.Errorf("event %v has the name %q, want a letter and up to 63 letters, digits, '_', '-' or '.': give it an EventName method", t, name)
	}
	return name, nil
}

// handlers indexes what a view type handles.
type handlers struct {
	events   map[string]*event
	messages map[reflect.Type]*Handler
}

// index checks the handlers of the view type t.
func index(t reflect.Type, list []Handler) (handlers, error) {
	hs := handlers{events: map[string]*event{}, messages: map[reflect.Type]*Handler{}}
	for i := range list {
		h := &list[i]
		if h.call == nil {
			return hs, fmt.Errorf("%v: handler %d is empty; make it with On or OnMessage", t, i+1)
		}
		if h.view != t {
			return hs, fmt.Errorf("%v: the handler of %v is a method of %v", t, h.message, h.view)
		}
		if _, ok := hs.messages[h.message]; ok {
			return hs, fmt.Errorf("%v: %v has two handlers", t, h.message)
		}
		hs.messages[h.message] = h
		if !h.remote {
			continue
		}
		e := &event{Handler: *h}
		var err error
		if e.payload, err = payload.ForEvent(h.message); err != nil {
			return hs, fmt.Errorf("%v: %w", t, err)
		}
		if e.name, err = nameOf(h.message); err != nil {
			return hs, fmt.Errorf("%v: %w", t, err)
		}
		for _, name := range append([]string{e.name}, h.was...) {
			if other, ok := hs.events[name]; ok {
				return hs, fmt.Errorf("%v: the events %v and %v are both called %q; give one an EventName method", t, other.message, h.message, name)
			}
			hs.events[name] = e
		}
	}
	return hs, nil
}
