package diff

import "bytes"

// attr is an attribute as it stands in the HTML.
type attr struct{ name, value []byte }

// appendAttrs appends the attributes of an open tag; of those with one name, the first.
func appendAttrs(dst []attr, open []byte, nameLen int) []attr {
	base := len(dst)
	for s := attrsOf(open, nameLen); s.next(); {
		if findAttr(dst[base:], s.name) == nil {
			dst = append(dst, attr{s.name, s.value})
		}
	}
	return dst
}

func findAttr(attrs []attr, name []byte) *attr {
	for i := range attrs {
		a := &attrs[i]
		if len(a.name) == len(name) && (string(a.name) == string(name) || equalFold(a.name, name)) {
			return a
		}
	}
	return nil
}

// attributes writes what sets and removes attributes of old node o, and returns whether there is anything.
func (d *Differ) attributes(o, n *Node) bool {
	d.oldAttrs = appendAttrs(d.oldAttrs[:0], d.old.openTag(o), int(o.NameLen))
	d.newAttrs = appendAttrs(d.newAttrs[:0], d.new.openTag(n), int(n.NameLen))
	before := len(d.buf)
	d.separate()
	d.buf = append(d.buf, '{')
	empty := len(d.buf)
	for i := range d.newAttrs {
		a := &d.newAttrs[i]
		if was := findAttr(d.oldAttrs, a.name); was == nil || !bytes.Equal(was.value, a.value) {
			d.attrName(a.name, n, empty)
			d.buf = appendString(d.buf, d.refs.decode(a.value, decodeValue))
		}
	}
	for i := range d.oldAttrs {
		if a := &d.oldAttrs[i]; findAttr(d.newAttrs, a.name) == nil {
			d.attrName(a.name, o, empty)
			d.buf = append(d.buf, "null"...)
		}
	}
	if len(d.buf) == empty {
		d.buf = d.buf[:before]
		return false
	}
	d.buf = append(d.buf, '}')
	d.ops++
	return true
}

// attrName writes the name of an attribute as the DOM has it, with the comma before and the colon after it.
func (d *Differ) attrName(name []byte, n *Node, empty int) {
	if len(d.buf) > empty {
		d.buf = append(d.buf, ',')
	}
	d.name = appendAttrName(d.name[:0], name, n.flags&nsMask)
	d.buf = appendString(d.buf, d.name)
	d.buf = append(d.buf, ':')
}
