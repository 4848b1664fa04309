package diff

import "bytes"

// tagFlags are what an open tag's bytes tell, before it is known where the tag stands.
type tagFlags uint32

const (
	tagVoid         tagFlags = 1 << iota // has no content in HTML
	tagVerbatim                          // content is text without character references
	tagRCDATA                            // content is text with character references
	tagOpaque                            // content is text that is no part of the tree
	tagShadow                            // <template shadowrootmode>: opaque, with HTML inside
	tagDropsNewline                      // a newline right after the open tag is no content
	tagSVG                               // <svg>
	tagMath                              // <math>
	tagHTMLInSVG                         // content is HTML again
	tagHTMLInMath                        // the same in MathML
	tagAnnotation                        // <annotation-xml>
	tagBreakout                          // ends a drawing or formula it stands in
	tagForeignOnly                       // in HTML a browser ignores it or makes another element of it
	tagSelfClosing                       // ends in "/>"
)

// flagsOf classifies a lower-case tag name.
func flagsOf(name []byte) tagFlags {
	switch string(name) {
	case "br", "hr", "img", "embed", "meta":
		return tagVoid | tagBreakout
	case "area", "base", "basefont", "bgsound", "col", "input", "keygen", "link", "param", "source", "track", "wbr":
		return tagVoid
	case "b", "big", "blockquote", "center", "code", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
		"i", "li", "menu", "nobr", "ol", "p", "ruby", "s", "small", "span", "strong", "strike", "sub", "sup", "table",
		"tt", "u", "ul", "var":
		return tagBreakout
	case "pre", "listing":
		return tagBreakout | tagDropsNewline
	case "head", "body":
		return tagBreakout | tagForeignOnly
	case "html", "frameset", "frame", "image", "plaintext":
		return tagForeignOnly
	case "script", "style", "xmp":
		return tagVerbatim
	case "title":
		return tagRCDATA | tagHTMLInSVG
	case "textarea":
		return tagRCDATA | tagDropsNewline
	case "iframe", "noscript", "noembed", "noframes":
		return tagOpaque
	case "svg":
		return tagSVG
	case "math":
		return tagMath
	case "foreignobject", "desc":
		return tagHTMLInSVG
	case "mi", "mo", "mn", "ms", "mtext":
		return tagHTMLInMath
	case "annotation-xml":
		return tagAnnotation
	}
	return 0
}

// longestSpecialName bounds the names flagsOf knows.
const longestSpecialName = len("annotation-xml")

// Classes of bytes inside an open tag.
const (
	classSpace  uint8 = 1 << iota // tab, newline, form feed, return, space
	classEnd                      // '/' and '>'
	classEquals                   // '='
	classBad                      // cannot stand in a name, though browsers would go on
	classBadVal                   // cannot stand in an unquoted value, though browsers would go on
	classUpper                    // capital letters

	notInAttrName = classSpace | classEnd | classEquals | classBad
)

var tagClass = func() (t [256]uint8) {
	for _, c := range " \t\n\f\r" {
		t[c] = classSpace
	}
	t['/'], t['>'], t['='] = classEnd, classEnd, classEquals
	for _, c := range "\"'<\x00" {
		t[c] = classBad | classBadVal
	}
	t['`'] |= classBadVal
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = classUpper
	}
	return t
}()

// scanOpenTag reads the open tag at html[at:], which begins with '<' and a letter, and returns where it ends, after '>',
// and where the value of its key attribute is, if it has one; else key is 0. The key attribute is live-key, data-key or
// id, in this order of precedence and in lower case. With a complaint, the tag cannot be trusted and end is where.
//
// Single results stay in registers; a struct of them would go through memory for every tag.
func scanOpenTag(html []byte, at int) (end, nameLen int, flags tagFlags, key, keyEnd int, complaint string) {
	n := len(html)
	q := at + 2
	upper := tagClass[html[at+1]]
	for q < n && tagClass[html[q]]&(classSpace|classEnd) == 0 {
		upper |= tagClass[html[q]]
		q++
	}
	name := html[at+1 : q]
	nameLen = len(name)
	if upper&(classBad|classEquals) != 0 || len(name) > 255 {
		return at, 0, 0, 0, 0, "this is no tag name; write &lt; for a less-than sign"
	}
	if upper&classUpper != 0 {
		var buf [longestSpecialName]byte
		if len(name) <= len(buf) {
			flags = flagsOf(lowerTo(buf[:0], name))
		}
	} else {
		flags = flagsOf(name)
	}
	keyRank := 0
	for q < n {
		c := html[q]
		if class := tagClass[c]; class&classSpace != 0 {
			q++
			continue
		} else if class&classEnd != 0 {
			q++
			if c == '>' {
				switch nameLen {
				case len("template"), len("annotation-xml"), len("font"):
					flags |= flagsOfAttributes(html[at:q], nameLen, flags)
				}
				return q, nameLen, flags, key, keyEnd, ""
			}
			if q < n && html[q] == '>' {
				flags |= tagSelfClosing
			}
			continue
		}
		start := q
		for q < n && tagClass[html[q]]&notInAttrName == 0 {
			q++
		}
		nameEnd := q
		for q < n && tagClass[html[q]]&classSpace != 0 {
			q++
		}
		if q >= n {
			break
		}
		if nameEnd == start || tagClass[html[nameEnd]]&classBad != 0 {
			return nameEnd, 0, 0, 0, 0, "quote, '<', '=' or NUL where an attribute's name belongs"
		}
		if html[q] != '=' {
			continue
		}
		q++
		for q < n && tagClass[html[q]]&classSpace != 0 {
			q++
		}
		if q >= n {
			break
		}
		value := q
		if quote := html[q]; quote == '"' || quote == '\'' {
			value++
			length := bytes.IndexByte(html[value:], quote)
			if length < 0 {
				return q, 0, 0, 0, 0, "this quote is never closed"
			}
			q = value + length
			if length > 0 && (nameEnd-start == len("id") || nameEnd-start == len("data-key")) {
				if r := rankOfKey(html[start:nameEnd]); r > keyRank {
					keyRank, key, keyEnd = r, value, q
				}
			}
			if q++; q < n && tagClass[html[q]]&(classSpace|classEnd) == 0 {
				return q, 0, 0, 0, 0, "no space after the attribute's closing quote"
			}
			continue
		}
		for q < n && html[q] != '>' && tagClass[html[q]]&classSpace == 0 {
			if tagClass[html[q]]&classBadVal != 0 {
				return q, 0, 0, 0, 0, "quote, '<' or NUL in a value without quotes"
			}
			q++
		}
		if r := rankOfKey(html[start:nameEnd]); r > keyRank && q > value {
			keyRank, key, keyEnd = r, value, q
		}
	}
	return at, 0, 0, 0, 0, "this tag is never closed by '>'"
}

