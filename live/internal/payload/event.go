// Package payload fills in event structs from what a browser sends.
//
// An event's exported fields are of three kinds. Untagged ones come from the binding's JSON value and are decoded
// strictly. Those tagged `form:"name"` come from the form and from nothing else; inputs that no field names are
// ignored. Those tagged `client:"key"` are filled in by the browser. Embedded structs are opened as package assigns
// describes it. Everything is user input, and bounded: see the limits in this package.
package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/livelong-dev/livelong/live/internal/assigns"
)

// MaxDepth is how deeply arrays and objects of an event's JSON may be nested.
const MaxDepth = 32

// fieldErrors is how the type that receives conversion errors is recognised, where an event embeds it.
type fieldErrors interface{ SetFieldError(name, text string) }

// Error is an event that was refused. It does not repeat what the browser sent, except for the names of unknown fields.
type Error struct {
	Event reflect.Type
	Field string // the Go field, the input's name or the client key; empty if the whole payload is wrong
	Err   error
}

func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("event %v: %v", e.Event, e.Err)
	}
	return fmt.Sprintf("event %v: field %s: %v", e.Event, e.Field, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Event is what is known about one event type. It is immutable and may be used from any goroutine.
type Event struct {
	typ    reflect.Type
	all    *assigns.Type
	values []int // positions, in all, of the untagged fields
	client []clientField
	form   *formDecoder // nil: no field is tagged
	errors []int        // index of the embedded fieldErrors; nil: none
}

var events sync.Map // reflect.Type → *Event

// ForEvent analyses an event's struct type, or returns what is known about it already. The error names the event and
// the field that is tagged twice, wrongly or in vain, or whose type cannot be decoded.
func ForEvent(t reflect.Type) (*Event, error) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("event %v is not a struct", t)
	}
	if known, ok := events.Load(t); ok {
		return known.(*Event), nil
	}
	e, err := analyse(t)
	if err != nil {
		return nil, fmt.Errorf("event %w", err)
	}
	known, _ := events.LoadOrStore(t, e)
	return known.(*Event), nil
}

func analyse(t reflect.Type) (*Event, error) {
	all, err := assigns.Of(t)
	if err != nil {
		return nil, err
	}
	if err := checkTags(t); err != nil {
		return nil, fmt.Errorf("%v: %w", t, err)
	}
	e := &Event{typ: t, all: all}
	var inputs []formField
	for i, f := range all.Fields() {
		form, isForm := f.Tag.Lookup("form")
		key, isClient := f.Tag.Lookup("client")
		receives := reflect.PointerTo(f.Type).Implements(reflect.TypeFor[fieldErrors]())
		switch {
		case receives && t.FieldByIndex(f.Index).Anonymous && !isForm && !isClient:
			if e.errors != nil {
				err = fmt.Errorf("receives field errors twice")
			}
			e.errors = f.Index
		case receives:
			err = fmt.Errorf("must be embedded, without a tag, to receive field errors")
		case isForm && isClient:
			err = fmt.Errorf("has a form and a client tag; keep one")
		case isForm:
			var name string
			if name, err = inputName(form); err == nil {
				if slices.ContainsFunc(inputs, func(o formField) bool { return o.name == name }) {
					err = fmt.Errorf("has the form name %q of another field", name)
				}
				inputs = append(inputs, formField{name, f})
			}
		case isClient:
			var c clientField
			if c, err = newClientField(key, f); err == nil {
				if slices.ContainsFunc(e.client, func(o clientField) bool { return o.key == key }) {
					err = fmt.Errorf("has the client key %q of another field", key)
				}
				e.client = append(e.client, c)
			}
		default:
			e.values = append(e.values, i)
		}
		if err != nil {
			return nil, fmt.Errorf("%v: field %s (%v) %w", t, f.Name, f.Type, err)
		}
	}
	if inputs != nil {
		if e.form, err = newFormDecoder(inputs); err != nil {
			return nil, fmt.Errorf("%v: %w", t, err)
		}
	}
	return e, nil
}

