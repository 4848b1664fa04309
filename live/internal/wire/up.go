package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Options of a join.
type Options struct {
	Secret string            `json:"secret,omitempty"` // of the attach before: its presence asks to resume
	K      int               `json:"k,omitempty"`      // frames applied
	N      int               `json:"n,omitempty"`      // the newest event sent
	Tag    string            `json:"tag,omitempty"`    // of what the page shows, when no patch came after it
	Size   []float64         `json:"size,omitempty"`   // of the window: width, height, device pixels per CSS pixel
	Params map[string]string `json:"params,omitempty"` // the app's own, read by Socket.ConnectParams
}

// Join is the first frame of each connection.
type Join struct {
	Token   string
	Options Options
}

// Payload is what an event carries. All of it is user input.
type Payload struct {
	Value  json.RawMessage            `json:"v,omitempty"` // the binding's JSON object
	Form   string                     `json:"f,omitempty"` // application/x-www-form-urlencoded
	Client map[string]json.RawMessage `json:"c,omitempty"` // values the browser fills in
}

// Kind of a frame up.
type Kind int

// The frames that follow a join.
const (
	Event   Kind = iota // N, Name, Payload, Target
	Confirm             // K frames were applied
	Resync              // send the HTML: Reason
	HTML                // send HTML from now on: Reason
	Ping                // answer with an empty frame
	Here                // the page of the visit in Reason is shown
)

// Up is a frame from the browser after its join.
type Up struct {
	Kind    Kind
	N       int // event number, 1 and up; for Confirm the count of frames
	Name    string
	Payload Payload
	Target  string // the child that handles the event; empty: the page's view
	Reason  string
}

// maxNumber bounds event numbers and frame counts: 2^53 is where JavaScript stops counting.
const maxNumber = 1 << 53

// maxName bounds the bytes of an event's name and of reasons.
const maxName = 256

// MaxTarget bounds the bytes of the id of the child that an event is for.
const MaxTarget = 256

// DecodeJoin decodes the first frame of a connection. The error matches ErrVersion when only the version is foreign.
func DecodeJoin(frame []byte, l Limits) (Join, error) {
	if j, ok := decodeShortJoin(frame, l); ok {
		return j, nil
	}
	return decodeJoin(frame, l)
}

func decodeJoin(frame []byte, l Limits) (Join, error) {
	var j Join
	raw, err := split(frame, l)
	if err != nil {
		return j, err
	}
	var version int
	if len(raw) == 0 || json.Unmarshal(raw[0], &version) != nil {
		return j, &FrameError{0, "a join is [version, token, options]"}
	}
	if version != Version {
		return j, fmt.Errorf("%w: %d, want %d", ErrVersion, version, Version)
	}
	if len(raw) < 2 || len(raw) > 3 || json.Unmarshal(raw[1], &j.Token) != nil {
		return j, &FrameError{0, "a join is [version, token, options]"}
	}
	if len(raw) == 3 {
		if err := strict(raw[2], &j.Options); err != nil {
			return j, &FrameError{offset(frame, raw[2]), "join options: " + err.Error()}
		}
	}
	if len(j.Options.Size) > 3 {
		return j, &FrameError{offset(frame, raw[2]), "join options: size has up to three numbers"}
	}
	if o := &j.Options; o.K < 0 || o.K > maxNumber || o.N < 0 || o.N > maxNumber {
		return j, &FrameError{offset(frame, raw[2]), "join options: k and n count from 0"}
	}
	return j, nil
}

// AppendJoin encodes a join.
func AppendJoin(dst []byte, j Join) ([]byte, error) {
	return appendArray(dst, Version, j.Token, j.Options)
}

// DecodeUp decodes a frame that follows the join. Its errors are *FrameError; the payload's inside is not looked at.
func DecodeUp(frame []byte, l Limits) (Up, error) {
	if u, ok := decodeShort(frame, l); ok {
		return u, nil
	}
	return decodeUp(frame, l)
}

