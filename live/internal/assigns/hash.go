package assigns

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"unsafe"
)

// Fingerprints never leave the process, so their keys are drawn once at its start. Whoever does not know them cannot
// look for two values with one fingerprint.
//
// The hash is wyhash's inner step: two words are keyed, multiplied to 128 bits and folded. For the short strings that
// fields mostly are, this costs half of maphash.String; from longOnes bytes on, maphash is ahead, where it has the
// processor's AES instructions.
var (
	key0, key1, key2 = rand.Uint64(), rand.Uint64(), rand.Uint64()
	lengths          = rand.Uint64() | 1
	seed             = maphash.MakeSeed()
)

const longOnes = 64

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// word folds one word into h.
func word(h, x uint64) uint64 { return mix(x^key1^h, key2) }

// finish ends a chain: what it gives may be added to others.
func finish(h uint64) uint64 { return mix(h^key0, key2^h) }

func load64(p unsafe.Pointer) uint64 { return binary.LittleEndian.Uint64((*[8]byte)(p)[:]) }
func load32(p unsafe.Pointer) uint64 { return uint64(binary.LittleEndian.Uint32((*[4]byte)(p)[:])) }

// Hash returns a hash of an encoding, which like all fingerprints means nothing outside this process.
func Hash(data []byte) uint64 { return maphash.Bytes(seed, data) }

// text folds n bytes and their number into h.
func text(h uint64, p unsafe.Pointer, n uintptr) uint64 {
	var a, b uint64
	switch {
	case n > 16:
		return longText(h, p, n)
	case n >= 8:
		a, b = load64(p), load64(unsafe.Add(p, n-8))
	case n >= 4:
		a, b = load32(p), load32(unsafe.Add(p, n-4))
	case n > 0:
		a = uint64(*(*byte)(p))<<16 | uint64(*(*byte)(unsafe.Add(p, n>>1)))<<8 | uint64(*(*byte)(unsafe.Add(p, n-1)))
	}
	return mix(a^key1^h, b^key2^uint64(n)*lengths)
}

func longText(h uint64, p unsafe.Pointer, n uintptr) uint64 {
	if n >= longOnes {
		x := maphash.Bytes(seed, unsafe.Slice((*byte)(p), n))
		return mix(x^key1^h, key2^uint64(n)*lengths)
	}
	left := n
	for ; left > 16; left -= 16 {
		h = mix(load64(p)^key1^h, load64(unsafe.Add(p, 8))^key2)
		p = unsafe.Add(p, 16)
	}
	// The last 16 bytes, which overlap those before.
	p = unsafe.Add(p, int(left)-16)
	return mix(load64(p)^key1^h, load64(unsafe.Add(p, 8))^key2^uint64(n)*lengths)
}
