// Package difftest makes views and changes of them at random, to test what compares and patches trees: this module's
// own packages in Go, and the client in a browser.
package difftest

import (
	"fmt"
	"math/rand"

	"github.com/livelong-dev/livelong/live/internal/diff"
)

// Pair is a view before and after a change, and what the server says about it.
type Pair struct {
	Old      string `json:"old"`
	New      string `json:"new"`
	Patch    string `json:"patch"`    // JSON, turns Old into New
	Shape    uint32 `json:"shape"`    // shape hash of Old
	ShapeNew uint32 `json:"shapeNew"` // shape hash of New
	Inserts  bool   `json:"inserts"`  // the patch inserts nodes
	Inserted uint32 `json:"inserted"` // shape hash of those
}

// Pairs returns n pairs, always the same ones for a seed. In all of them elements stand where a browser leaves them:
// there are tables, lists, forms, drawings, templates, raw text, comments, character references, keys and elements
// without.
func Pairs(seed int64, n int) []Pair {
	pairs := make([]Pair, 0, n)
	differ := NewDiffer(seed)
	Documents(seed, n, func(old, new string) {
		pairs = append(pairs, differ.Pair(old, new))
	})
	return pairs
}

// Documents calls f with n pairs of views.
func Documents(seed int64, n int, f func(old, new string)) {
	// A few changes to one view, then another view.
	const changes = 4
	for i := 0; i < n; {
		g := generator{Rand: rand.New(rand.NewSource(seed + int64(i)*7919))}
		view := g.view()
		old := view.html()
		for c := 0; c < changes && i < n; c, i = c+1, i+1 {
			new := old
			for try := 0; new == old && try < 10; try++ {
				for range 1 + g.Intn(3) {
					view = g.mutate(view)
				}
				new = view.html()
			}
			f(old, new)
			old = new
		}
	}
}

// Differ makes pairs of given views.
type Differ struct {
	parser   diff.Parser
	differ   diff.Differ
	key      diff.Key
	old, new diff.Tree
}

// NewDiffer returns a Differ with a key made of the seed.
func NewDiffer(seed int64) *Differ {
	return &Differ{key: diff.NewKey([16]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})}
}

// Pair returns what the server says about a change. It panics when a view is not well-formed.
func (d *Differ) Pair(old, new string) Pair {
	if err := d.parser.Parse(&d.old, []byte(old), nil, &d.key); err != nil {
		panic(fmt.Sprintf("%v in %q", err, old))
	}
	if err := d.parser.Parse(&d.new, []byte(new), &d.old, &d.key); err != nil {
		panic(fmt.Sprintf("%v in %q", err, new))
	}
	p := Pair{Old: old, New: new, Shape: d.old.Shape(), ShapeNew: d.new.Shape()}
	p.Patch = string(d.differ.Append(nil, &d.old, &d.new))
	p.Inserted, p.Inserts = d.differ.Inserted()
	return p
}
