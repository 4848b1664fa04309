package assigns

import (
	"encoding"
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"time"
	"unsafe"
)

// compiler builds the programs of one field. Types were checked before.
type compiler struct {
	open      map[reflect.Type]*recursion // being compiled further up
	recursive bool
}

type recursion struct{ prog prog }

// special holds the types whose memory does not say what they are.
var special = map[reflect.Type]call{
	timeType:                      hashTime,
	reflect.TypeFor[netip.Addr](): hashAddr,
}

func (c *compiler) compile(t reflect.Type) prog {
	if f := special[t]; f != nil {
		return prog{}.call(f)
	}
	if r := c.open[t]; r != nil {
		c.recursive = true
		return prog{}.call(func(p unsafe.Pointer, h uint64, depth int) uint64 {
			if depth >= maxDepth {
				panic(tooDeep{})
			}
			return r.prog.run(p, h, depth+1)
		})
	}
	if identified(t) {
		return prog{}.bytes(0, reflect.TypeFor[Identity]().Size())
	}
	if codingOf(t, true).marshal != "" {
		if m, ok := memory(t, 0); ok {
			return m
		}
		return prog{}.call(hashMarshalled(t))
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Array:
		r := &recursion{}
		c.open[t] = r
		r.prog = c.compound(t)
		delete(c.open, t)
		return r.prog
	case reflect.String:
		return prog{{kind: opString}}
	}
	return prog{}.bytes(0, t.Size())
}

func (c *compiler) compound(t reflect.Type) prog {
	switch t.Kind() {
	case reflect.Struct:
		var pr prog
		for i := range t.NumField() {
			sf := t.Field(i)
			if name, _, _ := cutTag(sf.Tag.Get("json")); name == "-" {
				continue
			}
			if sf.IsExported() || sf.Anonymous && sf.Type.Kind() == reflect.Struct {
				pr = pr.at(sf.Offset, c.compile(sf.Type))
			}
		}
		return pr
	case reflect.Array:
		return hashArray(c.compile(t.Elem()), t.Elem().Size(), t.Len())
	case reflect.Slice:
		return prog{}.call(hashSlice(c.compile(t.Elem()), t.Elem().Size()))
	case reflect.Pointer:
		return prog{}.call(hashPointer(c.compile(t.Elem())))
	default:
		return prog{}.call(hashMap(t, c.compile(t.Key()), c.compile(t.Elem())))
	}
}

// memory gives a program for everything a type holds, unexported fields too, if that is a value on its own: what it
// marshals to then depends on nothing else, and need not be marshalled. Locks and atomics are read by their methods
// only, and what lies behind a pointer may be shared, so types with these are marshalled.
func memory(t reflect.Type, depth int) (prog, bool) {
	if f := special[t]; f != nil {
		return prog{}.call(f), true
	}
	if pkg := t.PkgPath(); pkg == "sync" || pkg == "sync/atomic" || depth > 20 {
		return nil, false
	}
	switch t.Kind() {
	case reflect.Struct:
		var pr prog
		for i := range t.NumField() {
			sf := t.Field(i)
			inner, ok := memory(sf.Type, depth+1)
			if !ok {
				return nil, false
			}
			pr = pr.at(sf.Offset, inner)
		}
		return pr, true
	case reflect.Array:
		inner, ok := memory(t.Elem(), depth+1)
		return hashArray(inner, t.Elem().Size(), t.Len()), ok
	case reflect.Slice:
		inner, ok := memory(t.Elem(), depth+1)
		return prog{}.call(hashSlice(inner, t.Elem().Size())), ok
	case reflect.Pointer:
		inner, ok := memory(t.Elem(), depth+1)
		return prog{}.call(hashPointer(inner)), ok && t.Elem() == reflect.TypeFor[big.Int]()
	case reflect.String:
		return prog{{kind: opString}}, true
	case reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return nil, false
	}
	return prog{}.bytes(0, t.Size()), true
}

