package diff_test

import (
	"fmt"
	"html"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/diff/difftest"
)

// plot is what stands in a tree: HTML, elements around other plots, and hosts with trees of their own.
type plot struct {
	html   string
	tag    string // of an element around the others
	host   string // of a graft: its id
	region bool
	inside []*plot
}

// garden makes plots and changes them.
type garden struct {
	*rand.Rand
	pieces []string
	ids    int
}

func newGarden() *garden {
	g := &garden{Rand: rand.New(rand.NewSource(*seed))}
	c := newChecker()
	difftest.Documents(*seed, 400, func(old, new string) {
		for _, piece := range []string{old, new} {
			if !strings.Contains(piece, "live-") && c.parser.Parse(&c.old, []byte(piece), nil, &c.key) == nil {
				g.pieces = append(g.pieces, piece)
			}
		}
	})
	return g
}

// odd is what may stand in a key.
var odd = []string{"", `"`, "&amp;", "/x", "~1", "<b>", "é\u2028", "' ", "\n", "{{"}

func (g *garden) plots(depth int) (all []*plot) {
	for range 1 + g.Intn(4) {
		all = append(all, g.plot(depth))
	}
	return all
}

func (g *garden) plot(depth int) *plot {
	switch k := g.Intn(10); {
	case k < 3 || depth == 0:
		return &plot{html: g.pieces[g.Intn(len(g.pieces))]}
	case k < 6:
		return &plot{tag: []string{"section", "article class=a", "article class=b", "main data-key=m"}[g.Intn(4)], inside: g.plots(depth - 1)}
	default:
		g.ids++
		p, id := &plot{region: g.Intn(5) == 0}, g.ids
		if depth--; p.region {
			depth = 0 // nothing is grafted into regions
			id--      // a region may be called as a child is
		}
		p.host = fmt.Sprint(id, odd[id%len(odd)])
		p.inside = g.plots(depth)
		return p
	}
}

// mutate returns other plots; what it does not change it shares.
func (g *garden) mutate(old []*plot, depth int) []*plot {
	now := slices.Clone(old)
	for i, p := range now {
		if g.Intn(2) > 0 {
			continue
		}
		other := *p
		switch {
		case p.html != "":
			other.html = g.pieces[g.Intn(len(g.pieces))]
		case p.host != "" && p.region:
			other.inside = g.mutate(p.inside, 0)
		case p.host == "" && g.Intn(5) == 0:
			other.tag = []string{"section", "article class=a", "article class=b"}[g.Intn(3)]
		default:
			other.inside = g.mutate(p.inside, depth-1)
		}
		now[i] = &other
	}
	switch k := g.Intn(8); {
	case k == 0 && len(now) > 1:
		i, j := g.Intn(len(now)), g.Intn(len(now))
		now[i], now[j] = now[j], now[i]
	case k == 1 && len(now) > 0:
		now = slices.Delete(now, 0, 1)
	case k == 2:
		now = slices.Insert(now, g.Intn(len(now)+1), g.plot(max(depth, 0)))
	}
	return now
}

// bed grows trees of plots.
type bed struct {
	t       *testing.T
	parser  diff.Parser
	key     diff.Key
	regions diff.Key
	grown   map[*plot]*diff.Tree
	stood   map[string]*diff.Tree
}

func newBed(t *testing.T, key diff.Key) *bed {
	return &bed{t: t, key: key, regions: diff.NewKey([16]byte{8}), grown: map[*plot]*diff.Tree{}, stood: map[string]*diff.Tree{}}
}

