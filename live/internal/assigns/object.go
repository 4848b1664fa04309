package assigns

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Members calls f for each member of a JSON object, in order; the value is a part of data. An error of f ends it and is
// returned as it is. Data that is not one valid object is an error, and f is not called.
func Members(data []byte, f func(key string, value []byte) error) error {
	if !json.Valid(data) {
		var x json.RawMessage
		if err := json.Unmarshal(data, &x); err != nil {
			return err
		}
	}
	s := scan{data: data}
	s.space()
	if s.data[s.i] != '{' {
		return errors.New("want a JSON object")
	}
	s.i++
	for s.space(); s.data[s.i] != '}'; s.space() {
		if s.data[s.i] == ',' {
			s.i++
			s.space()
		}
		raw := s.value()
		key, ok := plainString(raw)
		if !ok {
			if err := json.Unmarshal(raw, &key); err != nil {
				return err
			}
		}
		s.space()
		s.i++ // the colon
		s.space()
		if err := f(key, s.value()); err != nil {
			return err
		}
	}
	return nil
}

// scan walks over data that is known to be valid JSON.
type scan struct {
	data []byte
	i    int
}

func (s *scan) space() {
	for {
		switch s.data[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// value steps over the value that begins here.
func (s *scan) value() []byte {
	start, depth := s.i, 0
	for s.i < len(s.data) {
		switch s.data[s.i] {
		case '"':
			s.text()
			if depth == 0 {
				return s.data[start:s.i]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return s.data[start:s.i] // the end of what contains a number or a word
			}
			if depth--; depth == 0 {
				s.i++
				return s.data[start:s.i]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return s.data[start:s.i]
			}
		}
		s.i++
	}
	return s.data[start:]
}

// text steps over a string.
func (s *scan) text() {
	for s.i++; s.data[s.i] != '"'; s.i++ {
		if s.data[s.i] == '\\' {
			s.i++
		}
	}
	s.i++
}

func plainString(raw []byte) (string, bool) {
	if bytes.IndexByte(raw, '\\') >= 0 {
		return "", false
	}
	return string(raw[1 : len(raw)-1]), true
}

// CheckDepth refuses JSON in which more than limit arrays and objects lie within each other. It reads brackets only and
// may be called on anything.
func CheckDepth(data []byte, limit int) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted:
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return fmt.Errorf("JSON is nested deeper than %d", limit)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
