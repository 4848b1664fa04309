package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/livelong-dev/livelong/live"
)

// Verdict says what a frame's hash tells of its rendering by this build.
type Verdict uint8

// What hashes tell.
const (
	Unverified Verdict = iota // there is no hash: the view's HTML was not well formed, or could not be rendered
	Verified                  // this build renders, byte for byte, what was rendered then
	Differs                   // this build renders something else, or the view has other fields now
	NotBuilt                  // this build does not have the view, or cannot render it: see Err
	Broken                    // the frame is damaged: see Err
)

// String returns the verdict's name.
func (v Verdict) String() string {
	return [...]string{"unverified", "verified", "differs from this build", "not rendered by this build", "damaged"}[v]
}

// Screen is a frame of a recording in its two readings.
type Screen struct {
	*Frame
	// Sent is what the browser was sent, as HTML that is written anew; nil when it is not recorded: something of the view
	// is redacted.
	Sent []byte
	// Built is the recorded fields rendered by this build; nil when they cannot be.
	Built   []byte
	Verdict Verdict
	Lost    []string // fields that were recorded and this build does not have, or has as another type
	Err     error    // why there is no Built, or the frame is damaged
}

// ViewTypes knows the view types of a build; a *live.App does.
type ViewTypes interface {
	ViewType(name string) *live.ViewType
}

// Screen returns the n-th frame, from 1, as it was sent and as this build renders it: the view is made of the recorded
// fields alone, and its own Render is called, which must not block. A frame that there is not matches fs.ErrNotExist. views
// may be nil. It may block for as long as the archive does.
func (r *Recording) Screen(ctx context.Context, views ViewTypes, n int) (*Screen, error) {
	f, err := r.Frame(ctx, n)
	if err != nil {
		return nil, err
	}
	return r.screen(views, f), nil
}

// screen is Screen of a frame that was read.
func (r *Recording) screen(views ViewTypes, f *Frame) *Screen {
	s := &Screen{Frame: f}
	if f.HTML != nil {
		var err error
		if s.Sent, err = live.ApplyPatches(f.HTML, f.Patches...); err != nil {
			s.Verdict, s.Err = Broken, fmt.Errorf("frame %d does not fit the ones before it: %w: %w", f.Number, ErrDamaged, err)
			return s
		}
	}
	s.build(r, views)
	return s
}

// build renders the frame by this build.
func (s *Screen) build(r *Recording, views ViewTypes) {
	m := r.Mount
	if m == nil {
		s.Verdict, s.Err = NotBuilt, fmt.Errorf("the recording's beginning is lost, so its view is not known: %w", ErrDamaged)
		return
	}
	var t *live.ViewType
	if views != nil {
		t = views.ViewType(m.View)
	}
	if t == nil {
		s.Verdict, s.Err = NotBuilt, fmt.Errorf("this build has no view %s", m.View)
		return
	}
	view, lost := t.New(s.Values())
	s.Lost = lost
	markup, err := t.Render(view, m.Nonce, m.Locale)
	if err != nil {
		s.Verdict, s.Err = NotBuilt, err
		return
	}
	s.Built = markup
	hash := s.Entry.hash()
	var key [16]byte
	if copy(key[:], r.Key) < len(key) || hash == 0 {
		return
	}
	if s.Verdict = Differs; live.Hash(markup, key) == hash {
		s.Verdict = Verified
	}
}

// Values returns the fields of the page's own view, by name.
func (f *Frame) Values() map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for _, p := range f.Parts {
		if p.Path != "" {
			continue
		}
		for _, x := range p.Fields {
			values[x.Name] = slices.Clone(x.JSON)
		}
	}
	return values
}

// hash is that of the entry's frame; 0 when it has none.
func (x *Entry) hash() uint64 {
	if e := x.effect(); e != nil {
		return e.Hash
	}
	return 0
}

// Same reports whether two HTMLs show the same, though they may be written in other ways.
func Same(a, b []byte) bool {
	x, err := live.ApplyPatches(a)
	y, err2 := live.ApplyPatches(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}
