package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// take is a recording that is being made. What it is told by the instance's goroutine goes into its own buffer at once:
// no channel, no lock that instances share, no I/O. Of a view of which something is redacted, only the redacted fields are
// taken down; they are rendered in the background, and the hashes are those of what that gives.
type take struct {
	r      *Recorder
	id     string
	start  time.Time // when the browser came
	view   *live.ViewType
	route  string
	key    [16]byte
	nonce  string
	locale string
	output *Output
	shell  *shell
	fields []reflect.StructField
	plain  []bool // fields of which nothing can be redacted

	making sync.Mutex // held while entries are rendered and encoded; taken before mu
	enc    *Encoder
	raw    map[string]json.RawMessage // the fields that were taken down last, before the sanitizer
	now    map[string]json.RawMessage // and after it

	mu         sync.Mutex
	red        *Redaction
	redacted   bool
	summary    Summary
	turn       Turn // the newest, as long as no frame and no other entry has come
	at         time.Duration
	pending    bool
	queue      []Entry // to be rendered and encoded in the background
	queued     int     // bytes of these
	developing bool
	missed     string // why something was left out that is to be taken down in the background
	started    bool   // somebody has done something
	lines      int    // of logs
	over       bool
	inVain     atomic.Bool // it was full before somebody did something
	described  bool        // the archive knows what stood around the page
	marked     bool
	savedState string
	buf        []byte // of the turn's payload
	values     []byte // of a frame's fields
	parts      [1]Part
	list       []Field
	sum        [sha256.Size]byte
	eff        Effect

	title, shownTitle string // the newest, and what is recorded of it

	watchers map[*func()]struct{}
	flushing bool // for the watchers
}

// Messages that have this method are recorded with their fields; of others only the type is.
type recordable interface{ Recorded() }

func (r *Recorder) newTake(start live.RecordStart) (*take, error) {
	enc, err := NewEncoder(EncoderOptions{Codec: r.o.Codec})
	if err != nil {
		return nil, err
	}
	t := &take{
		r: r, id: NewID(), start: start.Attached, view: start.View, route: start.Route, key: start.Key, nonce: start.Nonce, locale: start.Locale,
		enc: enc, red: r.redactor.Begin(), fields: start.View.Fields(), watchers: map[*func()]struct{}{},
	}
	t.redacted = r.o.Sanitizer != nil || r.redactor.Redacts(start.View.Type())
	t.red.Also(passwordInputs(start.Frame.HTML)...)
	for i := range t.fields {
		f := &t.fields[i]
		t.plain = append(t.plain, r.redactor.treatment(f) == keepIt && r.redactor.plan(f.Type).none())
	}
	session := sha256.Sum256([]byte(start.Session))
	t.summary = Summary{
		ID: t.id, View: start.View.Name(), Route: start.Route, Browser: browserName(start.Request.UserAgent()), Build: r.o.Build,
		Session: hex.EncodeToString(session[:8]), Start: start.Attached.UTC().Truncate(time.Millisecond), Codec: r.o.Codec, Redacted: t.redacted,
	}
	if r.o.User != nil {
		r.guarded("User", func() { t.summary.User = shorten(r.o.User(start.Request), maxErrorText) })
	}
	m := &Mount{
		View: start.View.Name(), Route: start.Route, URL: t.red.URL(start.URL.RequestURI(), start.Route), Params: t.red.Values(params(start)),
		Recovered: recovered(start), Build: r.o.Build, Locale: start.Locale, Nonce: start.Nonce, Start: start.Attached, Key: bytes.Clone(start.Key[:]),
		Viewport: Viewport{int(start.Viewport[0]), int(start.Viewport[1]), start.Viewport[2]}, Redacted: t.redacted,
	}
	m.URL = r.redactor.shownURL(m.View, m.URL)
	t.summary.URL = m.URL
	if r.o.Session != nil {
		m.Session = map[string]string{}
		var session map[string]string
		r.guarded("Session", func() { session = r.o.Session(start.Request) })
		for name, value := range session {
			m.Session[name] = t.red.value(name, value)
		}
	}
	m.Effect = t.effect(&start.Frame, true)
	t.shell = r.shells.of(r, start, slices.Clone(t.red.secrets))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errors.New("the recorder is closed")
	}
	if t.output, err = r.writer.Begin(t.summary); err != nil {
		return nil, err
	}
	r.takes[t.id] = t
	t.mu.Lock()
	defer t.mu.Unlock()
	t.emit(Entry{Mount: m})
	return t, nil
}