// decodeUp decodes any frame that follows the join.
func decodeUp(frame []byte, l Limits) (Up, error) {
	raw, err := split(frame, l)
	if err != nil {
		return Up{}, err
	}
	var u Up
	if len(raw) == 0 {
		return Up{}, &FrameError{0, "an empty array, want [n, name, payload?, target?] or [k]"}
	}
	if json.Unmarshal(raw[0], &u.N) != nil || u.N < 0 || u.N > maxNumber {
		return Up{}, &FrameError{1, "the first element is not a count"}
	}
	if len(raw) == 1 {
		u.Kind = Confirm
		return u, nil
	}
	if json.Unmarshal(raw[1], &u.Name) != nil || u.Name == "" || len(u.Name) > maxName {
		return Up{}, &FrameError{offset(frame, raw[1]), "the second element is not a name"}
	}
	if u.N == 0 {
		return control(frame, raw, u.Name)
	}
	if len(raw) > 4 {
		return Up{}, &FrameError{offset(frame, raw[4]), "an event has at most four elements"}
	}
	if len(raw) > 2 && !isNull(raw[2]) {
		if err := strict(raw[2], &u.Payload); err != nil {
			return Up{}, &FrameError{offset(frame, raw[2]), `payload, an object of "v", "f" and "c": ` + err.Error()}
		}
	}
	if len(raw) > 3 && (json.Unmarshal(raw[3], &u.Target) != nil || len(u.Target) > MaxTarget) {
		return Up{}, &FrameError{offset(frame, raw[3]), "the target is not a short string"}
	}
	return u, nil
}

func control(frame []byte, raw []json.RawMessage, name string) (Up, error) {
	u := Up{}
	switch name {
	case "resync":
		u.Kind = Resync
	case "html":
		u.Kind = HTML
	case "ping":
		u.Kind = Ping
	case "here":
		u.Kind = Here
	default:
		return Up{}, &FrameError{offset(frame, raw[1]), fmt.Sprintf("no control frame is called %q", name)}
	}
	if len(raw) > 3 || len(raw) == 3 && (json.Unmarshal(raw[2], &u.Reason) != nil || len(u.Reason) > maxName) {
		return Up{}, &FrameError{offset(frame, raw[2]), "the reason is not a short string"}
	}
	return u, nil
}

// AppendUp encodes a frame that follows the join.
func AppendUp(dst []byte, u Up) ([]byte, error) {
	switch u.Kind {
	case Confirm:
		return appendArray(dst, u.N)
	case Resync:
		return appendArray(dst, 0, "resync", u.Reason)
	case HTML:
		return appendArray(dst, 0, "html", u.Reason)
	case Ping:
		return appendArray(dst, 0, "ping")
	case Here:
		return appendArray(dst, 0, "here", u.Reason)
	}
	if u.Target != "" {
		return appendArray(dst, u.N, u.Name, u.Payload, u.Target)
	}
	if u.Payload.Value == nil && u.Payload.Form == "" && u.Payload.Client == nil {
		return appendArray(dst, u.N, u.Name)
	}
	return appendArray(dst, u.N, u.Name, u.Payload)
}

func appendArray(dst []byte, elements ...any) ([]byte, error) {
	b, err := json.Marshal(elements)
	if err != nil {
		return dst, fmt.Errorf("encode frame: %w", err)
	}
	return append(dst, b...), nil
}

// split checks a frame's size and depth before anything is decoded, and returns its elements, which alias it.
func split(frame []byte, l Limits) ([]json.RawMessage, error) {
	if len(frame) > l.Frame {
		return nil, &FrameError{l.Frame, fmt.Sprintf("%d bytes, the limit is %d", len(frame), l.Frame)}
	}
	if at := tooDeep(frame, l.Depth); at >= 0 {
		return nil, &FrameError{at, fmt.Sprintf("nested deeper than %d", l.Depth)}
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(frame, &raw); err != nil {
		at := 0
		if syntax, ok := err.(*json.SyntaxError); ok {
			at = int(syntax.Offset)
		}
		return nil, &FrameError{at, "not a JSON array: " + err.Error()}
	}
	return raw, nil
}

// tooDeep returns the offset at which JSON nests deeper than limit, or -1. It may be given any bytes.
func tooDeep(b []byte, limit int) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > limit {
				return i
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return -1
}

// strict refuses fields that v does not have, so that a client of another build is noticed.
func strict(raw json.RawMessage, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// offset finds where an element stands in its frame: for an error message, not for a decision.
func offset(frame, element []byte) int { return max(0, bytes.Index(frame, element)) }
