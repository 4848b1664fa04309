package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Recorder is told what instances do, so that it can be seen again; package replay is one. It is the third seam of an
// app, beside the [Stash] and the [Bus].
type Recorder interface {
	// Record is called once for each instance that a browser has come to, by its runner, before the first message is
	// handled: a page that is only looked at costs nothing. It returns where the rest is to be told; nil for an instance
	// that is not recorded. It must not block.
	Record(start RecordStart) Recording
}

// Recording is told what one instance does. Its methods are called by the instance's runner, one at a time, and must
// not block; what they are given is theirs to read until they return. Log alone may be called from any goroutine.
type Recording interface {
	// Turn is called after each message that the instance has handled, before what it changed is rendered.
	Turn(*RecordedTurn)
	// Frame is called after each rendering that is sent, which may show what several turns have changed.
	Frame(*RecordedFrame)
	// Saved is called when it changes how the page is stored: saved, saving, unsaved, unavailable.
	Saved(state string)
	// End is called once, when the instance ends.
	End(RecordedEnd)
	// Position says what the recording is called, and how many frames it has. Any goroutine may call it.
	Position() (id string, frame int)
}

// RecordStart is what an instance is when it begins to be recorded.
type RecordStart struct {
	View      *ViewType
	Attached  time.Time // when the browser came
	Socket    *Socket   // valid for as long as the instance lives, in its runner
	Route     string    // the pattern, or "embed NAME"
	URL       *url.URL
	Request   *http.Request
	Params    map[string]string // what the client's connect was given
	Page      string            // the page's id
	Session   string            // a keyed hash of the browser session, the same in all its tabs
	Referer   string            // the path and query of the page before, if this one was navigated to
	Recovery  Recovery
	Navigated bool
	Viewport  [3]float64 // of the browser's window: width and height in CSS pixels, device pixels in one; 0: unknown
	Nonce     string
	Locale    string
	Key       [16]byte      // of the frames' hashes
	Frame     RecordedFrame // what the browser shows

	// Document renders the group's layout, and the view's root element, around nothing, where DocumentBody stands; nil for
	// embedded views. It is the same for all visitors: there is no title, and wildcards of the path are as in the pattern.
	// Fetch asks the app for what such a document refers to, as a browser without cookies does: not for pages. Any goroutine
	// may call them, as long as the app runs; they may block.
	Document func() ([]byte, error)
	Fetch    func(ctx context.Context, path string) (kind string, data []byte, err error)
}

// DocumentBody stands for the view in what [RecordStart.Document] returns.
const DocumentBody = `<div data-live-view=""></div>`

// TurnKind is what a turn was about.
type TurnKind uint8

// What turns are about.
const (
	TurnEvent   TurnKind = iota + 1 // the browser sent Name, with Value
	TurnURL                         // the browser asked for URL
	TurnMessage                     // the server sent Value
	TurnStored                      // another tab or node changed stored fields: Keys
	TurnAttach                      // a browser came back
)

// RecordedTurn is one message that an instance has handled.
type RecordedTurn struct {
	Kind  TurnKind
	Name  string     // of the event, on the wire; of a message, its Go type
	Child string     // the id of the child that handled it; empty: the page's view did
	Value any        // the event or message, a pointer to its struct; nil when it could not be decoded
	Form  url.Values // the inputs that an event's form has sent, also those that the event's struct does not list
	URL   *url.URL   // where the page is after the turn
	Moved bool       // the turn has changed it
	Keys  []string
	Err   error // the handler's, or why the event was refused
	Took  time.Duration
}

// AppendValue appends the JSON object of the event's or message's exported fields to dst, those of its form included;
// nothing when there is none.
func (t *RecordedTurn) AppendValue(dst []byte) ([]byte, error) {
	if t.Value == nil {
		return dst, nil
	}
	v := reflect.Indirect(reflect.ValueOf(t.Value))
	if v.Kind() == reflect.Struct {
		if typ, err := assigns.Of(v.Type()); err == nil {
			return typ.AppendObject(dst, v)
		}
	}
	raw, err := json.Marshal(t.Value)
	return append(dst, raw...), err
}

// RecordedFrame is what a browser was sent, and the fields that it shows.
type RecordedFrame struct {
	View    any    // a pointer to the view
	Changed []int  // indices into ViewType.Fields of what changed since the frame before
	Patch   []byte // as sent; empty when the whole HTML was
	HTML    []byte // of the whole view, as the template has written it; nil when it is not at hand
	Title   string // the document's
	Hash    uint64 // content tag of the view under the page's key; 0 when its HTML is not well formed
}

// RecordedEnd is why an instance ended.
type RecordedEnd struct {
	Reason EndReason
	Err    error
	Stack  string // of a panic
}

