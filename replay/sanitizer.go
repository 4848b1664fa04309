package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Sanitizer changes what is recorded, after the [Redactor] has done its part: it takes out what no rule about names can
// know. Its methods are called by goroutines of the recorder, of several recordings at once; Params also by the page's own when
// it opens, which it must not block. They return new values or what they were given. When one panics, nothing of the entry is
// recorded and a [Gap] is; the page goes on.
type Sanitizer interface {
	// Fields returns what is recorded of all fields of a view, or of the members of an event's payload; name is that of the
	// view type or of the event. A field that is left out is not recorded.
	Fields(name string, fields []Field) []Field
	// Params returns what is recorded of parameters: of the route, and of the query of a URL.
	Params(view string, params url.Values) url.Values
	// Delta is Fields for those that have changed. last returns what was recorded last of any field; nil when there is
	// nothing.
	Delta(view string, changed []Field, last func(field string) []byte) []Field
}

// ErrSanitizer means that a sanitizer has panicked.
var ErrSanitizer = errors.New("the sanitizer has panicked")

// Sanitize lets the sanitizer change an entry, in place. view is the recorded view type; last returns what was recorded last
// of a field of the page's own view, see [Encoder.Last]. After an error, which matches [ErrSanitizer] and does not repeat
// what the sanitizer said, the entry must not be recorded; the next effect must be a keyframe with all fields.
func (r *Redactor) Sanitize(x *Entry, view string, last func(field string) []byte) (err error) {
	s := r.sanitizer
	if s == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			*x = Entry{At: x.At}
			err = fmt.Errorf("%w (%T)", ErrSanitizer, p)
		}
	}()
	effect := x.effect()
	switch {
	case x.Mount != nil:
		m := *x.Mount
		m.Params, m.URL = s.Params(view, m.Params), sanitizeURL(s, view, m.URL)
		x.Mount = &m
	case x.Turn != nil:
		t := *x.Turn
		c := &t.Cause
		c.Params, c.URL = s.Params(view, c.Params), sanitizeURL(s, view, c.URL)
		if c.Payload, err = sanitizePayload(s, c.Name, c.Payload); err != nil {
			return err
		}
		x.Turn = &t
	}
	if effect == nil {
		return nil
	}
	e := *effect
	e.Parts = nil
	for _, p := range effect.Parts {
		switch {
		case p.Gone:
		case e.Keyframe:
			p.Fields = s.Fields(view, p.Fields)
		default:
			lastOf := last
			if p.Path != "" || last == nil {
				lastOf = func(string) []byte { return nil }
			}
			p.Fields = s.Delta(view, p.Fields, lastOf)
		}
		e.Parts = append(e.Parts, p)
	}
	if x.Mount != nil {
		x.Mount.Effect = &e
	} else {
		x.Turn.Effect = &e
	}
	return nil
}

// shownURL is a URL as lists show it; without its query when the sanitizer panics.
func (r *Redactor) shownURL(view, raw string) (shown string) {
	if r.sanitizer == nil {
		return raw
	}
	shown, _, _ = strings.Cut(raw, "?")
	defer func() { _ = recover() }() // the entry is not recorded, which is logged
	return sanitizeURL(r.sanitizer, view, raw)
}

// sanitizeURL hands the query's parameters over; where nothing of them changes, the URL stays as it is.
func sanitizeURL(s Sanitizer, view, raw string) string {
	path, query, ok := strings.Cut(raw, "?")
	if !ok {
		return raw
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return path
	}
	before := values.Encode()
	if after := s.Params(view, values).Encode(); after != before {
		return path + "?" + after
	}
	return raw
}

// sanitizePayload hands the members of an object over. Anything else is kept as it is.
func sanitizePayload(s Sanitizer, name string, payload []byte) ([]byte, error) {
	var members []Field
	d := json.NewDecoder(bytes.NewReader(payload))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return payload, nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("payload of %s: %w", name, err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("payload of %s: %w", name, err)
		}
		text, _ := key.(string)
		members = append(members, Field{text, value})
	}
	dst := []byte{'{'}
	for i, f := range s.Fields(name, members) {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendJSONString(dst, f.Name); err != nil {
			return nil, err
		}
		dst = append(append(dst, ':'), f.JSON...)
	}
	return append(dst, '}'), nil
}

// Last returns the JSON that was recorded last of a field of the page's own view; nil when there is none. It is the
// encoder's own, and good until the next entry.
func (e *Encoder) Last(field string) []byte {
	if p := e.state.parts[""]; p != nil {
		return p.values[field]
	}
	return nil
}

// Lose says that something was not recorded, and why: the next effect must be a keyframe with all fields. A [Gap] is
// appended, unless the recording has not begun or has ended.
func (e *Encoder) Lose(x Entry, reason string) {
	e.lost = e.begun
	if e.begun && !e.ended {
		_ = e.Append(Entry{At: x.At, Gap: &Gap{Reason: reason}}) // a gap is never too large
	}
}
