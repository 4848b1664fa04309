package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// notes is a recorder that writes down what it is told.
type notes struct {
	mu     sync.Mutex // instances have goroutines of their own
	lines  []string
	starts []live.RecordStart
}

type note struct {
	n      *notes
	frames int
	fields map[string]json.RawMessage
	start  live.RecordStart
}

func (n *notes) Record(start live.RecordStart) live.Recording {
	r := &note{n: n, frames: 1, fields: map[string]json.RawMessage{}, start: start}
	for i, f := range start.View.Fields() {
		raw, err := start.View.AppendField(nil, start.Frame.View, i)
		if err != nil {
			panic(err)
		}
		r.fields[f.Name] = raw
	}
	r.add("start %s %s", start.View.Name(), start.URL)
	n.mu.Lock()
	n.starts = append(n.starts, start)
	n.mu.Unlock()
	r.verify(&start.Frame)
	return r
}

func (r *note) add(format string, args ...any) {
	r.n.mu.Lock()
	defer r.n.mu.Unlock()
	r.n.lines = append(r.n.lines, fmt.Sprintf(format, args...))
}

// verify renders what was recorded so far and compares the hash.
func (r *note) verify(f *live.RecordedFrame) {
	copied := map[string]json.RawMessage{}
	for name, raw := range r.fields {
		copied[name] = raw
	}
	view, lost := r.start.View.New(copied)
	markup, err := r.start.View.Render(view, r.start.Nonce, r.start.Locale)
	if err != nil || len(lost) > 0 {
		r.add("not rendered: %v, lost %v", err, lost)
		return
	}
	if got := live.Hash(markup, r.start.Key); got != f.Hash {
		r.add("frame %d has the hash %x, its fields render %x: %s", r.frames, f.Hash, got, markup)
	}
}

func (r *note) Turn(t *live.RecordedTurn) {
	value, _ := json.Marshal(t.Value)
	r.add("turn %d %s %s keys %v moved %t err %v", t.Kind, t.Name, value, t.Keys, t.Moved, t.Err)
}

func (r *note) Frame(f *live.RecordedFrame) {
	r.frames++
	var names []string
	for _, i := range f.Changed {
		raw, err := r.start.View.AppendField(nil, f.View, i)
		if err != nil {
			r.add("%v", err)
		}
		name := r.start.View.Fields()[i].Name
		r.fields[name] = raw
		names = append(names, name)
	}
	slices.Sort(names)
	r.add("frame %d changes %v, patch %t", r.frames, names, len(f.Patch) > 0)
	r.verify(f)
}

func (r *note) Saved(state string)      {}
func (r *note) End(e live.RecordedEnd)  { r.add("end %d %v", e.Reason, e.Err) }
func (r *note) Position() (string, int) { return "id", r.frames }

