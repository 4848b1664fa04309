package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// tape is the index of a recording that the player is open for: its entries without their fields. All viewers of a recording
// share one; where each of them is, its own page knows. Its methods may be called from any goroutine.
type tape struct {
	ui    *ui
	id    string
	ready chan struct{} // closed when the index was read for the first time

	reading sync.Mutex // held while the archive is read; taken before mu
	dec     *decoder
	segment int // the number of the last one that was read

	mu       sync.Mutex
	rec      *Recording
	steps    []step
	logs     []logLine
	frames   []int // the step of each frame
	err      error
	checking bool
	verdicts []Verdict // of the first frames
	recent   []*Frame  // read lately, the last one at the end
}

// stepKind is what a step of a recording is about.
type stepKind uint8

const (
	stepMount stepKind = iota + 1
	stepEvent
	stepURL
	stepMessage
	stepStored
	stepConnect
	stepGap
	stepExit
)

// step is an entry that is no log record.
type step struct {
	at       time.Duration
	kind     stepKind
	name     string
	text     string // of its payload
	err      string
	took     time.Duration
	frame    int  // on the screen after it
	own      bool // it is what this step has shown
	keyframe bool
	bytes    int // of the patch
	ops      int
}

// user reports whether the browser has caused it.
func (s *step) user() bool { return s.kind == stepEvent || s.kind == stepURL }

type logLine struct {
	at      time.Duration
	level   int
	message string
	attrs   string
}

const (
	maxSummaryOf = 120 // characters of a payload
	maxLogs      = 5000
	maxLost      = 1 << 20 // frames between two that are there
)

func newTape(u *ui, id string) *tape {
	t := &tape{ui: u, id: id, ready: make(chan struct{}), dec: newDecoder()}
	go func() {
		defer close(t.ready)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		t.extend(ctx)
	}()
	return t
}

// wait waits a little for the index, and reports whether it is there.
func (t *tape) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.ready:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// recording returns the recording; nil with an error when it could not be opened.
func (t *tape) recording() (*Recording, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rec == nil {
		return nil, t.err
	}
	return t.rec, nil
}

// index returns what is known so far. What it returns must not be changed.
func (t *tape) index() (rec *Recording, steps []step, frames []int, logs []logLine, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rec, t.steps, t.frames, t.logs, t.err
}

