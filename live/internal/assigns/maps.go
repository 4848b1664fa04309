package assigns

import (
	"reflect"
	"sync"
	"unsafe"
)

// hashMap folds the entries of a map, whatever their order, by adding up their finished hashes.
func hashMap(t reflect.Type, key, elem prog) call {
	entry := func(k, v unsafe.Pointer, depth int) uint64 {
		return finish(elem.run(v, key.run(k, key1, depth), depth))
	}
	switch t.Key().Kind() {
	case reflect.String:
		if f := wellKnown[string](t.Elem(), entry); f != nil {
			return f
		}
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64:
		if t.Key().Size() != 8 {
			break
		}
		if f := wellKnown[uint64](t.Elem(), entry); f != nil {
			return f
		}
	}
	return anyMap(t, entry)
}

// wellKnown walks a map without reflection, read as one with a value type of the same shape.
func wellKnown[K comparable](elem reflect.Type, entry func(k, v unsafe.Pointer, depth int) uint64) call {
	switch elem.Kind() {
	case reflect.String:
		return mapOf[K, string](entry)
	case reflect.Pointer:
		return mapOf[K, unsafe.Pointer](entry)
	case reflect.Bool:
		return mapOf[K, bool](entry)
	case reflect.Slice:
		return mapOf[K, []byte](entry)
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Float64:
		if elem.Size() == 8 {
			return mapOf[K, uint64](entry)
		}
	}
	return nil
}

func mapOf[K comparable, V any](entry func(k, v unsafe.Pointer, depth int) uint64) call {
	type pair struct {
		k K
		v V
	}
	pairs := sync.Pool{New: func() any { return new(pair) }}
	return func(p unsafe.Pointer, h uint64, depth int) uint64 {
		m := *(*map[K]V)(p)
		if m == nil {
			return word(h, isNil)
		}
		at := pairs.Get().(*pair)
		var sum uint64
		for at.k, at.v = range m {
			sum += entry(unsafe.Pointer(&at.k), unsafe.Pointer(&at.v), depth)
		}
		*at = pair{}
		pairs.Put(at)
		return word(word(h, uint64(len(m))), sum)
	}
}

// walk is what one pass over a map of any type needs.
type walk struct {
	iter     reflect.MapIter
	key, val reflect.Value
}

func anyMap(t reflect.Type, entry func(k, v unsafe.Pointer, depth int) uint64) call {
	walks := sync.Pool{New: func() any {
		return &walk{key: reflect.New(t.Key()).Elem(), val: reflect.New(t.Elem()).Elem()}
	}}
	return func(p unsafe.Pointer, h uint64, depth int) uint64 {
		m := reflect.NewAt(t, p).Elem()
		if m.IsNil() {
			return word(h, isNil)
		}
		w := walks.Get().(*walk)
		w.iter.Reset(m)
		k, v := w.key.Addr().UnsafePointer(), w.val.Addr().UnsafePointer()
		var sum uint64
		for w.iter.Next() {
			w.key.SetIterKey(&w.iter)
			w.val.SetIterValue(&w.iter)
			sum += entry(k, v, depth)
		}
		w.iter.Reset(reflect.Value{})
		w.key.SetZero()
		w.val.SetZero()
		walks.Put(w)
		return word(word(h, uint64(m.Len())), sum)
	}
}