func (b *bed) sow(plots []*plot) (markup string, grafts []diff.Graft) {
	var s strings.Builder
	var each func(plots []*plot)
	each = func(plots []*plot) {
		for _, p := range plots {
			switch {
			case p.host != "":
				kind := diff.HostOfChild
				if p.region {
					kind = diff.HostOfRegion
				}
				fmt.Fprintf(&s, `<div live-key="%s" %s="">`, html.EscapeString(p.host), kind)
				grafts = append(grafts, diff.Graft{ID: p.host, At: uint32(s.Len()), Of: p})
				s.WriteString(`</div>`)
			case p.tag != "":
				name, _, _ := strings.Cut(p.tag, " ")
				s.WriteString("<" + p.tag + ">")
				each(p.inside)
				s.WriteString("</" + name + ">")
			default:
				s.WriteString(p.html)
			}
		}
	}
	each(plots)
	return s.String(), grafts
}

// graft grows what is grafted into a tree.
func (b *bed) graft(outer *diff.Tree) {
	for i := range outer.Grafts {
		g := &outer.Grafts[i]
		p := g.Of.(*plot)
		if t := b.grown[p]; t != nil {
			g.Tree = t
			continue
		}
		markup, inner := b.sow(p.inside)
		if p.region {
			t, err := diff.NewRegion([]byte(markup), b.stood[g.ID], &b.regions)
			if err != nil {
				b.t.Fatal(err)
			}
			g.Tree, b.grown[p] = t, t
			continue
		}
		g.Tree = &diff.Tree{HTML: []byte(markup), Grafts: inner}
		if err := b.parser.ParseGraft(outer, g, b.stood[g.ID], &b.key); err != nil {
			b.t.Fatal(err)
		}
		b.grown[p] = g.Tree
		b.graft(g.Tree)
	}
}

func (b *bed) tree(plots []*plot, old *diff.Tree) *diff.Tree {
	t := &diff.Tree{}
	markup, grafts := b.sow(plots)
	if err := b.parser.Parse(t, []byte(markup), old, &b.key); err != nil {
		b.t.Fatal(err)
	}
	t.Grafts = grafts
	b.graft(t)
	b.stood = map[string]*diff.Tree{}
	var note func(t *diff.Tree)
	note = func(t *diff.Tree) {
		for _, g := range t.Grafts {
			b.stood[g.ID] = g.Tree
			note(g.Tree)
		}
	}
	note(t)
	return t
}

// Trees with grafts are to browsers what their HTML is as a whole.
func TestRandomGrafts(t *testing.T) {
	gardens, steps := 1200, 6
	if raceEnabled {
		gardens = 100
	}
	g := newGarden()
	key := diff.NewKey([16]byte{7})
	var differ diff.Differ
	checked, patched := 0, 0
	for range gardens {
		b := newBed(t, key)
		plots := g.plots(3)
		old := b.tree(plots, nil)
		for range steps {
			plots = g.mutate(plots, 3)
			now := b.tree(plots, old)
			root := old.DOM()
			patch := differ.Append(nil, old, now)
			shape, any := differ.Inserted()
			if err := diff.Apply(root, patch); err != nil {
				t.Fatalf("apply %s: %v\nold %s\nnew %s", patch, err, old.AppendHTML(nil), now.AppendHTML(nil))
			}
			if got, want := dump(root), dump(now.DOM()); got != want {
				t.Fatalf("patch %s\nold  %s\nnew  %s\ngot  %s\nwant %s", patch, old.AppendHTML(nil), now.AppendHTML(nil), got, want)
			}
			if again := differ.Append(nil, old, now); string(again) != string(patch) {
				t.Fatalf("patch %s, the second time %s", patch, again)
			}
			if s, a := differ.Inserted(); s != shape || a != any {
				t.Fatalf("the shape of what is inserted by %s is %x, the second time %x", patch, shape, s)
			}
			whole, err := diff.ParseWhole(now.AppendHTML(nil), &key)
			if err != nil {
				t.Fatal(err)
			}
			if now.Tag(&key) != whole.Tag(&key) || now.Shape() != whole.Shape() || diff.ShapeOf(root) != now.Shape() || now.Size() != len(whole.AppendHTML(nil)) {
				t.Fatalf("tag, shape or size of\n%s\ndiffer from those of the same HTML, parsed as a whole", now.AppendHTML(nil))
			}
			checked++
			if string(patch) != "[]" {
				patched++
			}
			old = now
		}
	}
	t.Logf("%d changes checked, %d with a patch", checked, patched)
}

