package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A segment is a line, a header, compressed entries and a hash; FORMAT.md describes it.
const (
	segmentMagic   = "livelong-replay/"
	segmentVersion = "1"
	maxHeaderBytes = 64 << 10
	hashBytes      = sha256.Size
)

// segmentHeader is what is known of a segment without decompressing it.
type segmentHeader struct {
	ID        string `cbor:"1,keyasint" json:"id"`
	Number    int    `cbor:"2,keyasint" json:"number"`                        // from 1
	Previous  raw    `cbor:"3,keyasint,omitempty" json:"previous,omitempty"`  // the closing hash of the one before
	At        int64  `cbor:"4,keyasint,omitempty" json:"at,omitempty"`        // milliseconds, of the entry before
	Entries   int    `cbor:"5,keyasint" json:"entries"`                       // how many
	Frame     int    `cbor:"6,keyasint" json:"frame"`                         // the number of its first frame
	Frames    int    `cbor:"7,keyasint,omitempty" json:"frames,omitempty"`    // how many
	Keyframes []int  `cbor:"8,keyasint,omitempty" json:"keyframes,omitempty"` // their numbers
	Base      int    `cbor:"9,keyasint,omitempty" json:"base,omitempty"`      // the segment with the last keyframe before this one
	Size      int    `cbor:"10,keyasint" json:"size"`                         // of the entries and columns, decompressed
}

// segment is a segment that was read.
type segment struct {
	codec   Codec
	header  segmentHeader
	entries []placed
	times   []uint32
	hashes  []byte
	closing [hashBytes]byte
	bytes   int // as stored
}

// placed is an entry with what the segment's columns say of it.
type placed struct {
	wireEntry
	at    time.Duration
	frame int // of its effect
	hash  uint64
}

// Segment is a chunk as it is stored: one object.
type Segment struct {
	Key  string
	Data []byte
}

// Sealer makes segments of a recording's chunks, in their order. It belongs to one goroutine at a time. It does not block,
// but compresses: about 10 us per KiB.
type Sealer struct {
	id       string
	number   int
	previous [hashBytes]byte
	base     int
	bytes    int64
	codec    Codec
}

// NewSealer returns a sealer for a recording; see [CheckID].
func NewSealer(id string) (*Sealer, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	return &Sealer{id: id}, nil
}

// Seal returns the next segment.
func (s *Sealer) Seal(c *Chunk) (Segment, error) {
	h := segmentHeader{
		ID: s.id, Number: s.number + 1, At: c.Start.Milliseconds(), Entries: c.Entries,
		Frame: c.FirstFrame, Frames: c.Frames, Keyframes: c.keyframes, Base: s.base,
	}
	if h.Number > maxSegments {
		return Segment{}, fmt.Errorf("segment %d: %w", h.Number, ErrTooLarge)
	}
	if s.number > 0 {
		h.Previous = s.previous[:]
	}
	var columns [2]bytes.Buffer
	if err := errors.Join(c.Codec.append(&columns[0], c.times), c.Codec.append(&columns[1], raw(c.hashes))); err != nil {
		return Segment{}, err
	}
	h.Size = len(c.body) + columns[0].Len() + columns[1].Len()
	var head bytes.Buffer
	if err := c.Codec.append(&head, &h); err != nil {
		return Segment{}, err
	}
	data := append([]byte(segmentMagic+segmentVersion+" "), string(c.Codec)+"\n"...)
	data = binary.AppendUvarint(data, uint64(head.Len()))
	data = append(data, head.Bytes()...)
	z := compressor
	data = z.EncodeAll(c.body, data)
	data = z.EncodeAll(columns[0].Bytes(), data) // compressed alone: hashes are random, and would spoil the rest's statistics
	data = z.EncodeAll(columns[1].Bytes(), data)
	sum := chain(s.previous, data)
	data = append(data, sum[:]...)
	if len(data) > MaxSegmentBytes || h.Size > MaxChunkBytes {
		return Segment{}, fmt.Errorf("segment %d has %d bytes: %w", h.Number, len(data), ErrTooLarge)
	}
	s.number, s.previous, s.bytes, s.codec = h.Number, sum, s.bytes+int64(len(data)), c.Codec
	if len(c.keyframes) > 0 {
		s.base = h.Number
	}
	return Segment{SegmentKey(s.id, h.Number, c.FirstFrame), data}, nil
}

// chain is the closing hash: of the previous segment's, and of everything before it.
func chain(previous [hashBytes]byte, data []byte) [hashBytes]byte {
	h := sha256.New()
	h.Write(previous[:])
	h.Write(data)
	return [hashBytes]byte(h.Sum(nil))
}

// Both are ready when the program starts: they hand their workers out by channels, and one made later, within a test's
// bubble of testing/synctest, could not be used by another test.
var (
	compressor = func() *zstd.Encoder {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(2),
			zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20))
		if err != nil {
			panic(err)
		}
		z.EncodeAll([]byte{0}, nil)
		return z
	}()
	decompressor = func() *zstd.Decoder {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxChunkBytes), zstd.WithDecoderMaxWindow(MaxSegmentBytes))
		if err != nil {
			panic(err)
		}
		return z
	}()
)

