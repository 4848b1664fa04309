package replay

import "unicode/utf8"

// OpenSegment reads a stored segment and decodes its entries, as the fuzzed reader does.
func OpenSegment(data []byte) (entries int, err error) {
	s, err := openSegment(data)
	if err != nil {
		return 0, err
	}
	d := newDecoder()
	for i := range s.entries {
		if _, err := d.next(s, i); err != nil {
			return i, err
		}
	}
	return len(s.entries), nil
}

// Forge makes a segment of a body that nobody has checked, with a hash that fits.
func Forge(codec Codec, id string, entries int, body []byte, frames int, keyframes []int, times []uint32, hashes []byte) (Segment, error) {
	s, err := NewSealer(id)
	if err != nil {
		return Segment{}, err
	}
	return s.Seal(&Chunk{Codec: codec, Entries: entries, FirstFrame: 1, Frames: frames, body: body, keyframes: keyframes, times: times, hashes: hashes})
}

// Splices writes next as steps from last and applies them; it returns what came out and how much was inserted.
func Splices(last, next []byte) (got []byte, inserted_ int, steps int, err error) {
	var s diffScratch
	var again, back inserted
	t := s.diff(nil, last, next)
	again.mark(t)
	inserted_ = len(t.whole)
	for _, s := range t.steps {
		inserted_ += len(s.insert)
	}
	steps = len(t.steps)
	got, err = back.apply(last, t, MaxStateBytes)
	return got, inserted_, steps, err
}

// Decompress is the bounded decompression of a segment's entries.
var Decompress = decompress

// Compress is its inverse.
func Compress(data []byte) []byte { return compressor.EncodeAll(data, nil) }

// Wrap makes an object with a checksum.
func Wrap(data []byte) []byte { return wrap(summaryMagic, data) }

// DecodeSummary reads a summary's object.
func DecodeSummary(data []byte) (Summary, error) { return decodeSummary(summaryMagic, data) }

// EncodeTurns returns a chunk's entries as they are written, and as the library would write them.
func EncodeTurns(c *Chunk) (got, want []byte, err error) {
	rest := c.body
	for len(rest) > 0 {
		var w wireEntry
		before := rest
		if rest, err = CBOR.next(rest, &w); err != nil {
			return nil, nil, err
		}
		data, err := cborEncoding.Marshal(&w)
		if err != nil {
			return nil, nil, err
		}
		got, want = append(got, before[:len(before)-len(rest)]...), append(want, data...)
	}
	return got, want, nil
}

// SplicesAreText reports whether every step inserts valid UTF-8.
func SplicesAreText(last, next []byte) bool {
	var s diffScratch
	t := s.diff(nil, last, next)
	for _, step := range t.steps {
		if !utf8.Valid(step.insert) {
			return false
		}
	}
	return true
}
