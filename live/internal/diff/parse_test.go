package diff_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"golang.org/x/net/html"
)

func parse(tb testing.TB, view string) *diff.Tree {
	tb.Helper()
	var p diff.Parser
	key := diff.NewKey([16]byte{9})
	t := &diff.Tree{}
	if err := p.Parse(t, []byte(view), nil, &key); err != nil {
		tb.Fatalf("%v in %q", err, view)
	}
	return t
}

// outline writes a tree the way its nodes nest: name(children), texts and comments quoted.
func outline(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c != n.FirstChild {
			b.WriteString(" ")
		}
		switch c.Type {
		case html.TextNode:
			b.WriteString("'" + c.Data + "'")
		case html.CommentNode:
			b.WriteString("!'" + c.Data + "'")
		default:
			b.WriteString(c.Data)
			for _, a := range c.Attr {
				b.WriteString("[" + a.Key + "=" + a.Val + "]")
			}
			b.WriteString("(" + outline(c) + ")")
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	tests := []struct{ name, html, want string }{
		{"empty", "", ""},
		{"text", "a", "'a'"},
		{"elements", "<p>a<b>b</b></p>c", "p('a' b('b')) 'c'"},
		{"upper case", "<DIV CLASS=A><Br></div>", "div[class=A](br())"},
		{"space in the end tag", "<p>a</p \n>", "p('a')"},
		{"self-closing void", "<br/><input name=a/>", "br() input[name=a/]()"},
		{"less-than in text", "<p>1 < 2 <3 <</p>", "p('1 < 2 <3 <')"},
		{"less-than at the end", "a<", "'a<'"},
		{"references", "<p>&lt;&amp;&#65;&#x41;&nbsp;&copy&notit;&bogus;&AMP</p>", "p('<&AA\u00a0©¬it;&bogus;&')"},
		{"windows-1252 reference", "&#128;&#0;", "'€\uFFFD'"},
		{"references in attributes", `<a href="?a=1&copy=2&lt;&notit;&not&amp">` + "</a>", "a[href=?a=1&copy=2<&notit;¬&]()"},
		{"attributes in all ways", "<a b c='d' e=f/ g = \"h\"\ti\n></a>", "a[b=][c=d][e=f/][g=h][i=]()"},
		{"repeated attribute", `<p a="1" A="2"></p>`, "p[a=1]()"},
		{"line ends", "<p title=\"a\r\nb\">a\r\nb\rc</p>", "p[title=a\nb]('a\nb\nc')"},
		{"NUL in HTML", "<p>a\x00b</p>\x00<p>\x00</p>", "p('ab') p()"},
		{"NUL in a drawing", "<svg>\x00</svg>", "svg('\uFFFD')"},
		{"NUL in raw text", "<script>\x00</script>", "script('\uFFFD')"},
		{"ill-formed UTF-8", "a\xe2\x82b\xff\xff", "'a\uFFFDb\uFFFD\uFFFD'"},
		{"newline that is no content", "<pre>\na</pre><textarea>\r\n</textarea><pre>\n\na</pre>", "pre('a') textarea() pre('\na')"},
		{"newline that is content", "<p>\na</p>", "p('\na')"},
		{"comments", "<!----><!--a > b--><!--&amp;--><!--a--!>", "!'' !'a > b' !'&amp;' !'a'"},
		{"short comments", "<!--><!--->a", "!'' !'' 'a'"},
		{"comment with dashes", "<!--a--b---><!--a--!b-->", "!'a--b-' !'a--!b'"},
		{"raw text", "<script>a < b && '</p>'</script><style>&amp;</style><xmp><b></xmp>", "script('a < b && '</p>'') style('&amp;') xmp('<b>')"},
		{"raw text with references", "<textarea><b>&amp;</textarea><title>a<b>&lt;</title>", "textarea('<b>&') title('a<b><')"},
		{"end of raw text", "<script></scripty></SCRIPT >", "script('</scripty>')"},
		{"drawing", `<svg viewbox="0 0 1 1"><path d=M0 /><lineargradient/><title>a<b>c</b></title></svg>`, "svg[viewBox=0 0 1 1](path[d=M0]() linearGradient() title('a' b('c')))"},
		{"raw names in a drawing", "<svg><style>a<g></g></style><script/></svg>", "svg(style('a' g()) script())"},
		{"link in a drawing", `<svg><use xlink:href="#a"></use></svg>`, "svg(use[href=#a]())"},
		{"empty drawing", "<svg/>a", "svg() 'a'"},
		{"formula", "<math definitionurl=a><mi>a<b>c</b></mi><mspace/></math>", "math[definitionURL=a](mi('a' b('c')) mspace())"},
		{"template", "<template><p>a</p></template>", "template(p('a'))"},
		{"custom element", "<x-card.a>a</x-card.a>", "x-card.a('a')"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree := parse(t, test.html)
			if got := outline(tree.DOM()); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got, want := diff.ShapeOf(tree.DOM()), tree.Shape(); got != want {
				t.Errorf("shape of the nodes %x, of the tree %x", got, want)
			}
		})
	}
}

