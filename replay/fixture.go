package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// Fixture is a part of a recording from which a test takes its turns again; see package bugtest.
type Fixture struct {
	Recording string    `json:"recording"`
	View      string    `json:"view"`
	URL       string    `json:"url"`
	Start     time.Time `json:"start"`
	Build     string    `json:"build,omitempty"`
	Nonce     string    `json:"nonce,omitempty"`
	Locale    string    `json:"locale,omitempty"`
	Key       []byte    `json:"key,omitempty"` // of the hashes
	Redacted  bool      `json:"redacted,omitempty"`
	Steps     []Step    `json:"steps"`
}

// Step is one turn, or with the first frame none, and what was on the screen after it.
type Step struct {
	Event   string          `json:"event,omitempty"`
	Message string          `json:"message,omitempty"`
	Child   string          `json:"child,omitempty"` // that handled it; empty: the page's view
	Value   json.RawMessage `json:"value,omitempty"`
	URL     string          `json:"visit,omitempty"` // the browser asked for it
	// Set are fields that are set instead of a turn that cannot be taken again: a message without its payload, a change that
	// another tab has stored. Why says so.
	Set map[string]json.RawMessage `json:"set,omitempty"`
	Why string                     `json:"why,omitempty"`
	// Merged are the fields that the frame changed, where it may show something of a turn before it that cannot be taken
	// again: they are set when the event alone does not lead there.
	Merged map[string]json.RawMessage `json:"merged,omitempty"`

	Error string `json:"error,omitempty"` // what the handler returned; empty: nothing went wrong
	Panic string `json:"panic,omitempty"` // the handler, or Render after it, panicked: there is no frame

	Frame int             `json:"frame,omitempty"` // 0: nothing was rendered
	HTML  string          `json:"html,omitempty"`  // the whole view, as it was sent
	Patch json.RawMessage `json:"patch,omitempty"` // or what changed
	Hash  uint64          `json:"hash,omitempty"`  // of the rendering, for views of which no HTML is recorded
}

// taken reports whether there is a turn to take, or fields to set.
func (s *Step) taken() bool { return s.Event != "" || s.Message != "" || s.URL != "" || s.Set != nil }

// Fixture returns what a test of the recording needs, up to a frame; 0 means the last one. What came after the last frame
// belongs to it when it is a panic.
func (r *Recording) Fixture(ctx context.Context, frame int, o TestOptions) (*Fixture, error) {
	if err := CheckID(r.Summary.ID); err != nil {
		return nil, fmt.Errorf("make a test: %w", err)
	}
	m := r.Mount
	if m == nil {
		return nil, fmt.Errorf("make a test of recording %s: its beginning is lost: %w", r.Summary.ID, ErrDamaged)
	}
	b := fixtureBuilder{r: r, o: o, f: &Fixture{Recording: r.Summary.ID, View: m.View, URL: m.URL, Start: m.Start, Build: m.Build, Nonce: m.Nonce,
		Locale: m.Locale, Key: r.Key, Redacted: m.Redacted || r.Summary.Redacted}}
	for x, err := range r.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		if x.Gap != nil && b.frames == frame && frame > 0 {
			break
		}
		if x.Gap != nil {
			return nil, fmt.Errorf("make a test of recording %s: something is missing after frame %d: %s; choose that frame or an earlier one", r.Summary.ID, b.frames,
				cmp.Or(x.Gap.Reason, fmt.Sprint(x.Gap.Err)))
		}
		if frame > 0 && b.frames == frame && x.effect() != nil {
			break
		}
		if err := b.add(ctx, x); err != nil {
			return nil, err
		}
	}
	if frame > b.frames {
		return nil, fmt.Errorf("make a test of recording %s: there is no frame %d, it has %d: %w", r.Summary.ID, frame, b.frames, fs.ErrNotExist)
	}
	// What comes behind the last frame shows nothing.
	for n := len(b.f.Steps); n > 0 && b.f.Steps[n-1].Frame == 0 && b.f.Steps[n-1].Panic == ""; n = len(b.f.Steps) {
		b.f.Steps = b.f.Steps[:n-1]
	}
	return b.f, nil
}

type fixtureBuilder struct {
	r      *Recording
	o      TestOptions
	f      *Fixture
	frames int
	hidden string // why a turn since the last frame cannot be taken again, though it may have changed something
}

