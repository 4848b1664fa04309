package replay_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// picky drops what says that it is private, and panics at Bomb.
type picky struct{}

func (picky) Fields(name string, fields []replay.Field) []replay.Field {
	var kept []replay.Field
	for _, f := range fields {
		if f.Name == "Bomb" {
			panic("s3cret in a panic")
		}
		if !strings.Contains(string(f.JSON), "private") {
			kept = append(kept, f)
		}
	}
	return kept
}

func (picky) Params(view string, p url.Values) url.Values {
	p.Del("ref")
	return p
}

func (p picky) Delta(view string, changed []replay.Field, last func(string) []byte) []replay.Field {
	if string(last("Hide")) == "true" {
		return nil
	}
	return p.Fields(view, changed)
}

func TestSanitizer(t *testing.T) {
	r := replay.NewRedactor(replay.RedactorOptions{Sanitizer: picky{}})
	e := encoder(t, replay.EncoderOptions{})
	f := func(pairs ...string) []replay.Part {
		p := replay.Part{}
		for i := 0; i < len(pairs); i += 2 {
			p.Fields = append(p.Fields, replay.Field{Name: pairs[i], JSON: []byte(pairs[i+1])})
		}
		return []replay.Part{p}
	}
	sealer, _ := replay.NewSealer("s")
	keep := func(x replay.Entry) error {
		t.Helper()
		err := r.Sanitize(&x, "main.View", e.Last)
		if err == nil {
			err = e.Append(x)
		}
		if err != nil {
			e.Lose(x, "left out")
		}
		return err
	}
	mount := replay.Entry{Mount: &replay.Mount{URL: "/?a=1&ref=x", Params: url.Values{"ref": {"x"}, "k": {"v"}}, Effect: &replay.Effect{Keyframe: true, Parts: f("A", `"private 1"`, "B", `2`, "Hide", `false`)}}}
	if err := keep(mount); err != nil || mount.Mount.URL != "/?a=1&ref=x" {
		t.Fatal(err)
	}
	for _, x := range []replay.Entry{
		{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1, Name: "Set", Payload: []byte(`{"X":"private","Y":[1]}`)}, Effect: &replay.Effect{Parts: f("A", `"open"`, "Hide", `true`)}}},
		{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1, Name: "Set"}, Effect: &replay.Effect{Parts: f("A", `"not shown"`)}}},
	} {
		if err := keep(x); err != nil {
			t.Fatal(err)
		}
	}
	err := keep(replay.Entry{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1, Name: "s3cret", Payload: []byte(`{"Bomb":1}`)}, Effect: &replay.Effect{Parts: f("B", `"s3cret"`)}}})
	if !errors.Is(err, replay.ErrSanitizer) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	bomb := replay.Entry{At: time.Second, Turn: &replay.Turn{Cause: replay.Cause{Kind: 1, Payload: []byte(`{"Bomb":1}`)}}}
	if err := r.Sanitize(&bomb, "main.View", e.Last); err == nil || bomb != (replay.Entry{At: time.Second}) {
		t.Errorf("%v, %+v is left of the entry", err, bomb)
	}
	if due, all := e.KeyframeDue(); !due || !all {
		t.Error("no keyframe is due after something was lost")
	}
	if err := e.Append(replay.Entry{Turn: &replay.Turn{Effect: &replay.Effect{Parts: f("B", `4`)}}}); !errors.Is(err, replay.ErrWantKeyframe) {
		t.Errorf("got %v", err)
	}
	if err := keep(replay.Entry{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1}, Effect: &replay.Effect{Keyframe: true, Parts: f("A", `"open"`, "B", `4`, "Hide", `false`)}}}); err != nil {
		t.Fatal(err)
	}
	seg, err := sealer.Seal(e.Cut())
	if err != nil {
		t.Fatal(err)
	}
	a := &replaytest.Memory{}
	a.Set(seg.Key, seg.Data)
	rec := open(t, a, "s")
	if rec.Mount.URL != "/?a=1" || rec.Mount.Params.Get("ref") != "" || rec.Mount.Params.Get("k") != "v" {
		t.Errorf("got %+v", rec.Mount)
	}
	var payloads, gaps []string
	for x, err := range rec.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Turn != nil {
			payloads = append(payloads, string(x.Turn.Cause.Payload))
		}
		if x.Gap != nil {
			gaps = append(gaps, x.Gap.Reason)
		}
	}
	if fmt.Sprintf("%q %q", payloads, gaps) != `["{\"Y\":[1]}" "" ""] ["left out"]` {
		t.Errorf("%q %q", payloads, gaps)
	}
	for n, want := range []string{"map[B:2 Hide:false]", `map[A:"open" B:2 Hide:true]`, `map[A:"open" B:2 Hide:true]`, `map[A:"open" B:4 Hide:false]`} {
		fr, err := rec.Frame(t.Context(), n+1)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(fieldsOf(fr.Parts)[""]); got != want {
			t.Errorf("frame %d: %s, want %s", n+1, got, want)
		}
	}
}

