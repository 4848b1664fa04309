// Package assigns knows what a view's exported fields are: it encodes, decodes and compares them.
//
// A [Type] is built once per struct type, at registration, where everything that can never be encoded and decoded again
// is refused with its path. Afterwards nothing is looked up: encoding goes field by field, and comparing runs a small
// program over the value's memory.
//
// # Which fields
//
// The exported fields of the struct, under their Go names. The name and the options of a json tag on a top-level field
// mean nothing here; `json:"-"` there is refused, because Render could read what is neither recorded nor stored (make
// the field unexported instead). Within the fields' types, json tags mean what they mean to encoding/json.
//
// An embedded struct without a tag and without marshalling methods of its own is opened: its exported fields are fields
// of the view, also when its type is unexported. With a tag, with such methods, or embedded by pointer, it is one field
// under its type's name; if that name is unexported, it is not a field (and a tag on it is refused). Two fields that
// end up with one name are refused.
//
// # What travels
//
// JSON as encoding/json writes it, without escaping for HTML. So nil and empty slices and maps stay apart, times keep
// their instant and offset but not their location's name, strings that are not UTF-8 come back repaired, and the
// unexported fields of nested structs do not travel.
package assigns

import (
	"fmt"
	"reflect"
	"sync"
)

// Field is one exported top-level field.
type Field struct {
	Name  string // the Go name, unique within the type; also its key in the JSON object
	Index []int  // for [reflect.Value.FieldByIndex]; longer than one for a field of an embedded struct
	Type  reflect.Type
	Tag   reflect.StructTag

	off       uintptr
	encode    encoder
	prog      prog
	recursive bool // the type contains itself, so a value may be a cycle
}

// Type is what is known about one struct type. It is immutable and may be used from any goroutine; the values handed to
// its methods are read without a lock.
type Type struct {
	typ    reflect.Type
	fields []Field
	byName map[string]int

	isWord bool    // all that it has is one field of 8 bytes
	word   uintptr // where that is
}

var types sync.Map // reflect.Type → *Type

// Of analyses a struct type, or returns what is known about it already. The error names the type and the path of the
// field that cannot be encoded or not decoded again: channels, functions, complex numbers, pointers to anywhere,
// interfaces, maps whose keys are neither strings nor integers nor texts, and structs whose whole content is unexported
// and would be lost.
func Of(t reflect.Type) (*Type, error) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%v is not a struct", t)
	}
	if known, ok := types.Load(t); ok {
		return known.(*Type), nil
	}
	a, err := analyse(t)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", t, err)
	}
	known, _ := types.LoadOrStore(t, a)
	return known.(*Type), nil
}

func analyse(t reflect.Type) (*Type, error) {
	a := &Type{typ: t, byName: map[string]int{}}
	if err := a.collect(t, nil, 0); err != nil {
		return nil, err
	}
	for i := range a.fields {
		f := &a.fields[i]
		if other, ok := a.byName[f.Name]; ok {
			return nil, fmt.Errorf("fields %s and %s have one name; rename one", path(t, a.fields[other].Index), path(t, f.Index))
		}
		a.byName[f.Name] = i
		if err := Check(f.Name, f.Type); err != nil {
			return nil, err
		}
		c := compiler{open: map[reflect.Type]*recursion{}}
		f.encode = encoderOf(f.Type)
		f.prog = c.compile(f.Type)
		f.recursive = c.recursive
	}
	if len(a.fields) == 1 && len(a.fields[0].prog) == 1 && a.fields[0].prog[0].kind == opWord {
		a.isWord, a.word = true, a.fields[0].off+a.fields[0].prog[0].off
	}
	return a, nil
}

// collect appends the exported fields of the struct t, which lies at off.
func (a *Type) collect(t reflect.Type, index []int, off uintptr) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(append([]int(nil), index...), i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct && sf.Tag == "" && codingOf(sf.Type, true).plain() {
			n := len(a.fields)
			if err := a.collect(sf.Type, at, off+sf.Offset); err != nil {
				return err
			}
			if sf.IsExported() && len(a.fields) == n { // a sync.Mutex, say
				if err := Check(path(a.typ, at), sf.Type); err != nil {
					return err
				}
			}
			continue
		}
		if !sf.IsExported() {
			if sf.Anonymous && sf.Tag != "" {
				return fmt.Errorf("field %s is unexported, so its tag %q means nothing; remove the tag or name the type with a capital", path(a.typ, at), sf.Tag)
			}
			continue
		}
		if name, _, _ := cutTag(sf.Tag.Get("json")); name == "-" {
			return fmt.Errorf("field %s has the tag json:\"-\", so Render could read what is not recorded; make it unexported", path(a.typ, at))
		}
		a.fields = append(a.fields, Field{Name: sf.Name, Index: at, Type: sf.Type, Tag: sf.Tag, off: off + sf.Offset})
	}
	return nil
}

// path writes a field's position for an error message: Paging.Size.
func path(t reflect.Type, index []int) string {
	var s string
	for i, x := range index {
		sf := t.Field(x)
		if i > 0 {
			s += "."
		}
		s += sf.Name
		t = sf.Type
	}
	return s
}

// String returns the struct type's name with its package.
func (t *Type) String() string { return t.typ.String() }

// Reflect returns the struct type.
func (t *Type) Reflect() reflect.Type { return t.typ }

// Fields returns the exported fields in the order of the struct. The caller must not change them.
func (t *Type) Fields() []Field { return t.fields }

// Lookup returns the position in [Type.Fields] of the field with a name.
func (t *Type) Lookup(name string) (i int, ok bool) {
	i, ok = t.byName[name]
	return i, ok
}

// struct_ returns the addressable struct that v is or points to; a value that is not addressable is copied.
func (t *Type) struct_(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Type() != t.typ {
		panic(fmt.Sprintf("assigns: a %v was given where a %v was expected", v.Type(), t.typ))
	}
	if v.CanAddr() {
		return v
	}
	c := reflect.New(t.typ).Elem()
	c.Set(v)
	return c
}
