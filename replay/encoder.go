package replay

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Limits of what is written, and so of what is read: what is beyond is damage, or an attack.
const (
	MaxEntryBytes   = 4 << 20  // one entry, encoded
	MaxStateBytes   = 8 << 20  // all fields of a page together
	MaxSegmentBytes = 8 << 20  // one segment, compressed
	MaxChunkBytes   = 16 << 20 // the entries of one segment
	MaxChunkEntries = 10_000   // in one segment
	MaxFrames       = 1 << 31  // in one recording
)

// EncoderOptions are options of [NewEncoder]. The zero value means the defaults.
type EncoderOptions struct {
	Codec         Codec // default CBOR
	KeyframeTurns int   // frames from one keyframe to the next; default 200
	KeyframeBytes int   // bytes of entries after which a frame is a keyframe; default 64 KiB, or what a keyframe takes if more
}

// Encoder writes the entries of one recording into a buffer in memory, in their stored form. It keeps the last value of
// each field, of which it writes the changes only. It does no I/O, and belongs to one goroutine at a time: the instance's.
type Encoder struct {
	o     EncoderOptions
	state state
	buf   bytes.Buffer
	chunk Chunk // what buf holds

	title        string
	begun, ended bool
	lost         bool // a keyframe with all fields must come next
	at           int64
	frames       int
	turns, bytes int // since the last keyframe
	keyBytes     int // of the last keyframe

	steps   []splice
	scratch diffScratch
	turn    wireTurn
	mount   wireMount
	effect  wireEffect
	texts   []text
	fields  []wireField
}

// Chunk is what an [Encoder] was given between two cuts. It is not changed any more.
type Chunk struct {
	Codec   Codec
	Entries int
	// FirstFrame is the number of the first frame in it, or of the next one when there is none. Frames are counted from 1.
	FirstFrame int
	Frames     int
	Start, End time.Duration // of the entry before the chunk, and of its last
	Ended      bool          // its last entry is an exit

	body      []byte
	times     []uint32
	hashes    []byte
	keyframes []int // their numbers
}

// Bytes returns the size of the chunk in memory.
func (c *Chunk) Bytes() int { return len(c.body) + 4*len(c.times) + len(c.hashes) }

// NewEncoder returns an encoder for a new recording. An unknown codec is an error that matches [ErrFormat].
func NewEncoder(o EncoderOptions) (*Encoder, error) {
	if o.Codec == "" {
		o.Codec = CBOR
	}
	if o.KeyframeTurns <= 0 {
		o.KeyframeTurns = 200
	}
	if o.KeyframeBytes <= 0 {
		o.KeyframeBytes = 64 << 10
	}
	e := &Encoder{o: o, state: newState()}
	e.chunk = Chunk{Codec: o.Codec, FirstFrame: 1}
	return e, o.Codec.check()
}

// KeyframeDue reports whether the next effect will be a keyframe: then it should have HTML, Sum and Title. When all is
// true, it must also be given all fields, for something before it was left out.
func (e *Encoder) KeyframeDue() (due, all bool) {
	return !e.begun || e.lost || e.turns+1 >= e.o.KeyframeTurns || e.bytes >= max(e.o.KeyframeBytes, e.keyBytes), !e.begun || e.lost
}

// Frames returns the number of frames so far.
func (e *Encoder) Frames() int { return e.frames }

// Pending returns the bytes and entries since the last cut.
func (e *Encoder) Pending() (bytes, entries int) { return e.buf.Len(), e.chunk.Entries }

