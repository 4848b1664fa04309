package diff

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
)

// Graft is a tree of its own that stands in an element of another tree, its host. In that tree the host has no children;
// the browser sees one tree. So what is grafted is rendered, parsed and compared by itself, and its change costs
// nothing of what is around it.
type Graft struct {
	ID   string // the value of the host's key attribute; unique among the regions of the outer tree, and among the others
	At   uint32 // where in the outer tree's HTML its own belongs: after the host's open tag
	Tree *Tree
	Of   any // what the caller knows it by
}

// The attributes by which hosts are told from other elements: that of a child, and that of a region many pages show.
const (
	HostOfChild  = "live-child"
	HostOfRegion = "live-region"
)

func (g *Graft) ofRegion() bool { return g.Tree.region != nil }

// With returns the tree with other grafts in the same hosts. Both share what they consist of.
func (t *Tree) With(grafts []Graft) *Tree {
	other := *t
	other.Grafts = grafts
	return &other
}

// graftAt returns the graft in an element, or nil.
func (t *Tree) graftAt(n *Node) *Graft {
	if len(t.Grafts) == 0 {
		return nil
	}
	i := t.graftFrom(n.TagEnd)
	if i < len(t.Grafts) && t.Grafts[i].At == n.TagEnd && n.Kind == Element {
		return &t.Grafts[i]
	}
	return nil
}

// GraftsIn returns the grafts that stand in a piece of the HTML.
func (t *Tree) GraftsIn(from, to uint32) []Graft {
	i := t.graftFrom(from)
	j := i
	for j < len(t.Grafts) && t.Grafts[j].At <= to {
		j++
	}
	return t.Grafts[i:j]
}

// graftFrom returns the index of the first graft at or after an offset.
func (t *Tree) graftFrom(offset uint32) int {
	i, j := 0, len(t.Grafts)
	for i < j {
		if m := int(uint(i+j) >> 1); t.Grafts[m].At < offset {
			i = m + 1
		} else {
			j = m
		}
	}
	return i
}

// AppendHTML appends the HTML that browsers see, with that of the grafts in their hosts.
func (t *Tree) AppendHTML(dst []byte) []byte { return t.appendHTML(dst, 0, uint32(len(t.HTML))) }

func (t *Tree) appendHTML(dst []byte, from, to uint32) []byte {
	for i := t.graftFrom(from); i < len(t.Grafts) && t.Grafts[i].At <= to; i++ {
		g := &t.Grafts[i]
		dst = append(dst, t.HTML[from:g.At]...)
		dst = g.Tree.AppendHTML(dst)
		from = g.At
	}
	return append(dst, t.HTML[from:to]...)
}

// Size returns how long the HTML is that browsers see.
func (t *Tree) Size() int {
	n := len(t.HTML)
	for i := range t.Grafts {
		n += t.Grafts[i].Tree.Size()
	}
	return n
}

// whole returns the hash of the tree and of all that is grafted into it.
func (t *Tree) whole(key *Key) uint64 {
	if t.region != nil {
		return t.region.sum
	}
	h := t.Hash()
	for i := range t.Grafts {
		h = key.fold(h, t.Grafts[i].Tree.whole(key))
	}
	return h
}

// host returns the index of the element that ends its open tag at an offset; 0 when the tree has none.
func (t *Tree) host(at uint32) uint32 {
	i, _ := slices.BinarySearchFunc(t.Nodes, at, func(n Node, at uint32) int {
		if n.Start < at {
			return -1
		}
		return 1
	})
	if i--; i <= 0 || t.Nodes[i].Kind != Element || t.Nodes[i].TagEnd != at || t.Nodes[i].flags&(flagOpaque|flagRawText|flagChildless) != 0 {
		return 0
	}
	return uint32(i)
}

// Path appends the way to a host, see [Graft.At], as a patch writes it: at each step, which child of its parent it goes to.
// Where there is no host, it appends nothing.
func (t *Tree) Path(path []uint32, host uint32) []uint32 {
	nodes, before := t.nodes(), len(path)
	at, end := uint32(1), nodes[0].Next
	for child := uint32(0); at < end; child++ {
		n := &nodes[at]
		if n.End <= host {
			at = n.Next
			continue
		}
		path = append(path, child)
		if n.TagEnd == host {
			return path
		}
		at, end, child = at+1, n.Next, ^uint32(0)
	}
	return path[:before]
}

