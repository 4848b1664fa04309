package replay

import (
	"encoding/json"
	"strings"
)

// JSON returns JSON of which nothing is known but its keys, redacted by them: texts become "[redacted]", numbers 0, booleans
// false, objects empty, lists are gone through. All else is kept byte for byte. What is not valid becomes null.
func (x *Redaction) JSON(data []byte) []byte {
	if !json.Valid(data) || checkNesting0(data, 1000) != nil {
		return []byte("null")
	}
	s := jsonScan{data: data}
	before := x.found
	x.found = false
	dst := x.scan(nil, &s, false)
	if !x.found {
		x.found = before
		return data
	}
	return append(dst, s.data[s.i:]...)
}

// scrubJSON returns JSON without what is known to be a secret: it is taken out of texts, and a number that holds one becomes
// 0. What is not valid becomes null.
func (x *Redaction) scrubJSON(data []byte) []byte {
	if !json.Valid(data) {
		return []byte("null")
	}
	s, dst := jsonScan{data: data}, make([]byte, 0, len(data))
	for s.i < len(data) {
		if strings.IndexByte(" \t\r\n,:[]{}", data[s.i]) >= 0 {
			dst = append(dst, data[s.i])
			s.i++
			continue
		}
		dst = x.scrubScalar(dst, s.scalar())
	}
	return dst
}

func (x *Redaction) scrubScalar(dst, value []byte) []byte {
	text := string(value)
	if value[0] == '"' {
		_ = json.Unmarshal(value, &text)
	}
	clean := x.scrub(text)
	switch {
	case clean == text:
		return append(dst, value...)
	case value[0] != '"':
		return append(dst, '0')
	}
	dst, _ = appendJSONString(dst, clean) // a text can be encoded
	return dst
}

// checkNesting0 is checkNesting for a limit of one's own.
func checkNesting0(data []byte, limit int) error {
	depth := 0
	for _, c := range data {
		switch c {
		case '{', '[':
			if depth++; depth > limit {
				return checkNesting(data)
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// jsonScan goes over valid JSON.
type jsonScan struct {
	data []byte
	i    int
}

// space appends white space, commas and colons.
func (s *jsonScan) space(dst []byte) []byte {
	start := s.i
	for s.i < len(s.data) && strings.IndexByte(" \t\r\n,:", s.data[s.i]) >= 0 {
		s.i++
	}
	return append(dst, s.data[start:s.i]...)
}

// scalar steps over a text, a number or a word, and returns it.
func (s *jsonScan) scalar() []byte {
	start := s.i
	if s.data[s.i] == '"' {
		for s.i++; s.data[s.i] != '"'; s.i++ {
			if s.data[s.i] == '\\' {
				s.i++
			}
		}
		s.i++
		return s.data[start:s.i]
	}
	for s.i < len(s.data) && strings.IndexByte(" \t\r\n,:]}", s.data[s.i]) < 0 {
		s.i++
	}
	return s.data[start:s.i]
}

// scan appends the value that comes next, redacted; hide means all of it.
func (x *Redaction) scan(dst []byte, s *jsonScan, hide bool) []byte {
	dst = s.space(dst)
	switch s.data[s.i] {
	case '{':
		from := len(dst)
		dst = append(dst, '{')
		s.i++
		for dst = s.space(dst); s.data[s.i] != '}'; dst = s.space(dst) {
			key := s.scalar()
			dst = append(dst, key...)
			var name string
			_ = json.Unmarshal(key, &name) // it is valid
			dst = x.scan(dst, s, hide || x.sensitive(name))
		}
		s.i++
		if hide {
			x.found = true
			return append(dst[:from], "{}"...)
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		s.i++
		for dst = s.space(dst); s.data[s.i] != ']'; dst = s.space(dst) {
			dst = x.scan(dst, s, hide)
		}
		s.i++
		return append(dst, ']')
	}
	value := s.scalar()
	if !hide {
		return append(dst, value...)
	}
	return x.hidden(dst, value)
}

// hidden appends what stands for a text, a number or a word.
func (x *Redaction) hidden(dst, value []byte) []byte {
	switch value[0] {
	case '"':
		var text string
		if _ = json.Unmarshal(value, &text); text == "" {
			return append(dst, value...)
		}
		x.remember(text)
		return append(dst, `"`+Redacted+`"`...)
	case 'n':
		return append(dst, value...)
	case 't', 'f':
		x.found = true
		return append(dst, "false"...)
	}
	x.remember(string(value))
	return append(dst, '0')
}

// rememberTexts remembers the texts and the numbers in JSON, and its keys, if they are those of a map.
func (x *Redaction) rememberTexts(data []byte, keys bool) {
	s := jsonScan{data: data}
	for s.i < len(data) {
		if strings.IndexByte(" \t\r\n,:[]{}", data[s.i]) >= 0 {
			s.i++
			continue
		}
		value := s.scalar()
		text := string(value)
		if value[0] == '"' {
			_ = json.Unmarshal(value, &text)
		}
		if isKey := s.i < len(data) && data[s.i] == ':'; keys || !isKey {
			x.remember(text)
		}
	}
}
