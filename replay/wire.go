package replay

import (
	"bytes"
	"encoding/binary"
	"net/url"
)

// The stored form of entries; FORMAT.md describes it. Times and hashes stand apart, in columns of the segment.

type wireEntry struct {
	Mount *wireMount `cbor:"1,keyasint,omitempty" json:"mount,omitempty"`
	Turn  *wireTurn  `cbor:"2,keyasint,omitempty" json:"turn,omitempty"`
	Log   *Log       `cbor:"3,keyasint,omitempty" json:"log,omitempty"`
	Exit  *Exit      `cbor:"4,keyasint,omitempty" json:"exit,omitempty"`
	Gap   *Gap       `cbor:"5,keyasint,omitempty" json:"gap,omitempty"`
}

type wireMount struct {
	Mount
	Start  int64       `cbor:"11,keyasint,omitempty" json:"start,omitempty"` // Unix milliseconds
	Effect *wireEffect `cbor:"14,keyasint,omitempty" json:"effect,omitempty"`
}

type wireTurn struct {
	Cause  wireCause   `cbor:"1,keyasint" json:"cause"`
	Effect *wireEffect `cbor:"2,keyasint,omitempty" json:"effect,omitempty"`
	Error  string      `cbor:"3,keyasint,omitempty" json:"error,omitempty"`
	Saved  Saved       `cbor:"4,keyasint,omitempty" json:"saved,omitempty"`
	Took   uint32      `cbor:"5,keyasint,omitempty" json:"took,omitempty"` // milliseconds
}

type wireCause struct {
	Kind    CauseKind  `cbor:"1,keyasint" json:"kind"`
	Name    string     `cbor:"2,keyasint,omitempty" json:"name,omitempty"`
	Payload *text      `cbor:"3,keyasint,omitempty" json:"payload,omitempty"`
	Target  string     `cbor:"4,keyasint,omitempty" json:"target,omitempty"`
	URL     string     `cbor:"5,keyasint,omitempty" json:"url,omitempty"`
	Params  url.Values `cbor:"6,keyasint,omitempty" json:"params,omitempty"`
	Keys    []string   `cbor:"7,keyasint,omitempty" json:"keys,omitempty"`
}

type wireEffect struct {
	Keyframe bool       `cbor:"1,keyasint,omitempty" json:"keyframe,omitempty"`
	Parts    []wirePart `cbor:"2,keyasint,omitempty" json:"parts,omitempty"`
	Patch    *text      `cbor:"3,keyasint,omitempty" json:"patch,omitempty"`
	Bare     bool       `cbor:"4,keyasint,omitempty" json:"bare,omitempty"` // the column of hashes has none for this frame
	Title    *string    `cbor:"5,keyasint,omitempty" json:"title,omitempty"`
	HTML     raw        `cbor:"6,keyasint,omitempty" json:"html,omitempty"`
	Sum      raw        `cbor:"7,keyasint,omitempty" json:"sum,omitempty"`
}

type wirePart struct {
	Path   string      `cbor:"1,keyasint,omitempty" json:"path,omitempty"`
	Gone   bool        `cbor:"2,keyasint,omitempty" json:"gone,omitempty"`
	Fields []wireField `cbor:"3,keyasint,omitempty" json:"fields,omitempty"`
}

type wireField struct {
	Name  string `cbor:"1,keyasint" json:"name"`
	Value *text  `cbor:"2,keyasint,omitempty" json:"value,omitempty"` // nil: it is not recorded any more
}

func (w *wireEntry) effect() *wireEffect {
	switch {
	case w.Mount != nil:
		return w.Mount.Effect
	case w.Turn != nil:
		return w.Turn.Effect
	}
	return nil
}

// kinds returns how many kinds of entry w is; only 1 is right.
func (w *wireEntry) kinds() int {
	return int(cborCount(w.Mount != nil, w.Turn != nil, w.Log != nil, w.Exit != nil, w.Gap != nil))
}

// CBOR's major types, and null.
const (
	cborUint  = 0
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
	cborNull  = 0xf6
	cborTrue  = 0xf5
)