// decompress returns what was compressed, at most size bytes and no less.
func decompress(data []byte, size int) ([]byte, error) {
	if size < 0 || size > MaxChunkBytes {
		return nil, fmt.Errorf("%w: %d bytes of entries, at most %d are allowed", ErrDamaged, size, MaxChunkBytes)
	}
	// What is said of the size is not believed before there is something.
	body, err := decompressor.DecodeAll(data, make([]byte, 0, min(size, 64*len(data))))
	if err != nil {
		return nil, fmt.Errorf("%w: decompress: %v", ErrDamaged, err)
	}
	if len(body) != size {
		return nil, fmt.Errorf("%w: %d bytes of entries, the header says %d", ErrDamaged, len(body), size)
	}
	return body, nil
}

// openSegment reads a stored segment. Errors match ErrDamaged or ErrFormat, and say what is wrong where; the caller adds
// the key.
func openSegment(data []byte) (*segment, error) {
	s, rest, err := openHeader(data)
	if err != nil {
		return nil, err
	}
	body, err := decompress(rest, s.header.Size)
	if err != nil {
		return nil, err
	}
	s.entries = make([]placed, 0, min(s.header.Entries, len(body)))
	for i := range s.header.Entries {
		s.entries = append(s.entries, placed{})
		if body, err = s.codec.next(body, &s.entries[i].wireEntry); err != nil {
			return nil, fmt.Errorf("%w: entry %d: %v", ErrDamaged, i+1, err)
		}
	}
	if body, err = s.codec.next(body, &s.times); err != nil {
		return nil, fmt.Errorf("%w: times: %v", ErrDamaged, err)
	}
	if body, err = s.codec.next(body, (*raw)(&s.hashes)); err != nil {
		return nil, fmt.Errorf("%w: hashes: %v", ErrDamaged, err)
	}
	if len(body) > 0 || len(s.times) != len(s.entries) {
		return nil, fmt.Errorf("%w: %d entries with %d times, and %d bytes behind them", ErrDamaged, len(s.entries), len(s.times), len(body))
	}
	return s, s.place()
}

// openHeader checks the hash and reads the header. It returns the compressed entries.
func openHeader(data []byte) (*segment, []byte, error) {
	if len(data) > MaxSegmentBytes {
		return nil, nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrDamaged, len(data), MaxSegmentBytes)
	}
	line, rest, whole := bytes.Cut(data, []byte("\n"))
	version, ours := strings.CutPrefix(string(line[:min(len(line), 64)]), segmentMagic)
	if !whole || !ours {
		return nil, nil, fmt.Errorf("%w: it does not begin with %q", ErrDamaged, segmentMagic)
	}
	version, codec, _ := strings.Cut(version, " ")
	if version != segmentVersion {
		return nil, nil, fmt.Errorf("%w: version %.16q, this build reads version %s", ErrFormat, version, segmentVersion)
	}
	s := &segment{codec: Codec(codec), bytes: len(data)}
	if err := s.codec.check(); err != nil {
		return nil, nil, err
	}
	n, width := binary.Uvarint(rest)
	if width <= 0 || n > maxHeaderBytes || uint64(len(rest)-width) < n+hashBytes {
		return nil, nil, fmt.Errorf("%w: it is cut short, or its header is longer than %d bytes", ErrDamaged, maxHeaderBytes)
	}
	head, rest := rest[width:width+int(n)], rest[width+int(n):]
	if left, err := s.codec.next(head, &s.header); err != nil || len(left) > 0 {
		return nil, nil, fmt.Errorf("%w: its header cannot be read: %v", ErrDamaged, err)
	}
	h := &s.header
	var previous [hashBytes]byte
	if len(h.Previous) > 0 {
		if len(h.Previous) != hashBytes {
			return nil, nil, fmt.Errorf("%w: the previous segment's hash has %d bytes", ErrDamaged, len(h.Previous))
		}
		previous = [hashBytes]byte(h.Previous)
	}
	s.closing = [hashBytes]byte(data[len(data)-hashBytes:])
	if s.closing != chain(previous, data[:len(data)-hashBytes]) {
		return nil, nil, fmt.Errorf("%w: its hash does not fit", ErrDamaged)
	}
	if CheckID(h.ID) != nil || h.Number < 1 || h.Number > maxSegments || h.At < 0 || h.Entries < 1 || h.Entries > MaxChunkEntries ||
		h.Frame < 1 || h.Frame > MaxFrames || (h.Frame-1)/MaxChunkEntries > h.Number-1 || h.Frames < 0 || h.Frames > h.Entries || len(h.Keyframes) > h.Frames ||
		h.Base < 0 || h.Base >= h.Number || (h.Number == 1) != (len(h.Previous) == 0) {
		return nil, nil, fmt.Errorf("%w: its header is impossible", ErrDamaged)
	}
	return s, rest[:len(rest)-hashBytes], nil
}
