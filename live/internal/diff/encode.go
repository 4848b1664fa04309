package diff

import "unicode/utf8"

const (
	toEscape uint8 = 1 + iota
	beyondASCII
)

// jsonClass tells the bytes that cannot just stand in a JSON string: some are escaped, those beyond ASCII checked.
var jsonClass = func() (t [256]uint8) {
	for c := range 0x20 {
		t[c] = toEscape
	}
	t['"'], t['\\'] = toEscape, toEscape
	for c := 0x80; c < 0x100; c++ {
		t[c] = beyondASCII
	}
	return t
}()

// appendString appends b as a JSON string of valid UTF-8.
func appendString(dst, b []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; ; {
		for i < len(b) && jsonClass[b[i]] == 0 {
			i++
		}
		if i == len(b) {
			break
		}
		if jsonClass[b[i]] == beyondASCII {
			if r, n := utf8.DecodeRune(b[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			dst = append(append(dst, b[start:i]...), "\uFFFD"...)
			i += illFormed(b[i:])
		} else {
			dst = appendEscaped(append(dst, b[start:i]...), b[i])
			i++
		}
		start = i
	}
	dst = append(dst, b[start:]...)
	return append(dst, '"')
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\t':
		return append(dst, '\\', 't')
	case '\r':
		return append(dst, '\\', 'r')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendTextAsHTML appends, as a JSON string, HTML that a browser reads as the text value.
func appendTextAsHTML(dst, value []byte) []byte {
	dst = append(dst, '"')
	for len(value) > 0 {
		i := 0
		for i < len(value) && value[i] != '<' && value[i] != '&' && value[i] != '\r' {
			i++
		}
		if i > 0 {
			// Without the quotes appendString puts around.
			at := len(dst) - 1
			quote := dst[at]
			dst = appendString(dst[:at], value[:i])
			dst[at] = quote
			dst = dst[:len(dst)-1]
		}
		if value = value[i:]; len(value) > 0 {
			switch value[0] {
			case '<':
				dst = append(dst, "&lt;"...)
			case '&':
				dst = append(dst, "&amp;"...)
			case '\r':
				dst = append(dst, "&#13;"...)
			}
			value = value[1:]
		}
	}
	return append(dst, '"')
}