// uninvited takes a parameter away that no rule knows; it panics at a note.
type uninvited struct{ at string }

func (uninvited) Params(_ string, values url.Values) url.Values {
	values.Del("invite")
	return values
}
func (u uninvited) Fields(_ string, fields []replay.Field) []replay.Field {
	if u.at == "always" {
		panic("none of this")
	}
	return fields
}
func (u uninvited) Delta(_ string, fields []replay.Field, _ func(string) []byte) []replay.Field {
	for _, f := range fields {
		if string(f.JSON) == u.at {
			panic("not this one")
		}
	}
	return fields
}

// What a sanitizer takes out of the URL is not in the summary either, which lists show, nor in what says that a recording
// is running.
func TestSanitizedURLOfASummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.Sanitizer = uninvited{} })
		page := livetest.Open(t, s.app, "/?invite=known-to-few&x=1")
		page.Push("Add", Add{By: 1})
		page.Sleep(6 * time.Second)
		holds := func() {
			for key, all := range decompressed(s.archive.(*replaytest.Memory).Objects()) {
				for _, data := range all {
					if strings.Contains(string(data), "known-to-few") {
						t.Errorf("%s holds the parameter", key)
					}
				}
			}
		}
		holds()
		page.Push("Add", Add{By: 1})
		page.Close()
		s.close()
		holds()
		if rec := s.one(); rec.Summary.URL != "/?x=1" {
			t.Errorf("the URL in the summary is %s", rec.Summary.URL)
		}
	})
}

// An entry that a sanitizer has panicked at is a gap in the summary, too, and its frame is not counted.
func TestGapsOfASanitizerAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.Sanitizer = uninvited{at: "3"} })
		page := livetest.Open(t, s.app, "/")
		for range 5 {
			page.Push("Add", Add{By: 1})
		}
		page.Close()
		s.close()
		rec := s.one()
		frames, err := rec.Frames(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var read replay.Summary
		for x, err := range rec.Entries(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			read.Count(x)
		}
		sum := rec.Summary
		if read.Gaps != 1 || sum.Gaps != read.Gaps || sum.Frames != frames || sum.Frames != read.Frames || sum.Turns != read.Turns || sum.Events != read.Events || sum.Entries != read.Entries {
			t.Errorf("the summary is\n%+v, the entries make\n%+v, with %d frames", sum, read, frames)
		}
	})
}

// Where not even the beginning could be recorded, there is no recording: one in the list could not be opened.
func TestASanitizerThatAlwaysPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.Sanitizer = uninvited{at: "always"} })
		page := livetest.Open(t, s.app, "/")
		page.Push("Add", Add{By: 1})
		page.Sleep(6 * time.Second)
		page.Push("Add", Add{By: 1})
		page.Close()
		s.close()
		all, err := s.recorder.Summaries(t.Context())
		if err != nil || len(all) != 0 || s.recorder.Stats().Discarded != 1 {
			t.Errorf("%d recordings, %v, %+v", len(all), err, s.recorder.Stats())
		}
	})
}