func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notes{}
		trip := &trip{}
		trip.journey = func(s *live.Socket, h *host) error {
			if h.Typed == "panic" {
				panic("on purpose")
			}
			return errors.New("refused")
		}
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Recorder: n})
		live.Handle(app, "GET /hosts/{name}", func(*http.Request) (*host, error) { return &host{trip: trip}, nil })
		live.Handle(app, "GET /other", func(*http.Request) (*other, error) { return &other{trip: trip}, nil })
		live.Handle(app.Group(live.GroupOptions{Recorder: live.Unrecorded}), "GET /", func(*http.Request) (*other, error) { return &other{trip: trip}, nil })
		b := livetest.NewBrowser(t, app)
		b.Open("/").Close()
		b.Load("/hosts/a") // nobody connects
		page := b.Open("/hosts/a")
		page.Push("Typing", Typing{"x"})
		page.Push("Go", Go{To: "?"})
		_ = page.Error()
		page.Click("#next")
		page.Push("Nothing", nil)
		_ = page.Error()
		page.Drop()
		page.Connect()
		page.Visit("/other")
		page.Sleep(time.Second)
		page.Back()
		page.Push("Typing", Typing{"panic"})
		page.Push("Go", Go{})
		page.Sleep(time.Second)
		_ = page.Error()
		page.Drop()
		page.Sleep(2 * time.Minute)
		want := []string{
			"start live_test.host http://live.test/hosts/a",
			`turn 1 Typing {"Text":"x"} keys [] moved false err <nil>`,
			"frame 2 changes [Typed], patch true",
			`turn 1 Go {"To":"?"} keys [] moved false err refused`,
			"turn 2  null keys [] moved true err <nil>",
			"frame 3 changes [Name Runs Sort], patch true",
			`turn 1 Nothing null keys [] moved false err live_test.host handles no event "Nothing"`,
			"turn 5  null keys [] moved false err <nil>",
			"turn 2  null keys [] moved false err <nil>",
			"end 0 <nil>",
			"start live_test.other /other",
			"turn 2  null keys [] moved false err <nil>",
			"end 0 <nil>",
			"start live_test.host /hosts/next?sort=cpu",
			`turn 1 Typing {"Text":"panic"} keys [] moved false err <nil>`,
			"frame 2 changes [Typed], patch true",
			`turn 1 Go {"To":""} keys [] moved false err panic: on purpose`,
			"end 2 panic: on purpose",
		}
		if !slices.Equal(n.lines, want) {
			t.Errorf("told\n%s\nwant\n%s", strings.Join(n.lines, "\n"), strings.Join(want, "\n"))
		}
		if s := n.starts[1]; s.Referer != "/hosts/next?sort=cpu" || !s.Navigated || s.Session != n.starts[0].Session {
			t.Errorf("the second recording: %+v", s)
		}
	})
}

func TestRecordingOfAContext(t *testing.T) {
	n := &notes{}
	var seen live.Recording
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Recorder: n})
	live.Handle(app, "GET /", func(*http.Request) (*seer, error) {
		return &seer{see: func(ctx context.Context) { seen = live.RecordingOf(ctx) }}, nil
	})
	page := livetest.Open(t, app, "/")
	page.Push("Typing", Typing{"x"})
	if seen == nil {
		t.Fatal("a handler's context leads to no recording")
	}
	if id, frame := seen.Position(); id != "id" || frame != 1 {
		t.Errorf("position %s %d", id, frame)
	}
	if live.RecordingOf(context.Background()) != nil {
		t.Error("a foreign context leads to a recording")
	}
}

func TestPatchedAttributesHaveNoOrder(t *testing.T) {
	patched, err := live.ApplyPatches([]byte(`<input name="a" value="x">`), []byte(`[0,{"id":"i","aria-invalid":"true"}]`))
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := live.ApplyPatches([]byte(`<input name="a" id="i" aria-invalid="true" value="x">`))
	if err != nil || string(patched) != string(rendered) {
		t.Errorf("patched %s, rendered %s, %v", patched, rendered, err)
	}
}

func TestApplyPatches(t *testing.T) {
	got, err := live.ApplyPatches([]byte(`<p class='a'>one</p><ul><li>x</li></ul>`), []byte(`[0,0,"two"]`), []byte(`[1,[[0,"<li>y</li>"]]]`))
	if want := `<p class="a">two</p><ul><li>x</li><li>y</li></ul>`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for _, bad := range []string{`[9,0,"x"]`, `{}`, `[`} {
		if _, err := live.ApplyPatches([]byte(`<p>one</p>`), []byte(bad)); err == nil {
			t.Errorf("the patch %s is applied", bad)
		}
	}
	if _, err := live.ApplyPatches([]byte(`<p>one</div>`)); err == nil {
		t.Error("HTML that does not nest is taken")
	}
}

// seer is a view that looks at its handlers' context.
type seer struct{ see func(context.Context) }

func (*seer) Events() []live.Handler { return []live.Handler{live.On((*seer).Typing)} }

func (s *seer) Typing(ctx context.Context, _ *live.Socket, _ Typing) error { s.see(ctx); return nil }

func (s seer) Render() templ.Component { return markup(`<p>seer</p>`) }
