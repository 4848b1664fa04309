package diff

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Lockstep parsing. While an element is open, its children are compared with those of its partner, an old element
// with the same name, key and place: if an old child's bytes stand at the current position, its nodes are copied and
// nothing is tokenised. Partners have partners for parents, so both stand among the same ancestors and equal bytes
// mean equal nodes.
//
// Which candidates are tried decides about speed alone, never about the tree.

const (
	// maxAhead is how many siblings after the cursor are tried: enough for what a small removal leaves behind.
	maxAhead = 3
	// maxMisses in a row, then the frame is taken to have nothing in common with its partner.
	maxMisses = 40
)

// sameRun is the knowledge that html[x] == old[x-delta] from the current position up to old offset until. The common
// run is measured once and serves every level of nesting within it.
type sameRun struct {
	delta, until int
	known        bool
}

// reuse looks for an old sibling whose bytes stand here, and copies it and those after it as far as they are the same.
func (p *Parser) reuse(f *frame) bool {
	cursor := f.oldAt
	if p.stands(cursor, true) {
		p.copySiblings(f, cursor)
		return true
	}
	if p.html[p.pos] == '<' && p.pos+1 < len(p.html) && p.html[p.pos+1] == '/' {
		return false
	}
	if f.lately != 0 && p.stands(f.lately, false) {
		p.copySiblings(f, f.lately)
		return true
	}
	for range maxAhead {
		if cursor = p.oldNodes[cursor].Next; cursor >= f.oldEnd {
			break
		}
		if p.stands(cursor, false) {
			p.copySiblings(f, cursor)
			return true
		}
	}
	if f.misses++; f.misses > maxMisses {
		f.oldAt, f.oldEnd = 0, 0
	}
	return false
}

// stands reports whether old node i, with the same bytes, stands at the current position.
func (p *Parser) stands(i uint32, cursor bool) bool {
	o := &p.oldNodes[i]
	start := int(o.Start)
	delta := p.pos - start
	if !p.same.known || delta != p.same.delta || p.same.until < start {
		length := commonPrefix(p.html[p.pos:], p.oldHTML[start:])
		// Siblings ahead that differ must not displace what is known about the cursor.
		if !cursor && start+length < int(o.End) {
			return false
		}
		p.same = sameRun{delta: delta, until: start + length, known: true}
	}
	return p.within(o)
}

// within reports whether old node o lies in the run of equal bytes and ends where it did.
func (p *Parser) within(o *Node) bool {
	end := int(o.End)
	if end > p.same.until {
		return false
	}
	// A text only ends where markup begins.
	return o.Kind != Text || end+p.same.delta == len(p.html) || markupAt(p.html, end+p.same.delta) != 0
}

// copySiblings appends old node first, which stands here, and the siblings after it that do so as well, with all that
// is below them.
func (p *Parser) copySiblings(f *frame, first uint32) {
	o := &p.oldNodes[first]
	shift := uint32(p.pos) - o.Start
	hash := p.key.fold(f.hash, o.Hash)
	next := o.Next
	for next < f.oldEnd && p.within(&p.oldNodes[next]) {
		o = &p.oldNodes[next]
		hash = p.key.fold(hash, o.Hash)
		next = o.Next
	}
	f.hash = hash
	f.oldAt, f.lately, f.misses = next, 0, 0
	p.pos = int(o.End + shift)

	base := len(p.nodes)
	p.nodes = append(p.nodes, p.oldNodes[first:next]...)
	p.copied += next - first
	moved := uint32(base) - first
	if shift|moved == 0 {
		return
	}
	added := p.nodes[base:]
	for k := range added {
		n := &added[k]
		n.Start += shift
		n.End += shift
		n.TagEnd += shift
		n.Next += moved
	}
}

// partner returns the old element at the cursor if it is the one to compare the content of n with, else 0.
func (p *Parser) partner(f *frame, n *Node) uint32 {
	o := &p.oldNodes[f.oldAt]
	if o.Kind != Element || o.Key != n.Key || o.flags != n.flags || o.NameLen != n.NameLen ||
		string(p.oldHTML[o.Start+1:o.Start+1+uint32(o.NameLen)]) != string(p.nameOf(n)) {
		return 0
	}
	return f.oldAt
}

// enter opens the element at index.
func (p *Parser) enter(index uint32, hash uint64, flags nodeFlags, partner uint32) {
	p.depth++
	if p.depth == len(p.stack) {
		p.stack = append(p.stack, make([]frame, p.depth)...)
	}
	f := p.top()
	f.hash, f.node, f.inner = hash, index, flags&innerMask>>innerShift
	f.misses, f.lately, f.copied = 0, 0, p.copied
	f.partner, f.oldAt, f.oldEnd = partner, 0, 0
	if partner != 0 {
		f.oldAt, f.oldEnd = partner+1, p.oldNodes[partner].Next
	}
}

// leave goes back from f to the parent of n, which is complete.
func (p *Parser) leave(f *frame, n *Node) {
	gained, partner := p.copied-f.copied, f.partner
	size := n.Next - f.node
	p.depth--
	f = p.top()
	f.hash = p.key.fold(f.hash, n.Hash)
	if partner == 0 || n.Key != 0 {
		return
	}
	if gained*2+2 < size {
		// Less than half came from the partner: n looks like an insertion, so the partner is still to come.
		f.oldAt = partner
	} else {
		f.lately = partner
	}
}

// commonPrefix returns how many bytes a and b have in common at their beginning.
func commonPrefix(a, b []byte) int {
	const block = 256
	n := min(len(a), len(b))
	i := 0
	for i+block <= n && bytes.Equal(a[i:i+block], b[i:i+block]) {
		i += block
	}
	for i+8 <= n {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
		i += 8
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
