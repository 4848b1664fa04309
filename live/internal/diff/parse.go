package diff

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

const (
	// maxDepth of open elements. Browsers flatten what is nested deeper than 512, layout included.
	maxDepth = 480
	// maxBytes of one view's HTML. Offsets are kept in 32 bits.
	maxBytes = math.MaxInt32
)

// Parser holds the scratch of parsing. It keeps no reference to a tree between calls and may be pooled and used with
// any keys, but by one goroutine at a time. The zero Parser is ready.
type Parser struct {
	// What lasts from call to call.
	key   Key
	tags  tagCache
	spare []Node  // for a tree that will keep no more than it needs
	stack []frame // p.stack[:p.depth+1] are the open elements, the first one is the tree's root
	refs  references

	// The parse under way.
	html     []byte
	pos      int
	nodes    []Node
	depth    int
	oldNodes []Node
	oldHTML  []byte
	same     sameRun
	copied   uint32 // nodes taken from the old tree so far
	err      *SyntaxError
}

// frame is an open element.
type frame struct {
	hash  uint64 // open tag and children so far
	node  uint32
	inner namespace // of the children

	// Lockstep: see lockstep.go.
	misses  uint8
	oldAt   uint32 // the next old sibling to compare with
	oldEnd  uint32 // after the last one; not below oldAt when there is none
	partner uint32 // the old element this one was paired with, 0 for none
	lately  uint32 // the last old sibling that was paired without being equal, 0 for none
	copied  uint32 // Parser.copied when the element was opened
}

// Parse reads html into t, reusing t's nodes; t keeps html as its own. Old, when not nil, is the tree of the render
// before, or any other tree parsed under the same key: it only saves time. It must not be t.
//
// HTML whose meaning to a browser is in doubt is refused with a *[SyntaxError], and t is left without nodes.
func (p *Parser) Parse(t *Tree, html []byte, old *Tree, key *Key) error {
	return p.parse(t, html, old, key, nsHTML)
}

// parse is Parse for content of an element in any namespace.
func (p *Parser) parse(t *Tree, html []byte, old *Tree, key *Key, inner namespace) error {
	if p.key.id != key.id {
		p.key = *key
		p.tags.forgetHashes()
	}
	p.html, p.pos, p.err = html, 0, nil
	p.nodes = append(t.Nodes[:0], Node{End: uint32(len(html)), Kind: Element, flags: inner << innerShift})
	if p.stack == nil {
		p.stack = make([]frame, 32)
	}
	p.depth = 0
	p.stack[0] = frame{hash: key.seed, inner: inner}
	p.same, p.copied = sameRun{}, 0
	if old != nil && old.keyID == key.id && len(old.Nodes) > 0 && old.Nodes[0].flags == p.nodes[0].flags {
		p.oldNodes, p.oldHTML = old.Nodes, old.HTML
		p.stack[0].oldAt, p.stack[0].oldEnd = 1, old.Nodes[0].Next
	}

	ok := len(html) <= maxBytes
	if ok {
		ok = p.run()
	} else {
		p.fail(0, "a view of more than 2 GiB")
	}
	t.HTML, t.Nodes, t.keyID, t.region = html, p.nodes, key.id, nil
	p.html, p.nodes, p.oldNodes, p.oldHTML = nil, nil, nil, nil
	if !ok {
		t.Nodes = t.Nodes[:0]
		err := p.err
		p.err = nil
		return err
	}
	t.Nodes[0].Next = uint32(len(t.Nodes))
	t.Nodes[0].Hash = closed(p.stack[0].hash)
	return nil
}

func (p *Parser) run() bool {
	html := p.html
	for p.pos < len(html) {
		f := p.top()
		if f.oldAt < f.oldEnd && p.reuse(f) {
			continue
		}
		ok := false
		if c := markupAt(html, p.pos); c == 0 {
			ok = p.text(f)
		} else if c == '/' {
			ok = p.endTag(f)
		} else if c == '!' || c == '?' {
			ok = p.comment(f)
		} else {
			ok = p.element(f)
		}
		if !ok {
			return false
		}
	}
	if p.depth > 0 {
		n := &p.nodes[p.top().node]
		return p.fail(int(n.Start), "<%s> is never closed", p.nameOf(n))
	}
	return true
}