// EndReason is why an instance ended.
type EndReason uint8

// Why instances end.
const (
	EndClosed    EndReason = iota // the page was left, or taken to another one
	EndTimeout                    // its browser did not come back
	EndPanic                      // Err, Stack
	EndShutdown                   // the server stopped
	EndDismissed                  // its session has ended, or may not see it any more
)

// Record makes r the recorder of this instance instead of the app's or the group's; nil: it is not recorded. It must be
// called in Mount, or before.
func (s *Socket) Record(r Recorder) { s.in.recorder = &r }

// RecordingOf returns the recording of the instance whose method was called with ctx; nil when it is not recorded, or not
// yet. Any goroutine may call it.
func RecordingOf(ctx context.Context) Recording {
	if r, ok := ctx.Value(recordingKey{}).(*atomic.Pointer[recorded]); ok {
		if rec := r.Load(); rec != nil {
			return rec.Recording
		}
	}
	return nil
}

type recordingKey struct{}

// Unrecorded is the [Recorder] of groups whose pages are not recorded.
var Unrecorded Recorder = unrecorded{}

type unrecorded struct{}

func (unrecorded) Record(RecordStart) Recording { return nil }

// recorded is an instance's side of its recording.
type recorded struct {
	Recording
	turn    RecordedTurn // that is being handled; its kind is 0 when none is
	began   time.Time
	changed []int
	at      string // path and query after the turn before
	frame   RecordedFrame
}

// record begins the instance's recording, if it is to have one.
func (in *instance) record() {
	if in.rec != nil || in.unrecorded {
		return
	}
	r := in.recorderOf()
	if in.unrecorded = r == nil; !in.unrecorded {
		in.recordBy(r)
	}
}

// recordBy begins the recording. It is apart from record, which each turn calls, for its stack frame is a large one.
func (in *instance) recordBy(r Recorder) {
	start := RecordStart{View: (*ViewType)(in.typ), Socket: &in.socket, Route: in.route.name, URL: in.request.URL, Request: in.request,
		Params: in.params, Page: in.page.id.String(), Session: in.app.storageIDs(in.session)[0], Referer: in.referer, Recovery: in.recovery,
		Attached: in.attachedAt, Navigated: in.arrival != nil, Viewport: in.viewport, Nonce: in.env.nonce, Locale: in.env.locale, Key: in.page.key,
		Frame: RecordedFrame{View: in.view, HTML: in.shownHTML(), Title: in.title, Hash: in.contentTag()}, Fetch: in.app.fetch}
	if a, rt, info := in.app, in.route, (Page{Nonce: in.env.nonce, Locale: in.env.locale, Path: in.route.sharedPath(in.request.URL.Path)}); !rt.embedded {
		start.Document = func() ([]byte, error) { return a.document(rt, info) }
	}
	rec := r.Record(start)
	if in.unrecorded = rec == nil; in.unrecorded {
		return
	}
	in.rec = &recorded{Recording: rec, at: in.request.URL.RequestURI()}
	in.recording.Store(in.rec)
}

// sharedPath is the path of a page without what is a single visitor's: that of its pattern, if there are wildcards in it.
func (rt *route) sharedPath(path string) string {
	if i := strings.IndexByte(rt.name, '/'); i >= 0 {
		if pattern := strings.TrimSuffix(rt.name[i:], "{$}"); strings.Contains(pattern, "{") {
			return pattern
		}
	}
	return path
}

// document renders a route's layout around nothing.
func (a *App) document(rt *route, info Page) ([]byte, error) {
	var out sink
	e := env{nonce: info.Nonce, locale: info.Locale}
	c := rt.container
	attrs := maps.Clone(c.Attrs)
	if attrs == nil {
		attrs = templ.Attributes{}
	}
	class, _ := attrs["class"].(string)
	attrs["class"] = strings.TrimSpace(class + " live-connected") // as the browser shows it
	body := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if err := writeTag(ctx, w, c.Tag, ` data-live=""`, attrs); err != nil {
			return err
		}
		_, err := io.WriteString(w, DocumentBody+`</`+c.Tag+`>`)
		return err
	})
	err := rt.group.layout()(info, body).Render(e.context(), &out)
	return out.b, err
}

// maxFetched bounds what fetch returns.
const maxFetched = 4 << 20

// fetch asks the app for a file.
func (a *App) fetch(ctx context.Context, path string) (kind string, data []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return "", nil, err
	}
	if r.URL.Host != "" || a.routeOf(r, r.URL) != nil {
		return "", nil, fmt.Errorf("fetch %s: it is no file of this app", path)
	}
	r.RequestURI = r.URL.RequestURI()
	w := &fetched{header: http.Header{}}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("fetch %s: panic: %v", path, v)
		}
	}()
	a.handler.ServeHTTP(w, r)
	if w.status != 0 && w.status != http.StatusOK || w.tooLarge {
		return "", nil, fmt.Errorf("fetch %s: status %d, too large: %t", path, w.status, w.tooLarge)
	}
	return w.header.Get("Content-Type"), w.data, nil
}