func cborHead(dst []byte, major byte, n uint64) []byte {
	switch major <<= 5; {
	case n < 24:
		return append(dst, major|byte(n))
	case n < 1<<8:
		return append(dst, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func cborString(dst []byte, s string) []byte {
	return append(cborHead(dst, cborText, uint64(len(s))), s...)
}

func cborByteString(dst, b []byte) []byte {
	return append(cborHead(dst, cborBytes, uint64(len(b))), b...)
}

// cborCount is how many members of a map there are.
func cborCount(present ...bool) uint64 {
	n := uint64(0)
	for _, is := range present {
		if is {
			n++
		}
	}
	return n
}

// appendTurn is what the library writes for an entry that is a turn, without reflection: turns are written while users
// wait. TestTurnsAreWrittenAsTheLibraryDoes compares the two.
func appendTurn(b *bytes.Buffer, t *wireTurn) error {
	dst := b.AvailableBuffer()
	dst = cborHead(dst, cborMap, 1)
	dst = cborHead(dst, cborUint, 2)
	dst = cborHead(dst, cborMap, 1+cborCount(t.Effect != nil, t.Error != "", t.Saved != 0, t.Took != 0))
	c := &t.Cause
	dst = cborHead(dst, cborUint, 1)
	dst = cborHead(dst, cborMap, 1+cborCount(c.Name != "", c.Payload != nil, c.Target != "", c.URL != "", len(c.Params) > 0, len(c.Keys) > 0))
	dst = cborHead(append(dst, 1), cborUint, uint64(c.Kind))
	if c.Name != "" {
		dst = cborString(append(dst, 2), c.Name)
	}
	if c.Payload != nil {
		dst = c.Payload.appendCBOR(append(dst, 3))
	}
	if c.Target != "" {
		dst = cborString(append(dst, 4), c.Target)
	}
	if c.URL != "" {
		dst = cborString(append(dst, 5), c.URL)
	}
	if len(c.Params) > 0 {
		b.Write(append(dst, 6))
		if err := cborEncoding.MarshalToBuffer(c.Params, b); err != nil {
			return err
		}
		dst = b.AvailableBuffer()
	}
	if len(c.Keys) > 0 {
		dst = cborHead(append(dst, 7), cborArray, uint64(len(c.Keys)))
		for _, k := range c.Keys {
			dst = cborString(dst, k)
		}
	}
	if t.Effect != nil {
		dst = t.Effect.appendCBOR(append(dst, 2))
	}
	if t.Error != "" {
		dst = cborString(append(dst, 3), t.Error)
	}
	if t.Saved != 0 {
		dst = cborHead(append(dst, 4), cborUint, uint64(t.Saved))
	}
	if t.Took != 0 {
		dst = cborHead(append(dst, 5), cborUint, uint64(t.Took))
	}
	b.Write(dst)
	return nil
}

func (e *wireEffect) appendCBOR(dst []byte) []byte {
	dst = cborHead(dst, cborMap, cborCount(e.Keyframe, len(e.Parts) > 0, e.Patch != nil, e.Bare, e.Title != nil, len(e.HTML) > 0, len(e.Sum) > 0))
	if e.Keyframe {
		dst = append(dst, 1, cborTrue)
	}
	if len(e.Parts) > 0 {
		dst = cborHead(append(dst, 2), cborArray, uint64(len(e.Parts)))
		for i := range e.Parts {
			dst = e.Parts[i].appendCBOR(dst)
		}
	}
	if e.Patch != nil {
		dst = e.Patch.appendCBOR(append(dst, 3))
	}
	if e.Bare {
		dst = append(dst, 4, cborTrue)
	}
	if e.Title != nil {
		dst = cborString(append(dst, 5), *e.Title)
	}
	if len(e.HTML) > 0 {
		dst = cborByteString(append(dst, 6), e.HTML)
	}
	if len(e.Sum) > 0 {
		dst = cborByteString(append(dst, 7), e.Sum)
	}
	return dst
}

func (p *wirePart) appendCBOR(dst []byte) []byte {
	dst = cborHead(dst, cborMap, cborCount(p.Path != "", p.Gone, len(p.Fields) > 0))
	if p.Path != "" {
		dst = cborString(append(dst, 1), p.Path)
	}
	if p.Gone {
		dst = append(dst, 2, cborTrue)
	}
	if len(p.Fields) > 0 {
		dst = cborHead(append(dst, 3), cborArray, uint64(len(p.Fields)))
		for i := range p.Fields {
			f := &p.Fields[i]
			dst = cborHead(dst, cborMap, 1+cborCount(f.Value != nil))
			dst = cborString(append(dst, 1), f.Name)
			if f.Value != nil {
				dst = f.Value.appendCBOR(append(dst, 2))
			}
		}
	}
	return dst
}

// appendCBOR writes a byte string, or the steps as one flat array.
func (t *text) appendCBOR(dst []byte) []byte {
	if t.whole != nil {
		return cborByteString(dst, t.whole)
	}
	dst = cborHead(dst, cborArray, uint64(3*len(t.steps)))
	for _, s := range t.steps {
		dst = cborHead(cborHead(dst, cborUint, uint64(s.keep)), cborUint, uint64(s.remove))
		if s.same {
			dst = append(dst, cborNull)
		} else {
			dst = cborByteString(dst, s.insert)
		}
	}
	return dst
}

// MarshalCBOR implements cbor.Marshaler.
func (t text) MarshalCBOR() ([]byte, error) { return t.appendCBOR(nil), nil }