// top returns the open element.
func (p *Parser) top() *frame { return &p.stack[p.depth] }

// add appends a node, all but its key and the length of its name. The fields are set one by one because a literal
// would be built elsewhere and copied in larger pieces than it was written in, which stalls the processor.
func (p *Parser) add(kind Kind, flags nodeFlags, hash uint64, tagEnd, end int) *Node {
	index := len(p.nodes)
	if index == cap(p.nodes) {
		p.nodes = append(p.nodes, Node{})
	}
	p.nodes = p.nodes[:index+1]
	n := &p.nodes[index]
	n.Hash, n.Key = hash, 0
	n.Start, n.End, n.TagEnd = uint32(p.pos), uint32(end), uint32(tagEnd)
	n.Next = uint32(index) + 1
	n.Kind, n.NameLen, n.flags, n.keyAt = kind, 0, flags, 0
	return n
}

// markupAt returns the byte after the '<' at html[at] if together they begin a tag or a comment, else 0.
func markupAt(html []byte, at int) byte {
	if html[at] != '<' || at+1 >= len(html) {
		return 0
	}
	c := html[at+1]
	if isLetter(c) || c == '/' || c == '!' || c == '?' {
		return c
	}
	return 0
}

// textEnd returns where a text ends whose first byte is html[at].
func textEnd(html []byte, at int) int {
	for at++; ; at++ {
		i := bytes.IndexByte(html[at:], '<')
		if i < 0 {
			return len(html)
		}
		if at += i; markupAt(html, at) != 0 {
			return at
		}
	}
}

func (p *Parser) fail(at int, reason string, args ...any) bool {
	if len(args) > 0 {
		reason = fmt.Sprintf(reason, args...)
	}
	p.err = syntaxErrorAt(p.html, at, reason)
	return false
}

func (p *Parser) nameOf(n *Node) []byte {
	return p.html[n.Start+1 : n.Start+1+uint32(n.NameLen)]
}

// leaf adds a node without children that ends at end.
func (p *Parser) leaf(f *frame, kind Kind, flags nodeFlags, end int) {
	hash := p.key.bytes(p.html[p.pos:end])
	f.hash = p.key.fold(f.hash, hash)
	p.add(kind, flags, hash, p.pos, end)
	if f.oldAt < f.oldEnd && p.oldNodes[f.oldAt].Kind == kind {
		f.oldAt = p.oldNodes[f.oldAt].Next // compared, and different
	}
	p.pos = end
}

func (p *Parser) text(f *frame) bool {
	end := textEnd(p.html, p.pos)
	var flags nodeFlags
	if f.inner != nsHTML {
		flags = textShowsNUL
	} else if p.html[p.pos] == 0 && len(bytes.Trim(p.html[p.pos:end], "\x00")) == 0 {
		// Browsers drop NULs from HTML, so this text is not there.
		p.pos = end
		return true
	}
	p.leaf(f, Text, flags, end)
	return true
}

func (p *Parser) comment(f *frame) bool {
	html := p.html[p.pos:]
	if !bytes.HasPrefix(html, []byte("<!--")) {
		return p.fail(p.pos, "only elements, texts and <!-- comments --> can stand in a view")
	}
	_, end := commentData(html)
	if end < 0 {
		return p.fail(p.pos, "this comment is never closed by -->")
	}
	p.leaf(f, Comment, 0, p.pos+end)
	return true
}