func hashArray(elem prog, size uintptr, n int) prog {
	if n > 0 && elem.solid(size) {
		return prog{}.bytes(0, size*uintptr(n))
	}
	return prog{}.call(func(p unsafe.Pointer, h uint64, depth int) uint64 {
		for i := range uintptr(n) { // never a pointer past the end
			h = elem.run(unsafe.Add(p, i*size), h, depth)
		}
		return h
	})
}

// slice is the head of a slice of anything.
type slice struct {
	data unsafe.Pointer
	len  int
	cap  int
}

// Folded in for what has no content to fold.
const (
	isNil  = 0x6e696c
	notNil = 0x706f696e74
)

func hashSlice(elem prog, size uintptr) call {
	switch {
	case elem.solid(size):
		return func(p unsafe.Pointer, h uint64, _ int) uint64 {
			s := (*slice)(p)
			if s.data == nil {
				return word(h, isNil)
			}
			return text(h, s.data, uintptr(s.len)*size)
		}
	case len(elem) == 1 && elem[0].kind == opString && size == unsafe.Sizeof(""):
		return func(p unsafe.Pointer, h uint64, _ int) uint64 {
			list := *(*[]string)(p)
			if list == nil {
				return word(h, isNil)
			}
			h = word(h, uint64(len(list)))
			for _, s := range list {
				h = text(h, unsafe.Pointer(unsafe.StringData(s)), uintptr(len(s)))
			}
			return h
		}
	}
	return func(p unsafe.Pointer, h uint64, depth int) uint64 {
		s := (*slice)(p)
		if s.data == nil {
			return word(h, isNil)
		}
		h = word(h, uint64(s.len))
		for i := range uintptr(s.len) {
			h = elem.run(unsafe.Add(s.data, i*size), h, depth)
		}
		return h
	}
}

func hashPointer(elem prog) call {
	return func(p unsafe.Pointer, h uint64, depth int) uint64 {
		q := *(*unsafe.Pointer)(p)
		if q == nil {
			return word(h, isNil)
		}
		return elem.run(q, word(h, notNil), depth)
	}
}

func hashTime(p unsafe.Pointer, h uint64, _ int) uint64 {
	t := *(*time.Time)(p)
	_, offset := t.Zone()
	zone := t.Location().String()
	h = word(h, uint64(t.Unix()))
	h = word(h, uint64(t.Nanosecond())<<32|uint64(uint32(offset)))
	return text(h, unsafe.Pointer(unsafe.StringData(zone)), uintptr(len(zone)))
}

func hashAddr(p unsafe.Pointer, h uint64, _ int) uint64 {
	a := *(*netip.Addr)(p)
	bytes, zone := a.As16(), a.Zone()
	h = text(h, unsafe.Pointer(&bytes), uintptr(len(bytes)))
	h = word(h, uint64(a.BitLen()))
	return text(h, unsafe.Pointer(unsafe.StringData(zone)), uintptr(len(zone)))
}

// hashMarshalled folds what the type's own method writes, or the text of its error, which encoding will meet too.
func hashMarshalled(t reflect.Type) call {
	marshal := func(v any) ([]byte, error) { return v.(encoding.TextMarshaler).MarshalText() }
	if reflect.PointerTo(t).Implements(jsonMarshaler) {
		marshal = func(v any) ([]byte, error) { return v.(json.Marshaler).MarshalJSON() }
	}
	nilable := t.Kind() == reflect.Map || t.Kind() == reflect.Slice
	return func(p unsafe.Pointer, h uint64, _ int) uint64 {
		if nilable && *(*unsafe.Pointer)(p) == nil {
			h = word(h, isNil)
		}
		data, err := marshal(reflect.NewAt(t, p).Interface())
		if err != nil {
			data = append([]byte("error "), err.Error()...)
		}
		return text(h, unsafe.Pointer(unsafe.SliceData(data)), uintptr(len(data)))
	}
}
