package replay

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"time"
)

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	timeType      = reflect.TypeFor[time.Time]()
)

// maxRedactDepth is how deeply values are gone through; what lies deeper is left out.
const maxRedactDepth = 100

func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(jsonMarshaler) || p.Implements(textMarshaler)
}

// walk redacts what of a value has to be. v is settable and a shallow copy: what it refers to is copied before it is
// changed.
func (x *Redaction) walk(v reflect.Value, depth int) {
	t := v.Type()
	if x.r.plan(t).none() && len(x.also) == 0 {
		return
	}
	if depth > maxRedactDepth {
		if v.CanSet() {
			v.SetZero()
		}
		return
	}
	if t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(redactable) && v.CanSet() {
		x.rememberJSON(v)
		v.Addr().Interface().(Redactable).Redact()
		return
	}
	if t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer && encodesItself(t) {
		return // its JSON is gone through
	}
	switch t.Kind() {
	case reflect.Struct:
		for i, how := range x.r.treatments(t) {
			field := v.Field(i)
			if how == keepIt && len(x.also) == 0 && x.r.plan(field.Type()).none() {
				continue
			}
			f := t.Field(i)
			if !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct) {
				continue
			}
			if how == keepIt && len(x.also) > 0 {
				how = x.treat(f.Name, f.Tag)
			}
			switch {
			case how == keepIt || !f.IsExported():
				x.walk2(field, depth+1)
			case how == omit:
				x.found = true
				field.SetZero()
			default:
				x.cover(field, how, depth+1)
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		p := reflect.New(t.Elem())
		p.Elem().Set(v.Elem())
		x.walk(p.Elem(), depth+1)
		v.Set(p.Convert(t))
	case reflect.Slice:
		if v.IsNil() || x.r.plan(t.Elem()).none() && len(x.also) == 0 {
			return
		}
		s := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(s, v)
		for i := range s.Len() {
			x.walk(s.Index(i), depth+1)
		}
		v.Set(s)
	case reflect.Array:
		for i := range v.Len() {
			x.walk(v.Index(i), depth+1)
		}
	case reflect.Map:
		x.walkMap(v, depth)
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		e := reflect.New(v.Elem().Type()).Elem()
		e.Set(v.Elem())
		x.walk(e, depth+1)
		v.Set(e)
	}
}

// walk2 is walk for a field, which may be an embedded struct of an unexported type: its exported fields are settable, it is
// not.
func (x *Redaction) walk2(v reflect.Value, depth int) {
	if v.CanSet() || v.Kind() == reflect.Struct {
		x.walk(v, depth)
	}
}

func (x *Redaction) walkMap(v reflect.Value, depth int) {
	if v.IsNil() {
		return
	}
	t := v.Type()
	m := reflect.MakeMapWithSize(t, v.Len())
	for it := v.MapRange(); it.Next(); {
		e := reflect.New(t.Elem()).Elem()
		e.Set(it.Value())
		if k := it.Key(); k.Kind() == reflect.String && x.sensitive(k.String()) {
			x.cover(e, mask, depth+1)
		} else {
			x.walk(e, depth+1)
		}
		m.SetMapIndex(it.Key(), e)
	}
	v.Set(m)
}

// cover replaces a whole value by one of its kind; v is settable and a shallow copy.
func (x *Redaction) cover(v reflect.Value, how treatment, depth int) {
	t := v.Type()
	if depth > maxRedactDepth {
		if v.CanSet() {
			v.SetZero()
		}
		return
	}
	if t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer && (encodesItself(t) || reflect.PointerTo(t).Implements(redactable)) && v.CanSet() {
		x.rememberJSON(v)
		v.SetZero()
		return
	}
	switch t.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			return
		}
		x.remember(v.String())
		if how == hash {
			v.SetString(x.r.hashText(v.String()))
		} else {
			v.SetString(Redacted)
		}
	case reflect.Slice:
		x.coverSlice(v, how, depth)
	case reflect.Array:
		for i := range v.Len() {
			x.cover(v.Index(i), how, depth+1)
		}
	case reflect.Map:
		if !v.IsNil() {
			x.rememberJSON(v)
			v.Set(reflect.MakeMap(t))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			p := reflect.New(t.Elem())
			p.Elem().Set(v.Elem())
			x.cover(p.Elem(), how, depth+1)
			v.Set(p.Convert(t))
		}
	case reflect.Interface:
		if !v.IsNil() {
			e := reflect.New(v.Elem().Type()).Elem()
			e.Set(v.Elem())
			x.cover(e, how, depth+1)
			v.Set(e)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct {
				x.cover2(v.Field(i), how, depth+1)
			}
		}
	default:
		x.coverNumber(v, how)
	}
}

func (x *Redaction) cover2(v reflect.Value, how treatment, depth int) {
	if v.CanSet() || v.Kind() == reflect.Struct {
		x.cover(v, how, depth)
	}
}

func (x *Redaction) coverSlice(v reflect.Value, how treatment, depth int) {
	t := v.Type()
	switch {
	case v.IsNil() || v.Len() == 0:
	case t.Elem().Kind() == reflect.Uint8 && !encodesItself(t.Elem()):
		secret := string(v.Bytes())
		x.rememberJSON(v)
		x.remember(secret)
		text := Redacted
		if how == hash {
			text = x.r.hashText(secret)
		}
		v.Set(reflect.ValueOf([]byte(text)).Convert(t))
	default:
		s := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(s, v)
		for i := range s.Len() {
			x.cover(s.Index(i), how, depth+1)
		}
		v.Set(s)
	}
}

// coverNumber covers numbers, booleans, and what is never encoded.
func (x *Redaction) coverNumber(v reflect.Value, how treatment) {
	if v.IsZero() {
		return
	}
	x.rememberJSON(v)
	if how == hash && v.CanInt() || how == hash && v.CanUint() || how == hash && v.CanFloat() {
		data, err := encodeJSON(v)
		if err == nil {
			// At most 53 bits, so that a browser could hold it, too; positive.
			n := binary.BigEndian.Uint64(x.r.hashed(data)) >> 11
			switch {
			case v.CanInt():
				v.SetInt(int64(n & (1<<(v.Type().Bits()-1) - 1)))
			case v.CanUint():
				v.SetUint(n & (1<<v.Type().Bits() - 1))
			default:
				v.SetFloat(float64(n & (1<<20 - 1)))
			}
			return
		}
	}
	v.SetZero()
}

// rememberJSON remembers the texts and numbers of what is taken out. What cannot be encoded is not recorded either.
func (x *Redaction) rememberJSON(v reflect.Value) {
	x.found = true
	if !v.CanAddr() || !v.CanInterface() {
		return
	}
	if data, err := encodeJSON(v); err == nil {
		x.rememberTexts(data, v.Kind() == reflect.Map)
	}
}
