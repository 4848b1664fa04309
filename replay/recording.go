package replay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"
)

// Recording is a recording in an archive, opened for reading. Its methods may be called from any goroutine, may block, and
// wait for one another.
type Recording struct {
	// Summary is what the summary object says; of a recording without one, as much as its segments' keys tell.
	Summary Summary
	// Finished means that there is a summary: the recording came to its end, or to that of the process, and says how many
	// segments there must be.
	Finished bool
	// Key is the page's key, under which the frames' hashes were made; nil: unknown.
	Key []byte
	// Mount is the first entry's; nil when the first segment is lost.
	Mount *Mount

	archive Archive
	list    []segmentRef // ascending

	mu     sync.Mutex
	cached map[int]*segment // the newest few that were read, by number
	order  []int
}

// segmentRef is a segment that the archive lists, or one that is missing.
type segmentRef struct {
	number, frame int
	key           string // empty: it is missing
}

// cachedSegments is how many segments a Recording keeps in memory.
const cachedSegments = 4

// Frame is what was on the screen after a turn.
type Frame struct {
	Number int   // from 1
	Entry  Entry // with the changes only
	Parts  []Part
	Title  string
	// The frame as it was sent: HTML is that of the keyframe before it, or its own, and Patches are to be applied to it, in
	// order. HTML is nil where the keyframe has none, as that of a redacted view.
	HTML    []byte
	Patches [][]byte
}