// commentData returns the content of the comment that html begins with, and where it ends; -1 if it does not. Besides
// "-->" browsers let "--!>" end a comment, and take "<!-->" and "<!--->" for empty ones.
func commentData(html []byte) (data []byte, end int) {
	const open = len("<!--")
	rest := html[open:]
	if bytes.HasPrefix(rest, []byte(">")) {
		return nil, open + 1
	}
	if bytes.HasPrefix(rest, []byte("->")) {
		return nil, open + 2
	}
	for i := 0; ; i++ {
		k := bytes.Index(rest[i:], []byte("--"))
		if k < 0 {
			return nil, -1
		}
		i += k
		switch after := rest[i+2:]; {
		case bytes.HasPrefix(after, []byte(">")):
			return rest[:i], open + i + 3
		case bytes.HasPrefix(after, []byte("!>")):
			return rest[:i], open + i + 4
		}
	}
}

// endTag closes the open element.
func (p *Parser) endTag(f *frame) bool {
	if p.depth == 0 {
		return p.fail(p.pos, "this end tag closes nothing")
	}
	n := &p.nodes[f.node]
	end := p.pos + 3 + int(n.NameLen)
	if end > len(p.html) || p.html[end-1] != '>' || !equalNames(p.html, p.pos+2, int(n.Start)+1, int(n.NameLen)) {
		end = p.unusualEndTag(p.nameOf(n))
	}
	if end < 0 {
		line, _ := position(p.html, int(n.Start))
		return p.fail(p.pos, "this end tag does not close <%s>, opened at line %d", p.nameOf(n), line)
	}
	p.pos = end
	n.End = uint32(end)
	if n.flags&flagOpaque != 0 {
		p.nodes = p.nodes[:f.node+1]
		n.Hash = p.key.bytes(p.html[n.Start:end])
	} else {
		n.Hash = closed(f.hash)
	}
	n.Next = uint32(len(p.nodes))
	p.leave(f, n)
	return true
}

// equalNames reports whether the n bytes at a and at b are the same. Nearly all names are short enough for one word.
func equalNames(html []byte, a, b, n int) bool {
	if n <= 8 && a+8 <= len(html) && b < a {
		x := binary.LittleEndian.Uint64(html[a:]) ^ binary.LittleEndian.Uint64(html[b:])
		return x<<(64-8*uint(n)) == 0
	}
	return string(html[a:a+n]) == string(html[b:b+n])
}

// unusualEndTag returns where the end tag at the current position ends, which may have space in it and letters of
// another case than the open tag; -1 if it is no end tag with this name.
func (p *Parser) unusualEndTag(name []byte) int {
	html := p.html
	q := p.pos + 2 + len(name)
	if q >= len(html) || !equalFold(html[p.pos+2:q], name) {
		return -1
	}
	for tagClass[html[q]]&classSpace != 0 {
		if q++; q == len(html) {
			return -1
		}
	}
	if html[q] != '>' {
		return -1
	}
	return q + 1
}

// element reads an open tag, and with it all of an element whose content is no HTML.
func (p *Parser) element(f *frame) bool {
	html, at := p.html, p.pos
	slot := p.tags.slot(html, at)
	if slot != nil && slot.matches(html[at:]) {
		end := at + int(slot.length)
		if slot.generation != p.tags.generation {
			slot.hash, slot.generation = p.key.bytes(html[at:end]), p.tags.generation
		}
		return p.open(f, end, int(slot.nameLen), slot.flags, slot.hash, 0, 0)
	}
	end, nameLen, flags, key, keyEnd, complaint := scanOpenTag(html, at)
	if complaint != "" {
		return p.fail(end, complaint)
	}
	hash := p.key.bytes(html[at:end])
	if key != 0 {
		keyHash := uint32(p.key.bytes(html[key:keyEnd])) | 1
		if quote := html[keyEnd]; quote != '"' && quote != '\'' || key-at > math.MaxUint8 {
			key = at // to be searched for
		}
		return p.open(f, end, nameLen, flags, hash, keyHash, uint8(key-at))
	}
	if slot != nil && end-at <= maxCachedTag {
		slot.keep(html[at:end], nameLen, flags, hash, p.tags.generation)
	}
	return p.open(f, end, nameLen, flags, hash, 0, 0)
}

