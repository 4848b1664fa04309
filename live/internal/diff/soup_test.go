package diff_test

import (
	"errors"
	"math/rand"
	"strings"
	"testing"
)

// soup makes views of scraps of markup, well-formed more often than not: what no template writes on purpose.
type soup struct{ *rand.Rand }

var (
	soupNames = strings.Fields(`div p b a span pre textarea script style title xmp iframe noscript template svg math
		foreignObject mi annotation-xml table tbody tr td select option button li ul h1 x-y DIV sVg font listing object desc path`)
	soupVoids = strings.Fields("br img input hr wbr embed source param keygen BR")
	soupTexts = []string{"a", " ", "<", "< ", "<1", "&", "&amp", "&amp;", "&ampx", "&notit;", "&notin;", "&copy", "&copy=", "&#", "&#x",
		"&#x41", "&#65;", "&#0;", "&#128;", "&#xD800;", "&#x110000;", "&#99999999999;", "\n", "\r", "\r\n", "\n\n", "\x00", "a\x00b", "é", "\xff", "\xe2\x82",
		"&NotEqualTilde;", "&fjlig;", "&semi;", "&Abreve;", "]]>", "--", "-->", ">", "\"", "\u2028", "</", "</>", "<?", "<!", "<![CDATA[x]]>", "<!doctype html>"}
	soupComments = []string{"<!---->", "<!-->", "<!--->", "<!--a-->", "<!--a--!>", "<!--a--!b-->", "<!-- <!-- -->", "<!--a--->", "<!--a<!-->", "<!--\r\n\x00-->", "<!--&amp;-->", "<!----!>", "<!--"}
	soupAttrs    = []string{` a`, ` a=""`, ` a=b`, ` a='&amp;'`, ` a="&copy=1&lt=2&gt"`, ` a="&notit;&not"`, ` A=1`, ` a=1/`, "\na\t=\r'x'", ` id=x`, ` id="y"`,
		` data-key='z'`, ` live-key="w"`, ` /`, ` a="\x00"`, ` viewbox="1"`, ` xlink:href=q`, ` encoding="text/html"`, ` shadowrootmode=open`, ` color=red`,
		` type=hidden`, ` a="` + "\r\n" + `"`, ` a=&amp`, ` a="\xff&semi;"`, ` "`, ` =`, ` a="b"c`, ` définition=1`, ` definitionurl=1`, "\fb"}
)

func (s soup) one(from []string) string { return from[s.Intn(len(from))] }

func (s soup) write(b *strings.Builder, depth int) {
	for range s.Intn(5) {
		switch k := s.Intn(12); {
		case k < 4:
			b.WriteString(s.one(soupTexts))
		case k == 4:
			b.WriteString(s.one(soupComments))
		case k == 5:
			b.WriteString("<" + s.one(soupVoids) + s.attrs() + ">")
		case depth > 0:
			name := s.one(soupNames)
			b.WriteString("<" + name + s.attrs())
			if s.Intn(12) == 0 {
				b.WriteString("/>")
				break
			}
			b.WriteString(">")
			s.write(b, depth-1)
			switch s.Intn(40) {
			case 0:
			case 1:
				b.WriteString("</" + s.one(soupNames) + ">")
			case 2:
				b.WriteString("</" + strings.ToUpper(name) + "\n>")
			default:
				b.WriteString("</" + name + ">")
			}
		}
	}
}

func (s soup) attrs() string {
	attrs := ""
	for s.Intn(3) == 0 {
		attrs += s.one(soupAttrs)
	}
	return attrs
}

// TestSoup holds the parser against x/net/html, and patches against each other's views.
func TestSoup(t *testing.T) {
	n := 60_000
	if raceEnabled {
		n = 3_000
	}
	t.Logf("seed %d, %d views", *seed, n)
	s := soup{rand.New(rand.NewSource(*seed))}
	c := newChecker()
	last, accepted := "", 0
	for range n {
		var b strings.Builder
		s.write(&b, 4)
		view := b.String()
		if err := agreesWithBrowser([]byte(view)); err != nil {
			t.Fatal(err)
		}
		err := c.check(last, view)
		if errors.Is(err, errRefused) {
			continue
		}
		if err != nil {
			t.Fatalf("%v\nold %q\nnew %q", err, last, view)
		}
		accepted++
		last = view
	}
	t.Logf("%d accepted", accepted)
	if accepted < n/10 {
		t.Errorf("only %d of %d views were accepted", accepted, n)
	}
}