func TestOpaqueElementsHaveNoChildren(t *testing.T) {
	for _, view := range []string{
		"<iframe><p>a</p></iframe>", "<noscript><p>a</p></noscript>", "<noembed>a</noembed>", "<noframes>a</noframes>",
		"<template shadowrootmode=open><p>a<template><b>c</b></template></p></template>", "<template SHADOWROOTMODE>a</template>",
	} {
		tree := parse(t, view)
		if len(tree.Nodes) != 2 {
			t.Errorf("%s: got %d nodes, want 2", view, len(tree.Nodes))
		}
		var b strings.Builder
		if err := html.Render(&b, tree.DOM()); err != nil {
			t.Error(err)
		}
		if got := diff.ShapeOf(tree.DOM()); got != tree.Shape() {
			t.Errorf("%s: shape of the nodes %x, of the tree %x", view, got, tree.Shape())
		}
		if !strings.Contains(b.String(), "a") || strings.Count(b.String(), "<p>") != strings.Count(view, "<p>") {
			t.Errorf("%s: the DOM renders as %s", view, b.String())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, html, want string }{
		{"open element", "<div>\n<p>a</div>", "line 2, column 5: this end tag does not close <p>, opened at line 2"},
		{"never closed", "a\n<div>", "line 2, column 1: <div> is never closed"},
		{"closed twice", "<p></p></p>", "line 1, column 8: this end tag closes nothing"},
		{"end tag of a void element", "<p><br></br></p>", "column 8: this end tag does not close <p>"},
		{"self-closing", "<div/>", "<div/> stays open"},
		{"body", "<body></body>", "<body> cannot stand in a view"},
		{"head in a drawing", "<svg><head></head></svg>", "<head> ends the <svg>"},
		{"html", "<html></html>", "<html> cannot"},
		{"image", "<image src=a>", "<image> cannot"},
		{"plaintext", "<plaintext>", "<plaintext> cannot"},
		{"doctype", "<!doctype html><p></p>", "only elements, texts"},
		{"processing instruction", "<?xml?>", "only elements, texts"},
		{"character data", "<svg><![CDATA[a]]></svg>", "only elements, texts"},
		{"bogus comment", "<p></ a></p>", "does not close"},
		{"open comment", "<!-- a ->", "this comment is never closed"},
		{"open tag", "<p class=\"a\"", "never closed by '>'"},
		{"open quote", "<p class=\"a></p>", "this quote is never closed"},
		{"stray quote", `<p title="a"b"></p>`, "no space after"},
		{"quote as a name", `<p "a"></p>`, "where an attribute's name belongs"},
		{"equals sign as a name", `<p ="a"></p>`, "where an attribute's name belongs"},
		{"NUL in a name", "<p a\x00></p>", "where an attribute's name belongs"},
		{"quote in a bare value", `<p a=b"c></p>`, "in a value without quotes"},
		{"strange name", "<a=b></a=b>", "no tag name"},
		{"long name", "<" + strings.Repeat("a", 256) + ">", "no tag name"},
		{"open raw text", "<script>a</scrip>", "<script> is never closed"},
		{"script that hides its end", "<script><!-- <script> </script>", "browsers may not see its end"},
		{"HTML in a drawing", "<svg><div></div></svg>", "<div> ends the <svg>"},
		{"void HTML in a drawing", "<svg><br/></svg>", "<br> ends the <svg>"},
		{"coloured font in a drawing", "<svg><font color=red></font></svg>", "<font> ends the <svg>"},
		{"newline as a reference", "<pre>&#10;a</pre>", "newline written as a character reference"},
		{"deep", strings.Repeat("<b>", 481) + strings.Repeat("</b>", 481), "more than 480 deep"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var p diff.Parser
			var tree diff.Tree
			key := diff.NewKey([16]byte{})
			err := p.Parse(&tree, []byte(test.html), nil, &key)
			var syntax *diff.SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if len(tree.Nodes) != 0 {
				t.Errorf("the tree has %d nodes left", len(tree.Nodes))
			}
			if err := p.Parse(&tree, []byte("<p>a</p>"), nil, &key); err != nil || len(tree.Nodes) != 3 {
				t.Errorf("the next parse: %v, %d nodes", err, len(tree.Nodes))
			}
		})
	}
}

