package diff

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// decoding says how bytes of the HTML become a value of the DOM.
type decoding uint8

const (
	decodeRefs  decoding = 1 << iota // character references
	decodeAttr                       // character references, by the stricter rule of attributes
	decodeNUL                        // NUL becomes U+FFFD; without it NUL disappears
	decodeValue = decodeRefs | decodeAttr | decodeNUL
)

// decodingOf returns how a text or comment is decoded.
func decodingOf(n *Node) decoding {
	if n.Kind == Comment {
		return decodeNUL
	}
	var d decoding
	if n.flags&textVerbatim == 0 {
		d |= decodeRefs
	}
	if n.flags&textShowsNUL != 0 {
		d |= decodeNUL
	}
	return d
}

// value returns the undecoded value of a text or comment.
func (t *Tree) value(n *Node) []byte {
	raw := t.HTML[n.Start:n.End]
	if n.Kind == Comment {
		raw, _ = commentData(raw)
	}
	return raw
}

// references decodes texts and attribute values. The zero value is ready.
type references struct {
	buf   []byte
	named map[string]string // what the less common references stand for, so that they allocate once
}

// maxNamed bounds references.named. HTML knows some 2,200 names; a view uses a few.
const maxNamed = 256

// decode returns the value raw stands for: raw itself where nothing needs decoding, else bytes that are good until the
// next call.
func (r *references) decode(raw []byte, how decoding) []byte {
	i := 0
	for i < len(raw) && decodeClass[raw[i]] == 0 {
		i++
	}
	if i == len(raw) {
		return raw
	}
	out := append(r.buf[:0], raw[:i]...)
	for i < len(raw) {
		switch c := raw[i]; {
		case decodeClass[c] == 0:
			start := i
			for i++; i < len(raw) && decodeClass[raw[i]] == 0; i++ {
			}
			out = append(out, raw[start:i]...)
			continue
		case c == '&' && how&decodeRefs != 0:
			var n int
			out, n = r.append(out, raw[i:], how&decodeAttr != 0)
			i += n
			continue
		case c == '&':
			out = append(out, c)
		case c == '\r':
			out = append(out, '\n')
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
		case how&decodeNUL != 0:
			out = append(out, "\uFFFD"...)
		}
		i++
	}
	r.buf = out
	return out
}

var decodeClass = [256]bool8{'&': 1, '\r': 1, 0: 1}

type bool8 = uint8

// append appends what the character reference at the beginning of s, which is '&', stands for, and returns how many
// bytes of s that took. An '&' that begins no reference stands for itself.
func (r *references) append(dst, s []byte, attr bool) ([]byte, int) {
	if len(s) > 1 && s[1] == '#' {
		return appendNumeric(dst, s)
	}
	n := 1
	for n < len(s) && (isLetter(s[n]) || '0' <= s[n] && s[n] <= '9') {
		n++
	}
	if n == 1 {
		return append(dst, '&'), 1
	}
	closed := n < len(s) && s[n] == ';'
	if closed {
		n++
	} else if attr && n < len(s) && s[n] == '=' {
		// href="?a=1&copy=2" means what it says.
		return append(dst, s[:n]...), n
	}
	ref := s[:n]
	switch string(ref) {
	case "&amp;":
		return append(dst, '&'), n
	case "&lt;":
		return append(dst, '<'), n
	case "&gt;":
		return append(dst, '>'), n
	case "&quot;":
		return append(dst, '"'), n
	case "&nbsp;":
		return append(dst, "\u00a0"...), n
	}
	value, known := r.named[string(ref)]
	if !known {
		value = html.UnescapeString(string(ref))
		if closed && len(ref) <= 40 && len(r.named) < maxNamed {
			if r.named == nil {
				r.named = make(map[string]string)
			}
			r.named[string(ref)] = value
		}
	}
	if attr && !wholeReference(ref, value) {
		return append(dst, ref...), n
	}
	return append(dst, value...), n
}

// wholeReference reports whether value stands for all of ref, not for a name that ref only begins with (&notit; is
// ¬it; in a text). What such a name leaves over ends in a letter, a digit or a semicolon, and no value does but one.
func wholeReference(ref []byte, value string) bool {
	last := value[len(value)-1]
	return !isLetter(last) && (last < '0' || last > '9') && last != ';' || string(ref) == "&semi;" || string(ref) == "&fjlig;"
}

// appendNumeric is append for &#…
func appendNumeric(dst, s []byte) ([]byte, int) {
	n, base := 2, rune(10)
	if n < len(s) && s[n]|0x20 == 'x' {
		n, base = 3, 16
	}
	first := n
	var code rune
	for ; n < len(s); n++ {
		d := digit(s[n])
		if d >= base {
			break
		}
		if code <= utf8.MaxRune {
			code = code*base + d
		}
	}
	if n == first {
		return append(dst, '&'), 1
	}
	if 0x80 <= code && code <= 0x9f {
		// Taken for Windows-1252, as ever.
		dst = append(dst, html.UnescapeString(string(s[:n])+";")...)
	} else if code == 0 || !utf8.ValidRune(code) {
		dst = append(dst, "\uFFFD"...)
	} else {
		dst = utf8.AppendRune(dst, code)
	}
	if n < len(s) && s[n] == ';' {
		n++
	}
	return dst, n
}

func digit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case isLetter(c):
		return rune(c|0x20-'a') + 10
	}
	return 99
}

// appendValid appends b, with each ill-formed part replaced by U+FFFD the way browsers do it: one for the longest
// beginning of a character, not one for each byte.
func appendValid(dst, b []byte) []byte {
	for len(b) > 0 {
		if r, n := utf8.DecodeRune(b); r != utf8.RuneError || n > 1 {
			dst, b = append(dst, b[:n]...), b[n:]
			continue
		}
		dst, b = append(dst, "\uFFFD"...), b[illFormed(b):]
	}
	return dst
}

// illFormed returns how many of b's first bytes, which are no character, are replaced by one U+FFFD.
func illFormed(b []byte) int {
	// A part of a character is what becomes one with more continuation bytes.
	for n := min(3, len(b)); n > 1; n-- {
		if utf8.RuneStart(b[0]) && !utf8.FullRune(b[:n]) {
			return n
		}
	}
	return 1
}

// validString returns b as a string of well-formed characters.
func validString(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string(appendValid(nil, bytes.Clone(b)))
}