// Append adds an entry; nothing of it is referred to afterwards. After an error nothing was added. One that matches
// [ErrTooLarge] or [ErrWantKeyframe] means that the next effect must be a keyframe with all fields; the recorder appends a
// [Gap], so that what is missing is seen. It does not block.
func (e *Encoder) Append(x Entry) error {
	if err := e.check(&x); err != nil {
		return err
	}
	var w wireEntry
	var effect *Effect
	e.steps, e.texts, e.fields = e.steps[:0], e.texts[:0], e.fields[:0]
	var again inserted
	switch {
	case x.Mount != nil:
		effect = x.Mount.Effect
		e.mount = wireMount{Mount: *x.Mount, Start: x.Mount.Start.UnixMilli()}
		w.Mount = &e.mount
	case x.Turn != nil:
		effect = x.Turn.Effect
		e.turn = wireTurn{Error: x.Turn.Error, Saved: x.Turn.Saved, Took: uint32(min(x.Turn.Took.Milliseconds(), 1<<32-1))}
		w.Turn = &e.turn
	default:
		w.Log, w.Exit, w.Gap = x.Log, x.Exit, x.Gap
	}
	keyframe := false
	if effect != nil {
		due, all := e.KeyframeDue()
		if all && !effect.Keyframe {
			e.lost = true
			return fmt.Errorf("append frame %d: %w", e.frames+1, ErrWantKeyframe)
		}
		if keyframe = due || effect.Keyframe; keyframe {
			e.state.forget(effect.Keyframe)
		}
	}
	if x.Turn != nil {
		c := &x.Turn.Cause
		e.turn.Cause = wireCause{Kind: c.Kind, Name: c.Name, Target: c.Target, URL: c.URL, Params: c.Params, Keys: c.Keys}
		if c.Payload != nil {
			slot := payloadSlot{c.Kind, c.Name}
			last := e.state.payloads[slot]
			e.turn.Cause.Payload = e.text(&again, last, c.Payload)
			e.state.rememberPayload(slot, append(last[:0], c.Payload...))
		}
	}
	if effect != nil {
		e.effectOf(effect, keyframe, &again)
		if w.Mount != nil {
			w.Mount.Effect = &e.effect
		} else {
			w.Turn.Effect = &e.effect
		}
	}
	return e.write(&w, x.At, effect, keyframe)
}

// check refuses entries in the wrong order.
func (e *Encoder) check(x *Entry) error {
	switch {
	case x.kinds() != 1:
		return fmt.Errorf("append: the entry is of %d kinds, want one", x.kinds())
	case e.ended:
		return errors.New("append: the recording has ended")
	case e.begun == (x.Mount != nil):
		return errors.New("append: the first entry must be a mount, and no other")
	case x.Mount != nil && (x.Mount.Effect == nil || !x.Mount.Effect.Keyframe):
		return fmt.Errorf("append a mount: %w", ErrWantKeyframe)
	case e.frames >= MaxFrames || e.chunk.Entries >= MaxChunkEntries:
		return fmt.Errorf("append: %w: too many entries", ErrTooLarge)
	}
	return nil
}

// write encodes an entry, and takes it back if it is too large.
func (e *Encoder) write(w *wireEntry, at time.Duration, effect *Effect, keyframe bool) error {
	before := e.buf.Len()
	var err error
	if e.o.Codec == CBOR && w.Turn != nil {
		err = appendTurn(&e.buf, w.Turn)
	} else {
		err = e.o.Codec.append(&e.buf, w)
	}
	size := e.buf.Len() - before
	switch {
	case err != nil:
		err = fmt.Errorf("append: %w", err)
	case size > MaxEntryBytes || e.buf.Len() > MaxChunkBytes/2 && before > 0 || e.state.bytes > MaxStateBytes:
		err = fmt.Errorf("append %d bytes, with %d of fields: %w", size, e.state.bytes, ErrTooLarge)
	}
	if err != nil {
		e.buf.Truncate(before)
		e.lost = e.lost || e.begun && (effect != nil || w.Turn != nil)
		return err
	}
	e.begun, e.ended = true, w.Exit != nil
	ms := min(max(at.Milliseconds(), e.at), e.at+1<<32-1)
	c := &e.chunk
	c.times = append(c.times, uint32(ms-e.at))
	c.Entries++
	c.Ended = e.ended
	e.at = ms
	c.End = time.Duration(ms) * time.Millisecond
	e.bytes += size
	if effect == nil {
		return nil
	}
	e.frames++
	c.Frames++
	e.turns++
	if effect.Hash != 0 {
		for i := range 8 {
			c.hashes = append(c.hashes, byte(effect.Hash>>(56-8*i)))
		}
	}
	if keyframe {
		c.keyframes = append(c.keyframes, e.frames)
		e.lost, e.turns, e.bytes, e.keyBytes = false, 0, 0, size
	}
	return nil
}

