package diff_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/diff/difftest"
)

func TestCheckNesting(t *testing.T) {
	tests := []struct {
		name, html string
		want       string // part of the error, "" for none
	}{
		{"implied tbody", "<table><tr><td>1</td></tr></table>", "<tr> inside <table> opened at line 1"},
		{"explicit tbody", "<table><tbody><tr><td>1</td></tr></tbody></table>", ""},
		{"block in p", "<section>\n<p>a\n<div>b</div>c</p></section>", "line 3, column 1: <div> inside <p> opened at line 2"},
		{"block deeper in p", "<p><span><b><ul></ul></b></span></p>", "<ul> inside <p>"},
		{"nested p", "<p>a<p>b</p></p>", "<p> inside <p>"},
		{"p in button in p", "<p><button><p>x</p></button></p>", ""},
		{"foster parent", "<table><tbody><div>x</div><tr><td>1</td></tr></tbody></table>", "<div> inside <tbody>"},
		{"form in tr", "<table><tbody><tr><form><td>1</td></form></tr></tbody></table>", "<form> inside <tr>"},
		{"space in table", "<table> <tbody> <tr> <td>1</td> </tr> </tbody> </table>", ""},
		{"text in table", "<table>x<tbody><tr><td>1</td></tr></tbody></table>", "text inside <table>"},
		{"nested form", "<form><form><input></form></form>", "<form> inside <form>"},
		{"form in cell in form", "<form><table><tbody><tr><td><form></form></td></tr></tbody></table></form>", "<form> inside <form>"},
		{"nested a", `<a href="x">1<a href="y">2</a></a>`, "<a> inside <a>"},
		{"a around block around a", `<a href="x"><div><a href="y">2</a></div></a>`, "<a> inside <a>"},
		{"nested button", "<button>1<button>2</button></button>", "<button> inside <button>"},
		{"li in li", "<ul><li>1<li>2</li></li></ul>", "<li> inside <li>"},
		{"li in a list in li", "<ul><li>1<ul><li>2</li></ul></li></ul>", ""},
		{"heading in heading", "<h1>a<h2>b</h2></h1>", "<h2> inside <h1>"},
		{"dd in dt", "<dl><dt>a<dd>b</dd></dt></dl>", "<dd> inside <dt>"},
		{"div in select", "<select><div>x</div><option>1</option></select>", ""},
		{"options", `<select><optgroup label="g"><option selected>1</option></optgroup></select>`, ""},
		{"drawing", `<svg viewBox="0 0 1 1"><path d="M0"/><g><circle r="1"/></g></svg>`, ""},
		{"drawing with HTML", "<svg><path d=\"M0\"></path><foreignObject><div>x</div></foreignObject></svg>", ""},
		{"div in drawing", "<svg><g><div>x</div></g></svg>", "<div> ends the <svg> or <math>"},
		{"formula", "<math><mi>x</mi><annotation-xml encoding=\"text/html\"><p>x</p></annotation-xml></math>", ""},
		{"drawing in a formula", "<math><annotation-xml><svg><path/></svg></annotation-xml></math>", ""},
		{"template", "<template><p>x</p></template>", ""},
		{"row in a template", "<template><tr><td>x</td></tr></template>", ""},
		{"shadow root", `<div><template shadowrootmode="open"><p>x</p></template></div>`, ""},
		{"noscript", "<noscript><p>x</p></noscript>", ""},
		{"upper case", "<DIV><Span>x</sPan></DIV>", ""},
		{"iframe", `<iframe src="about:blank"><p>x</p></iframe>`, ""},
		{"script", `<script>if(a<b){"</div>"}</script>`, ""},
		{"style", "<style>a>b{color:red}</style>", ""},
		{"lone less-than", "<p>1 < 2 & 3 &lt; 4 &copy &nbsp;</p>", ""},
		{"repeated attribute", `<p class="a" class="b">x</p>`, ""},
		{"columns", "<table><colgroup><col><col></colgroup><tbody></tbody></table>", ""},
		{"column without a group", "<table><col><tbody></tbody></table>", "<col> inside <table>"},
		{"caption", "<table><caption>x</caption><thead><tr><th>1</th></tr></thead></table>", ""},
		{"details", "<details open><summary>s</summary>x</details>", ""},
		{"hidden input in a row", `<table><tbody><tr><input type="hidden"><td>1</td></tr></tbody></table>`, ""},
		{"input in a row", "<table><tbody><tr><input><td>1</td></tr></tbody></table>", "<input> inside <tr>"},
		{"row at the top", "<tr><td>1</td></tr>", "<tr> at the top of a view"},
		{"cell in a div", "<div><td>1</td></div>", "<td> inside <div>"},
		{"b around block", "<b><p>x</p></b>", ""},
		{"ruby", "<ruby>a<rt>b</rt></ruby>", ""},
		{"table in p", "<p><table></table></p>", "<table> inside <p>"},
		{"empty", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := diff.CheckNesting([]byte(test.html))
			if test.want == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			var syntax *diff.SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestPairsAreWellNested(t *testing.T) {
	const n = 1_500
	pairs := difftest.Pairs(*seed, n)
	if len(pairs) != n {
		t.Fatalf("got %d pairs, want %d", len(pairs), n)
	}
	for _, p := range pairs {
		for _, view := range []string{p.Old, p.New} {
			if err := diff.CheckNesting([]byte(view)); err != nil {
				t.Fatalf("%v\n%s", err, view)
			}
		}
	}
}
