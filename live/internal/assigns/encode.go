package assigns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"sync"
)

// encoder appends the JSON of a value.
type encoder func(dst []byte, v reflect.Value) ([]byte, error)

// Encode returns the JSON object of the exported fields, in their order: {"Count":1,"Note":""}. Equal values give equal
// bytes. v is the struct or a pointer to it. The error names the field; a value that contains itself is an error.
func (t *Type) Encode(v reflect.Value) ([]byte, error) {
	return t.AppendObject(nil, v)
}

// AppendObject is [Type.Encode] into a buffer.
func (t *Type) AppendObject(dst []byte, v reflect.Value) ([]byte, error) {
	v = t.struct_(v)
	start := len(dst)
	dst = append(dst, '{')
	for i := range t.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		f := &t.fields[i]
		dst = append(append(append(dst, '"'), f.Name...), '"', ':')
		var err error
		if dst, err = t.EncodeField(dst, v, i); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, '}'), nil
}

// EncodeField appends the JSON of the i-th field. After an error, dst is as it was.
func (t *Type) EncodeField(dst []byte, v reflect.Value, i int) ([]byte, error) {
	f := &t.fields[i]
	dst, err := f.AppendJSON(dst, t.struct_(v).FieldByIndex(f.Index))
	if err != nil {
		return dst, fmt.Errorf("encode %v: field %s: %w", t.typ, f.Name, err)
	}
	return dst, nil
}

// AppendJSON appends the JSON of the field's value v, wherever it comes from. After an error, dst is as it was.
func (f *Field) AppendJSON(dst []byte, v reflect.Value) ([]byte, error) {
	start := len(dst)
	dst, err := f.encode(dst, v)
	if err != nil {
		dst = dst[:start]
	}
	return dst, err
}

// Clone returns a new value that has been through Encode and Decode: equal in what travels, and zero in everything
// else. A pure Render gives the same bytes for it. The value is addressable.
func (t *Type) Clone(v reflect.Value) (reflect.Value, error) {
	data, err := t.Encode(v)
	if err != nil {
		return reflect.Value{}, err
	}
	c := reflect.New(t.typ).Elem()
	if err := t.Decode(data, c); err != nil {
		return reflect.Value{}, err
	}
	return c, nil
}

// Equal reports whether two values have the same encoding. One that cannot be encoded equals nothing.
func (t *Type) Equal(a, b reflect.Value) bool {
	x, err := t.Encode(a)
	if err != nil {
		return false
	}
	y, err := t.Encode(b)
	return err == nil && bytes.Equal(x, y)
}

// encoderOf returns the encoding of a type, built once.
func encoderOf(t reflect.Type) encoder {
	if identified(t) && t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return encodeIdentified
	}
	if !codingOf(t, true).plain() || t == reflect.TypeFor[json.Number]() {
		return encodeAny
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(dst, v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(dst, v.Int(), 10), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendUint(dst, v.Uint(), 10), nil }
	case reflect.String:
		return encodeString
	}
	return encodeAny
}

// encodeIdentified spares a value that is encoded once from being read through each time.
func encodeIdentified(dst []byte, v reflect.Value) ([]byte, error) {
	raw, err := v.Interface().(json.Marshaler).MarshalJSON()
	return append(dst, raw...), err
}

// encodeString writes a plain string itself and leaves what needs escaping to encoding/json.
func encodeString(dst []byte, v reflect.Value) ([]byte, error) {
	s := v.String()
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return encodeAny(dst, v)
		}
	}
	return append(append(append(dst, '"'), s...), '"'), nil
}

// appender lets a json.Encoder append to the caller's buffer.
type appender struct {
	dst []byte
	enc *json.Encoder
}

func (a *appender) Write(p []byte) (int, error) {
	a.dst = append(a.dst, p...)
	return len(p), nil
}

var appenders = sync.Pool{New: func() any {
	a := &appender{}
	a.enc = json.NewEncoder(a)
	a.enc.SetEscapeHTML(false)
	return a
}}

// encodeAny encodes through a pointer, so that methods of the pointer are called.
func encodeAny(dst []byte, v reflect.Value) ([]byte, error) {
	if !v.CanAddr() {
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		v = c
	}
	a := appenders.Get().(*appender)
	a.dst = dst
	err := a.enc.Encode(v.Addr().Interface())
	dst, a.dst = a.dst, nil
	appenders.Put(a)
	if err != nil {
		return dst, err
	}
	return dst[:len(dst)-1], nil // without Encode's newline
}
