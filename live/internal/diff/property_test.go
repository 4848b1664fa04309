package diff_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/diff/difftest"
	"golang.org/x/net/html"
)

var seed = flag.Int64("diff.seed", 1, "first seed of the random pairs")

// checker checks everything that must hold for a change from one view to another.
type checker struct {
	parser         diff.Parser
	differ         diff.Differ
	key            diff.Key
	old, new, full diff.Tree
	patch          []byte
	apply          func(root *html.Node, patch []byte) error
}

func newChecker() *checker {
	return &checker{key: diff.NewKey([16]byte{1, 2, 3}), apply: diff.Apply}
}

// errRefused is returned for views that do not parse.
var errRefused = errors.New("refused")

func (c *checker) check(old, new string) error {
	if c.parser.Parse(&c.old, []byte(old), nil, &c.key) != nil {
		return errRefused
	}
	if c.parser.Parse(&c.full, []byte(new), nil, &c.key) != nil {
		return errRefused
	}
	if err := c.parser.Parse(&c.new, []byte(new), &c.old, &c.key); err != nil {
		return fmt.Errorf("lockstep refuses what a full parse takes: %w", err)
	}
	if len(c.new.Nodes) != len(c.full.Nodes) {
		return fmt.Errorf("lockstep: %d nodes, full parse: %d", len(c.new.Nodes), len(c.full.Nodes))
	}
	for i := range c.full.Nodes {
		if c.new.Nodes[i] != c.full.Nodes[i] {
			return fmt.Errorf("node %d: lockstep %+v, full parse %+v", i, c.new.Nodes[i], c.full.Nodes[i])
		}
	}
	before := []byte("before")
	c.patch = c.differ.Append(before, &c.old, &c.new)[len(before):]
	root, want := c.old.DOM(), c.new.DOM()
	if got := diff.ShapeOf(root); got != c.old.Shape() {
		return fmt.Errorf("shape of the old nodes %x, of the old tree %x", got, c.old.Shape())
	}
	if err := c.apply(root, c.patch); err != nil {
		return fmt.Errorf("apply %s: %w", c.patch, err)
	}
	if got, want := dump(root), dump(want); got != want {
		return fmt.Errorf("patch %s\ngot  %s\nwant %s", c.patch, got, want)
	}
	if got := diff.ShapeOf(root); got != c.new.Shape() {
		return fmt.Errorf("shape of the patched nodes %x, of the new tree %x", got, c.new.Shape())
	}
	return nil
}

// dump writes what a DOM consists of, attributes sorted.
func dump(n *html.Node) string {
	var b strings.Builder
	dumpTo(&b, n)
	return b.String()
}

func dumpTo(b *strings.Builder, n *html.Node) {
	switch n.Type {
	case html.ElementNode:
		fmt.Fprintf(b, "<%s:%s", n.Namespace, n.Data)
		var attrs []string
		for _, a := range n.Attr {
			attrs = append(attrs, fmt.Sprintf(" %s:%s=%q", a.Namespace, a.Key, a.Val))
		}
		slices.Sort(attrs)
		b.WriteString(strings.Join(attrs, "") + ">")
	case html.TextNode:
		fmt.Fprintf(b, "%q", n.Data)
	case html.CommentNode:
		fmt.Fprintf(b, "<!%q>", n.Data)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		dumpTo(b, c)
	}
	b.WriteString("/")
}

func TestRandomPairs(t *testing.T) {
	n := 40_000
	if raceEnabled {
		n = 2_000
	}
	t.Logf("seed %d, %d pairs", *seed, n)
	c := newChecker()
	count, size, changed := 0, 0, 0
	difftest.Documents(*seed, n, func(old, new string) {
		if t.Failed() {
			return
		}
		if err := c.check(old, new); err != nil {
			t.Errorf("pair %d: %v\nold %s\nnew %s", count, err, old, new)
		}
		count++
		size += len(c.full.Nodes)
		if !bytes.Equal(c.patch, []byte("[]")) {
			changed++
		}
	})
	t.Logf("%d pairs checked, %d with a patch, %d nodes on average", count, changed, size/max(count, 1))
	if changed < count*3/4 {
		t.Errorf("only %d of %d pairs differ", changed, count)
	}
}
