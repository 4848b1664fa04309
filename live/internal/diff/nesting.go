package diff

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// CheckNesting reads a view as a browser would and returns a *[SyntaxError] when that makes another tree than the
// server has: because the view does not parse, or because an element stands where browsers do not leave it.
//
// It is meant for tests and development. Browsers differ in rare cases (what may stand in a <select>), so in
// production each of them compares shape hashes instead.
func CheckNesting(view []byte) error {
	var t Tree
	if err := new(Parser).Parse(&t, view, nil, &fragmentKey); err != nil {
		return err
	}
	context := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	top, err := html.ParseFragment(bytes.NewReader(view), context)
	if err != nil {
		return fmt.Errorf("check nesting: %w", err)
	}
	root := &html.Node{Type: html.DocumentNode}
	for _, n := range top {
		root.AppendChild(n)
	}
	c := nestingCheck{tree: &t, nodes: t.nodes()}
	bad, same := c.compare(0, root)
	if same || c.templateInForeign(0, false) && c.misplaced(0) == 0 {
		return nil
	}
	c.open = c.open[:0]
	// What differs first may only be a consequence: look for a known cause.
	if culprit := c.misplaced(0); culprit > 0 {
		bad = culprit
	}
	return c.report(bad)
}

type nestingCheck struct {
	tree  *Tree
	nodes []Node
	refs  references
	open  []uint32 // the ancestors of the node misplaced looks at
}

// compare compares the children of node i with those a browser has made, and returns the first node that differs.
func (c *nestingCheck) compare(i uint32, browser *html.Node) (bad uint32, same bool) {
	b := browser.FirstChild
	for k := i + 1; k < c.nodes[i].Next; k = c.nodes[k].Next {
		if b == nil || !c.equal(&c.nodes[k], b) {
			return k, false
		}
		if c.nodes[k].flags&flagOpaque == 0 || c.nodes[k].Kind != Element {
			if bad, same := c.compare(k, b); !same {
				return bad, false
			}
		}
		b = b.NextSibling
	}
	return i, b == nil
}

// equal compares all of two nodes but attributes and children.
func (c *nestingCheck) equal(n *Node, b *html.Node) bool {
	switch n.Kind {
	case Text:
		return b.Type == html.TextNode && c.value(n) == comparable(b.Data)
	case Comment:
		// Unlike browsers, x/net/html decodes character references in comments.
		return b.Type == html.CommentNode
	}
	return b.Type == html.ElementNode && equalFold(c.tree.name(n), b.Data) && namespaceName(n.flags&nsMask) == b.Namespace
}

// templateInForeign reports whether a <template> stands inside <svg> or <math> anywhere below i. There x/net/html stops
// reading, so that only the known rules are left to go by.
func (c *nestingCheck) templateInForeign(i uint32, foreign bool) bool {
	foreign = foreign || c.nodes[i].flags&nsMask != nsHTML
	for k := i + 1; k < c.nodes[i].Next; k = c.nodes[k].Next {
		if c.nodes[k].Kind != Element {
			continue
		}
		if foreign && c.name(k) == "template" || c.templateInForeign(k, foreign) {
			return true
		}
	}
	return false
}

func (c *nestingCheck) value(n *Node) string {
	return comparable(string(c.refs.decode(c.tree.value(n), decodingOf(n))))
}

// comparable evens out what x/net/html leaves to others: ill-formed UTF-8, NULs in comments.
func comparable(s string) string {
	return strings.ReplaceAll(validString([]byte(s)), "\x00", "\uFFFD")
}

// report describes node i and where it stands.
func (c *nestingCheck) report(i uint32) error {
	n := &c.nodes[i]
	what := "text"
	switch {
	case i == 0:
		what = "something"
	case n.Kind == Comment:
		what = "a comment"
	case n.Kind == Element:
		what = "<" + c.name(i) + ">"
	}
	reason := what + " at the top of a view"
	if parent := c.parent(i); parent != 0 {
		name := c.name(parent)
		line, _ := position(c.tree.HTML, int(c.nodes[parent].Start))
		reason = fmt.Sprintf("%s inside <%s> opened at line %d", what, name, line)
	}
	return syntaxErrorAt(c.tree.HTML, int(n.Start), reason+": a browser does not leave it there")
}

func (c *nestingCheck) name(i uint32) string {
	return string(lowerTo(nil, c.tree.name(&c.nodes[i])))
}

// parent returns the element that node i must not stand in, or else the one it stands in.
func (c *nestingCheck) parent(i uint32) uint32 {
	if i == 0 {
		return 0
	}
	c.open = c.open[:0]
	for p := uint32(0); p < i; {
		// The last child that begins at or before i leads to it.
		c.open = append(c.open, p)
		k := p + 1
		for c.nodes[k].Next <= i {
			k = c.nodes[k].Next
		}
		p = k
	}
	if culprit := c.forbidding(i); culprit != 0 {
		return culprit
	}
	return c.open[len(c.open)-1]
}