// extend reads what is new. It may block.
func (t *tape) extend(ctx context.Context) {
	t.reading.Lock()
	defer t.reading.Unlock()
	rec, err := t.recording()
	if err != nil || rec == nil || !rec.Finished {
		fresh, e := t.ui.rec.Get(ctx, t.id)
		if err = e; err == nil && rec != nil {
			fresh.cached, fresh.order = rec.keep()
		}
		if rec = fresh; err == nil && !rec.Finished {
			if s, e := t.ui.summary(ctx, t.id); e == nil && s.View != "" {
				s.Segments = rec.Summary.Segments
				rec.Summary = s
			}
		}
	}
	if err == nil {
		err = t.read(ctx, rec)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err = err; err == nil {
		t.rec = rec
	}
}

// keep returns the segments in memory, for another reader of the same recording.
func (r *Recording) keep() (map[int]*segment, []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cached := make(map[int]*segment, len(r.cached))
	for n, s := range r.cached {
		cached[n] = s
	}
	return cached, slices.Clone(r.order)
}

// read takes down the entries of new segments.
func (t *tape) read(ctx context.Context, rec *Recording) error {
	t.mu.Lock()
	steps, logs, frames := t.steps, t.logs, t.frames
	t.mu.Unlock()
	last := func() (at time.Duration, frame int) {
		if len(steps) > 0 {
			at, frame = steps[len(steps)-1].at, steps[len(steps)-1].frame
		}
		return at, frame
	}
	gap := func(err error) {
		at, frame := last()
		t.dec.lose()
		steps = append(steps, step{at: at, kind: stepGap, name: "damaged", err: err.Error(), frame: frame})
	}
	for _, ref := range rec.list {
		if ref.number <= t.segment {
			continue
		}
		s, err := rec.segment(ctx, ref)
		if err != nil && !isDamage(err) {
			return err
		}
		if t.segment = ref.number; err != nil {
			gap(err)
			continue
		}
		for i := range s.entries {
			x, err := t.dec.next(s, i)
			if err != nil {
				gap(fmt.Errorf("%s: entry %d: %w", ref.key, i+1, err))
				break
			}
			if x == nil {
				continue
			}
			if x.Log != nil {
				if len(logs) < maxLogs {
					logs = append(logs, lineOf(x))
				}
				continue
			}
			_, frame := last()
			st := stepOf(x)
			if st.frame = frame; st.own {
				st.frame = t.dec.frame
				if st.frame-len(frames) > maxLost {
					gap(fmt.Errorf("%s: %w: frames %d to %d are lost", ref.key, ErrDamaged, len(frames)+1, st.frame-1))
					break
				}
				for len(frames) < st.frame-1 {
					frames = append(frames, len(steps)) // lost: the next one stands for it
				}
				frames = append(frames, len(steps))
			}
			steps = append(steps, st)
		}
	}
	if n := len(steps); rec.Finished && n > 0 && steps[n-1].kind != stepExit && steps[n-1].kind != stepGap {
		at, frame := last()
		steps = append(steps, step{at: at, kind: stepGap, name: "cut off", text: "the process ended before the rest was written", frame: frame})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps, t.logs, t.frames = steps, logs, frames
	return nil
}

func lineOf(x *Entry) logLine {
	var b strings.Builder
	for i, a := range x.Log.Attrs {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(a.Key + "=" + a.Value)
	}
	return logLine{at: x.At, level: x.Log.Level, message: short(x.Log.Message, 500), attrs: short(b.String(), 500)}
}

func stepOf(x *Entry) step {
	s := step{at: x.At}
	if e := x.effect(); e != nil {
		s.own, s.keyframe, s.bytes, s.ops = true, e.Keyframe, len(e.Patch), operations(e.Patch)
	}
	switch {
	case x.Mount != nil:
		s.kind, s.name, s.text = stepMount, "opened", x.Mount.URL
	case x.Turn != nil:
		c := &x.Turn.Cause
		s.name, s.err, s.took = c.Name, x.Turn.Error, x.Turn.Took
		switch c.Kind {
		case CauseEvent:
			s.kind, s.text = stepEvent, payloadText(c.Payload)
		case CauseParams:
			s.kind, s.name, s.text = stepURL, "URL", c.URL
		case CauseMessage:
			s.kind, s.text = stepMessage, payloadText(c.Payload)
			s.name = bare(s.name)
		case CauseStored:
			s.kind, s.text = stepStored, strings.Join(c.Keys, ", ")
			if s.name = cmp.Or(c.Name, "changed elsewhere"); c.Name != "" && s.text == "" {
				s.text = "how the page is stored"
			}
		default:
			s.kind, s.name = stepConnect, "connected"
		}
		if c.URL != "" && s.kind == stepEvent {
			s.text = strings.TrimSpace(s.text + " → " + c.URL)
		}
	case x.Exit != nil:
		s.kind, s.name, s.err = stepExit, "ended", x.Exit.Error
		s.text = x.Exit.Reason.String()
	case x.Gap != nil:
		s.kind, s.name, s.text = stepGap, "gap", x.Gap.Reason
	}
	s.text, s.name, s.err = short(s.text, maxSummaryOf), short(s.name, 64), short(s.err, 300)
	return s
}

// payloadText is a payload as a list shows it: its fields, without what JSON needs around them.
func payloadText(raw []byte) string {
	if len(raw) > 4096 {
		return short(string(raw[:4096]), maxSummaryOf)
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return short(string(raw), maxSummaryOf)
	}
	var parts []string
	for dec.More() {
		key, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			break
		}
		text := string(value)
		var s string
		if json.Unmarshal(value, &s) == nil && value[0] == '"' {
			text = "“" + short(s, 60) + "”"
		}
		parts = append(parts, fmt.Sprintf("%v %s", key, text))
	}
	return strings.Join(parts, ", ")
}

// operations counts what a patch does: texts and attributes that are set, and lists of children that change.
func operations(patch []byte) int {
	var items []any
	if json.Unmarshal(patch, &items) != nil {
		return 0
	}
	return countItems(items)
}

func countItems(items []any) (n int) {
	path := 0
	for _, item := range items {
		list, nested := item.([]any)
		switch _, number := item.(float64); {
		case number:
			path++
			continue
		case nested && path > 0:
			n += countItems(list)
		default:
			n++
		}
		path = 0
	}
	return n
}

// maxRecent is how many frames are kept: what one viewer looks at is asked for by the page, its stage and its inspector.
const maxRecent = 8

// frame returns a frame, and the one before it where that is wanted. Both are read at once if they are in one keyframe span.
func (t *tape) frame(ctx context.Context, rec *Recording, n int) (*Frame, error) {
	t.mu.Lock()
	for _, f := range t.recent {
		if f.Number == n {
			t.mu.Unlock()
			return f, nil
		}
	}
	t.mu.Unlock()
	var before *Frame
	f, err := rec.frame(ctx, n, func(b *Frame) { before = b })
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range []*Frame{before, f} {
		if x != nil && !slices.ContainsFunc(t.recent, func(y *Frame) bool { return y.Number == x.Number }) {
			t.recent = append(t.recent, x)
		}
	}
	t.recent = t.recent[max(0, len(t.recent)-maxRecent):]
	return f, nil
}

// screen returns a frame in its readings.
func (t *tape) screen(ctx context.Context, rec *Recording, n int) (*Screen, error) {
	f, err := t.frame(ctx, rec, n)
	if err != nil {
		return nil, err
	}
	return rec.screen(t.ui.app, f), nil
}

// length is the time of the last step.
func length(steps []step) time.Duration {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1].at
}