// effectOf fills in e.effect, and the state.
func (e *Encoder) effectOf(x *Effect, keyframe bool, again *inserted) {
	w := &e.effect
	*w = wireEffect{Keyframe: keyframe, Parts: w.Parts[:0], Bare: x.Hash == 0}
	for _, p := range x.Parts {
		if p.Gone {
			e.state.drop(p.Path)
			if !keyframe {
				w.Parts = append(w.Parts, wirePart{Path: p.Path, Gone: true})
			}
			continue
		}
		own := e.state.part(p.Path)
		first := len(e.fields)
		for _, f := range p.Fields {
			last, known := own.values[f.Name]
			if f.JSON == nil {
				if known && !keyframe {
					e.fields = append(e.fields, wireField{Name: f.Name})
				}
				e.state.set(own, f.Name, nil)
				continue
			}
			if known && bytes.Equal(last, f.JSON) {
				continue
			}
			if !keyframe {
				e.fields = append(e.fields, wireField{Name: f.Name, Value: e.text(again, last, f.JSON)})
			}
			if known {
				e.state.bytes += len(f.JSON) - len(last)
				own.values[f.Name] = append(last[:0], f.JSON...) // the steps refer to f.JSON only
			} else {
				e.state.set(own, f.Name, bytes.Clone(f.JSON))
			}
		}
		if len(e.fields) > first {
			w.Parts = append(w.Parts, wirePart{Path: p.Path, Fields: e.fields[first:len(e.fields):len(e.fields)]})
		} else if len(own.names) == 0 && !keyframe && p.Path != "" {
			w.Parts = append(w.Parts, wirePart{Path: p.Path})
		}
	}
	if keyframe {
		w.Parts = w.Parts[:0]
		for _, p := range e.state.all() {
			first := len(e.fields)
			for _, f := range p.Fields {
				e.texts = append(e.texts, text{whole: f.JSON})
				e.fields = append(e.fields, wireField{f.Name, &text{whole: f.JSON}})
			}
			w.Parts = append(w.Parts, wirePart{Path: p.Path, Fields: e.fields[first:len(e.fields):len(e.fields)]})
		}
		w.HTML, w.Sum = x.HTML, x.Sum
	}
	if x.Patch != nil {
		w.Patch = e.text(again, e.state.patch, x.Patch)
		if len(x.Patch) <= maxRemembered {
			e.state.patch = append(e.state.patch[:0], x.Patch...)
		} else {
			e.state.patch = nil
		}
	}
	switch {
	case x.Title != "" && (keyframe || x.Title != e.title):
		e.title = x.Title
		w.Title = &e.title
	case keyframe && e.title != "":
		w.Title = &e.title
	}
}

// text returns a text that makes next of last. It is good until the next entry.
func (e *Encoder) text(again *inserted, last, next []byte) *text {
	from := len(e.steps)
	t := e.scratch.diff(e.steps[from:], last, next)
	again.mark(t)
	if t.whole == nil {
		e.steps = append(e.steps[:from], t.steps...)
	}
	e.texts = append(e.texts, t)
	return &e.texts[len(e.texts)-1]
}

// Cut returns what was appended since the last cut, nil if nothing was. The chunk does not refer to the encoder.
func (e *Encoder) Cut() *Chunk {
	if e.chunk.Entries == 0 {
		return nil
	}
	c := e.chunk
	c.body = bytes.Clone(e.buf.Bytes())
	e.buf.Reset()
	e.chunk = Chunk{Codec: c.Codec, FirstFrame: e.frames + 1, Start: c.End, End: c.End, Ended: c.Ended}
	c.times, c.hashes, c.keyframes = slices.Clip(c.times), slices.Clip(c.hashes), slices.Clip(c.keyframes)
	return &c
}

// kinds returns how many kinds of entry x is; only 1 is right.
func (x *Entry) kinds() int {
	return int(cborCount(x.Mount != nil, x.Turn != nil, x.Log != nil, x.Exit != nil, x.Gap != nil))
}