// checkTags refuses tags on fields that are never set.
func checkTags(t reflect.Type) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		_, form := sf.Tag.Lookup("form")
		_, client := sf.Tag.Lookup("client")
		if !sf.IsExported() && (form || client) {
			return fmt.Errorf("field %s is unexported, so its tag means nothing; export it or remove the tag", sf.Name)
		}
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct && sf.Tag == "" {
			if err := checkTags(sf.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// Type returns all exported fields of the event, of whatever kind, as a recording keeps them.
func (e *Event) Type() *assigns.Type { return e.all }

// ClientFields returns the client keys that the event asks for, in the order of the struct.
func (e *Event) ClientFields() []string {
	var keys []string
	for _, c := range e.client {
		keys = append(keys, c.key)
	}
	return keys
}

// HasForm reports whether any field comes from a form.
func (e *Event) HasForm() bool { return e.form != nil }

// AppendValue appends the JSON object of the untagged fields, all of them and in their order; nothing at all if the
// event has none. Decode takes it as its v. After an error, dst is as it was.
func (e *Event) AppendValue(dst []byte, v reflect.Value) ([]byte, error) {
	if len(e.values) == 0 {
		return dst, nil
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	start := len(dst)
	fields := e.all.Fields()
	for n, i := range e.values {
		f := &fields[i]
		open := byte('{')
		if n > 0 {
			open = ','
		}
		dst = append(append(append(dst, open, '"'), f.Name...), '"', ':')
		var err error
		if dst, err = f.AppendJSON(dst, v.FieldByIndex(f.Index)); err != nil {
			return dst[:start], &Error{e.typ, f.Name, err}
		}
	}
	return append(dst, '}'), nil
}

// Decode fills in a new event; into is the struct, settable, or a pointer to it. v may be empty or null for no fields;
// fields that v, the form or the client do not have keep their zero values. Every error is an [*Error], after which the
// event must not be used. Errors of single inputs are no error where the event embeds a type to receive them.
func (e *Event) Decode(v json.RawMessage, form url.Values, client map[string]json.RawMessage, into reflect.Value) error {
	if into.Kind() == reflect.Pointer {
		into = into.Elem()
	}
	if err := e.decodeValue(v, into); err != nil {
		return err
	}
	for _, c := range e.client {
		if err := c.decode(client[c.key], into); err != nil {
			return &Error{e.typ, c.key, err}
		}
	}
	if e.form == nil || len(form) == 0 {
		return nil
	}
	problems, err := e.form.decode(form, into)
	if err != nil {
		return &Error{e.typ, "", err}
	}
	for _, p := range problems {
		if e.errors == nil {
			return &Error{e.typ, p.input, p}
		}
		into.FieldByIndex(e.errors).Addr().Interface().(fieldErrors).SetFieldError(p.input, p.text)
	}
	return nil
}

func (e *Event) decodeValue(v []byte, into reflect.Value) error {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || string(v) == "null" {
		return nil
	}
	if err := assigns.CheckDepth(v, MaxDepth); err != nil {
		return &Error{e.typ, "", err}
	}
	seen := make([]bool, len(e.all.Fields()))
	err := assigns.Members(v, func(key string, value []byte) error {
		i, ok := e.all.Lookup(key)
		if !ok || !slices.Contains(e.values, i) {
			if len(key) > 64 {
				key = strings.ToValidUTF8(key[:64], "") + "…"
			}
			return &Error{e.typ, "", fmt.Errorf("the payload names %q, which is none of its untagged fields%s", key, e.names())}
		}
		f := &e.all.Fields()[i]
		if seen[i] {
			return &Error{e.typ, key, fmt.Errorf("is given twice")}
		}
		seen[i] = true
		if err := decodeStrict(value, into.FieldByIndex(f.Index)); err != nil {
			return &Error{e.typ, key, err}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	if refused, ok := err.(*Error); ok {
		return refused
	}
	return &Error{e.typ, "", err}
}

func (e *Event) names() string {
	var names []string
	for _, i := range e.values {
		names = append(names, e.all.Fields()[i].Name)
	}
	if names == nil {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func decodeStrict(data []byte, into reflect.Value) error {
	if string(data) == "null" {
		switch into.Kind() {
		case reflect.String, reflect.Bool, reflect.Struct, reflect.Array,
			reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
			reflect.Float32, reflect.Float64:
			if _, ok := into.Addr().Interface().(json.Unmarshaler); !ok {
				return &assigns.TypeError{Want: into.Type(), Got: "null"}
			}
		}
	}
	return assigns.DecodeStrict(data, into.Addr().Interface())
}
