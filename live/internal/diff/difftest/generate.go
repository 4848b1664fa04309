package difftest

import (
	"fmt"
	"html"
	"math/rand"
	"slices"
	"strings"
)

// node is an element, a text or a comment of a generated view.
type node struct {
	name    string // of an element, "" for the others
	markup  string // a text or comment, as it is written
	open    string // written after an open tag: a newline that is no content
	attrs   []string
	kids    []*node
	content content
	within  within
	form    form
}

// content says what may stand in an element.
type content int

const (
	nothing content = iota
	flow
	phrasing
	items   // of a list
	terms   // of a description list
	parts   // of a table
	rows    // of a part of one
	cells   // of a row
	columns // of a column group
	options
	groupedOptions
	escapable // text alone, with character references
	verbatim  // text alone, as it is
	drawing
	formula
	token // of a formula
)

// within says what an element stands in, for what may not contain itself.
type within int

const (
	inLink within = 1 << iota
	inButton
	inForm
	inLabel
)

// form is how an element is written.
type form int

const (
	paired form = iota
	unpaired
	selfClosed
	upperCase
	spacedEnd
)

type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.Intn(len(from))] }

func (g generator) one(in int) bool { return g.Intn(in) == 0 }

func (g generator) view() *node {
	root := &node{content: flow}
	g.fill(root, 1+g.Intn(5))
	return root
}

// fill gives n children, down to a depth.
func (g generator) fill(n *node, depth int) {
	if n.content == nothing {
		return
	}
	count := g.Intn(5)
	if n.content == escapable || n.content == verbatim {
		count = g.Intn(2)
	}
	if g.one(12) {
		count += 8
	}
	for range count {
		n.kids = append(n.kids, g.child(n, depth-1))
	}
}

// child makes a node that may stand in parent.
func (g generator) child(parent *node, depth int) *node {
	in := parent.within
	if depth > 0 || parent.content == rows || parent.content == cells {
		if e := g.elementIn(parent.content, in, depth); e != nil {
			return e
		}
	}
	switch parent.content {
	case escapable:
		return &node{markup: g.text() + pick(g, "", "\n", "x")}
	case verbatim:
		return &node{markup: pick(g, "a", "if (a < b && c) { '</p>' }", "a &amp; b", "\n1 <p> 2\n", "ü")}
	case flow, phrasing, drawing, token:
		if g.one(12) {
			return g.comment()
		}
		return &node{markup: g.text()}
	}
	if g.one(3) {
		return g.comment()
	}
	return &node{markup: pick(g, " ", "\n", "\n\t")}
}

func (g generator) comment() *node {
	return &node{markup: pick(g, "<!-- a > b -->", "<!---->", "<!--&amp;-->", "<!--é-->", "<!--b-->", "<!--c--!>")}
}

func (g generator) text() string {
	return pick(g, "a", "b &amp; c", " ", "&lt;q&gt;", "&#34;x&#34;", "it&#39;s", "é\n", "1 < 2 ", "漢字", "😀", "a\r\nb",
		"&nbsp;", "&copy 1", "&notit; ", "&#8364;", "&#x80;", "a\\b\t", "\n", "longer text that is to be kept", "&Aacute;&hearts;", "&;&#;&x")
}

func (g generator) elementIn(c content, in within, depth int) *node {
	switch c {
	case flow:
		if g.one(3) {
			return g.phrase(in, depth)
		}
		return g.block(in, depth)
	case phrasing:
		if g.one(3) {
			return nil
		}
		return g.phrase(in, depth)
	case items:
		return g.element("li", flow, in, depth)
	case terms:
		return g.element(pick(g, "dt", "dd"), flow, in, depth)
	case parts:
		switch g.Intn(8) {
		case 0:
			return g.element("caption", flow, in, depth)
		case 1:
			return g.element("colgroup", columns, in, depth)
		case 2:
			return nil
		}
		return g.element(pick(g, "thead", "tbody", "tbody", "tbody", "tfoot"), rows, in, depth)
	case rows:
		return g.element("tr", cells, in, depth)
	case cells:
		return g.element(pick(g, "td", "td", "th"), flow, in, depth)
	case columns:
		return g.element("col", nothing, in, depth)
	case options:
		if g.one(4) {
			return g.element("optgroup", groupedOptions, in, depth)
		}
		fallthrough
	case groupedOptions:
		return g.element("option", escapable, in, depth)
	case drawing:
		return g.shape(in, depth)
	case formula:
		if g.one(3) {
			return g.element("mrow", formula, in, depth)
		}
		return g.element(pick(g, "mi", "mo", "mn"), token, in, depth)
	}
	return nil
}