// flagsOfAttributes returns the flags that depend on attributes.
func flagsOfAttributes(open []byte, nameLen int, flags tagFlags) tagFlags {
	name := open[1 : 1+nameLen]
	switch {
	case equalFold(name, "template"):
		if hasAttr(open, nameLen, "shadowrootmode") {
			return tagShadow
		}
	case equalFold(name, "font"):
		if hasAttr(open, nameLen, "color") || hasAttr(open, nameLen, "face") || hasAttr(open, nameLen, "size") {
			return tagBreakout
		}
	case flags&tagAnnotation != 0:
		for s := attrsOf(open, nameLen); s.next(); {
			if !equalFold(s.name, "encoding") {
				continue
			}
			if equalFold(s.value, "text/html") || equalFold(s.value, "application/xhtml+xml") {
				return tagHTMLInMath
			}
			break
		}
	}
	return 0
}

// rankOfKey returns how strongly an attribute's name makes it the element's key, 0 for not at all.
func rankOfKey(name []byte) int {
	switch len(name) {
	case len("id"):
		if name[0] == 'i' && name[1] == 'd' {
			return 1
		}
	case len("data-key"):
		switch string(name) {
		case "data-key":
			return 2
		case "live-key":
			return 3
		}
	}
	return 0
}

// keyBytes returns the value of an open tag's key attribute, as it stands in the HTML. At is Node.keyAt.
func keyBytes(open []byte, at uint8) []byte {
	if at == 0 {
		_, _, _, key, keyEnd, _ := scanOpenTag(open, 0)
		return open[key:keyEnd]
	}
	value := open[at:]
	return value[:bytes.IndexByte(value, open[at-1])]
}

// attrScanner steps through the attributes of an open tag that scanOpenTag has accepted. Repeated names are not
// filtered; the first one counts.
type attrScanner struct {
	name, value []byte // as they stand in the HTML
	tag         []byte
	at          int
}

func attrsOf(open []byte, nameLen int) attrScanner {
	return attrScanner{tag: open, at: 1 + nameLen}
}

func (s *attrScanner) next() bool {
	tag, q := s.tag, s.at
	for q < len(tag) && tagClass[tag[q]]&(classSpace|classEnd) != 0 {
		q++
	}
	if q >= len(tag) {
		return false
	}
	start := q
	for tagClass[tag[q]]&(classSpace|classEnd|classEquals) == 0 {
		q++
	}
	s.name, s.value = tag[start:q], nil
	for tagClass[tag[q]]&classSpace != 0 {
		q++
	}
	if tag[q] == '=' {
		q++
		for tagClass[tag[q]]&classSpace != 0 {
			q++
		}
		start = q
		if quote := tag[q]; quote == '"' || quote == '\'' {
			start++
			q = start + bytes.IndexByte(tag[start:], quote)
			s.value = tag[start:q]
			q++
		} else {
			for tag[q] != '>' && tagClass[tag[q]]&classSpace == 0 {
				q++
			}
			s.value = tag[start:q]
		}
	}
	s.at = q
	return true
}

func hasAttr(open []byte, nameLen int, name string) bool {
	for s := attrsOf(open, nameLen); s.next(); {
		if equalFold(s.name, name) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return c|0x20-'a' < 26 }

// lower uses that classUpper is the bit by which the letters of both cases differ.
func lower(c byte) byte { return c | tagClass[c]&classUpper }

func lowerTo(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lower(c))
	}
	return dst
}

// equalFold compares tag and attribute names, ignoring the case of ASCII letters alone.
func equalFold[T []byte | string](a []byte, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