// ReadRecording opens a recording in an archive: it reads the summary, the segments' keys and the first segment. That
// there is none matches fs.ErrNotExist; an id that is none matches fs.ErrInvalid. A recording without a summary, which is
// running or was left by a crash, is opened from what there is.
//
// Damage to the summary is an error. Damage to segments, or their loss, is reported by what reads them.
func ReadRecording(ctx context.Context, a Archive, id string) (*Recording, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	r := &Recording{archive: a, cached: map[int]*segment{}}
	data, _, err := a.Get(ctx, SummaryKey(id), "")
	switch {
	case err == nil:
		r.Finished = true
		if r.Summary, err = decodeSummary(summaryMagic, data); err == nil && r.Summary.ID != id {
			err = fmt.Errorf("%w: it is that of %s", ErrDamaged, r.Summary.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("open recording %s: summary: %w", id, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open recording %s: %w", id, err)
	}
	if err := r.find(ctx, id); err != nil {
		return nil, fmt.Errorf("open recording %s: %w", id, err)
	}
	if len(r.list) == 0 {
		return nil, fmt.Errorf("open recording %s: %w", id, fs.ErrNotExist)
	}
	if !r.Finished {
		r.Summary.ID, r.Summary.Segments = id, r.list[len(r.list)-1].number
	}
	s, err := r.segment(ctx, r.list[0])
	if err == nil && s.entries[0].Mount != nil {
		x, err := newDecoder().next(s, 0)
		if err != nil {
			return nil, fmt.Errorf("open recording %s: %w", id, err)
		}
		r.Mount, r.Key = x.Mount, x.Mount.Key
		if !r.Finished {
			r.Summary.Count(x)
			r.Summary.Entries, r.Summary.Frames = 0, 0
			r.Summary.Codec = s.codec
		}
	} else if err != nil && !isDamage(err) {
		return nil, fmt.Errorf("open recording %s: %w", id, err)
	}
	return r, nil
}

// isDamage reports whether an error is one of what is stored, rather than of the store.
func isDamage(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrFormat) || errors.Is(err, fs.ErrNotExist)
}

// find lists the segments, and notes which are missing.
func (r *Recording) find(ctx context.Context, id string) error {
	err := listAll(ctx, r.archive, segmentPrefix+id+".", func(key string) error {
		owner, number, frame, ok := parseSegmentKey(key)
		if !ok || owner != id || number < 1 {
			return fmt.Errorf("%w: there is an object %q", ErrDamaged, key)
		}
		last := 0
		if len(r.list) > 0 {
			last = r.list[len(r.list)-1].number
		}
		if number <= last {
			return fmt.Errorf("%w: two objects are segment %d", ErrDamaged, number)
		}
		if r.Finished && number > r.Summary.Segments {
			return fmt.Errorf("%w: segment %d is not in the summary, which has %d", ErrDamaged, number, r.Summary.Segments)
		}
		if number > maxSegments {
			return fmt.Errorf("%w: segment %d", ErrDamaged, number)
		}
		r.missing(last+1, number)
		r.list = append(r.list, segmentRef{number, frame, key})
		return nil
	})
	if err == nil && r.Finished {
		r.missing(len(r.list)+1, r.Summary.Segments+1)
	}
	return err
}

func (r *Recording) missing(from, to int) {
	for n := from; n < to; n++ {
		frame := 1
		if len(r.list) > 0 {
			frame = r.list[len(r.list)-1].frame
		}
		r.list = append(r.list, segmentRef{number: n, frame: frame})
	}
}

// segment reads a segment, or returns it from memory. Its errors name the object.
func (r *Recording) segment(ctx context.Context, ref segmentRef) (*segment, error) {
	if ref.key == "" {
		return nil, fmt.Errorf("segment %d is missing: %w", ref.number, fs.ErrNotExist)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.cached[ref.number]; s != nil {
		return s, nil
	}
	data, _, err := r.archive.Get(ctx, ref.key, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref.key, err)
	}
	s, err := openSegment(data)
	if err == nil {
		err = r.fits(s, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref.key, err)
	}
	if len(r.order) == cachedSegments {
		delete(r.cached, r.order[0])
		r.order = r.order[1:]
	}
	r.cached[ref.number] = s
	r.order = append(r.order, ref.number)
	return s, nil
}

// fits checks that a segment is the one that its key says, and that it follows those that were read around it.
func (r *Recording) fits(s *segment, ref segmentRef) error {
	h := &s.header
	if h.ID != r.Summary.ID || h.Number != ref.number || h.Frame != ref.frame {
		return fmt.Errorf("%w: it is segment %d of %s, from frame %d", ErrDamaged, h.Number, h.ID, h.Frame)
	}
	if before := r.cached[ref.number-1]; before != nil && string(h.Previous) != string(before.closing[:]) {
		return fmt.Errorf("%w: it does not follow the segment before it", ErrDamaged)
	}
	if after := r.cached[ref.number+1]; after != nil && string(after.header.Previous) != string(s.closing[:]) {
		return fmt.Errorf("%w: the segment after it follows another one", ErrDamaged)
	}
	if before := r.cached[ref.number-1]; before != nil && h.Frame != before.header.Frame+before.header.Frames {
		return fmt.Errorf("%w: its first frame is %d, which does not follow the segment before it", ErrDamaged, h.Frame)
	}
	if r.Finished && ref.number == r.Summary.Segments && r.Summary.Hash != hex.EncodeToString(s.closing[:]) {
		return fmt.Errorf("%w: it is not the last segment that the summary names", ErrDamaged)
	}
	return nil
}

// Entries returns the entries in their order, from the first to the last. Where a segment is damaged or missing, there is
// an entry with a [Gap] whose Err says what is wrong, and entries go on with the next keyframe. Another error, of the
// archive or of ctx, ends the sequence.
func (r *Recording) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		d := newDecoder()
		last := &Entry{}
		gap := func(err error) bool {
			d.lose()
			return yield(&Entry{At: last.At, Gap: &Gap{Reason: err.Error(), Err: err}}, nil)
		}
		for _, ref := range r.list {
			s, err := r.segment(ctx, ref)
			if err != nil {
				if !isDamage(err) {
					yield(nil, err)
					return
				}
				if !gap(err) {
					return
				}
				continue
			}
			for i := range s.entries {
				x, err := d.next(s, i)
				if err != nil {
					if !gap(fmt.Errorf("%s: entry %d: %w", ref.key, i+1, err)) {
						return
					}
					break
				}
				if x == nil {
					continue // it cannot be understood before the next keyframe; the gap was told
				}
				last = x
				if !yield(x, nil) {
					return
				}
			}
		}
	}
}

// Frames returns the number of frames: of a finished recording what its summary says, of another what its last segment does.
func (r *Recording) Frames(ctx context.Context) (int, error) {
	if r.Finished {
		return r.Summary.Frames, nil
	}
	s, err := r.segment(ctx, r.list[len(r.list)-1])
	if err != nil {
		return 0, err
	}
	return s.header.Frame + s.header.Frames - 1, nil
}

