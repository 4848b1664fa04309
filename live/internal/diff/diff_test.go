package diff_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"golang.org/x/net/html"
)

func rows(ids ...int) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, `<tr id="r%d"><td>%d</td></tr>`, id, id)
	}
	return b.String()
}

func upTo(n int) (ids []int) {
	for i := range n {
		ids = append(ids, i)
	}
	return ids
}

// TestPatch has the patches as they go over the wire.
func TestPatch(t *testing.T) {
	cells := func(a, b string) string {
		rows := strings.Repeat("<tr><td>-</td></tr>", 200)
		at := func(i int) int { return i * len("<tr><td>-</td></tr>") }
		return "<div><table><tbody>" + rows[:at(17)] + "<tr><td>" + a + "</td></tr>" + rows[at(18):at(123)] +
			"<tr><td>-</td><td>" + b + "</td></tr>" + rows[at(124):] + "</tbody></table></div>"
	}
	table := func(rows string) string {
		return "<div><table><thead></thead><tbody>" + rows + "</tbody></table></div>"
	}
	tests := []struct{ name, old, new, want string }{
		{"nothing", "<p>a</p>", "<p>a</p>", `[]`},
		{"a number", "<div><a></a><div><a></a><p>You <b>42</b></p></div></div>", "<div><a></a><div><a></a><p>You <b>43</b></p></div></div>", `[0,1,1,1,0,"43"]`},
		{"two cells", cells("-", "-"), cells("changed 0", "changed 1"), `[0,0,0,[17,0,0,"changed 0",123,1,0,"changed 1"]]`},
		{"a row on top", table(rows(upTo(500)...)), table(rows(append([]int{1000}, upTo(500)...)...)),
			`[0,0,1,[["<tr id=\"r1000\"><td>1000</td></tr>",0,-499]]]`},
		{"a row in the middle", rows(0, 1, 2, 3), rows(0, 1, 9, 2, 3), `[[0,-1,"<tr id=\"r9\"><td>9</td></tr>",-2]]`},
		{"a row removed", rows(0, 1, 2, 3), rows(0, 1, 3), `[[0,-1,3]]`},
		{"all rows removed", "<b>" + rows(0, 1) + "</b>", "<b></b>", `[0,[[]]]`},
		{"a row moved", rows(0, 1, 2, 3, 4), rows(4, 0, 1, 2, 3), `[[4,0,-3]]`},
		{"a row moved and changed", rows(0, 1, 2), strings.Replace(rows(2, 0, 1), "<td>2<", "<td>x<", 1), `[[2,0,-1],0,0,0,"x"]`},
		{"equal rows", strings.Repeat("<b></b>", 4), strings.Repeat("<b></b>", 3), `[[0,-2]]`},
		{"rows without keys on top", "<b>1</b><b>2</b><b>3</b><b>4</b>", "<b>0</b><b>1</b><b>2</b><b>3</b><b>4</b>", `[["<b>0</b>",0,-3]]`},
		{"all rows without keys", "<b>1</b><b>2</b><b>3</b><b>4</b>", "<b>5</b><b>6</b><b>7</b><b>8</b>", `[0,0,"5",1,0,"6",2,0,"7",3,0,"8"]`},
		{"attributes", `<p class="a" id="x" hidden></p>`, `<p title="b &amp; c" class="d" id="x"></p>`, `[0,{"title":"b & c","class":"d","hidden":null}]`},
		{"attributes written otherwise", `<p a="1" b></p>`, `<p b='' A=1 ></p>`, `[]`},
		{"attributes and children", `<p a="1">x<b></b></p>`, `<p a="2">y<b></b><i></i></p>`, `[0,[[0,-1,"<i></i>"],0,"y",{"a":"2"}]]`},
		{"capitals in a drawing", `<svg viewbox="1" fill="a"></svg>`, `<svg viewbox="2" FILL="b"></svg>`, `[0,{"viewBox":"2","fill":"b"}]`},
		{"key changed", `<p id="a">x</p>`, `<p id="b">x</p>`, `[["<p id=\"b\">x</p>"]]`},
		{"the stronger key stays", `<p id="a" data-key="k" class="x">x</p><p id="z"></p>`, `<p id="z"></p><p id="b" data-key="k">x</p>`,
			`[[1,0],1,{"id":"b","class":null}]`},
		{"the strongest key stays", `<p id="a" data-key="k" live-key="m"></p><b></b>`, `<b></b><p live-key='m' id="a" data-key="l"></p>`,
			`[[1,0],1,{"data-key":"l"}]`},
		{"another element", "<p>x</p>", "<div>x</div>", `[["<div>x</div>"]]`},
		{"text", "<p>a</p>", "<p>1 &lt; 2 &amp; &quot;3&quot;\r\n\\</p>", `[0,0,"1 < 2 & \"3\"\n\\"]`},
		{"comment", "<!--a-->", "<!--&amp;--!>", `[0,"&amp;"]`},
		{"text beyond ASCII", "<p>a</p>", "<p>é漢\u2028\xff\x7f</p>", "[0,0,\"é漢\u2028\uFFFD\x7f\"]"},
		{"control characters", "<p>a</p>", "<p>\t\x01\f</p>", `[0,0,"\t\u0001\u000c"]`},
		{"ill-formed fresh HTML", "", "<p>\xe2\x82</p>", "[[\"<p>\uFFFD</p>\"]]"},
		{"a script's text", "<script>a</script>", "<script>b &amp; '<'</script>", `[0,0,"b &amp; '<'"]`},
		{"a script's first text", "<script></script>", "<script>b &amp; '<'</script>", `[0,[["b &amp;amp; '&lt;'"]]]`},
		{"a control's first text", "<textarea></textarea>", "<textarea>\n\n<b> &amp; &#13;\r</textarea>", `[0,[["\n&lt;b> &amp; &#13;\n"]]]`},
		{"a control's last text", "<textarea>a</textarea>", "<textarea>\n</textarea>", `[0,[[]]]`},
		{"text to element", "<p>a<b></b></p>", "<p><i></i><b></b></p>", `[0,[["<i></i>",1]]]`},
		{"attribute of an iframe", `<iframe class="a">x</iframe>`, `<iframe class="b">x</iframe>`, `[0,{"class":"b"}]`},
		{"content of an iframe", `<iframe class="a">x</iframe>`, `<iframe class="a">y</iframe>`, `[["<iframe class=\"a\">y</iframe>"]]`},
		{"content of a shadow root", `<template shadowrootmode="open">x</template>`, `<template shadowrootmode="open">y</template>`,
			`[["<template shadowrootmode=\"open\">y</template>"]]`},
		{"content of a template", `<template>x</template>`, `<template>y</template>`, `[0,0,"y"]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newChecker()
			if err := c.check(test.old, test.new); err != nil {
				t.Fatal(err)
			}
			if got := string(c.patch); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if !json.Valid(c.patch) || !utf8.Valid(c.patch) {
				t.Errorf("not JSON in UTF-8: %q", c.patch)
			}
		})
	}
}

func TestInserted(t *testing.T) {
	tests := []struct {
		name, old, new string
		inserted       string // what the patch inserts, "" for nothing
		ops            int
	}{
		{"equal", "<p>a</p>", "<p>a</p>", "", 0},
		{"changed", `<p class="a">a</p>`, `<p class="b">b</p>`, "", 2},
		{"removed", `<p></p><b></b>`, `<b></b>`, "", 1},
		{"inserted", `<b></b>`, `<p>a<!--b--></p>x<b></b>`, "<p>a<!--b--></p>x", 1},
		{"inserted at two places", `<b><i>x</i></b><u></u>`, `<b><em>1</em><i>x</i></b><u></u><a></a>`, "<a></a><em>1</em>", 2},
		{"a text", "<textarea></textarea>", "<textarea>a</textarea>", "a", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newChecker()
			if err := c.check(test.old, test.new); err != nil {
				t.Fatal(err)
			}
			shape, any := c.differ.Inserted()
			if want := parse(t, test.inserted).Shape(); any != (test.inserted != "") || shape != want {
				t.Errorf("%s inserts %x, %t; want %x", c.patch, shape, any, want)
			}
			if got := c.differ.Ops(); got != test.ops {
				t.Errorf("%s has %d operations, want %d", c.patch, got, test.ops)
			}
		})
	}
}

// TestZeroTrees are empty views, as a page without a render has.
func TestZeroTrees(t *testing.T) {
	var d diff.Differ
	view := parse(t, "<p>a</p>")
	for _, test := range []struct {
		old, new *diff.Tree
		want     string
	}{
		{&diff.Tree{}, &diff.Tree{}, `[]`},
		{&diff.Tree{}, view, `[["<p>a</p>"]]`},
		{view, &diff.Tree{}, `[[]]`},
	} {
		if got := string(d.Append(nil, test.old, test.new)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	if (&diff.Tree{}).DOM().FirstChild != nil {
		t.Error("the zero tree has children")
	}
}

// TestManyEqualSiblings would take minutes if each were looked for among all.
func TestManyEqualSiblings(t *testing.T) {
	const n = 50_000
	var old, new strings.Builder
	for i := range n {
		old.WriteString("<i></i><b></b>")
		new.WriteString("<b></b><u></u>")
		if i%2 == 0 {
			new.WriteString("<i></i>")
		}
	}
	var p diff.Parser
	var d diff.Differ
	var a, b diff.Tree
	key := diff.NewKey([16]byte{})
	if err := p.Parse(&a, []byte(old.String()), nil, &key); err != nil {
		t.Fatal(err)
	}
	if err := p.Parse(&b, []byte(new.String()), &a, &key); err != nil {
		t.Fatal(err)
	}
	if patch := d.Append(nil, &a, &b); len(patch) < n {
		t.Errorf("a patch of %d bytes", len(patch))
	}
}

func TestApplyRefuses(t *testing.T) {
	const view = `<p class="a">x<b></b></p><br><iframe>x</iframe><!--c-->`
	tests := []struct{ name, patch, want string }{
		{"no JSON", `[`, "patch"},
		{"no array", `{}`, "not an array"},
		{"index too high", `[4,"x"]`, "item 0: no child 4 among 4"},
		{"negative index", `[-1,"x"]`, "no child -1"},
		{"broken index", `[0.5,"x"]`, "no child 0.5"},
		{"huge index", `[1e300,"x"]`, "no child"},
		{"path into a text", `[0,0,0,"x"]`, "no child 0 among 0"},
		{"path into an opaque element", `[2,0,"x"]`, "no child 0 among 0"},
		{"path to nowhere", `[0,0]`, "leads nowhere"},
		{"text for an element", `[0,"x"]`, "item 1: a text for <p>"},
		{"attributes for a text", `[0,0,{"a":"b"}]`, "no element"},
		{"attributes for the view", `[{"a":"b"}]`, "no element"},
		{"number as a value", `[0,{"a":1}]`, `attribute "a"`},
		{"null", `[null]`, "no part of a patch"},
		{"truth", `[0,true]`, "no part of a patch"},
		{"unknown child", `[[4]]`, "no child 4"},
		{"child twice", `[[0,0]]`, "child 0 twice"},
		{"run too long", `[[1,-3]]`, "no 3 children after child 1 of 4"},
		{"endless run", `[[-1e308]]`, "children after"},
		{"broken fresh HTML", `[["<p>"]]`, "fresh HTML: line 1, column 1: <p> is never closed"},
		{"object in an order", `[[{}]]`, "in an order"},
		{"children for a void element", `[1,[["x"]]]`, "children for <br>"},
		{"children for an opaque element", `[2,[["x"]]]`, "children for <iframe>"},
		{"children for a comment", `[3,[["x"]]]`, "children for"},
		{"error below", `[0,[1,[0,"x"]]]`, "item 1: item 1: item 0: no child"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := diff.Apply(parse(t, view).DOM(), []byte(test.patch))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestApplyBelowAnyElement(t *testing.T) {
	root := parseAsBrowser([]byte(`<svg><g></g></svg><p>a</p>`))
	div := &html.Node{Type: html.ElementNode, Data: "div"}
	for c := root.FirstChild; c != nil; c = root.FirstChild {
		root.RemoveChild(c)
		div.AppendChild(c)
	}
	if err := diff.Apply(div, []byte(`[[1,0,"<i></i>"],0,[["b",0]],1,0,[["<path/>"]]]`)); err != nil {
		t.Fatal(err)
	}
	if got, want := outline(div), "p('b' 'a') svg(g(path())) i()"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if path := div.FirstChild.NextSibling.FirstChild.FirstChild; path.Namespace != "svg" {
		t.Errorf("<path> is in namespace %q", path.Namespace)
	}
}

// TestChecksCanFail breaks what the random tests rely on and expects them to notice.
func TestChecksCanFail(t *testing.T) {
	const old, new = `<p class="a">x</p><b id="1">y</b><b id="2">z</b>`, `<b id="2">z</b><p class="b">X</p><b id="1">y</b>`
	broken := map[string]func(root *html.Node, patch []byte) error{
		"nothing applied":    func(root *html.Node, patch []byte) error { return nil },
		"an operation short": func(root *html.Node, patch []byte) error { return diff.Apply(root, shorten(patch)) },
		"wrong order": func(root *html.Node, patch []byte) error {
			if err := diff.Apply(root, patch); err != nil {
				return err
			}
			first := root.FirstChild
			root.RemoveChild(first)
			root.AppendChild(first)
			return nil
		},
		"attribute lost": func(root *html.Node, patch []byte) error {
			err := diff.Apply(root, patch)
			root.FirstChild.NextSibling.Attr = nil
			return err
		},
		"text doubled": func(root *html.Node, patch []byte) error {
			err := diff.Apply(root, patch)
			root.LastChild.FirstChild.Data += "y"
			return err
		},
	}
	c := newChecker()
	if err := c.check(old, new); err != nil {
		t.Fatal(err)
	}
	for name, apply := range broken {
		c := newChecker()
		c.apply = apply
		if c.check(old, new) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	// And a tree that lockstep got wrong.
	c.full.Nodes[1].Hash++
	same := true
	for i := range c.full.Nodes {
		same = same && c.full.Nodes[i] == c.new.Nodes[i]
	}
	if same {
		t.Error("a wrong node is not noticed")
	}
}

// shorten drops the last operation of a patch.
func shorten(patch []byte) []byte {
	var items []any
	if err := json.Unmarshal(patch, &items); err != nil {
		panic(err)
	}
	items = items[:len(items)-1]
	for len(items) > 0 {
		if _, index := items[len(items)-1].(float64); !index {
			break
		}
		items = items[:len(items)-1]
	}
	short, _ := json.Marshal(items)
	return short
}