// at returns the last step at a time, or before.
func stepAt(steps []step, at time.Duration) int {
	i, _ := slices.BinarySearchFunc(steps, at, func(s step, at time.Duration) int {
		if s.at <= at {
			return -1
		}
		return 1
	})
	return max(0, i-1)
}

// claim reports whether the caller is to verify the frames: nobody else is at it.
func (t *tape) claim() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine := t.rec != nil && !t.checking
	t.checking = t.checking || mine
	return mine
}

// verify renders every frame with this build, from the first, and says now and then how far it is. It stops with ctx. The
// caller has claimed that.
func (t *tape) verify(ctx context.Context, tell func()) {
	rec, _ := t.recording()
	defer func() {
		t.mu.Lock()
		t.checking = false
		t.mu.Unlock()
	}()
	d, told := newDecoder(), time.Now()
	var verdicts []Verdict
	lost := func(before int) {
		for len(verdicts) < before && before-len(verdicts) <= maxLost {
			verdicts = append(verdicts, Broken)
		}
	}
	publish := func(done bool) {
		c := check{hash: rec.Summary.Hash, of: len(verdicts), done: done}
		for _, v := range verdicts {
			switch v {
			case Verified:
				c.verified++
			case Differs, Broken, NotBuilt:
				c.wrong++
			}
		}
		t.mu.Lock()
		t.verdicts = slices.Clone(verdicts)
		t.mu.Unlock()
		t.ui.setCheck(t.id, c)
		tell()
	}
	for _, ref := range rec.list {
		s, err := rec.segment(ctx, ref)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			d.lose()
			continue
		}
		for i := range s.entries {
			x, err := d.next(s, i)
			if err != nil {
				d.lose()
				break
			}
			if x.effect() == nil {
				continue
			}
			lost(d.frame - 1)
			screen := &Screen{Frame: &Frame{Number: d.frame, Entry: *x, Parts: d.state.all(), Title: d.state.title}}
			screen.build(rec, t.ui.app)
			verdicts = append(verdicts, screen.Verdict)
			if time.Since(told) > 250*time.Millisecond {
				publish(false)
				told = time.Now()
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
	lost(rec.Summary.Frames)
	publish(true)
}

// checked returns the verdicts of the first frames.
func (t *tape) checked() []Verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.verdicts
}