// A graft can be changed by its path alone, wherever it stands.
func TestGraftsByTheirPaths(t *testing.T) {
	g := newGarden()
	key := diff.NewKey([16]byte{7})
	var differ diff.Differ
	changed := 0
	for range 300 {
		b := newBed(t, key)
		root := b.tree(g.plots(3), nil)
		each(root, nil, func(graft *diff.Graft, path []uint32) {
			if len(graft.Tree.Grafts) > 0 {
				return
			}
			now := &diff.Tree{HTML: []byte(g.pieces[g.Intn(len(g.pieces))])}
			if b.parser.ParseInPlace(now, graft.Tree, &key) != nil {
				return // in a drawing or a formula
			}
			before, dom := graft.Tree, root.DOM()
			before.Fetch()
			differ.Begin(nil)
			differ.Graft(path, before, now)
			patch := differ.End()
			graft.Tree = now
			if err := diff.Apply(dom, patch); err != nil {
				t.Fatalf("apply %s: %v", patch, err)
			}
			if got, want := dump(dom), dump(root.DOM()); got != want {
				t.Fatalf("patch %s at %v\ngot  %s\nwant %s", patch, path, got, want)
			}
			changed++
		})
	}
	if changed < 300 {
		t.Errorf("only %d grafts were changed", changed)
	}
	if path := (&diff.Tree{}).Path([]uint32{7}, 3); len(path) != 1 {
		t.Errorf("in an empty tree the path is %v", path)
	}
}

// each calls f for the children that are grafted into a tree, with their paths.
func each(t *diff.Tree, outer []uint32, f func(*diff.Graft, []uint32)) {
	for i := range t.Grafts {
		if g := &t.Grafts[i]; !g.Of.(*plot).region {
			path := t.Path(slices.Clip(outer), g.At)
			each(g.Tree, path, f)
			f(g, path)
		}
	}
}

// An element that has the key of a host, and what the browser has for the other, are not the same.
func TestElementsWithTheKeyOfAHost(t *testing.T) {
	b := newBed(t, diff.NewKey([16]byte{7}))
	host := b.tree([]*plot{{host: "1", inside: []*plot{{html: "<b>grafted</b>"}}}}, nil)
	plain := b.tree([]*plot{{html: `<div live-key="1"><i>plain</i></div>`}}, nil)
	for _, pair := range [][2]*diff.Tree{{host, plain}, {plain, host}} {
		var differ diff.Differ
		root := pair[0].DOM()
		patch := differ.Append(nil, pair[0], pair[1])
		if err := diff.Apply(root, patch); err != nil || dump(root) != dump(pair[1].DOM()) {
			t.Errorf("%s\nhas given %s, %v", patch, dump(root), err)
		}
	}
}

// Attributes that make an element look like a host may stand in any HTML; what is parsed is the same HTML all the same.
func TestForgedHosts(t *testing.T) {
	key := diff.NewKey([16]byte{7})
	r := rand.New(rand.NewSource(*seed))
	forged := []string{` live-key="x" live-child `, ` live-child live-key=y `, ` live-region="" live-key="z" `, ` live-key='' live-child `, ` live-key="" `}
	parsed := 0
	difftest.Documents(*seed, 4000, func(_, markup string) {
		var b strings.Builder
		for i, piece := range strings.SplitAfter(markup, " ") {
			if i > 0 && r.Intn(3) == 0 {
				b.WriteString(forged[r.Intn(len(forged))])
			}
			b.WriteString(piece)
		}
		tree, err := diff.ParseWhole([]byte(b.String()), &key)
		if err != nil {
			return
		}
		parsed++
		tree.Tag(&key)
		if got := string(tree.AppendHTML(nil)); got != b.String() {
			t.Fatalf("%s\nhas become\n%s", b.String(), got)
		}
	})
	t.Logf("%d documents parsed", parsed)
}
