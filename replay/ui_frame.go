package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"path"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// framer makes the document of one frame: what stood around the view, the view, and nothing that runs, leads anywhere or
// asks for more than kept assets.
type framer struct {
	shell *Shell // nil: unknown
	page  string // the path of the recorded page
	asset func(name string) string
	style string // address of the UI's own stylesheet

	inline []string // sources of the policy for the styles that the document has in it
}

const bareDocument = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head><body></body></html>`

// document returns the document of a view's HTML. What differs from the other one is marked, if there is another one.
func (f *framer) document(view, other []byte, title string) ([]byte, error) {
	source := bareDocument
	if f.shell != nil {
		source = f.shell.Document
	}
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return nil, err
	}
	place := viewContainer(root)
	nodes, err := parseNodes(view, place)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		place.AppendChild(n)
	}
	if other != nil {
		before := &html.Node{Type: html.ElementNode, Data: place.Data, DataAtom: place.DataAtom}
		old, err := parseNodes(other, place)
		if err != nil {
			return nil, err
		}
		for _, n := range old {
			before.AppendChild(n)
		}
		markChildren(place, before)
	}
	f.clean(root)
	f.head(root, title)
	var b bytes.Buffer
	err = html.Render(&b, root)
	return b.Bytes(), err
}

// viewContainer is the element around the view, empty: it looks as it does in the browser of who has everything stored.
func viewContainer(root *html.Node) *html.Node {
	var place *html.Node
	mark := findNode(root, func(n *html.Node) bool { return n.DataAtom == atom.Div && hasAttribute(n, "data-live-view") })
	if mark != nil && hasAttribute(mark.Parent, "data-live") {
		place = mark.Parent
		place.RemoveChild(mark)
	}
	if place == nil {
		place = element(atom.Div)
		place.Attr = []html.Attribute{{Key: "data-live"}, {Key: "class", Val: "live-connected"}}
		parent := findNode(root, func(n *html.Node) bool { return n.DataAtom == atom.Body })
		if parent == nil {
			parent = root
		}
		parent.AppendChild(place)
	}
	for i, a := range place.Attr {
		if a.Key == "class" {
			place.Attr[i].Val += " live-saved"
		}
	}
	return place
}

func element(a atom.Atom) *html.Node {
	return &html.Node{Type: html.ElementNode, Data: a.String(), DataAtom: a}
}

func parseNodes(markup []byte, within *html.Node) ([]*html.Node, error) {
	return html.ParseFragment(bytes.NewReader(markup), &html.Node{Type: html.ElementNode, Data: within.Data, DataAtom: within.DataAtom})
}

// head gives the document the frame's title and the stylesheet for marks.
func (f *framer) head(root *html.Node, title string) {
	head := findNode(root, func(n *html.Node) bool { return n.DataAtom == atom.Head })
	if head == nil {
		return
	}
	if t := findNode(head, func(n *html.Node) bool { return n.DataAtom == atom.Title }); t != nil {
		head.RemoveChild(t)
	}
	t := element(atom.Title)
	t.AppendChild(&html.Node{Type: html.TextNode, Data: title})
	head.AppendChild(t)
	head.AppendChild(&html.Node{Type: html.ElementNode, Data: "link", DataAtom: atom.Link, Attr: []html.Attribute{{Key: "rel", Val: "stylesheet"}, {Key: "href", Val: f.style}}})
}

// Elements that load, run or lead elsewhere.
var unwanted = map[string]bool{
	"script": true, "noscript": true, "iframe": true, "frame": true, "frameset": true, "object": true, "embed": true, "applet": true, "base": true,
	"template": true, "portal": true, "fencedframe": true, "audio": true, "video": true, "source": true, "track": true, "foreignobject": false,
}

// Attributes that stay though they hold an address: it is looked at.
var addresses = map[string]bool{"src": true, "href": true, "xlink:href": true}

// Attributes that are taken away wherever they stand.
var dropped = map[string]bool{
	"action": true, "formaction": true, "ping": true, "srcset": true, "imagesrcset": true, "srcdoc": true, "background": true, "data": true, "codebase": true,
	"cite": true, "longdesc": true, "manifest": true, "profile": true, "classid": true, "archive": true, "poster": true, "lowsrc": true, "dynsrc": true,
	"autofocus": true, "autoplay": true, "target": true, "formtarget": true, "download": true, "nonce": true, "integrity": true, "attributionsrc": true,
	"http-equiv": true, "is": true,
}

func (f *framer) clean(n *html.Node) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		if c.Type == html.ElementNode && (unwanted[strings.ToLower(c.Data)] || c.DataAtom == atom.Meta && (hasAttribute(c, "http-equiv") || strings.EqualFold(attribute(c, "name"), "referrer")) ||
			c.DataAtom == atom.Link && !strings.HasPrefix(attribute(c, "href"), AssetScheme) || animatesAddress(c)) {
			n.RemoveChild(c)
			c = next
			continue
		}
		if c.Type == html.ElementNode {
			f.element(c)
		}
		f.clean(c)
		c = next
	}
}

// animatesAddress reports whether an element of SVG changes where something leads.
func animatesAddress(n *html.Node) bool {
	return n.Namespace == "svg" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool {
		return strings.EqualFold(a.Key, "attributeName") && strings.HasSuffix(strings.ToLower(strings.TrimSpace(a.Val)), "href")
	})
}

func (f *framer) element(n *html.Node) {
	name := strings.ToLower(n.Data)
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool {
		key := strings.ToLower(a.Key)
		return strings.HasPrefix(key, "on") || dropped[key] || strings.HasPrefix(key, "live-")
	})
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		key := strings.ToLower(a.Key)
		if a.Namespace == "xlink" {
			key = "xlink:" + key
		}
		switch {
		case addresses[key]:
			value, ok := f.address(n, name, key, a.Val)
			if !ok {
				continue
			}
			a.Val = value
		case key == "style":
			a.Val = f.css(a.Val)
			f.inline = append(f.inline, a.Val)
		case strings.Contains(strings.ToLower(a.Val), "url("): // fill="url(…)"
			a.Val = f.css(a.Val)
		}
		kept = append(kept, a)
	}
	n.Attr = kept
	if n.DataAtom == atom.Style {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			c.Data = f.css(c.Data)
			f.inline = append(f.inline, c.Data)
		}
	}
}

// address returns what an address becomes; false: nothing.
func (f *framer) address(n *html.Node, name, key, value string) (string, bool) {
	value = strings.TrimSpace(value)
	switch name {
	case "a", "area":
		return "#", key != "src" // it still looks like a link
	case "link":
		return f.asset(strings.TrimPrefix(value, AssetScheme)), true
	case "img", "image", "feimage":
		if strings.HasPrefix(strings.ToLower(value), "data:image/") {
			return value, true
		}
		return f.kept(value)
	case "input":
		if strings.EqualFold(attribute(n, "type"), "image") {
			return f.kept(value)
		}
		return "", false
	}
	return value, strings.HasPrefix(value, "#") // use, gradients
}

// kept returns the address of what was kept of the app.
func (f *framer) kept(ref string) (string, bool) {
	if name, ok := strings.CutPrefix(ref, AssetScheme); ok {
		return f.asset(name), true
	}
	u, err := url.Parse(ref)
	if f.shell == nil || err != nil || u.Scheme != "" || u.Host != "" || ref == "" {
		return "", false
	}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = path.Join(path.Dir(f.page), u.Path)
	}
	u.Fragment = ""
	known, ok := f.shell.URLs[u.String()]
	if !ok {
		return "", false
	}
	return f.asset(known.Name), true
}

// maxInline is how many styles inside a document its policy names one by one.
const maxInline = 24

// styles returns the sources of the policy for the styles inside the document: none, or those very styles, or, where they
// are many, any. They can ask for kept assets only.
func (f *framer) styles() string {
	slices.Sort(f.inline)
	f.inline = slices.Compact(f.inline)
	if len(f.inline) > maxInline {
		return " 'unsafe-inline'"
	}
	var b strings.Builder
	for i, text := range f.inline {
		if i == 0 {
			b.WriteString(" 'unsafe-hashes'")
		}
		sum := sha256.Sum256([]byte(text))
		b.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
	}
	return b.String()
}

func findNode(n *html.Node, ok func(*html.Node) bool) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && ok(d) {
			return d
		}
	}
	return nil
}

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// changedMark is the attribute of what differs.
const changedMark = "data-replay-changed"

func mark(n *html.Node) {
	if n.Type == html.ElementNode && !hasAttribute(n, changedMark) {
		n.Attr = append(n.Attr, html.Attribute{Key: changedMark})
	}
}

// markChildren marks the innermost elements among the descendants of now that are not as in before.
func markChildren(now, before *html.Node) {
	a, b := slices.Collect(now.ChildNodes()), slices.Collect(before.ChildNodes())
	for len(a) > 0 && len(b) > 0 && alike(a[0], b[0]) {
		markNode(a[0], b[0])
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && alike(a[len(a)-1], b[len(b)-1]) {
		markNode(a[len(a)-1], b[len(b)-1])
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	byName := map[string]*html.Node{}
	for _, n := range b {
		byName[identity(n)] = n
	}
	for _, n := range a {
		if old := byName[identity(n)]; old != nil && identity(n) != "" {
			markNode(n, old)
		} else if n.Type == html.ElementNode {
			mark(n)
		} else if strings.TrimSpace(n.Data) != "" {
			mark(now)
		}
	}
	if len(a) == 0 && len(b) > 0 {
		mark(now) // something has gone
	}
}

// identity is what tells an element from its siblings: its key, or its id.
func identity(n *html.Node) string {
	if n.Type != html.ElementNode {
		return ""
	}
	if key := attribute(n, "live-key"); key != "" {
		return "key " + key
	}
	return attribute(n, "id")
}

// alike reports whether two nodes are to be compared with one another.
func alike(a, b *html.Node) bool {
	return a.Type == b.Type && (a.Type != html.ElementNode || a.Data == b.Data && identity(a) == identity(b))
}

func markNode(now, before *html.Node) {
	if now.Type != html.ElementNode {
		if now.Data != before.Data && now.Type == html.TextNode && now.Parent != nil {
			mark(now.Parent)
		}
		return
	}
	if now.Data != before.Data || !slices.Equal(seen(now), seen(before)) {
		mark(now)
	}
	markChildren(now, before)
}

// seen returns the attributes that can be seen, sorted: not where something leads, or what it sends.
func seen(n *html.Node) []html.Attribute {
	all := slices.DeleteFunc(slices.Clone(n.Attr), func(a html.Attribute) bool {
		return a.Key == "href" || strings.HasPrefix(a.Key, "live-") || a.Key == changedMark
	})
	slices.SortFunc(all, func(a, b html.Attribute) int { return strings.Compare(a.Namespace+" "+a.Key, b.Namespace+" "+b.Key) })
	return all
}
