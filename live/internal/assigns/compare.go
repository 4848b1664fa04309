package assigns

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"unsafe"
)

// Marks holds one fingerprint per field of what was last seen, in the order of [Type.Fields]: eight bytes a field
// instead of a second copy of the value. Because every byte counts, a value changed in place, deep in a map, a slice or
// behind a pointer, is noticed like any other.
//
// What has the same fingerprint has, but for one chance in 2^64, the same encoding and the same Go value as far as
// exported fields reach; nil differs from empty, and a time's location counts. Values of one encoding may well have
// different fingerprints.
//
// Comparing allocates nothing, except for types with MarshalJSON or MarshalText that refer to other memory: these are
// compared by what they marshal to. A field that contains itself cannot be encoded; it counts as changed each time.
type Marks []uint64

// Mark takes the fingerprints of all fields of v, the struct or a pointer to it, into m if it is large enough.
func (t *Type) Mark(m Marks, v reflect.Value) Marks {
	if cap(m) < len(t.fields) {
		m = make(Marks, len(t.fields))
	}
	m = m[:len(t.fields)]
	p := t.address(v)
	for i := range t.fields {
		m[i] = t.fields[i].fingerprint(p)
	}
	return m
}

// Changed reports whether any field differs from m, which Mark has made, and looks no further than the first.
func (t *Type) Changed(m Marks, v reflect.Value) bool {
	t.checkMarks(m)
	p := t.address(v)
	for i := range t.fields {
		if m[i] != t.fields[i].fingerprint(p) {
			return true
		}
	}
	return false
}

// Update appends the positions of the fields that differ from m, which Mark has made, to changed, and notes in m what
// they are now.
func (t *Type) Update(m Marks, v reflect.Value, changed []int) []int {
	t.checkMarks(m)
	p := t.address(v)
	for i := range t.fields {
		if now := t.fields[i].fingerprint(p); m[i] != now {
			m[i] = now
			changed = append(changed, i)
		}
	}
	return changed
}

// MarkField returns the fingerprint of the i-th field of v, as in [Marks].
func (t *Type) MarkField(v reflect.Value, i int) uint64 { return t.fields[i].fingerprint(t.address(v)) }

func (t *Type) checkMarks(m Marks) {
	if len(m) != len(t.fields) {
		panic(fmt.Sprintf("assigns: %d marks for the %d fields of %v", len(m), len(t.fields), t.typ))
	}
}

func (t *Type) address(v reflect.Value) unsafe.Pointer {
	return t.struct_(v).Addr().UnsafePointer()
}

// maxDepth is how far a recursive type is followed: as far as encoding/json reads. Below lies a cycle, or what cannot be
// decoded.
const maxDepth = 10000

// tooDeep is what a program panics with at maxDepth. A return value would not do: a tree whose nodes point to their
// parents has more ways of this length than can be walked.
type tooDeep struct{}

var never atomic.Uint64 // fingerprints of what has none

func (f *Field) fingerprint(view unsafe.Pointer) uint64 {
	if f.recursive {
		return f.guarded(view)
	}
	return finish(f.prog.run(unsafe.Add(view, f.off), key0, 0))
}

func (f *Field) guarded(view unsafe.Pointer) (h uint64) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case tooDeep{}:
			h = never.Add(1)
		default:
			panic(r)
		}
	}()
	return finish(f.prog.run(unsafe.Add(view, f.off), key0, 0))
}

// A prog folds the memory of one value into a hash. Neighbouring memory without pointers is one instruction; what needs
// more than that is a closure.
type prog []instruction

type instruction struct {
	kind uint8
	off  uintptr
	size uintptr // of opBytes
	call call    // of opCall
}

type call func(p unsafe.Pointer, h uint64, depth int) uint64

const (
	opBytes  = iota // size bytes
	opWord          // 8 bytes
	opString        // a string
	opCall
)

func (pr prog) run(p unsafe.Pointer, h uint64, depth int) uint64 {
	for i := range pr {
		in := &pr[i]
		q := unsafe.Add(p, in.off)
		switch in.kind {
		case opWord:
			h = word(h, load64(q))
		case opString:
			s := *(*string)(q)
			h = text(h, unsafe.Pointer(unsafe.StringData(s)), uintptr(len(s)))
		case opBytes:
			h = text(h, q, in.size)
		case opCall:
			h = in.call(q, h, depth)
		}
	}
	return h
}

// bytes appends memory without pointers, joined to what lies right before it.
func (pr prog) bytes(off, size uintptr) prog {
	if n := len(pr); n > 0 && pr[n-1].kind <= opWord && pr[n-1].off+pr[n-1].size == off {
		off, size = pr[n-1].off, pr[n-1].size+size
		pr = pr[:n-1]
	}
	kind := uint8(opBytes)
	if size == 8 {
		kind = opWord
	}
	return append(pr, instruction{kind: kind, off: off, size: size})
}

// at appends a program for what lies at off.
func (pr prog) at(off uintptr, inner prog) prog {
	for _, in := range inner {
		in.off += off
		if in.kind <= opWord {
			pr = pr.bytes(in.off, in.size)
		} else {
			pr = append(pr, in)
		}
	}
	return pr
}

func (pr prog) call(f call) prog { return append(pr, instruction{kind: opCall, call: f}) }

// solid reports whether the program reads all size bytes of a value, at once.
func (pr prog) solid(size uintptr) bool {
	return len(pr) == 1 && pr[0].kind <= opWord && pr[0].off == 0 && pr[0].size == size
}
