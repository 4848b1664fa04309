package livetest

import (
	"encoding/json"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"github.com/livelong-dev/livelong/live"
)

// all returns the elements of the document that match a selector.
func (p *Page) all(selector string) []*html.Node {
	p.t.Helper()
	s, err := cascadia.ParseGroup(selector)
	if err != nil {
		p.t.Fatalf("livetest: selector %q: %v", selector, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return cascadia.QueryAll(p.document, s)
}

func (p *Page) matching(selector string, contains []string) []*html.Node {
	p.t.Helper()
	var found []*html.Node
	for _, n := range p.all(selector) {
		if matches(p.shown(n), contains) {
			found = append(found, n)
		}
	}
	return found
}

func matches(s string, contains []string) bool {
	for _, c := range contains {
		if !strings.Contains(s, clean(c)) {
			return false
		}
	}
	return true
}

func (p *Page) one(selector string, contains []string) *html.Node {
	p.t.Helper()
	found := p.matching(selector, contains)
	if len(found) != 1 {
		p.t.Fatalf("livetest: %d elements match %q %q, want one, in\n%s", len(found), selector, contains, p.HTML(""))
	}
	return found[0]
}

func (p *Page) shown(n *html.Node) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clean(text(n))
}

// Text returns the text of the one element that matches a selector and contains the texts given, with white space
// collapsed.
func (p *Page) Text(selector string, contains ...string) string {
	p.t.Helper()
	return p.shown(p.one(selector, contains))
}

// Texts returns the texts of all elements that match a selector, in document order.
func (p *Page) Texts(selector string) []string {
	p.t.Helper()
	var texts []string
	for _, n := range p.all(selector) {
		texts = append(texts, p.shown(n))
	}
	return texts
}

// Has reports whether an element matches a selector and contains the texts given.
func (p *Page) Has(selector string, contains ...string) bool {
	p.t.Helper()
	return len(p.matching(selector, contains)) > 0
}

// Count returns how many elements match a selector.
func (p *Page) Count(selector string) int { p.t.Helper(); return len(p.all(selector)) }

// Value returns what the one control that matches a selector holds: what was typed, or else what is rendered.
func (p *Page) Value(selector string) string { p.t.Helper(); return p.value(p.one(selector, nil)) }

// Attr returns an attribute of the one element that matches a selector, and whether it has it.
func (p *Page) Attr(selector, name string) (value string, ok bool) {
	p.t.Helper()
	n := p.one(selector, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	return attr(n, name), has(n, name)
}

// HTML returns the outer HTML of the one element that matches a selector; for "" the view's own HTML.
func (p *Page) HTML(selector string) string {
	p.t.Helper()
	var b strings.Builder
	if selector != "" {
		n := p.one(selector, nil)
		p.mu.Lock()
		defer p.mu.Unlock()
		html.Render(&b, n) // a Builder never fails
		return b.String()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.root.ChildNodes() {
		html.Render(&b, n)
	}
	return b.String()
}

// First returns the document as it was loaded.
func (p *Page) First() string { return p.first }

// Title returns the document's title.
func (p *Page) Title() string { p.mu.Lock(); defer p.mu.Unlock(); return p.title }

// Flash returns the messages shown so far.
func (p *Page) Flash() []live.FlashMessage { p.mu.Lock(); defer p.mu.Unlock(); return p.flash }

// Error returns and forgets the oldest error shown to the user; "" when there is none.
func (p *Page) Error() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errors) == 0 {
		return ""
	}
	first := p.errors[0]
	p.errors = p.errors[1:]
	return first
}

// Redirected returns the URL that the server has sent the browser to; "" when there is none.
func (p *Page) Redirected() string { p.mu.Lock(); defer p.mu.Unlock(); return p.to }

// Pushed returns the details of the events of a name that the server has pushed.
func (p *Page) Pushed(name string) []json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pushed[name]
}

// Frames returns the size of each frame received, in bytes with its header, answers to joins included.
func (p *Page) Frames() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]int(nil), p.bytes...)
}

// Joined returns how the newest join was answered, adopt, resume or mount; navigate after a [live.Link] to another view.
func (p *Page) Joined() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.join == nil {
		return ""
	}
	return string(p.join.How)
}

// Saved returns how the page is stored: saved, saving, unsaved or unavailable; "" for a view without stored fields, and
// before the page is connected.
func (p *Page) Saved() string { p.mu.Lock(); defer p.mu.Unlock(); return p.save }

func find(n *html.Node, f func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && f(n) {
		return n
	}
	for c := range n.ChildNodes() {
		if found := find(c, f); found != nil {
			return found
		}
	}
	return nil
}

func ancestor(n *html.Node, name string) *html.Node {
	for ; n != nil; n = n.Parent {
		if n.Type == html.ElementNode && n.Data == name {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func setAttr(n *html.Node, name, value string) {
	for i := range n.Attr {
		if n.Attr[i].Key == name {
			n.Attr[i].Val = value
		}
	}
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}

// describe shows an element's start tag.
func describe(n *html.Node) string {
	var b strings.Builder
	shallow := *n
	shallow.FirstChild, shallow.LastChild = nil, nil
	html.Render(&b, &shallow)
	return b.String()
}
