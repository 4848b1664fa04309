package diff

import "bytes"

// dropNewline skips a newline that browsers do not count as content.
func (p *Parser) dropNewline() bool {
	rest := p.html[p.pos:]
	switch {
	case len(rest) == 0:
	case rest[0] == '\n':
		p.pos++
	case rest[0] == '\r':
		if p.pos++; len(rest) > 1 && rest[1] == '\n' {
			p.pos++
		}
	case rest[0] == '&':
		got, _ := p.refs.append(p.refs.buf[:0], rest[:min(len(rest), 64)], false)
		p.refs.buf = got
		if len(got) == 1 && (got[0] == '\n' || got[0] == '\r') {
			return p.fail(p.pos, "a newline written as a character reference may be dropped here; write an empty line first")
		}
	}
	return true
}

// rawText reads the content and the end tag of an element whose content is no HTML.
func (p *Parser) rawText(index uint32, tag tagFlags) bool {
	n := &p.nodes[index]
	name := p.nameOf(n)
	start := p.pos
	end := start
	for {
		k := bytes.Index(p.html[end:], []byte("</"))
		if k < 0 {
			return p.fail(int(n.Start), "<%s> is never closed", name)
		}
		end += k
		after := end + 2 + len(name)
		if after < len(p.html) && equalFold(p.html[end+2:after], name) && tagClass[p.html[after]]&(classSpace|classEnd) != 0 {
			break
		}
		end += 2
	}
	if equalFold(name, "script") && hidesItsEnd(p.html[start:end]) {
		return p.fail(start, "<!-- and <script in one script: browsers may not see its end")
	}
	if tag&tagOpaque == 0 && end > start {
		flags := textShowsNUL
		if tag&tagVerbatim != 0 {
			flags |= textVerbatim
		}
		p.leaf(p.top(), Text, flags, end)
	}
	p.pos = end
	return p.endTag(p.top())
}

// hidesItsEnd reports whether a script's text may reach the state in which </script> is taken for text.
func hidesItsEnd(text []byte) bool {
	i := bytes.Index(text, []byte("<!--"))
	if i < 0 {
		return false
	}
	for text = text[i:]; ; text = text[1:] {
		if i = bytes.IndexByte(text, '<'); i < 0 {
			return false
		}
		text = text[i:]
		if len(text) > len("<script") && equalFold(text[1:len("<script")], "script") {
			return true
		}
	}
}
