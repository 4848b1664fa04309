package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Nearly all frames of a browser have one of three forms, without white space or escapes:
//
//	[7]    [7,"Name"]    [7,"Name",{"v":…}]
//
// decodeShort reads them without encoding/json, which takes about 1.7 of the 14 µs of a click, and leaves all others,
// the wrong ones among them, to decodeUp. What it reads, decodeUp reads the same: a fuzz test compares them. The first
// join of a page and the frames that have little extra have short ways, too.
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

// decodeShortJoin reads the first join of a page: [1,"TOKEN",{}] or [1,"TOKEN",{"tag":"TAG"}].
func decodeShortJoin(frame []byte, l Limits) (j Join, ok bool) {
	rest, ok := bytes.CutPrefix(frame, []byte("["+strconv.Itoa(Version)+`,"`))
	if !ok || len(frame) > l.Frame || l.Depth < 2 {
		return j, false
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 || !names(rest[:end]) {
		return j, false
	}
	j.Token, rest = string(rest[:end]), rest[end+1:]
	if string(rest) == ",{}]" {
		return j, true
	}
	rest, ok = bytes.CutPrefix(rest, []byte(`,{"tag":"`))
	tag, ok2 := bytes.CutSuffix(rest, []byte(`"}]`))
	if !ok || !ok2 || !names(tag) {
		return Join{}, false
	}
	j.Options.Tag = string(tag)
	return j, true
}

// names reports whether b has only bytes that stand for themselves in JSON.
func names(b []byte) bool {
	for _, c := range b {
		if !isNameByte(c) {
			return false
		}
	}
	return true
}

// appendShort appends an extra that has only what nearly all have; false when it has more.
func (e *Extra) appendShort(dst []byte) ([]byte, bool) {
	if e.HTML != nil || e.Title != nil || e.Flash != nil || e.Reply != nil || e.Push != nil || e.Error != nil || e.To != "" || e.Carry != "" ||
		e.URL != nil || e.Token != "" || e.Join != nil && e.Join.Visit != 0 ||
		!names([]byte(e.Tag)) || e.Join != nil && !names([]byte(e.Join.Secret)) {
		return dst, false
	}
	first := true
	key := func(name string) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(append(dst, '"'), name...), '"', ':')
	}
	dst = append(dst, '{')
	if j := e.Join; j != nil {
		key("join")
		dst = append(append(append(dst, `{"how":"`...), j.How...), `","secret":"`...)
		dst = append(append(dst, j.Secret...), '"')
		if j.N != 0 {
			dst = strconv.AppendInt(append(dst, `,"n":`...), int64(j.N), 10)
		}
		if j.Recovered {
			dst = append(dst, `,"recovered":true`...)
		}
		dst = append(dst, '}')
	}
	if e.Shape != nil {
		key("h")
		dst = strconv.AppendUint(dst, uint64(*e.Shape), 10)
	}
	if e.Inserted != nil {
		key("i")
		dst = strconv.AppendUint(dst, uint64(*e.Inserted), 10)
	}
	if e.Tag != "" {
		key("tag")
		dst = append(append(append(dst, '"'), e.Tag...), '"')
	}
	if e.Save != nil {
		key("s")
		dst = strconv.AppendUint(dst, uint64(*e.Save), 10)
	}
	return append(dst, '}'), true
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
