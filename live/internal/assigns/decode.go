package assigns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// FieldError is one field that could not be decoded.
type FieldError struct {
	Field string
	Err   error
}

// DecodeError says what of an encoding was not taken over. Everything else was.
type DecodeError struct {
	Type    reflect.Type
	Fields  []FieldError // these fields are as they were before
	Unknown []string     // keys that are no fields of the type (any more)
}

func (e *DecodeError) Error() string {
	var parts []string
	for _, f := range e.Fields {
		parts = append(parts, fmt.Sprintf("field %s: %v", f.Field, f.Err))
	}
	if len(e.Unknown) > 0 {
		parts = append(parts, fmt.Sprintf("no field for %q", e.Unknown))
	}
	return fmt.Sprintf("decode %v: %s", e.Type, strings.Join(parts, "; "))
}

// Unwrap returns the errors of the fields.
func (e *DecodeError) Unwrap() []error {
	var errs []error
	for _, f := range e.Fields {
		errs = append(errs, f.Err)
	}
	return errs
}

// Decode sets the fields that an object names; the others stay as they are. into is the struct, addressable, or a
// pointer to it. A field that cannot be decoded stays as it was and does not keep the others from being set: the error
// is then a [*DecodeError], as it is for keys that are no fields. Any other error means that nothing was set, because
// data is not a JSON object.
func (t *Type) Decode(data []byte, into reflect.Value) error {
	into = t.settable(into)
	var bad DecodeError
	err := Members(data, func(key string, value []byte) error {
		i, ok := t.byName[key]
		if !ok {
			bad.Unknown = append(bad.Unknown, key)
			return nil
		}
		if err := t.decodeField(value, into, i); err != nil {
			bad.Fields = append(bad.Fields, FieldError{key, err})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("decode %v: %w", t.typ, err)
	}
	if bad.Fields != nil || bad.Unknown != nil {
		bad.Type = t.typ
		return &bad
	}
	return nil
}

// DecodeField replaces the i-th field. Nothing that the old value refers to is changed; after an error the field is as
// it was. null gives the zero value.
func (t *Type) DecodeField(data []byte, into reflect.Value, i int) error {
	if err := t.decodeField(data, t.settable(into), i); err != nil {
		return &DecodeError{Type: t.typ, Fields: []FieldError{{t.fields[i].Name, err}}}
	}
	return nil
}

func (t *Type) decodeField(data []byte, into reflect.Value, i int) error {
	f := &t.fields[i]
	v, err := f.DecodeJSON(data)
	if err == nil {
		into.FieldByIndex(f.Index).Set(v)
	}
	return err
}

// DecodeJSON returns a new value of the field's type.
func (f *Field) DecodeJSON(data []byte) (reflect.Value, error) {
	fresh := reflect.New(f.Type)
	if err := json.Unmarshal(data, fresh.Interface()); err != nil {
		return reflect.Value{}, plain(err)
	}
	return fresh.Elem(), nil
}

// DecodeStrict decodes into the value that p points to. Unlike [Type.Decode] it takes the value for user input: a key of
// an object that the Go type does not know is an error, too. The error is a [*TypeError] for a wrong type, and never
// repeats a value.
func DecodeStrict(data []byte, p any) error {
	var err error
	if k := reflect.TypeOf(p).Elem().Kind(); k <= reflect.Float64 || k == reflect.String {
		err = json.Unmarshal(data, p) // has no keys
	} else {
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		err = d.Decode(p)
	}
	if err == nil {
		return nil
	}
	err = plain(err)
	if _, ok := errors.AsType[*TypeError](err); ok || strings.HasPrefix(err.Error(), "json: unknown field ") {
		return err
	}
	// What a type's own UnmarshalJSON or UnmarshalText says repeats what it was given, as that of time.Time does.
	return fmt.Errorf("not a valid %v", reflect.TypeOf(p).Elem())
}

func (t *Type) settable(into reflect.Value) reflect.Value {
	if into.Kind() != reflect.Pointer && !into.CanSet() {
		panic(fmt.Sprintf("assigns: decode into a %v that cannot be set; pass a pointer", into.Type()))
	}
	return t.struct_(into)
}

// TypeError is a JSON value of the wrong kind. Unlike encoding/json's error it does not repeat the value, which may be
// anything a user typed.
type TypeError struct {
	Path string // within the field, empty for the field itself
	Want reflect.Type
	Got  string // string, number, bool, array, object
}

func (e *TypeError) Error() string {
	s := fmt.Sprintf("want %v, got %s", e.Want, e.Got)
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	return s
}

// plain replaces encoding/json's error for a wrong type by our own.
func plain(err error) error {
	if bad, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		got, _, _ := strings.Cut(bad.Value, " ")
		if got == "number" && isNumber(bad.Type) {
			got = "a number out of its range or with a fraction"
		}
		return &TypeError{Path: bad.Field, Want: bad.Type, Got: got}
	}
	return err
}

func isNumber(t reflect.Type) bool {
	return t != nil && t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64
}
