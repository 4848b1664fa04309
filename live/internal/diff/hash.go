package diff

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Key is the secret under which a page's nodes are hashed. Equal keys hash equal bytes to equal values in every
// process and on every machine, so that a tree dropped on one node can be recognised on another; without the key
// nobody can choose two contents with one hash.
//
// A Key is read-only and may be shared by goroutines.
type Key struct {
	seed  uint64
	lanes [3]uint64
	mul   uint64 // odd, so that folding a child into its parent loses nothing
	add   uint64
	id    uint64 // tells keys apart, not part of any hash
	mac   [32]byte
}

// NewKey derives a page's key from 16 secret bytes.
func NewKey(secret [16]byte) Key {
	derive := func(label string) [32]byte { return sha256.Sum256(append([]byte(label), secret[:]...)) }
	a, b := derive("livelong node hash 1"), derive("livelong node hash 2")
	word := func(s *[32]byte, i int) uint64 { return binary.LittleEndian.Uint64(s[8*i:]) }
	return Key{
		seed:  word(&a, 0),
		lanes: [3]uint64{word(&a, 1), word(&a, 2), word(&a, 3)},
		mul:   word(&b, 0) | 1,
		add:   word(&b, 1),
		id:    word(&b, 2) | 1,
		mac:   derive("livelong content tag"),
	}
}

// tag returns a truncated MAC of a root hash.
func (k *Key) tag(hash uint64) uint64 {
	// Key and message have a fixed length, so a plain hash of one after the other is a MAC.
	var m [40]byte
	copy(m[:], k.mac[:])
	binary.LittleEndian.PutUint64(m[32:], hash)
	sum := sha256.Sum256(m[:])
	return binary.LittleEndian.Uint64(sum[:])
}

// bytes hashes an open tag, a text, a comment or a key attribute: a keyed multiply-and-fold after wyhash, one
// 128-bit product for each 16 bytes, three at a time when there are many.
func (k *Key) bytes(b []byte) uint64 {
	h := k.seed ^ uint64(len(b))*0xa0761d6478bd642f
	if len(b) > 48 {
		h1, h2 := h, h
		for len(b) > 48 {
			h = mulFold(binary.LittleEndian.Uint64(b)^k.lanes[0], binary.LittleEndian.Uint64(b[8:])^h)
			h1 = mulFold(binary.LittleEndian.Uint64(b[16:])^k.lanes[1], binary.LittleEndian.Uint64(b[24:])^h1)
			h2 = mulFold(binary.LittleEndian.Uint64(b[32:])^k.lanes[2], binary.LittleEndian.Uint64(b[40:])^h2)
			b = b[48:]
		}
		h = k.fold(k.fold(h, h1), h2)
	}
	for len(b) > 16 {
		h = mulFold(binary.LittleEndian.Uint64(b)^k.lanes[1], binary.LittleEndian.Uint64(b[8:])^h)
		b = b[16:]
	}
	var x, y uint64
	switch n := len(b); {
	case n >= 8:
		x = binary.LittleEndian.Uint64(b)
		y = binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		x = uint64(binary.LittleEndian.Uint32(b))
		y = uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		x = uint64(b[0])<<16 | uint64(b[n>>1])<<8 | uint64(b[n-1])
	}
	return mulFold(x^k.lanes[0], y^h)
}

func mulFold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// fold adds a child's hash to that of the element it stands in.
func (k *Key) fold(h, child uint64) uint64 {
	return bits.RotateLeft64(h^child, 27)*k.mul + k.add
}

// closed ends the folding of an element's children.
func closed(h uint64) uint64 { return h ^ h>>29 }
