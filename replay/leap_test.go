package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// leaping is a recording whose second segment says that it begins far behind the first, as segment number n.
func leaping(t *testing.T, frame int) (id string, objects []replay.Segment, summary replay.Summary) {
	t.Helper()
	id = replay.NewID()
	e := encoder(t, replay.EncoderOptions{})
	sealer, err := replay.NewSealer(id)
	if err != nil {
		t.Fatal(err)
	}
	summary = replay.Summary{ID: id, Segments: 2}
	f := &form{}
	for i, x := range []replay.Entry{f.mount(), f.typed(time.Second, "a", 2)} {
		add(t, e, x)
		summary.Count(&x)
		c := e.Cut()
		if i > 0 {
			c.FirstFrame = frame
		}
		seg, err := sealer.Seal(c)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, seg)
		summary.Bytes += int64(len(seg.Data))
	}
	closing := objects[1].Data[len(objects[1].Data)-32:]
	for _, b := range closing {
		summary.Hash += string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15])
	}
	return id, objects, summary
}

// Frames that there cannot be are damage: nobody makes room for them.
func TestSegmentsThatLeap(t *testing.T) {
	for _, frame := range []int{3, 9_000, 10_002, 2_000_000_000} {
		id, objects, summary := leaping(t, frame)
		a := &replaytest.Memory{}
		c := replay.NewCatalog(a, replay.CatalogOptions{})
		for _, o := range objects {
			a.Set(o.Key, o.Data)
		}
		if err := c.Save(t.Context(), summary); err != nil {
			t.Fatal(err)
		}
		rec := open(t, a, id)
		gaps := 0
		for x, err := range rec.Entries(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if x.Gap != nil && errors.Is(x.Gap.Err, replay.ErrDamaged) {
				gaps++
			}
		}
		if gaps != 1 {
			t.Errorf("from frame %d on: %d gaps, want one", frame, gaps)
		}
		files := []file{{replay.SummaryKey(id), a.Objects()[replay.SummaryKey(id)]}, {objects[0].Key, objects[0].Data}, {objects[1].Key, objects[1].Data}}
		to := &replaytest.Memory{}
		_, err := replay.NewCatalog(to, replay.CatalogOptions{}).Import(t.Context(), bytes.NewReader(pack(t, files)))
		if !errors.Is(err, replay.ErrDamaged) || slices.ContainsFunc(to.Keys(), func(key string) bool { return strings.Contains(key, id) }) {
			t.Errorf("from frame %d on, imported: %v, %q", frame, err, to.Keys())
		}
	}
}

// A summary that promises more frames than there are makes nobody prepare for them; those that are lost are counted.
func TestVerifyingWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		rec, err := h.recorder.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		frames := rec.Summary.Frames
		for key, data := range h.memory.Objects() {
			if strings.HasPrefix(key, "segments/") && strings.Contains(key, ".000002-") {
				data = bytes.Clone(data)
				data[len(data)/2] ^= 1
				h.memory.Set(key, data)
			}
		}
		player := livetest.Open(t, h.app, "/replay/"+id)
		player.Sleep(3 * time.Second)
		if got, want := player.Text(".check"), fmt.Sprintf(" of %d not as", frames); !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
		player.Close()

		promises := rec.Summary
		promises.Frames = 1 << 60
		if err := h.recorder.Save(t.Context(), promises); err != nil {
			t.Fatal(err)
		}
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: quiet})
		app.Mount("/replay/", replay.UI(h.recorder, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }}))
		player = livetest.Open(t, app, "/replay/"+id)
		player.Sleep(3 * time.Second)
		if !player.Has(".check") {
			t.Error("the player says nothing of the frames")
		}
		player.Close()
	})
}

// touchy is a value that panics at what an older build has written.
type touchy struct{ N int }

func (v *touchy) UnmarshalJSON(data []byte) error {
	if strings.Contains(string(data), "old") {
		panic("what is this?")
	}
	type plain touchy
	return json.Unmarshal(data, (*plain)(v))
}

type gauge struct {
	Value touchy
	Count int
}

func (gauge) Render() templ.Component { return text("<p>a gauge</p>") }

type turn struct{}

func (*gauge) Events() []live.Handler                           { return []live.Handler{live.On((*gauge).Turn)} }
func (g *gauge) Turn(context.Context, *live.Socket, turn) error { g.Count++; return nil }

// A field whose type panics at what was recorded is one that this build has lost; the process that plays it goes on.
func TestFieldsThatPanicWhenTheyAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		defer s.close()
		live.Handle(s.app, "GET /gauge", func(*http.Request) (*gauge, error) { return &gauge{}, nil })
		_ = livetest.Open(t, s.app, "/gauge")
		view, lost := s.app.ViewType("replay_test.gauge").New(map[string]json.RawMessage{"Value": json.RawMessage(`"old"`), "Count": json.RawMessage(`4`)})
		if g, ok := view.(*gauge); !ok || g.Count != 4 || !slices.Equal(lost, []string{"Value"}) {
			t.Errorf("%+v, lost %q", view, lost)
		}
	})
}
