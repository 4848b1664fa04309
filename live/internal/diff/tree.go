package diff

import (
	"fmt"
	"slices"
)

// Kind says what a node is.
type Kind uint8

// The kinds of nodes. Doctypes and processing instructions have no place in a view and never enter a tree.
const (
	Element Kind = iota + 1
	Text
	Comment
)

// Node is one node of a tree: 32 bytes without pointers, so that the collector never looks at them and a subtree
// is copied like any bytes.
type Node struct {
	Hash    uint64 // of the subtree, under the tree's key
	Key     uint32 // hash of the element's key attribute, 0 without one
	Start   uint32 // first byte of the node in the HTML
	End     uint32 // after its last byte, end tag included
	TagEnd  uint32 // after an element's open tag
	Next    uint32 // index of the node after the subtree
	Kind    Kind
	NameLen uint8 // of an element's tag name, which begins at Start+1
	flags   nodeFlags
	keyAt   uint8 // where in the open tag the quoted value of the key attribute begins, 0: to be searched for
}

// nodeFlags tell what the bytes alone do not: for an element its namespace and the kind of its content, for a text
// how it is decoded.
type nodeFlags uint8

const (
	// An element's own namespace in bits 0 and 1, that of its children in bits 2 and 3.
	nsMask     nodeFlags = 3
	innerShift           = 2
	innerMask  nodeFlags = 3 << innerShift

	flagChildless nodeFlags = 1 << 4 // void or self-closed: an open tag is all there is
	flagOpaque    nodeFlags = 1 << 5 // content is not part of the tree
	flagRawText   nodeFlags = 1 << 6 // at most one text, which is not parsed as HTML

	textVerbatim nodeFlags = 1 << 0 // character references stand for themselves
	textShowsNUL nodeFlags = 1 << 1 // NUL becomes U+FFFD; elsewhere it disappears
)

// namespace of an element, or of the content of one.
type namespace = nodeFlags

const (
	nsHTML namespace = iota
	nsSVG
	nsMath
	nsAnnotation // content of <annotation-xml>: MathML, but <svg> begins a drawing
)

// inner is the namespace of what is in an element.
func (n *Node) inner() namespace { return n.flags & innerMask >> innerShift }

// Tree is a parsed render.
//
// Nodes is in pre-order. Node 0 is a root without a tag around everything; the children of node i are i+1, then
// Nodes[i+1].Next, and so on while below Nodes[i].Next.
//
// The zero Tree is an empty view.
type Tree struct {
	HTML   []byte
	Nodes  []Node
	Grafts []Graft // in the order in which they stand
	keyID  uint64
	region *region
}

// Hash returns the hash of the whole tree, without what is grafted into it. Under one key equal trees have equal hashes; the
// value must not leave the server, Tag may.
func (t *Tree) Hash() uint64 {
	if len(t.Nodes) == 0 {
		return 0
	}
	return t.Nodes[0].Hash
}

// Tag returns the content tag: equal for equal trees with equal grafts under one key, and telling nothing about their hash.
func (t *Tree) Tag(key *Key) uint64 { return key.tag(t.whole(key)) }

// Fetch reads a little of the tree that is about to be compared with another. A tree that was not used for a while is in
// memory only, and the processor waits for several of them no longer than for one, if nothing else is done in between.
func (t *Tree) Fetch() (sum byte) {
	for i := 0; i < min(len(t.HTML), fetched); i += cacheLine {
		sum ^= t.HTML[i]
	}
	for i := 0; i < min(len(t.Nodes), fetched/nodeSize); i += cacheLine / nodeSize {
		sum ^= byte(t.Nodes[i].flags)
	}
	return sum
}

const (
	cacheLine = 64
	nodeSize  = 32
	fetched   = 512 // bytes of each: what follows the processor foresees
)

