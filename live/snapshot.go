package live

import (
	"reflect"
	"slices"
)

// snapshot is what a child was: its fields, and which children it held.
type snapshot struct {
	fields   [][]byte
	children map[int]reflect.Value
	results  []int // the fields that have been loaded since
}

// snapshot returns nil when a field cannot be encoded: then the child cannot be put back.
func (c *child) snapshot() *snapshot {
	s := &snapshot{fields: make([][]byte, len(c.typ.assigns.Fields())), children: map[int]reflect.Value{}}
	for i, f := range c.typ.assigns.Fields() {
		if cf := c.typ.children[i]; cf != nil {
			s.children[i] = copyHolder(c.value.FieldByIndex(f.Index))
			continue
		}
		raw, err := c.typ.assigns.EncodeField(nil, c.value, i)
		if err != nil {
			return nil
		}
		s.fields[i] = raw
	}
	return s
}

// clone returns one whose fields may be replaced.
func (s *snapshot) clone() *snapshot {
	if s == nil {
		return nil
	}
	return &snapshot{slices.Clone(s.fields), s.children, nil}
}

// restore puts the child back; it keeps its unexported fields.
func (s *snapshot) restore(c *child) bool {
	for i, f := range c.typ.assigns.Fields() {
		if held, ok := s.children[i]; ok {
			c.value.FieldByIndex(f.Index).Set(copyHolder(held)) // it may be put back to this again
		} else if c.typ.assigns.DecodeField(s.fields[i], c.value, i) != nil {
			return false
		}
	}
	return true
}

// copyHolder copies a pointer, or a slice or map of pointers.
func copyHolder(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch {
	case v.Kind() == reflect.Slice && !v.IsNil():
		c.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v))
	case v.Kind() == reflect.Map && !v.IsNil():
		c.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for it := v.MapRange(); it.Next(); {
			c.SetMapIndex(it.Key(), it.Value())
		}
	}
	return c
}

// decodeField is [assigns.Type.DecodeField] for a field of a view. Children that the field holds already stay those they
// are, with what is in their unexported fields.
func (t *viewType) decodeField(raw []byte, v reflect.Value, i int) error {
	cf := t.children[i]
	if cf == nil {
		return t.assigns.DecodeField(raw, v, i)
	}
	field := v.FieldByIndex(t.assigns.Fields()[i].Index)
	before := copyHolder(field)
	if err := t.assigns.DecodeField(raw, v, i); err != nil {
		return err
	}
	cf.keep(before, field)
	return nil
}

// keep replaces the children in now by those in before, in their place or under their key, and gives these the fields of
// the ones they replace.
func (cf *childField) keep(before, now reflect.Value) {
	switch cf.kind {
	case reflect.Pointer:
		if !before.IsNil() && !now.IsNil() {
			cf.typ.become(before.Elem(), now.Elem())
			now.Set(before)
		}
	case reflect.Slice:
		for i := range min(before.Len(), now.Len()) {
			if a, b := before.Index(i), now.Index(i); !a.IsNil() && !b.IsNil() {
				cf.typ.become(a.Elem(), b.Elem())
				b.Set(a)
			}
		}
	case reflect.Map:
		for it := before.MapRange(); it.Next(); {
			if b := now.MapIndex(it.Key()); b.IsValid() && !b.IsNil() && !it.Value().IsNil() {
				cf.typ.become(it.Value().Elem(), b.Elem())
				now.SetMapIndex(it.Key(), it.Value())
			}
		}
	}
}

// become gives a view the exported fields of another one.
func (t *viewType) become(v, other reflect.Value) {
	for i, f := range t.assigns.Fields() {
		into, from := v.FieldByIndex(f.Index), other.FieldByIndex(f.Index)
		if cf := t.children[i]; cf != nil {
			cf.keep(copyHolder(into), from)
		}
		into.Set(from)
	}
}