func (g generator) block(in within, depth int) *node {
	switch g.Intn(16) {
	case 0:
		return g.element(pick(g, "ul", "ol"), items, in, depth)
	case 1:
		return g.element("dl", terms, in, depth)
	case 2, 3:
		return g.element("table", parts, in, depth)
	case 4:
		e := g.element("details", flow, in, depth)
		e.kids = append([]*node{g.element("summary", phrasing, in, depth)}, e.kids...)
		return e
	case 5:
		e := g.element("pre", phrasing, in, depth)
		e.open = pick(g, "", "\n", "\r\n")
		if e.open == "" && len(e.kids) > 0 {
			e.open = "\n" // its first text may begin with one
		}
		return e
	case 6:
		return g.element(pick(g, "h1", "h2"), phrasing, in, depth)
	case 7:
		return g.element("template", flow, in, depth)
	case 8:
		if in&inForm == 0 {
			return g.element("form", flow, in|inForm, depth)
		}
		return g.element("fieldset", flow, in, depth)
	case 9:
		return g.element("xmp", verbatim, in, depth)
	case 10, 11:
		return g.element("p", phrasing, in, depth)
	}
	return g.element(pick(g, "div", "div", "section", "blockquote", "x-card"), flow, in, depth)
}

func (g generator) phrase(in within, depth int) *node {
	switch g.Intn(20) {
	case 0:
		if in&inLink == 0 {
			return g.element("a", phrasing, in|inLink, depth)
		}
	case 1:
		if in&inButton == 0 {
			return g.element("button", phrasing, in|inButton, depth)
		}
	case 2:
		return g.element("label", phrasing, in, depth)
	case 3, 4:
		e := g.element("input", nothing, in, depth)
		e.attrs = append(e.attrs, pick(g, ` type="checkbox"`, ` type="text"`, ""), pick(g, "", ` value="1"`, ` value="x &amp; y"`), pick(g, "", "", " checked", " disabled"))
		return e
	case 5:
		return g.element(pick(g, "br", "img", "wbr"), nothing, in, depth)
	case 6:
		return g.element("select", options, in, depth)
	case 7:
		e := g.element("textarea", escapable, in, depth)
		e.open = pick(g, "\n", "\r\n")
		return e
	case 8:
		return g.element("svg", drawing, in, depth)
	case 9:
		return g.element("math", formula, in, depth)
	case 10:
		e := g.element(pick(g, "script", "style"), verbatim, in, depth)
		e.attrs = []string{` type="text/plain"`}
		return e
	case 11:
		return g.element(pick(g, "noscript", "iframe"), verbatim, in, depth)
	}
	return g.element(pick(g, "span", "em", "b", "i", "code", "output", "x-icon"), phrasing, in, depth)
}

func (g generator) shape(in within, depth int) *node {
	var e *node
	switch g.Intn(6) {
	case 0:
		e = g.element("foreignObject", flow, in, depth)
	case 1:
		e = g.element("text", drawing, in, depth)
	case 2:
		e = g.element("title", escapable, in, depth)
	case 3:
		e = g.element(pick(g, "g", "linearGradient", "style"), drawing, in, depth)
	default:
		e = g.element(pick(g, "path", "circle"), nothing, in, depth)
		e.form = selfClosed
	}
	e.attrs = append(e.attrs, pick(g, "", ` viewBox="0 0 1 1"`, ` viewbox="0 0 2 2"`, ` xlink:href="#a"`, ` d="M0"`))
	return e
}