func (b *fixtureBuilder) add(ctx context.Context, x *Entry) error {
	switch {
	case x.Exit != nil && x.Exit.Reason == ExitPanic && len(b.f.Steps) > 1:
		last := &b.f.Steps[len(b.f.Steps)-1]
		if last.Event != "" || last.Message != "" || last.URL != "" {
			last.Panic, last.Error = cmp.Or(x.Exit.Error, "panic"), ""
		}
		return nil
	case x.Mount == nil && x.Turn == nil:
		return nil
	}
	s, e := b.step(x), x.effect()
	if e == nil {
		if s.Why != "" {
			b.hidden = s.Why
		}
		if s.taken() {
			b.f.Steps = append(b.f.Steps, s)
		}
		return nil
	}
	b.frames++
	s.Frame, s.Hash = b.frames, e.Hash
	if !b.f.Redacted {
		s.Patch, s.HTML = e.Patch, string(e.HTML)
	} else if b.o.Views != nil {
		// Only hashes are recorded; what they are of can be told as long as this build renders it.
		screen, err := b.r.Screen(ctx, b.o.Views, b.frames)
		if err != nil {
			return err
		}
		if screen.Verdict == Verified {
			s.HTML = string(screen.Built)
		}
	}
	switch {
	case x.Mount != nil:
		s.Set = changedFields(e)
	case s.Why == "" && b.hidden != "":
		s.Merged, s.Why = changedFields(e), b.hidden
	}
	b.hidden = ""
	b.f.Steps = append(b.f.Steps, s)
	return nil
}

// step says how a turn is taken again.
func (b *fixtureBuilder) step(x *Entry) (s Step) {
	if x.Turn == nil {
		return s
	}
	c := &x.Turn.Cause
	set := func(why string) {
		s.Event, s.Message, s.Child, s.Why, s.Error = "", "", "", why, ""
		if e := x.effect(); e != nil {
			s.Set = changedFields(e)
		}
	}
	s.Error, s.Child = x.Turn.Error, c.Target
	switch c.Kind {
	case CauseEvent:
		s.Event, s.Value = c.Name, c.Payload
		switch {
		case c.Payload == nil && x.Turn.Error != "":
			set("the event " + c.Name + " was refused before a handler ran")
		case c.Payload == nil:
			set("of the event " + c.Name + " only the name is recorded")
		}
	case CauseParams:
		s.URL = c.URL
	case CauseMessage:
		if s.Message, s.Value = c.Name, c.Payload; c.Payload == nil {
			set("of the message " + c.Name + " only the type is recorded")
		}
	case CauseStored:
		if s.Error = ""; len(c.Keys) > 0 {
			set("another tab or server had stored it")
		}
	default:
		set("the browser had come, or come back")
	}
	name := c.Name
	if c.Kind == CauseParams {
		name = Visits
	}
	if name != "" && slices.Contains(b.o.Set, name) {
		s.URL = ""
		set("the test was made with -set " + name)
	}
	return s
}

// changedFields are the fields of an effect. Of those that are not recorded, the zero values stay.
func changedFields(e *Effect) map[string]json.RawMessage {
	into := map[string]json.RawMessage{}
	for _, p := range e.Parts {
		for _, f := range p.Fields {
			if p.Path == "" && f.JSON != nil {
				into[f.Name] = f.JSON
			}
		}
	}
	return into
}

// names counts what is taken again.
func (f *Fixture) names() (list []string) {
	count := map[string]int{}
	for _, s := range f.Steps[1:] {
		if name := cmp.Or(s.Event, s.Message); name != "" {
			count[name]++
		} else if s.URL != "" {
			count["visits of URLs"]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%s (%d)", oneLine(name), count[name]))
	}
	return list
}

// given lists what is set instead, with the frames.
func (f *Fixture) given() (list []string) {
	frames := map[string][]int{}
	for _, s := range f.Steps[1:] {
		if s.Set != nil && s.Frame > 0 {
			frames[s.Why] = append(frames[s.Why], s.Frame)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(frames)) {
		at := frames[why]
		word, more := "frame", ""
		if len(at) > 1 {
			word = "frames"
		}
		if len(at) > 10 {
			at, more = at[:10], ", …"
		}
		list = append(list, fmt.Sprintf("%s %s%s: %s", word, joined(at), more, oneLine(why)))
	}
	return list
}

// encode writes the fixture for people, too: a line for each step, and HTML as it is.
func (f *Fixture) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	fail := func(err error) error { return fmt.Errorf("write the fixture of recording %s: %w", f.Recording, err) }
	head := *f
	head.Steps = []Step{}
	e.SetIndent("", "  ")
	if err := e.Encode(head); err != nil {
		return nil, fail(err)
	}
	e.SetIndent("", "")
	b.Truncate(bytes.LastIndexByte(b.Bytes(), '[') + 1)
	for i := range f.Steps {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		if err := e.Encode(&f.Steps[i]); err != nil {
			return nil, fail(err)
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes(), nil
}

// ReadFixture reads what [Recording.GoTest] has written.
func ReadFixture(data []byte) (*Fixture, error) {
	var f Fixture
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read a fixture: %w", err)
	}
	if len(f.Steps) == 0 || f.Steps[0].Frame != 1 || f.View == "" {
		return nil, errors.New("read a fixture: it has no first frame: make it again, with GoTest of a recording")
	}
	return &f, nil
}
