package assigns

import (
	"encoding"
	"reflect"
	"unsafe"
)

// UpdateAny is [Type.Update] for who only asks whether any field differs.
func (t *Type) UpdateAny(m Marks, v reflect.Value) (changed bool) {
	t.checkMarks(m)
	p := t.address(v)
	for i := range t.fields {
		if now := t.fields[i].fingerprint(p); m[i] != now {
			m[i], changed = now, true
		}
	}
	return changed
}

// MarkAll returns one fingerprint of all fields of the struct at p. It is inlined where there is little to do.
func (t *Type) MarkAll(p unsafe.Pointer) uint64 {
	if t.isWord {
		return load64(unsafe.Add(p, t.word))
	}
	return t.markAll(p)
}

func (t *Type) markAll(p unsafe.Pointer) uint64 {
	h := uint64(key0)
	for i := range t.fields {
		h = word(h, t.fields[i].fingerprint(p))
	}
	return h
}

// Sum is the fingerprint of which values a pointer, a slice or a map leads to, whatever is in them.
type Sum struct{ listed, mapped uint64 }

// NewSum returns that of none.
func NewSum() Sum { return Sum{listed: key0} }

// Add adds a value in its place, or, when key is that of a map, in no order.
func (s *Sum) Add(key uint64, p unsafe.Pointer) {
	if key == 0 {
		s.listed = word(s.listed, uint64(uintptr(p)))
		return
	}
	s.mapped += finish(word(key, uint64(uintptr(p))))
}

// Sum returns the fingerprint, which is never 0.
func (s *Sum) Sum() uint64 { return finish(word(s.listed, s.mapped)) | 1 }

// HashKey returns the fingerprint of the key of a map, which is never 0.
func HashKey(k reflect.Value) uint64 {
	switch {
	case k.Kind() == reflect.String:
		return Hash([]byte(k.String())) | 1
	case k.CanInt():
		return finish(word(key1, uint64(k.Int()))) | 1
	case k.CanUint():
		return finish(word(key2, k.Uint())) | 1
	}
	if m, ok := k.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return Hash(text) | 1
		}
	}
	return 1 // no order, and no place either
}