// fetched is an answer in memory.
type fetched struct {
	header   http.Header
	status   int
	data     []byte
	tooLarge bool
}

func (f *fetched) Header() http.Header { return f.header }

func (f *fetched) WriteHeader(status int) {
	if f.status == 0 && status >= 200 {
		f.status = status
	}
}

func (f *fetched) Write(p []byte) (int, error) {
	f.WriteHeader(http.StatusOK)
	if len(f.data)+len(p) > maxFetched {
		f.tooLarge = true
		return 0, errors.New("too large")
	}
	f.data = append(f.data, p...)
	return len(p), nil
}

// recorderOf returns who is to record the instance; nil for nobody.
func (in *instance) recorderOf() Recorder {
	r := in.app.options.Recorder
	if in.recorder != nil {
		r = *in.recorder
	} else if g := in.route.group.options.Recorder; g != nil {
		r = g
	}
	if r == Unrecorded {
		return nil
	}
	return r
}

// contentTag is that of what was rendered last.
func (in *instance) contentTag() uint64 {
	switch {
	case in.hasTag:
		return in.tag
	case in.tree != nil && !in.htmlMode:
		return in.tree.Tag(&in.key)
	}
	return 0
}

// shownHTML is what was rendered last, where it is at hand.
func (in *instance) shownHTML() []byte {
	switch {
	case in.htmlMode && in.out.HTML != nil:
		return []byte(*in.out.HTML)
	case in.htmlMode || in.tree == nil:
		return nil
	}
	return wholeHTML(in.tree)
}

// turnOf says what a message is to a recording.
func turnOf(m message) (kind TurnKind, name string, value any) {
	switch m := m.(type) {
	case attachMessage:
		return TurnAttach, "", nil
	case eventMessage:
		if m.up.Name == wire.Navigation {
			return TurnURL, "", nil
		}
		return TurnEvent, m.up.Name, nil
	case asyncMessage:
		return TurnMessage, "async " + m.name, nil
	case userMessage:
		return TurnMessage, reflect.TypeOf(m.value).String(), m.value
	}
	return 0, "", nil
}

// beginTurn notes what is being handled, before it changes anything.
func (in *instance) beginTurn(kind TurnKind, name string, value any) {
	in.record()
	if in.rec != nil {
		in.rec.turn, in.rec.began = RecordedTurn{Kind: kind, Name: name, Value: value}, time.Now()
	}
}

// failTurn notes the error of what is being handled.
func (in *instance) failTurn(err error) {
	if in.rec != nil && err != nil {
		in.rec.turn.Err = err
	}
}

// endTurn tells the recording of what was handled.
func (in *instance) endTurn() {
	rec := in.rec
	if rec == nil || rec.turn.Kind == 0 {
		return
	}
	at := in.request.URL.RequestURI()
	rec.turn.URL, rec.turn.Moved, rec.turn.Took = in.request.URL, at != rec.at, time.Since(rec.began)
	rec.at = at
	rec.Turn(&rec.turn)
	rec.turn = RecordedTurn{}
}

// noteRecorded remembers which fields the next frame shows anew.
func (in *instance) noteRecorded(fields []int) {
	if in.rec == nil {
		return
	}
	for _, i := range fields {
		if !slices.Contains(in.rec.changed, i) {
			in.rec.changed = append(in.rec.changed, i)
		}
	}
}

// recordFrame tells the recording of a rendering that is sent.
func (in *instance) recordFrame(patch []byte) {
	rec := in.rec
	if rec == nil {
		return
	}
	rec.frame = RecordedFrame{View: in.view, Changed: rec.changed, Patch: patch, HTML: in.shownHTML(), Title: in.title, Hash: in.contentTag()}
	rec.Frame(&rec.frame)
	rec.changed, rec.frame = rec.changed[:0], RecordedFrame{}
}

// endRecording tells the recording that the instance ends.
func (in *instance) endRecording(why string) {
	rec, end := in.rec, in.crashedBy
	if in.unrecorded = true; rec == nil {
		return
	}
	in.failTurn(end.Err)
	in.endTurn() // it was not finished
	in.rec = nil
	switch why {
	case whyStopping:
		end.Reason = EndShutdown
	case whyLate, whyCrowded:
		end.Reason = EndTimeout
	case whyForbidden, whyOver:
		end.Reason = EndDismissed
	}
	rec.End(end)
}