// params are the values of a pattern's wildcards, and what the client's connect was given.
func params(start live.RecordStart) url.Values {
	values := url.Values{}
	for _, part := range strings.Split(start.Route, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		if name = strings.TrimSuffix(name, "..."); name != "" && name != "$" {
			values.Set(name, start.Request.PathValue(name))
		}
	}
	for name, value := range start.Params {
		values.Set(name, value)
	}
	return values
}

func recovered(start live.RecordStart) []string {
	if start.Recovery.Status == live.Fresh {
		return nil
	}
	return []string{start.Recovery.Status.String()}
}

// since is the time of an entry that comes now.
func (t *take) since() time.Duration { return time.Since(t.start) }

// Position is that of [live.Recording].
func (t *take) Position() (id string, frame int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.id, t.summary.Frames
}

// Turn is that of [live.Recording].
func (t *take) Turn(rt *live.RecordedTurn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.survive()
	if t.over {
		return
	}
	t.settle()
	c := Cause{Name: rt.Name, Target: rt.Child, Keys: rt.Keys}
	switch rt.Kind {
	case live.TurnEvent:
		c.Kind, t.started = CauseEvent, true
	case live.TurnURL:
		c.Kind, t.started = CauseParams, true
	case live.TurnStored:
		c.Kind = CauseStored
	case live.TurnAttach:
		c.Kind = CauseConnect
	default:
		c.Kind = CauseMessage
	}
	if rt.Moved || c.Kind == CauseParams {
		c.URL = t.red.URL(rt.URL.RequestURI(), t.route)
	}
	_, opts := rt.Value.(recordable)
	if rt.Value != nil && (c.Kind == CauseEvent || opts) {
		c.Payload = t.payload(rt)
	}
	t.turn = Turn{Cause: c, Took: rt.Took}
	if rt.Err != nil {
		t.turn.Error = t.red.Text(rt.Err.Error())
	}
	t.at, t.pending = t.since(), true
	if t.summary.Turns+1 >= t.r.o.MaxEvents {
		t.settle()
		t.finish(&Exit{Reason: ExitTruncated})
	}
}

// survive is deferred where the app's own methods are called, such as Redact: one that panics costs what was to be taken
// down, which is a gap, and the page nothing. t.mu is held.
func (t *take) survive() {
	v := recover()
	if v == nil {
		return
	}
	t.r.o.Logger.Error("replay: something is not recorded: a method of the app has panicked", "recording", t.id, "err", fmt.Sprint(v))
	t.pending, t.turn = false, Turn{}
	if err := errors.New("a method of the app has panicked"); t.redacted {
		t.missed = err.Error()
	} else {
		t.lose(t.since(), err)
	}
}

// payload is what an event or message carries, redacted.
func (t *take) payload(rt *live.RecordedTurn) []byte {
	v := reflect.Indirect(reflect.ValueOf(rt.Value))
	var err error
	if len(t.red.also) == 0 && v.IsValid() && t.r.redactor.plan(v.Type()).none() {
		t.buf, err = rt.AppendValue(t.buf[:0])
	} else if v.Kind() == reflect.Struct {
		var named []Named
		for _, f := range reflect.VisibleFields(v.Type()) {
			if f.IsExported() && !f.Anonymous {
				named = append(named, Named{f.Name, f.Tag, v.FieldByIndex(f.Index)})
			}
		}
		t.buf, err = t.red.Object(named)
	} else {
		t.buf, err = rt.AppendValue(t.buf[:0])
		t.buf = t.red.JSON(t.buf)
	}
	for name, values := range rt.Form {
		// Also what the struct does not list is a secret, should the page show it.
		if t.red.sensitive(name) {
			for _, value := range values {
				t.red.remember(value)
			}
		}
	}
	if err != nil {
		return nil
	}
	return t.buf
}

// Frame is that of [live.Recording].
func (t *take) Frame(f *live.RecordedFrame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.survive()
	if t.over {
		return
	}
	if !t.pending {
		// The browser was sent what no turn has changed: the whole view once more, say.
		t.turn, t.at = Turn{Cause: Cause{Kind: CauseConnect}}, t.since()
	}
	t.pending = false
	t.red.Also(newPasswordInputs(f)...)
	all := t.missed != "" && t.queued < maxQueued/2
	if !t.redacted {
		_, all = t.enc.KeyframeDue()
	}
	t.turn.Effect = t.effect(f, all)
	t.recall()
	t.emit(Entry{At: t.at, Turn: &t.turn})
	t.turn = Turn{}
	t.tell()
}

