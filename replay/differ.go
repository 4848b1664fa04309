package replay

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/livelong-dev/livelong/live"
)

// HTMLDifference is where two renderings of a view part.
type HTMLDifference struct {
	Path     string // of the first element that differs, as CSS would name it: ul > li:nth-child(3) > b
	Was, Now string // from a little before they part
}

func (d *HTMLDifference) String() string {
	return fmt.Sprintf("at %s\n  was …%s…\n  now …%s…", d.Path, d.Was, d.Now)
}

// Differ compares two renderings, however they are written; nil: they show the same. One that is not well formed is
// compared as it is.
func Differ(was, now []byte) *HTMLDifference {
	if x, err := live.ApplyPatches(was); err == nil {
		if y, err := live.ApplyPatches(now); err == nil {
			was, now = x, y
		}
	}
	if bytes.Equal(was, now) {
		return nil
	}
	at := 0
	for at < len(was) && at < len(now) && was[at] == now[at] {
		at++
	}
	around := func(b []byte) string { return visible(bytes.ToValidUTF8(b[max(0, at-40):min(len(b), at+60)], nil)) }
	d := &HTMLDifference{Path: "the view's root", Was: around(was), Now: around(now)}
	body := html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	x, err := html.ParseFragment(bytes.NewReader(was), &body)
	y, err2 := html.ParseFragment(bytes.NewReader(now), &body)
	if err != nil || err2 != nil {
		return d
	}
	var path []string
	parted(x, y, &path)
	if len(path) > 0 {
		d.Path = strings.Join(path, " > ")
	}
	return d
}

// visible writes control characters as Go does, so that a recording says nothing to a terminal.
func visible(b []byte) string {
	var s strings.Builder
	for _, r := range string(b) {
		if unicode.IsControl(r) {
			s.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			s.WriteRune(r)
		}
	}
	return s.String()
}

// maxPath is how deep a path leads.
const maxPath = 64

// parted finds the first nodes that differ, and appends the elements on the way there to path. It reports whether any does.
func parted(a, b []*html.Node, path *[]string) bool {
	elements := 0
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x.Type == html.ElementNode {
			elements++
		}
		if x.Type != y.Type || x.Data != y.Data && x.Type != html.ElementNode {
			return true
		}
		if x.Type != html.ElementNode {
			continue
		}
		before := len(*path)
		*path = append(*path, named(x, elements))
		if x.Data != y.Data || !sameAttributes(x, y) || before >= maxPath || parted(children(x), children(y), path) {
			return true
		}
		*path = (*path)[:before]
	}
	return len(a) != len(b)
}

func children(n *html.Node) (all []*html.Node) {
	for c := range n.ChildNodes() {
		all = append(all, c)
	}
	return all
}

func sameAttributes(a, b *html.Node) bool {
	if len(a.Attr) != len(b.Attr) {
		return false
	}
	for i := range a.Attr {
		if a.Attr[i] != b.Attr[i] {
			return false
		}
	}
	return true
}

// named names an element: by its id, or its place among its siblings.
func named(n *html.Node, place int) string {
	if id := attribute(n, "id"); id != "" {
		return n.Data + "#" + shorten(id, 64)
	}
	return n.Data + ":nth-child(" + strconv.Itoa(place) + ")"
}
