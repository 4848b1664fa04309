package assigns

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
)

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
)

// coding is how encoding/json treats a type: by the methods it has, or by its kind.
type coding struct {
	marshal, unmarshal string // the name of the method; empty: by kind
}

func (c coding) plain() bool { return c.marshal == "" && c.unmarshal == "" }

// codingOf tells how t is treated where it can (or cannot) be addressed: a method of the pointer is not called on the
// value of a map. Decoding always has an address.
func codingOf(t reflect.Type, addressable bool) coding {
	var c coding
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return c // a pointer is what it points to, or null
	}
	p := reflect.PointerTo(t)
	switch m := t; {
	case addressable && p.Implements(jsonMarshaler), m.Implements(jsonMarshaler):
		c.marshal = "MarshalJSON"
	case addressable && p.Implements(textMarshaler), m.Implements(textMarshaler):
		c.marshal = "MarshalText"
	}
	switch {
	case p.Implements(jsonUnmarshaler):
		c.unmarshal = "UnmarshalJSON"
	case p.Implements(textUnmarshaler):
		c.unmarshal = "UnmarshalText"
	}
	return c
}

// Check refuses a type whose values cannot be encoded and decoded again; at is the path that the error names.
func Check(at string, t reflect.Type) error {
	return (&checker{seen: map[place]bool{}}).check(at, t, true)
}

type place struct {
	t           reflect.Type
	addressable bool
}

type checker struct{ seen map[place]bool }

func refuse(at string, t reflect.Type, format string, args ...any) error {
	return fmt.Errorf("field %s (%v) %s", at, t, fmt.Sprintf(format, args...))
}

func (c *checker) check(at string, t reflect.Type, addressable bool) error {
	if c.seen[place{t, addressable}] {
		return nil
	}
	c.seen[place{t, addressable}] = true
	const advice = "make it unexported or give it a type that can"

	if t.Kind() == reflect.Interface {
		return refuse(at, t, "can be encoded but not decoded again, because an interface does not say what is in it; make it unexported or give it a concrete type")
	}
	how := codingOf(t, addressable)
	switch {
	case how.marshal != "" && how.unmarshal != "":
		return nil
	case how.marshal != "":
		return refuse(at, t, "has %s but nothing to decode it again; add %s", how.marshal, strings.Replace(how.marshal, "M", "Unm", 1))
	case how.unmarshal != "" && !codingOf(t, true).plain() && codingOf(t, true).marshal != "":
		return refuse(at, t, "is the value of a map, where the %s of its pointer is not called; store pointers or give the method a value receiver", codingOf(t, true).marshal)
	case how.unmarshal == "UnmarshalText" && t.Kind() != reflect.String:
		return refuse(at, t, "has UnmarshalText but no MarshalText; add it")
	case how.unmarshal == "UnmarshalJSON":
		return nil
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Uintptr, reflect.Complex64, reflect.Complex128:
		return refuse(at, t, "cannot be encoded; %s", advice)
	case reflect.Pointer:
		return c.check(at, t.Elem(), true)
	case reflect.Slice:
		return c.check(at+"[]", t.Elem(), true)
	case reflect.Array:
		return c.check(at+"[]", t.Elem(), addressable)
	case reflect.Map:
		if reason := checkKey(t.Key()); reason != "" {
			return refuse(at, t, "cannot be encoded: %s; %s", reason, advice)
		}
		return c.check(at+"[]", t.Elem(), false)
	case reflect.Struct:
		return c.checkStruct(at, t, addressable)
	}
	return nil
}

// checkKey mirrors how encoding/json writes and reads the keys of a map.
func checkKey(k reflect.Type) string {
	writes, reads := k.Implements(textMarshaler), reflect.PointerTo(k).Implements(textUnmarshaler)
	switch k.Kind() {
	case reflect.String:
		return ""
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if writes != reads {
			return fmt.Sprintf("its key type %v has only one of MarshalText and UnmarshalText", k)
		}
		return ""
	case reflect.Pointer, reflect.Interface:
		return "a key of JSON cannot be a pointer or an interface"
	}
	if writes && reads {
		return ""
	}
	return fmt.Sprintf("a key of JSON is a string, and %v is neither a string nor an integer, nor has it both MarshalText and UnmarshalText", k)
}

func (c *checker) checkStruct(at string, t reflect.Type, addressable bool) error {
	if t == reflect.TypeFor[url.URL]() {
		return refuse(at, t, "cannot be encoded, because the user in it has unexported fields only; keep its String")
	}
	exported, hidden := 0, 0
	names := map[string]string{}
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, tagged := cutTag(sf.Tag.Get("json"))
		inner := at + "." + sf.Name
		switch {
		case name == "-":
			exported++ // its author knows that it does not travel
			continue
		case sf.Anonymous && !sf.IsExported() && sf.Type.Kind() == reflect.Struct && allHidden(sf.Type):
			hidden++
			continue
		case sf.Anonymous && !tagged && sf.Type.Kind() == reflect.Struct:
			exported++
		case sf.Anonymous && !sf.IsExported() && sf.Type.Kind() == reflect.Pointer && sf.Type.Elem().Kind() == reflect.Struct:
			return refuse(inner, sf.Type, "is embedded by a pointer to an unexported type, which cannot be decoded; embed the struct itself")
		case !sf.IsExported():
			hidden++
			continue
		default:
			exported++
			if name == "" {
				name = sf.Name
			}
			if other, ok := names[name]; ok {
				return refuse(inner, sf.Type, "has the JSON name %q of %s, so neither would be encoded; rename one", name, other)
			}
			names[name] = sf.Name
		}
		if err := c.check(inner, sf.Type, addressable); err != nil {
			return err
		}
	}
	if exported == 0 && hidden > 0 {
		return refuse(at, t, "has unexported fields only and no MarshalJSON or MarshalText, so its content would be lost; make the field unexported or give it a type that can be encoded")
	}
	return nil
}

// allHidden reports whether an embedded struct of this type gives nothing to the one around it.
func allHidden(t reflect.Type) bool {
	for i := range t.NumField() {
		if sf := t.Field(i); sf.IsExported() || sf.Anonymous && sf.Type.Kind() == reflect.Struct && !allHidden(sf.Type) {
			return false
		}
	}
	return true
}

// cutTag splits a json tag into its name and its options; tagged means that it gives a name.
func cutTag(tag string) (name, options string, tagged bool) {
	if tag == "-" {
		return "-", "", true
	}
	name, options, _ = strings.Cut(tag, ",")
	if name == "-" {
		return "'-'", options, true // `json:"-,"` names the field "-"
	}
	return name, options, name != ""
}