func TestHashes(t *testing.T) {
	const view = `<div id="a" class="some longer class than fits"><p>text</p><!--c--></div>`
	var p diff.Parser
	tree := func(view string, secret byte) *diff.Tree {
		key := diff.NewKey([16]byte{secret})
		var tree diff.Tree
		if err := p.Parse(&tree, []byte(view), nil, &key); err != nil {
			t.Fatal(err)
		}
		return &tree
	}
	// The same in every process and on every machine.
	if got, want := tree(view, 1).Hash(), uint64(0xa5f18790a275e34c); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
	key := diff.NewKey([16]byte{1})
	if got, want := tree(view, 1).Tag(&key), uint64(0x7563ee2f688b0c68); got != want {
		t.Errorf("tag %#x, want %#x", got, want)
	}
	if got, want := tree(view, 1).Shape(), uint32(0xf3607147); got != want {
		t.Errorf("shape %#x, want %#x", got, want)
	}
	if tree(view, 1).Hash() == tree(view, 2).Hash() {
		t.Error("two keys, one hash")
	}
	if a, b := tree(view, 2).Hash(), tree(view, 2).Hash(); a != b {
		t.Error("one key, two hashes")
	}
	// A parser warm with one key's hashes, a tree of the other.
	var fresh diff.Parser
	for _, secret := range []byte{1, 2, 1} {
		k := diff.NewKey([16]byte{secret})
		got, old := tree(view, secret), tree(view, 3-secret)
		var want, lockstep diff.Tree
		if err := fresh.Parse(&want, []byte(view), nil, &k); err != nil {
			t.Fatal(err)
		}
		if err := p.Parse(&lockstep, []byte(view), old, &k); err != nil {
			t.Fatal(err)
		}
		if got.Hash() != want.Hash() || lockstep.Hash() != want.Hash() {
			t.Errorf("key %d: warm %x, fresh %x, beside another key's tree %x", secret, got.Hash(), want.Hash(), lockstep.Hash())
		}
	}
	different := map[uint64]string{}
	for _, view := range []string{"", "a", "b", "<p></p>", "<p>a</p>", "<p></p>a", "<p a></p>", "<!--a-->", "<b></b><i></i>", "<i></i><b></b>", "<b><i></i></b>",
		"<p>aa</p>", "<p>a<b></b>a</p>", strings.Repeat("a", 17), strings.Repeat("a", 49), strings.Repeat("a", 97), strings.Repeat("a", 98)} {
		h := tree(view, 1).Hash()
		if other, ok := different[h]; ok {
			t.Errorf("%q and %q have one hash", view, other)
		}
		different[h] = view
	}
	if (&diff.Tree{}).Hash() == tree("<p></p>", 1).Hash() || (&diff.Tree{}).Shape() != tree("", 1).Shape() {
		t.Error("the zero tree is no empty view")
	}
}

func TestRightSize(t *testing.T) {
	tree := parse(t, "<p>"+strings.Repeat("<b></b>", 100)+"</p>")
	key := diff.NewKey([16]byte{9})
	var p diff.Parser
	if err := p.Parse(tree, append(tree.HTML[:0], "<p>a</p>"...), nil, &key); err != nil {
		t.Fatal(err)
	}
	before := tree.Hash()
	tree.RightSize()
	if cap(tree.HTML) > 2*len(tree.HTML) || cap(tree.Nodes) > 2*len(tree.Nodes) {
		t.Errorf("capacities %d and %d for %d bytes and %d nodes", cap(tree.HTML), cap(tree.Nodes), len(tree.HTML), len(tree.Nodes))
	}
	if tree.Hash() != before || outline(tree.DOM()) != "p('a')" {
		t.Error("the tree has changed")
	}
}