// RightSize gives memory back after a page has shrunk: HTML and Nodes are reallocated when their capacity is more
// than twice what they hold.
func (t *Tree) RightSize() {
	if cap(t.HTML) > 2*len(t.HTML) {
		t.HTML = slices.Clip(append([]byte(nil), t.HTML...))
	}
	if cap(t.Nodes) > 2*len(t.Nodes) {
		t.Nodes = slices.Clip(append([]Node(nil), t.Nodes...))
	}
}

// Like returns an empty tree with room for one that is little larger than t, which may be nil.
func (t *Tree) Like() *Tree {
	if t == nil {
		return &Tree{}
	}
	return &Tree{HTML: make([]byte, 0, len(t.HTML)+len(t.HTML)/16), Nodes: make([]Node, 0, len(t.Nodes)+len(t.Nodes)/16)}
}

// Reset empties the tree and returns it, with the memory that it has.
func (t *Tree) Reset() *Tree {
	*t = Tree{HTML: t.HTML[:0], Nodes: t.Nodes[:0]}
	return t
}

// nodes returns t.Nodes, or those of an empty view for the zero Tree.
func (t *Tree) nodes() []Node {
	if len(t.Nodes) == 0 {
		return emptyNodes[:]
	}
	return t.Nodes
}

var emptyNodes = [1]Node{{Kind: Element, Next: 1}}

// name returns the tag name as it stands in the HTML.
func (t *Tree) name(n *Node) []byte {
	return t.HTML[n.Start+1 : n.Start+1+uint32(n.NameLen)]
}

// openTag returns the bytes from '<' to '>'.
func (t *Tree) openTag(n *Node) []byte { return t.HTML[n.Start:n.TagEnd] }

// 32-bit FNV-1a, see Shape.
const (
	shapeOffset uint32 = 2166136261
	shapePrime  uint32 = 16777619

	shapeOpen    uint32 = 1
	shapeClose   uint32 = 2
	shapeText    uint32 = 3
	shapeComment uint32 = 4
)

// Shape returns the shape hash of the view, grafts included: 32-bit FNV-1a over, in document order, each element's lower-case name, 1,
// its children, 2; each text 3; each comment 4. The browser computes the same over its mirror.
func (t *Tree) Shape() uint32 { return t.foldShapes(shapeOffset) }

func (t *Tree) foldShapes(h uint32) uint32 {
	nodes := t.nodes()
	for i := uint32(1); i < nodes[0].Next; i = nodes[i].Next {
		h = t.foldShape(h, i)
	}
	return h
}

// foldShape adds the subtree at i to the shape hash h.
func (t *Tree) foldShape(h uint32, i uint32) uint32 {
	n := &t.Nodes[i]
	switch n.Kind {
	case Text:
		return (h ^ shapeText) * shapePrime
	case Comment:
		return (h ^ shapeComment) * shapePrime
	}
	for _, c := range t.name(n) {
		h = (h ^ uint32(lower(c))) * shapePrime
	}
	h = (h ^ shapeOpen) * shapePrime
	for c := i + 1; c < n.Next; c = t.Nodes[c].Next {
		h = t.foldShape(h, c)
	}
	if n.Next == i+1 {
		if g := t.graftAt(n); g != nil {
			h = g.Tree.foldShapes(h)
		}
	}
	return (h ^ shapeClose) * shapePrime
}

// SyntaxError says where HTML cannot be trusted to mean the same to the server and to a browser.
type SyntaxError struct {
	Offset int // in bytes, from 0
	Line   int // from 1
	Column int // in bytes, from 1
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

func syntaxErrorAt(html []byte, offset int, reason string) *SyntaxError {
	e := &SyntaxError{Offset: offset, Reason: reason}
	e.Line, e.Column = position(html, offset)
	return e
}

// position returns line and column, both from 1, of an offset.
func position(html []byte, offset int) (line, column int) {
	line, column = 1, 1
	for _, c := range html[:min(offset, len(html))] {
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}