// open adds the element whose open tag begins at the current position and ends at end.
func (p *Parser) open(f *frame, end, nameLen int, tag tagFlags, hash uint64, key uint32, keyAt uint8) bool {
	flags, ok := p.place(f.inner, tag, nameLen)
	if !ok {
		return false
	}
	index := uint32(len(p.nodes))
	n := p.add(Element, flags, hash, end, end)
	n.NameLen, n.Key, n.keyAt = uint8(nameLen), key, keyAt
	partner := uint32(0)
	if f.oldAt < f.oldEnd {
		if partner = p.partner(f, n); partner != 0 {
			f.oldAt = p.oldNodes[partner].Next
		}
	}
	p.pos = end
	if flags&flagChildless != 0 {
		f.hash = p.key.fold(f.hash, hash)
		return true
	}
	if p.depth == maxDepth {
		return p.fail(int(n.Start), "elements nested more than %d deep", maxDepth)
	}
	p.enter(index, hash, flags, partner)
	if tag&(tagDropsNewline|tagVerbatim|tagRCDATA|tagOpaque) == 0 || flags&nsMask != nsHTML {
		return true
	}
	if tag&tagDropsNewline != 0 && !p.dropNewline() {
		return false
	}
	if tag&(tagVerbatim|tagRCDATA|tagOpaque) != 0 {
		return p.rawText(index, tag)
	}
	return true
}

// place decides what an open tag means where it stands.
func (p *Parser) place(in namespace, tag tagFlags, nameLen int) (flags nodeFlags, ok bool) {
	const special = tagSVG | tagMath | tagForeignOnly | tagSelfClosing | tagVoid | tagVerbatim | tagRCDATA | tagOpaque | tagShadow
	if in == nsHTML {
		if tag&special == 0 {
			return 0, true
		}
		return p.placeInHTML(tag, nameLen)
	}
	return p.placeInForeign(in, tag, nameLen)
}

func (p *Parser) placeInHTML(f tagFlags, nameLen int) (flags nodeFlags, ok bool) {
	switch {
	case f&tagForeignOnly != 0:
		return 0, p.fail(p.pos, "<%s> cannot stand in a view", p.html[p.pos+1:p.pos+1+nameLen])
	case f&tagSVG != 0:
		flags = nsSVG | nsSVG<<innerShift
	case f&tagMath != 0:
		flags = nsMath | nsMath<<innerShift
	case f&tagVoid != 0:
		return flagChildless, true
	case f&(tagVerbatim|tagRCDATA) != 0:
		flags = flagRawText
	case f&(tagOpaque|tagShadow) != 0:
		flags = flagOpaque
	}
	if f&tagSelfClosing != 0 {
		if flags&nsMask == nsHTML {
			return 0, p.fail(p.pos, "<%s/> stays open in a browser; write an end tag", p.html[p.pos+1:p.pos+1+nameLen])
		}
		flags |= flagChildless
	}
	return flags, true
}

func (p *Parser) placeInForeign(in namespace, f tagFlags, nameLen int) (flags nodeFlags, ok bool) {
	if f&tagBreakout != 0 {
		return 0, p.fail(p.pos, "<%s> ends the <svg> or <math> it stands in", p.html[p.pos+1:p.pos+1+nameLen])
	}
	switch {
	case in == nsSVG || in == nsAnnotation && f&tagSVG != 0:
		flags = nsSVG
		if f&tagHTMLInSVG == 0 {
			flags |= nsSVG << innerShift
		}
	case f&tagHTMLInMath != 0:
		flags = nsMath
	case f&tagAnnotation != 0:
		flags = nsMath | nsAnnotation<<innerShift
	default:
		flags = nsMath | nsMath<<innerShift
	}
	if f&tagSelfClosing != 0 {
		flags |= flagChildless
	}
	return flags, true
}
