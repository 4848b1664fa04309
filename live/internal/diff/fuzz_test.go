package diff_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/diff/difftest"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// fuzzPairs are seeds on top of those in testdata/fuzz.
const fuzzPairs = 40

func FuzzDiff(f *testing.F) {
	difftest.Documents(11, fuzzPairs, func(old, new string) { f.Add(old, new) })
	c := newChecker()
	f.Fuzz(func(t *testing.T, old, new string) {
		if err := c.check(old, new); err != nil && !errors.Is(err, errRefused) {
			t.Fatalf("%v\nold %q\nnew %q", err, old, new)
		}
	})
}

func FuzzParse(f *testing.F) {
	difftest.Documents(12, fuzzPairs, func(old, new string) { f.Add([]byte(new)) })
	f.Fuzz(func(t *testing.T, view []byte) {
		if err := agreesWithBrowser(view); err != nil {
			t.Fatal(err)
		}
	})
}

// agreesWithBrowser compares the tree of a view that parses and is well nested with what x/net/html makes of it.
func agreesWithBrowser(view []byte) error {
	var p diff.Parser
	var tree diff.Tree
	key := diff.NewKey([16]byte{4})
	err := p.Parse(&tree, view, nil, &key)
	var syntax *diff.SyntaxError
	if err != nil {
		if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(view) || syntax.Reason == "" {
			return fmt.Errorf("%q: not a proper error: %#v", view, err)
		}
		return nil
	}
	lower := bytes.ToLower(view)
	if bytes.Contains(lower, []byte("<template")) && (bytes.Contains(lower, []byte("<svg")) || bytes.Contains(lower, []byte("<math"))) {
		return nil // x/net/html stops reading there
	}
	root := parseAsBrowser(view)
	sameShape := diff.ShapeOf(root) == tree.Shape()
	if err := diff.CheckNesting(view); err != nil && !sameShape {
		return nil
	} else if err == nil && !sameShape {
		return fmt.Errorf("%q: nesting passes, but shape is %x, in a browser %x", view, tree.Shape(), diff.ShapeOf(root))
	} else if got, want := dumpComparable(tree.DOM()), dumpComparable(root); got != want {
		return fmt.Errorf("%q (nesting: %v)\ngot  %s\nwant %s", view, err, got, want)
	}
	return nil
}

func parseAsBrowser(view []byte) *html.Node {
	root := &html.Node{Type: html.DocumentNode}
	nodes, _ := html.ParseFragment(bytes.NewReader(view), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	for _, n := range nodes {
		root.AppendChild(n)
	}
	return root
}

// dumpComparable writes what two parsers must agree on: all but comments, in which x/net/html decodes character
// references, the content of shadow roots, the case of names, and what it leaves of NULs and ill-formed UTF-8.
func dumpComparable(n *html.Node) string {
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.ElementNode:
			fmt.Fprintf(&b, "<%s:%s", n.Namespace, strings.ToLower(n.Data))
			var attrs []string
			for _, a := range n.Attr {
				attrs = append(attrs, fmt.Sprintf(" %s:%s=%q", a.Namespace, strings.ToLower(a.Key), valid(a.Val)))
			}
			slices.Sort(attrs)
			b.WriteString(strings.Join(slices.Compact(attrs), "") + ">")
		case html.TextNode:
			fmt.Fprintf(&b, "%q", valid(n.Data))
		case html.CommentNode:
			b.WriteString("<!>")
		}
		opaque := n.Data == "template" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "shadowrootmode" })
		for c := n.FirstChild; c != nil && !opaque; c = c.NextSibling {
			walk(c)
		}
		b.WriteString("/")
	}
	walk(n)
	return b.String()
}

// valid makes every run of ill-formed bytes and replacement characters one of these, as both sides have made some.
func valid(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
	for strings.Contains(s, "\uFFFD\uFFFD") {
		s = strings.ReplaceAll(s, "\uFFFD\uFFFD", "\uFFFD")
	}
	return s
}

func FuzzApply(f *testing.F) {
	for _, p := range difftest.Pairs(13, fuzzPairs) {
		f.Add(p.Old, []byte(p.Patch))
	}
	f.Fuzz(func(t *testing.T, view string, patch []byte) {
		var p diff.Parser
		var tree diff.Tree
		key := diff.NewKey([16]byte{4})
		if p.Parse(&tree, []byte(view), nil, &key) != nil {
			return
		}
		root := tree.DOM()
		if diff.Apply(root, patch) == nil {
			diff.ShapeOf(root)
			if err := html.Render(&bytes.Buffer{}, root); err != nil && !strings.Contains(err.Error(), "void") {
				t.Fatalf("%v after %s", err, patch)
			}
		}
	})
}