// Frame returns the n-th frame, from 1. It reads the segments from the keyframe before it to the one that it is in, no
// others. A frame that there is not matches fs.ErrNotExist; one that cannot be known because something is damaged or
// missing matches [ErrDamaged], [ErrFormat] or fs.ErrNotExist too, and says what.
func (r *Recording) Frame(ctx context.Context, n int) (*Frame, error) {
	return r.frame(ctx, n, func(*Frame) {})
}

// frame is Frame, and calls also with the frame before, if that is in the same keyframe span.
func (r *Recording) frame(ctx context.Context, n int, also func(*Frame)) (*Frame, error) {
	i, _ := slices.BinarySearchFunc(r.list, n, func(ref segmentRef, n int) int {
		if ref.frame <= n {
			return -1
		}
		return 1
	})
	if n < 1 || i == 0 {
		return nil, fmt.Errorf("frame %d: %w", n, fs.ErrNotExist)
	}
	last := i - 1
	for last > 0 && r.list[last].key == "" {
		last--
	}
	s, err := r.segment(ctx, r.list[last])
	if err != nil {
		return nil, fmt.Errorf("frame %d: %w", n, err)
	}
	h := &s.header
	if n >= h.Frame+h.Frames && last < i-1 {
		return nil, fmt.Errorf("frame %d: segment %d is missing: %w", n, last+2, fs.ErrNotExist)
	}
	if n >= h.Frame+h.Frames {
		return nil, fmt.Errorf("frame %d: there are %d: %w", n, h.Frame+h.Frames-1, fs.ErrNotExist)
	}
	first, keyframe := last, 0
	for _, k := range h.Keyframes {
		if k <= n {
			keyframe = k
		}
	}
	if keyframe == 0 {
		if first = h.Base - 1; first < 0 {
			return nil, fmt.Errorf("frame %d: %w: there is no keyframe before it", n, ErrDamaged)
		}
		base, err := r.segment(ctx, r.list[first])
		if err != nil {
			return nil, fmt.Errorf("frame %d: its keyframe: %w", n, err)
		}
		if len(base.header.Keyframes) == 0 {
			return nil, fmt.Errorf("frame %d: %w: its keyframe is not where its segment says", n, ErrDamaged)
		}
		keyframe = base.header.Keyframes[len(base.header.Keyframes)-1]
	}
	return r.build(ctx, n, keyframe, r.list[first:last+1], s, also)
}

// build decodes the entries from a keyframe to a frame, which is in the last segment.
func (r *Recording) build(ctx context.Context, n, keyframe int, refs []segmentRef, last *segment, also func(*Frame)) (*Frame, error) {
	d, f := newDecoder(), &Frame{Number: n}
	for i, ref := range refs {
		s := last
		if i < len(refs)-1 {
			var err error
			if s, err = r.segment(ctx, ref); err != nil {
				return nil, fmt.Errorf("frame %d: %w", n, err)
			}
		}
		for i := range s.entries {
			if !d.ready && s.entries[i].frame != keyframe {
				continue
			}
			x, err := d.next(s, i)
			if err != nil {
				return nil, fmt.Errorf("frame %d: %s: entry %d: %w", n, ref.key, i+1, err)
			}
			effect := x.effect()
			if effect == nil {
				continue
			}
			if effect.Keyframe {
				f.HTML, f.Patches = effect.HTML, nil
			} else if f.HTML != nil && effect.Patch != nil {
				f.Patches = append(f.Patches, effect.Patch)
			}
			if d.frame == n {
				f.Entry, f.Parts, f.Title = *x, d.state.all(), d.state.title
				return f, nil
			}
			if d.frame == n-1 {
				also(&Frame{Number: n - 1, Entry: *x, Parts: d.state.all(), Title: d.state.title, HTML: f.HTML, Patches: slices.Clone(f.Patches)})
			}
		}
	}
	return nil, fmt.Errorf("frame %d: %w: it is not where its segment says", n, ErrDamaged)
}

func (x *Entry) effect() *Effect {
	switch {
	case x == nil:
		return nil
	case x.Mount != nil:
		return x.Mount.Effect
	case x.Turn != nil:
		return x.Turn.Effect
	}
	return nil
}