// Misplaced goes through the grafts whose trees were parsed for another kind of host than the one that they stand in: in a
// drawing the same HTML means another tree. Regions are not among them; see [Graft.FitRegion].
func (t *Tree) Misplaced() iter.Seq[*Graft] {
	return func(yield func(*Graft) bool) {
		host := 1
		for i := range t.Grafts {
			g := &t.Grafts[i]
			for host < len(t.Nodes) && (t.Nodes[host].Kind != Element || t.Nodes[host].TagEnd != g.At) {
				host++
			}
			if host == len(t.Nodes) {
				return
			}
			if g.ofRegion() || len(g.Tree.Nodes) == 0 || g.Tree.Nodes[0].inner() == t.Nodes[host].inner() {
				continue
			}
			if !yield(g) {
				return
			}
		}
	}
}

// ParseGraft is [Parser.Parse] for the tree of a graft of outer, which has been parsed. Old, when not nil, is the tree that
// stood in this host before.
func (p *Parser) ParseGraft(outer *Tree, g *Graft, old *Tree, key *Key) error {
	host := outer.host(g.At)
	if host == 0 {
		return hidden(g)
	}
	return p.parseGraft(g.Tree, old, key, outer.Nodes[host].inner())
}

// ParseInPlace is [Parser.ParseGraft] for a tree that is to stand where old stands.
func (p *Parser) ParseInPlace(t, old *Tree, key *Key) error {
	return p.parseGraft(t, old, key, old.nodes()[0].inner())
}

func (p *Parser) parseGraft(t, old *Tree, key *Key, inner namespace) error {
	own := t.Nodes[:0]
	t.Nodes = p.spare
	err := p.parse(t, t.HTML, old, key, inner)
	p.spare = t.Nodes[:0]
	if n := len(t.Nodes); n > cap(own) || cap(own) > 2*n+16 {
		own = make([]Node, 0, n) // as many as there are: it is kept
	}
	t.Nodes = append(own, t.Nodes...)
	return err
}

func hidden(g *Graft) error {
	return fmt.Errorf("%q stands in an element whose content is no part of the page", g.ID)
}

// ParseWhole parses HTML with the grafts in their hosts into the tree that the same HTML was once put together from. Its
// tag is that of this tree.
func ParseWhole(markup []byte, key *Key) (*Tree, error) {
	return parseWhole(new(Parser), markup, key, nsHTML)
}

func parseWhole(p *Parser, markup []byte, key *Key, inner namespace) (*Tree, error) {
	t := &Tree{}
	if err := p.parse(t, markup, nil, key, inner); err != nil {
		return nil, err
	}
	if !bytes.Contains(markup, []byte(HostOfChild)) && !bytes.Contains(markup, []byte(HostOfRegion)) {
		return t, nil
	}
	outer := &Tree{}
	from := uint32(0)
	for i := uint32(1); i < uint32(len(t.Nodes)); i++ {
		n := &t.Nodes[i]
		kind := t.hosts(n)
		if kind == "" {
			continue
		}
		end := n.TagEnd + uint32(bytes.LastIndex(markup[n.TagEnd:n.End], []byte("</")))
		outer.HTML = append(outer.HTML, markup[from:n.TagEnd]...)
		from = end
		graft, err := parseWhole(p, markup[n.TagEnd:end:end], key, n.inner())
		if err != nil {
			return nil, err
		}
		if kind == HostOfRegion {
			graft.region = newRegion(graft.HTML)
		}
		outer.Grafts = append(outer.Grafts, Graft{ID: string(keyBytes(t.openTag(n), n.keyAt)), At: uint32(len(outer.HTML)), Tree: graft})
		i = n.Next - 1
	}
	outer.HTML = append(outer.HTML, markup[from:]...)
	err := p.parse(outer, outer.HTML, nil, key, inner)
	return outer, err
}

// hosts returns the attribute that makes an element a host, or nothing.
func (t *Tree) hosts(n *Node) string {
	if n.Kind != Element || n.Key == 0 || n.flags&(flagOpaque|flagRawText|flagChildless) != 0 {
		return ""
	}
	for s := attrsOf(t.openTag(n), int(n.NameLen)); s.next(); {
		if string(s.name) == HostOfChild || string(s.name) == HostOfRegion {
			return string(s.name)
		}
	}
	return ""
}
