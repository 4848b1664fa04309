package replay

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// maxWork bounds what the steps of one segment may copy: a hostile one could ask for more than it is long, often.
const maxWork = 4 << 30

// decoder turns stored entries into entries. It begins at a keyframe.
type decoder struct {
	state state
	ready bool // a keyframe was seen since the start, or since something was lost
	frame int  // the number of the newest frame
	work  int
}

func newDecoder() *decoder { return &decoder{state: newState()} }

// lose forgets everything: what comes next is not understood before a keyframe.
func (d *decoder) lose() {
	d.state, d.ready = newState(), false
}

// next returns the i-th entry of a segment. Without a keyframe before it, an entry is nil that needs one.
func (d *decoder) next(s *segment, i int) (*Entry, error) {
	w := &s.entries[i].wireEntry
	x := &Entry{At: s.entries[i].at}
	effect := w.effect()
	if i == 0 {
		d.work = 0
	}
	if effect != nil {
		d.frame = s.entries[i].frame
		if effect.Keyframe {
			d.state, d.ready = newState(), true
		}
	}
	var again inserted
	switch {
	case w.Mount != nil:
		m := w.Mount.Mount
		m.Start = time.UnixMilli(w.Mount.Start).UTC()
		x.Mount = &m
	case w.Turn != nil:
		c := &w.Turn.Cause
		t := &Turn{Error: w.Turn.Error, Saved: w.Turn.Saved, Took: time.Duration(w.Turn.Took) * time.Millisecond}
		t.Cause = Cause{Kind: c.Kind, Name: c.Name, Target: c.Target, URL: c.URL, Params: c.Params, Keys: c.Keys}
		x.Turn = t
		if !d.ready {
			return nil, nil
		}
		if c.Payload != nil {
			slot := payloadSlot{c.Kind, c.Name}
			payload, err := d.apply(&again, d.state.payloads[slot], *c.Payload)
			if err != nil {
				return nil, fmt.Errorf("payload of %.64q: %w", c.Name, err)
			}
			d.state.rememberPayload(slot, payload)
			t.Cause.Payload = payload
		}
	default:
		x.Log, x.Exit, x.Gap = w.Log, w.Exit, w.Gap
	}
	if effect == nil {
		return x, nil
	}
	e, err := d.effect(effect, &again)
	if err != nil {
		return nil, err
	}
	e.Hash = s.entries[i].hash
	if x.Mount != nil {
		x.Mount.Effect = e
	} else {
		x.Turn.Effect = e
	}
	return x, nil
}

func (d *decoder) apply(again *inserted, last []byte, t text) ([]byte, error) {
	next, err := again.apply(last, t, MaxStateBytes)
	if d.work += len(next); d.work > maxWork {
		return nil, fmt.Errorf("%w: its steps copy more than %d bytes", ErrDamaged, maxWork)
	}
	return next, err
}

// effect fills in the parts that changed. A keyframe's are all there are.
func (d *decoder) effect(w *wireEffect, again *inserted) (*Effect, error) {
	e := &Effect{Keyframe: w.Keyframe, HTML: w.HTML, Sum: w.Sum}
	for _, wp := range w.Parts {
		p := Part{Path: wp.Path, Gone: wp.Gone}
		if wp.Gone {
			d.state.drop(wp.Path)
			e.Parts = append(e.Parts, p)
			continue
		}
		own := d.state.part(wp.Path)
		for _, wf := range wp.Fields {
			if wf.Value == nil {
				d.state.set(own, wf.Name, nil)
				p.Fields = append(p.Fields, Field{Name: wf.Name})
				continue
			}
			value, err := d.apply(again, own.values[wf.Name], *wf.Value)
			if err != nil {
				return nil, fmt.Errorf("field %.64q: %w", wf.Name, err)
			}
			if value == nil {
				value = []byte{}
			}
			d.state.set(own, wf.Name, value)
			p.Fields = append(p.Fields, Field{wf.Name, value})
		}
		e.Parts = append(e.Parts, p)
		if d.state.bytes > MaxStateBytes || len(d.state.parts) > maxList || len(own.names) > maxList {
			return nil, fmt.Errorf("%w: more than %d bytes of fields, or %d of them", ErrDamaged, MaxStateBytes, maxList)
		}
	}
	if w.Patch != nil {
		patch, err := d.apply(again, d.state.patch, *w.Patch)
		if err != nil {
			return nil, fmt.Errorf("patch: %w", err)
		}
		if patch == nil {
			patch = []byte{}
		}
		d.state.rememberPatch(patch)
		e.Patch = patch
	}
	if w.Title != nil {
		d.state.title = *w.Title
		e.Title = *w.Title
	}
	return e, nil
}

// place gives each entry of a segment its time, its frame's number and its frame's hash.
func (s *segment) place() error {
	at, frame, hashes := s.header.At, s.header.Frame-1, s.hashes
	keyframes := s.header.Keyframes
	for i := range s.entries {
		x := &s.entries[i]
		if at += int64(s.times[i]); at > math.MaxInt64/int64(time.Millisecond) {
			return fmt.Errorf("%w: entry %d: its time is out of range", ErrDamaged, i+1)
		}
		x.at = time.Duration(at) * time.Millisecond
		if n := x.kinds(); n > 1 {
			return fmt.Errorf("%w: entry %d is of %d kinds", ErrDamaged, i+1, n)
		}
		effect := x.effect()
		first := s.header.Number == 1 && i == 0
		if x.Mount != nil && (!first || effect == nil || !effect.Keyframe) || first && x.Mount == nil {
			return fmt.Errorf("%w: entry %d: a recording begins with a mount that is a keyframe, and has no other", ErrDamaged, i+1)
		}
		if effect == nil {
			continue
		}
		frame++
		x.frame = frame
		if effect.Keyframe {
			if len(keyframes) == 0 || keyframes[0] != frame {
				return fmt.Errorf("%w: entry %d: frame %d is a keyframe that the header does not name", ErrDamaged, i+1, frame)
			}
			keyframes = keyframes[1:]
		}
		if effect.Bare {
			continue
		}
		if len(hashes) < 8 {
			return fmt.Errorf("%w: entry %d: there is no hash for frame %d", ErrDamaged, i+1, frame)
		}
		x.hash, hashes = binary.BigEndian.Uint64(hashes), hashes[8:]
	}
	if len(hashes) > 0 || len(keyframes) > 0 || frame-s.header.Frame+1 != s.header.Frames {
		return fmt.Errorf("%w: %d frames, %d bytes of hashes and %d keyframes are left over", ErrDamaged, frame-s.header.Frame+1-s.header.Frames, len(hashes), len(keyframes))
	}
	return nil
}
