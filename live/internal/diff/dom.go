package diff

import (
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// DOM returns the view as a browser has it: a document node whose children are the view's top nodes, names, texts and
// attributes decoded. A template's content are its children. Opaque elements have their content as well, for rendering;
// ShapeOf and Apply do not look at it.
func (t *Tree) DOM() *html.Node {
	b := domBuilder{tree: t, nodes: t.nodes()}
	root := &html.Node{Type: html.DocumentNode}
	b.children(root, 0)
	return root
}

type domBuilder struct {
	tree  *Tree
	nodes []Node
	refs  references
	attrs []attr
	name  []byte
}

func (b *domBuilder) children(parent *html.Node, i uint32) {
	for c := i + 1; c < b.nodes[i].Next; c = b.nodes[c].Next {
		parent.AppendChild(b.node(c))
	}
}

func (b *domBuilder) node(i uint32) *html.Node {
	n := &b.nodes[i]
	if n.Kind != Element {
		kind := html.TextNode
		if n.Kind == Comment {
			kind = html.CommentNode
		}
		return &html.Node{Type: kind, Data: validString(b.refs.decode(b.tree.value(n), decodingOf(n)))}
	}
	ns := n.flags & nsMask
	e := &html.Node{Type: html.ElementNode, Namespace: namespaceName(ns), Data: validString([]byte(tagName(b.tree.name(n), ns)))}
	e.DataAtom = atom.Lookup([]byte(e.Data))
	b.attrs = appendAttrs(b.attrs[:0], b.tree.openTag(n), int(n.NameLen))
	for _, a := range b.attrs {
		b.name = appendAttrName(b.name[:0], a.name, ns)
		h := html.Attribute{Key: validString(b.name), Val: validString(b.refs.decode(a.value, decodeValue))}
		if ns != nsHTML {
			h.Namespace, h.Key = splitForeignAttr(h.Key)
		}
		e.Attr = append(e.Attr, h)
	}
	if n.flags&flagOpaque != 0 {
		b.opaque(e, n)
	} else {
		b.children(e, i)
		if g := b.tree.graftAt(n); g != nil {
			moveChildren(e, g.Tree.DOM())
		}
	}
	return e
}

// opaque gives e the content that is not in the tree.
func (b *domBuilder) opaque(e *html.Node, n *Node) {
	content := b.tree.HTML[n.TagEnd:n.End]
	end := len(content) - 1
	for content[end] != '<' {
		end--
	}
	content = content[:end]
	if len(content) == 0 {
		return
	}
	if e.Data != "template" {
		e.AppendChild(&html.Node{Type: html.TextNode, Data: validString(b.refs.decode(content, decodeNUL))})
		return
	}
	if fragment, err := parseFragment(content, nsHTML); err == nil {
		moveChildren(e, fragment)
	}
}

// fragmentKey hashes what nobody compares.
var fragmentKey = NewKey([16]byte{})

// parseFragment returns a document node with the content of html.
func parseFragment(content []byte, inner namespace) (*html.Node, error) {
	var t Tree
	if err := new(Parser).parse(&t, content, nil, &fragmentKey, inner); err != nil {
		return nil, err
	}
	return t.DOM(), nil
}

func moveChildren(to, from *html.Node) {
	for c := from.FirstChild; c != nil; c = from.FirstChild {
		from.RemoveChild(c)
		to.AppendChild(c)
	}
}

// namespaceName returns what golang.org/x/net/html calls a namespace.
func namespaceName(ns namespace) string {
	switch ns {
	case nsSVG:
		return "svg"
	case nsMath:
		return "math"
	}
	return ""
}

// ShapeOf returns the shape hash of the children of root, by the rules of Tree.Shape.
func ShapeOf(root *html.Node) uint32 {
	h := shapeOffset
	add := func(x uint32) { h = (h ^ x) * shapePrime }
	// Without recursion: a tree that patches have been applied to may be of any depth.
	n := root.FirstChild
	for n != nil {
		switch n.Type {
		case html.ElementNode:
			for i := range len(n.Data) {
				add(uint32(lower(n.Data[i])))
			}
			add(shapeOpen)
			if first := n.FirstChild; first != nil && !isOpaque(n) {
				n = first
				continue
			}
			add(shapeClose)
		case html.CommentNode:
			add(shapeComment)
		default:
			add(shapeText)
		}
		for n.NextSibling == nil {
			if n = n.Parent; n == nil || n == root {
				return h
			}
			add(shapeClose)
		}
		n = n.NextSibling
	}
	return h
}

// isOpaque reports whether an element's content is no part of the tree.
func isOpaque(n *html.Node) bool {
	if n.Type != html.ElementNode || n.Namespace != "" {
		return false
	}
	switch n.Data {
	case "iframe", "noscript", "noembed", "noframes":
		return true
	case "template":
		for _, a := range n.Attr {
			if a.Key == "shadowrootmode" {
				return true
			}
		}
	}
	return false
}
