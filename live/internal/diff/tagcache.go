package diff

import (
	"encoding/binary"
	"math/bits"
)

// tagCache remembers short open tags without a key: a view has few different ones. What a tag means is the same
// under every key, its hash is not, so the hashes carry the generation of the key they were made under.
type tagCache struct {
	slots      [128]cachedTag
	generation uint32
}

const maxCachedTag = 40

type cachedTag struct {
	tag        [maxCachedTag]byte
	length     uint8 // 0: empty
	nameLen    uint8
	flags      tagFlags
	generation uint32
	hash       uint64
}

func (c *tagCache) forgetHashes() {
	if c.generation++; c.generation == 0 {
		*c = tagCache{generation: 1}
	}
}

// slot returns where the tag at html[at:] is kept, if anywhere; nil near the end of html.
func (c *tagCache) slot(html []byte, at int) *cachedTag {
	if at+maxCachedTag > len(html) {
		return nil
	}
	// The first 16 bytes choose the slot, but none after '>': the same tag has another content each time.
	a := binary.LittleEndian.Uint64(html[at:])
	b := binary.LittleEndian.Uint64(html[at+8:])
	if m := findGT(a); m != 0 {
		a &= m ^ (m - 1)
		b = 0
	} else if m := findGT(b); m != 0 {
		b &= m ^ (m - 1)
	}
	return &c.slots[(a^bits.RotateLeft64(b, 23))*0x9E3779B97F4A7C15>>57]
}

// findGT returns a word whose lowest set bit is the highest of the first '>' byte in w, or 0 without one.
func findGT(w uint64) uint64 {
	const ones, highs, gts = 0x0101010101010101, 0x8080808080808080, 0x3e3e3e3e3e3e3e3e
	w ^= gts
	return (w - ones) &^ w & highs
}

func (s *cachedTag) matches(html []byte) bool {
	return s.length > 0 && string(html[:s.length]) == string(s.tag[:s.length])
}

func (s *cachedTag) keep(open []byte, nameLen int, flags tagFlags, hash uint64, generation uint32) {
	copy(s.tag[:], open)
	s.length, s.nameLen, s.flags = uint8(len(open)), uint8(nameLen), flags
	s.hash, s.generation = hash, generation
}