// Saved is that of [live.Recording].
func (t *take) Saved(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if state == "saving" {
		t.savedState = "" // what becomes of it is told
	}
	if t.over || state == t.savedState || state == "saving" {
		return
	}
	t.savedState = state
	t.settle()
	t.emit(Entry{At: t.since(), Turn: &Turn{Cause: Cause{Kind: CauseStored, Name: state}}})
	t.tell()
}

func (t *take) mark() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marked = true
}

// End is that of [live.Recording].
func (t *take) End(end live.RecordedEnd) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.settle()
	x := &Exit{Reason: map[live.EndReason]ExitReason{live.EndTimeout: ExitTimeout, live.EndPanic: ExitPanic, live.EndShutdown: ExitShutdown}[end.Reason], Stack: t.red.Text(end.Stack)}
	if x.Reason == ExitUnknown {
		x.Reason = ExitClosed
	}
	if end.Err != nil {
		x.Error = t.red.Text(end.Err.Error())
	}
	t.finish(x)
}

// finish ends the recording. t.mu is held.
func (t *take) finish(x *Exit) {
	t.emit(Entry{At: t.since(), Exit: x})
	t.over = true
	t.inVain.Store(x.Reason == ExitTruncated && !t.started)
	if t.red.Found() {
		t.summary.Redacted = true
	}
	r := t.r
	r.work.Add(1)
	go func() {
		defer r.work.Done()
		t.close()
	}()
}

// close hands everything over that is left.
func (t *take) close() {
	t.make()
	t.mu.Lock()
	s := t.summary
	s.Marked = t.marked
	keep := t.started && t.enc.begun // without its beginning there is nothing to see
	t.mu.Unlock()
	s.Document, s.Assets = t.shell.names(t.r.ctx)
	if keep = keep && t.r.keeps(s); keep {
		t.making.Lock()
		t.output.Write(t.enc.Cut())
		t.making.Unlock()
	}
	t.r.mu.Lock()
	delete(t.r.takes, t.id)
	t.r.mu.Unlock()
	// Those who watch look at once: they are told when there is something to see.
	told := false
	if keep {
		told = t.output.finishThen(s, t.notify)
	} else {
		told = t.output.discardThen(t.notify)
	}
	if !told {
		t.notify()
	}
}

// settle appends the newest turn when no frame has come for it. t.mu is held.
func (t *take) settle() {
	if t.pending {
		t.pending = false
		t.recall()
		t.emit(Entry{At: t.at, Turn: &t.turn})
		t.turn = Turn{}
	}
}

// recall takes out of the newest turn what has turned out to be a secret since: its event may have brought it under a
// harmless name.
func (t *take) recall() {
	if c := &t.turn.Cause; t.holds(c.Payload) {
		c.Payload = t.red.scrubJSON(c.Payload)
	}
}

// emit encodes an entry, or leaves that to the background. t.mu is held.
func (t *take) emit(x Entry) {
	if t.redacted {
		t.enqueue(x)
		return
	}
	if err := t.enc.Append(x); err != nil {
		t.lose(x.At, err)
	} else {
		t.summary.Count(&x)
	}
	if size, _ := t.enc.Pending(); size >= maxBuffered {
		t.handOn()
	}
}

// handOn gives what was encoded to the archive. t.mu is held.
func (t *take) handOn() {
	if name, assets := t.shell.kept(); name != "" && !t.described {
		s := t.summary
		s.Document, s.Assets = name, assets
		s.EventNames, s.ErrorTexts = nil, nil
		t.described = t.output.describe(s)
	}
	if !t.output.Write(t.enc.Cut()) {
		t.abandon()
	}
}

// maxBuffered is how much of a recording waits for the flusher.
const maxBuffered = 64 << 10

// lose notes that something cannot be recorded: a gap, and the next frame a keyframe. t.mu is held.
func (t *take) lose(at time.Duration, err error) {
	if t.enc.begun && !t.enc.ended {
		t.summary.Count(&Entry{At: at, Gap: &Gap{}})
	}
	t.enc.Lose(Entry{At: at}, err.Error())
}

// glance returns the summary as it is, and whether it is to be shown.
func (t *take) glance() (Summary, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.summary
	s.EventNames, s.ErrorTexts = slices.Clone(s.EventNames), slices.Clone(s.ErrorTexts)
	s.Marked, s.Node, s.Document = t.marked, t.r.Catalog.o.Node, t.shell.now()
	return s, t.started && !t.over
}