// misplaced returns the first node below i that stands where browsers are known not to leave it, or 0.
func (c *nestingCheck) misplaced(i uint32) uint32 {
	c.open = append(c.open, i)
	for k := i + 1; k < c.nodes[i].Next; k = c.nodes[k].Next {
		if c.forbidding(k) != 0 || c.wrongParent(k) {
			return k
		}
		if bad := c.misplaced(k); bad != 0 {
			return bad
		}
	}
	c.open = c.open[:len(c.open)-1]
	return 0
}

func names(list string) map[string]bool {
	set := make(map[string]bool)
	for name := range strings.FieldsSeq(list) {
		set[name] = true
	}
	return set
}

var (
	// closesP end an open <p>.
	closesP = names(`address article aside blockquote center details dialog dir div dl dd dt fieldset figcaption figure
		footer form h1 h2 h3 h4 h5 h6 header hgroup hr li listing main menu nav ol p plaintext pre search section summary
		table ul xmp`)
	// scopes hide what is open around them.
	scopes = names("applet caption html table td th marquee object template")
	// inItem may stand between a list item and another one that ends it.
	inItem   = names("address div p a b big code em font i nobr s small strike strong tt u span label")
	headings = names("h1 h2 h3 h4 h5 h6")

	inTable = map[string]map[string]bool{
		"table":    names("caption colgroup thead tbody tfoot script style template"),
		"tbody":    names("tr script style template"),
		"thead":    names("tr script style template"),
		"tfoot":    names("tr script style template"),
		"tr":       names("td th script style template"),
		"colgroup": names("col template"),
	}
	// tableParents are where parts of tables can stand; everywhere else browsers drop their tags.
	tableParents = map[string][]string{
		"caption": {"table"}, "colgroup": {"table"}, "thead": {"table"}, "tbody": {"table"}, "tfoot": {"table"},
		"tr": {"thead", "tbody", "tfoot"}, "td": {"tr"}, "th": {"tr"}, "col": {"colgroup"},
	}
)

// forbidding returns the ancestor that ends where the start tag of i stands, or 0.
func (c *nestingCheck) forbidding(i uint32) uint32 {
	if n := &c.nodes[i]; n.Kind != Element || n.flags&nsMask != nsHTML {
		return 0
	}
	name := c.name(i)
	for k := len(c.open) - 1; k > 0; k-- {
		at := c.open[k]
		a := &c.nodes[at]
		around := c.name(at)
		if a.flags&nsMask != nsHTML {
			if a.flags&innerMask == 0 {
				return 0
			}
			continue
		}
		switch {
		case around == "p" && closesP[name],
			around == name && (name == "a" || name == "button" || name == "form" || name == "nobr" || name == "option"),
			headings[around] && headings[name] && k == len(c.open)-1,
			around == "li" && name == "li" && c.only(inItem, k),
			(around == "dd" || around == "dt") && (name == "dd" || name == "dt") && c.only(inItem, k):
			return at
		}
		if scopes[around] && !(name == "form" && around != "template") {
			return 0
		}
		if around == "button" && closesP[name] {
			return 0
		}
	}
	return 0
}

// only reports whether all open elements below the k-th are in the set.
func (c *nestingCheck) only(set map[string]bool, k int) bool {
	for _, at := range c.open[k+1:] {
		if !set[c.name(at)] {
			return false
		}
	}
	return true
}

// wrongParent reports whether the element i stands in cannot contain it.
func (c *nestingCheck) wrongParent(i uint32) bool {
	n := &c.nodes[i]
	parent := c.open[len(c.open)-1]
	p := &c.nodes[parent]
	if p.flags&nsMask != nsHTML && p.flags&innerMask != 0 {
		return false
	}
	around := ""
	if parent != 0 && p.flags&nsMask == nsHTML {
		around = c.name(parent)
	}
	allowed, restricted := inTable[around]
	switch n.Kind {
	case Text:
		return restricted && len(bytes.TrimLeft(c.tree.value(n), " \t\r\n\f")) > 0
	case Comment:
		return false
	}
	name := c.name(i)
	switch {
	case restricted && name == "input":
		return !c.hidden(n)
	case restricted:
		return !allowed[name]
	case around == "template":
		return false
	}
	parents, part := tableParents[name]
	return part && !slices.Contains(parents, around)
}

// hidden reports whether n is an <input type="hidden">, which may stand anywhere in a table.
func (c *nestingCheck) hidden(n *Node) bool {
	for s := attrsOf(c.tree.openTag(n), int(n.NameLen)); s.next(); {
		if equalFold(s.name, "type") {
			return equalFold(s.value, "hidden")
		}
	}
	return false
}
