package wire

import (
	"bytes"
	"encoding/json"
)

// Nearly all frames of a browser have one of three forms, without white space or escapes:
//
//	[7]    [7,"Name"]    [7,"Name",{"v":…}]
//
// decodeShort reads them without encoding/json, which takes about 1.7 of the 14 µs of a click, and leaves all others,
// the wrong ones among them, to decodeUp. What it reads, decodeUp reads the same: a fuzz test compares them.
func decodeShort(frame []byte, l Limits) (u Up, ok bool) {
	if len(frame) > l.Frame || len(frame) < 3 || frame[0] != '[' || frame[len(frame)-1] != ']' {
		return u, false
	}
	i := 1
	for ; i < len(frame)-1 && frame[i] >= '0' && frame[i] <= '9'; i++ {
		u.N = u.N*10 + int(frame[i]-'0')
	}
	// Fewer digits than a number can have that is out of bounds, and no leading zero.
	if i == 1 || i > 16 || frame[1] == '0' {
		return u, false
	}
	if i == len(frame)-1 {
		u.Kind = Confirm
		return u, l.Depth > 0
	}
	if frame[i] != ',' || frame[i+1] != '"' {
		return u, false
	}
	from := i + 2
	for i = from; i < len(frame) && isNameByte(frame[i]); i++ {
	}
	if i == from || i-from > maxName || i >= len(frame) || frame[i] != '"' {
		return u, false
	}
	u.Name = string(frame[from:i])
	rest := frame[i+1:]
	if len(rest) == 1 {
		return u, l.Depth > 0
	}
	rest, ok = bytes.CutPrefix(rest, []byte(`,{"v":`))
	if !ok || !bytes.HasSuffix(rest, []byte("}]")) {
		return u, false
	}
	value := rest[:len(rest)-2]
	// Anything beside v in the object would be no JSON here.
	if tooDeep(frame, l.Depth) >= 0 || len(value) == 0 || isSpace(value[0]) || isSpace(value[len(value)-1]) || !json.Valid(value) {
		return u, false
	}
	u.Payload.Value = value
	return u, true
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