func (g generator) element(name string, c content, in within, depth int) *node {
	e := &node{name: name, content: c, within: in, attrs: g.attributes()}
	switch {
	case c == nothing:
		e.form = unpaired
	case g.one(40):
		e.form = pick(g, upperCase, spacedEnd)
	}
	g.fill(e, depth)
	return e
}

func (g generator) attributes() (attrs []string) {
	if g.one(3) {
		attrs = append(attrs, fmt.Sprintf(` %s="k%d"`, pick(g, "id", "id", "data-key", "live-key"), g.Intn(30)))
	}
	for _, name := range []string{"class", "title", "data-x", "Lang", "data-ü"} {
		if !g.one(5) {
			continue
		}
		value := pick(g, "", "v", "a>b", `x"y`, "a & b", "é", "?a=1&copy=2&lt=3", "two\nlines")
		switch g.Intn(5) {
		case 0:
			attrs = append(attrs, " "+name)
		case 1:
			attrs = append(attrs, fmt.Sprintf(" %s = '%s'", name, strings.ReplaceAll(html.EscapeString(value), "&#39;", "'")))
		case 2:
			attrs = append(attrs, " "+name+"=v"+pick(g, "1", "2/", "&amp;x"), " ")
		case 3:
			attrs = append(attrs, fmt.Sprintf(` %s="%s"`, name, strings.ReplaceAll(value, `"`, "&quot;")))
		default:
			attrs = append(attrs, fmt.Sprintf(` %s="%s"`, name, html.EscapeString(value)))
		}
	}
	return attrs
}

// mutate returns a changed copy of n.
func (g generator) mutate(n *node) *node {
	m := *n
	m.kids = slices.Clone(n.kids)
	if m.name == "" && m.content == nothing {
		return &m // a text: its parent replaces it
	}
	if m.name != "" && g.one(8) && m.name != "script" && m.name != "style" {
		m.attrs = g.attributes()
	}
	for i, k := range m.kids {
		if g.one(3) {
			m.kids[i] = g.mutate(k)
		}
	}
	if m.content == nothing {
		return &m
	}
	const depth = 3
	single := m.content == escapable || m.content == verbatim
	switch at := g.Intn(len(m.kids) + 1); g.Intn(8) {
	case 0:
		g.Shuffle(len(m.kids), func(i, j int) { m.kids[i], m.kids[j] = m.kids[j], m.kids[i] })
	case 1:
		if at < len(m.kids) {
			m.kids = slices.Delete(m.kids, at, at+1)
		}
	case 2:
		if !single || len(m.kids) == 0 {
			m.kids = slices.Insert(m.kids, at, g.child(&m, depth))
		}
	case 3:
		if at < len(m.kids) {
			m.kids[at] = g.child(&m, depth)
		}
	case 4:
		if at < len(m.kids) && m.kids[at].name == "" {
			m.kids[at] = g.child(&m, 0)
		}
	}
	return &m
}

func (n *node) html() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	if n.name == "" {
		b.WriteString(n.markup)
		n.writeKids(b)
		return
	}
	name := n.name
	if n.form == upperCase {
		name = strings.ToUpper(name)
	}
	b.WriteString("<" + name)
	for _, a := range n.attrs {
		b.WriteString(a)
	}
	if n.form == selfClosed {
		b.WriteString(" /")
	}
	b.WriteString(">")
	if n.form == selfClosed || n.form == unpaired {
		return
	}
	b.WriteString(n.open)
	n.writeKids(b)
	b.WriteString("</" + name)
	if n.form == spacedEnd {
		b.WriteString(" \n")
	}
	b.WriteString(">")
}

func (n *node) writeKids(b *strings.Builder) {
	for _, k := range n.kids {
		k.write(b)
	}
}
