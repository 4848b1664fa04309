package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// AppendDown appends the frame `[ref,patch,extra?]` to dst. An empty patch is sent as `[]`. It fails when a value of
// extra, which comes from the app, cannot be encoded as JSON; dst is then returned as it was.
func AppendDown(dst []byte, ref int, patch []byte, extra *Extra) ([]byte, error) {
	was := len(dst)
	dst = append(dst, '[')
	dst = strconv.AppendInt(dst, int64(ref), 10)
	dst = append(dst, ',')
	if len(patch) == 0 {
		dst = append(dst, '[', ']')
	}
	dst = append(dst, patch...)
	if extra != nil && !extra.Empty() {
		dst = append(dst, ',')
		if short, ok := extra.appendShort(dst); ok {
			return append(short, ']'), nil
		}
		w := bytes.NewBuffer(dst)
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(extra); err != nil {
			return dst[:was], fmt.Errorf("encode frame: %w", err)
		}
		dst = bytes.TrimSuffix(w.Bytes(), []byte("\n"))
	}
	return append(dst, ']'), nil
}

// Down is a frame to the browser, decoded.
type Down struct {
	Ref   int
	Patch json.RawMessage
	Extra Extra
}

// DecodeDown decodes a frame made by AppendDown.
func DecodeDown(frame []byte) (Down, error) {
	var d Down
	parts := []any{&d.Ref, &d.Patch, &d.Extra}
	var raw []json.RawMessage
	if err := json.Unmarshal(frame, &raw); err != nil {
		return d, fmt.Errorf("decode frame: %w", err)
	}
	if len(raw) < 2 || len(raw) > 3 {
		return d, fmt.Errorf("decode frame: %d elements, want [ref, patch, extra?]", len(raw))
	}
	for i := range raw {
		if err := json.Unmarshal(raw[i], parts[i]); err != nil {
			return d, fmt.Errorf("decode frame, element %d: %w", i, err)
		}
	}
	return d, nil
}
