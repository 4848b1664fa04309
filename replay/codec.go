package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// Codec is how the entries of a recording are written. Both say the same.
type Codec string

// The codecs.
const (
	CBOR Codec = "cbor" // the default
	JSON Codec = "json" // larger, and readable with zstd and jq
)

// check returns an error that matches ErrFormat unless the codec is one of this build's.
func (c Codec) check() error {
	if c == CBOR || c == JSON {
		return nil
	}
	return fmt.Errorf("%w: codec %.16q, this build knows cbor and json", ErrFormat, string(c))
}

// maxNesting is how deeply arrays and objects of an entry may lie within each other.
const maxNesting = 16

var cborEncoding = func() cbor.UserBufferEncMode {
	m, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic, NilContainers: cbor.NilContainerAsNull}.UserBufferEncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

var cborDecoding = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxNestedLevels: maxNesting, MaxArrayElements: maxList, MaxMapPairs: maxList,
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden, UTF8: cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// append writes one item behind b: a CBOR item, or a line of JSON.
func (c Codec) append(b *bytes.Buffer, v any) error {
	if c == CBOR {
		return cborEncoding.MarshalToBuffer(v, b)
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// next reads one item and returns what comes after it.
func (c Codec) next(data []byte, v any) (rest []byte, err error) {
	if c == CBOR {
		rest, err = cborDecoding.UnmarshalFirst(data, v)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return rest, err
	}
	line, rest, whole := bytes.Cut(data, []byte("\n"))
	if !whole {
		return nil, io.ErrUnexpectedEOF
	}
	if err := checkNesting(line); err != nil {
		return nil, err
	}
	return rest, json.Unmarshal(line, v)
}

// checkNesting refuses JSON that is nested too deeply. It reads brackets only and may be called on anything.
func checkNesting(data []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return fmt.Errorf("nested deeper than %d", maxNesting)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// raw is bytes in an entry: a byte string of CBOR, a string of JSON, or there, where they are not UTF-8, an object with
// the key base64.
type raw []byte

type base64Bytes struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON implements json.Marshaler.
func (r raw) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(r) {
		return json.Marshal(base64Bytes{r})
	}
	return appendJSONString(nil, string(r))
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *raw) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var b base64Bytes
		err := json.Unmarshal(data, &b)
		*r = b.Base64
		return err
	}
	var s string
	err := json.Unmarshal(data, &s)
	*r = raw(s)
	return err
}

// appendJSONString appends s as a string of JSON, without the escapes for HTML.
func appendJSONString(dst []byte, s string) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return dst, err
	}
	return b.Bytes()[:b.Len()-1], nil
}
