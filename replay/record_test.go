package replay_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// session is a random session, and what a reader must say of it.
type session struct {
	id      string
	summary replay.Summary
	entries []replay.Entry
	frames  []map[string]map[string]string // the fields of all parts after each frame
	titles  []string
	objects []replay.Segment
}

// randomSession records n turns of a page with children that come and go, and stores it.
func randomSession(t testing.TB, r *rand.Rand, codec replay.Codec, n int) *session {
	t.Helper()
	e := encoder(t, replay.EncoderOptions{Codec: codec, KeyframeTurns: 5 + r.IntN(20), KeyframeBytes: 1000 + r.IntN(20_000)})
	s := &session{id: replay.NewID()}
	s.summary = replay.Summary{ID: s.id, Codec: codec}
	sealer, err := replay.NewSealer(s.id)
	if err != nil {
		t.Fatal(err)
	}
	state := map[string]map[string]string{"": {}}
	title := "first"
	at := time.Duration(0)
	change := func(all bool) []replay.Part {
		var parts []replay.Part
		for _, path := range slices.Sorted(maps.Keys(state)) {
			if path != "" && !all && r.IntN(3) > 0 {
				continue
			}
			if path != "" && r.IntN(10) == 0 && !all {
				delete(state, path)
				parts = append(parts, replay.Part{Path: path, Gone: true})
				continue
			}
			p := replay.Part{Path: path}
			for i := range 4 {
				name := fmt.Sprintf("Field%d", i)
				if !all && r.IntN(3) == 0 {
					continue
				}
				old := state[path][name]
				var text string
				_ = json.Unmarshal([]byte(old), &text)
				switch r.IntN(4) {
				case 0:
					text = words(r, r.IntN(600))
				case 1:
					text += words(r, r.IntN(5))
				case 2:
					if runes := []rune(text); len(runes) > 0 {
						i := r.IntN(len(runes))
						text = string(runes[:i]) + words(r, 1+r.IntN(3)) + string(runes[min(len(runes), i+r.IntN(5)):])
					}
				}
				value, err := json.Marshal(text)
				if err != nil {
					t.Fatal(err)
				}
				if r.IntN(20) == 0 {
					value = []byte{'"', 0xff, byte(r.IntN(256)), '"'} // a marshaller of the app may write anything
				}
				state[path][name] = string(value)
				p.Fields = append(p.Fields, replay.Field{Name: name, JSON: value})
			}
			if name, ok := state[path]["Name"]; ok && all {
				p.Fields = append(p.Fields, replay.Field{Name: "Name", JSON: []byte(name)})
			}
			parts = append(parts, p)
		}
		if r.IntN(4) == 0 {
			path := fmt.Sprintf("Rows/%d", r.IntN(5))
			if state[path] == nil {
				state[path] = map[string]string{}
				if r.IntN(2) == 0 {
					state[path]["Name"] = `"new"`
					parts = append(parts, replay.Part{Path: path, Fields: []replay.Field{{Name: "Name", JSON: []byte(`"new"`)}}})
				} else {
					parts = append(parts, replay.Part{Path: path})
				}
			}
		}
		return parts
	}
	effect := func(keyframe bool) *replay.Effect {
		x := &replay.Effect{Keyframe: keyframe, Parts: change(keyframe), Hash: r.Uint64(), Patch: []byte(`["` + words(r, r.IntN(40)) + `"]`)}
		if r.IntN(10) == 0 {
			x.Hash = 0
		}
		if r.IntN(10) == 0 {
			title = words(r, 4)
			x.Title = title
		}
		if due, _ := e.KeyframeDue(); due || keyframe {
			x.HTML = []byte("<p>" + words(r, 100))
			sum := sha256.Sum256(x.HTML)
			x.Sum = sum[:]
			x.Title = title
		}
		all := map[string]map[string]string{}
		for path, fields := range state {
			all[path] = maps.Clone(fields)
		}
		s.frames = append(s.frames, all)
		s.titles = append(s.titles, title)
		return x
	}
	keep := func(x replay.Entry) {
		add(t, e, x)
		s.summary.Count(&x)
		s.entries = append(s.entries, x)
		if r.IntN(12) == 0 || x.Exit != nil {
			seg, err := sealer.Seal(e.Cut())
			if err != nil {
				t.Fatal(err)
			}
			s.objects = append(s.objects, seg)
			s.summary.Bytes += int64(len(seg.Data))
		}
	}
	keep(replay.Entry{Mount: &replay.Mount{
		View: "main.Random", Route: "GET /", URL: "/?q=1", Params: url.Values{"q": {"1"}, "x": {"ä", ""}}, Session: map[string]string{"lang": "de"},
		Recovered: []string{"Field1"}, Build: "b1", Viewport: replay.Viewport{Width: 800, Height: 600, Scale: 1.5}, Locale: "de", Nonce: "n",
		Start: start, Key: []byte("0123456789abcdef"), Effect: effect(true),
	}})
	for range n {
		at += time.Duration(r.IntN(900)) * time.Millisecond
		x := replay.Entry{At: at}
		switch k := r.IntN(20); {
		case k == 0:
			x.Log = &replay.Log{Level: int(slog.LevelWarn), Message: words(r, 20), Attrs: []replay.Attr{{Key: "a.b", Value: words(r, 9)}}}
		case k == 1:
			x.Turn = &replay.Turn{Cause: replay.Cause{Kind: replay.CauseStored, Keys: []string{"Field1", "x"}}, Error: "could not"}
		case k == 2:
			x.Turn = &replay.Turn{Cause: replay.Cause{Kind: replay.CauseParams, URL: "/?p=2", Params: url.Values{"p": {"2"}}}, Effect: effect(true), Saved: replay.IsSaved}
		default:
			x.Turn = &replay.Turn{
				Cause:  replay.Cause{Kind: replay.CauseEvent, Name: fmt.Sprintf("Event%d", r.IntN(100)), Payload: []byte(`{"X":"` + words(r, 10) + `"}`), Target: "Rows/1"},
				Effect: effect(false), Took: time.Duration(r.IntN(50)) * time.Millisecond, Saved: replay.Saved(r.IntN(4)),
			}
		}
		keep(x)
	}
	keep(replay.Entry{At: at + time.Second, Exit: &replay.Exit{Reason: replay.ExitPanic, Error: "boom", Stack: "main.go:1"}})
	s.summary.Segments = len(s.objects)
	last := s.objects[len(s.objects)-1].Data
	s.summary.Hash = fmt.Sprintf("%x", last[len(last)-32:])
	return s
}

// store puts a session into an archive.
func (s *session) store(t testing.TB, a replay.Archive) {
	t.Helper()
	for _, seg := range s.objects {
		if _, err := a.Put(t.Context(), seg.Key, seg.Data, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := replay.NewCatalog(a, replay.CatalogOptions{}).Save(t.Context(), s.summary); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, a replay.Archive, id string) *replay.Recording {
	t.Helper()
	r, err := replay.ReadRecording(t.Context(), a, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// same compares what was recorded with what is read. An encoder may have made a keyframe of a frame, and left out
// what had not changed.
func same(got, want *replay.Entry) bool {
	g, w := *got, *want
	strip := func(x *replay.Entry) *replay.Effect {
		var e *replay.Effect
		if x.Mount != nil {
			m := *x.Mount
			e, m.Effect, x.Mount = m.Effect, nil, &m
		}
		if x.Turn != nil {
			m := *x.Turn
			e, m.Effect, x.Turn = m.Effect, nil, &m
		}
		return e
	}
	a, b := strip(&g), strip(&w)
	if (a == nil) != (b == nil) || !reflect.DeepEqual(g, w) {
		return false
	}
	return a == nil || a.Hash == b.Hash && bytes.Equal(a.Patch, b.Patch) && bytes.Equal(a.HTML, b.HTML) && bytes.Equal(a.Sum, b.Sum)
}

func fieldsOf(parts []replay.Part) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, p := range parts {
		all[p.Path] = map[string]string{}
		for _, f := range p.Fields {
			all[p.Path][f.Name] = string(f.JSON)
		}
	}
	return all
}

// check reads all of a session back: entry by entry, and frame by frame in a random order.
func (s *session) check(t testing.TB, r *rand.Rand, rec *replay.Recording) {
	t.Helper()
	i := 0
	for x, err := range rec.Entries(context.Background()) {
		if err != nil || x.Gap != nil {
			t.Fatalf("entry %d: %v %+v", i+1, err, x.Gap)
		}
		if i >= len(s.entries) || !same(x, &s.entries[i]) {
			t.Fatalf("entry %d:\ngot  %.500v\nwant %.500v", i+1, x, s.entries[i])
		}
		i++
	}
	if i != len(s.entries) {
		t.Errorf("%d entries, want %d", i, len(s.entries))
	}
	for _, n := range r.Perm(len(s.frames)) {
		f, err := rec.Frame(context.Background(), n+1)
		if err != nil {
			t.Fatal(err)
		}
		if got := fieldsOf(f.Parts); !reflect.DeepEqual(got, s.frames[n]) || f.Title != s.titles[n] || f.Number != n+1 {
			t.Fatalf("frame %d, %q:\ngot  %.500v\nwant %q, %.500v", n+1, f.Title, got, s.titles[n], s.frames[n])
		}
		// What is sent from the keyframe's HTML to here are the patches between.
		if f.HTML == nil {
			t.Fatalf("frame %d has no HTML", n+1)
		}
	}
}

func TestRandomSessions(t *testing.T) {
	seeds := uint64(30 * *soak)
	if raceEnabled {
		seeds = 8
	}
	for seed := range seeds {
		codec := []replay.Codec{replay.CBOR, replay.JSON}[seed%2]
		t.Run(fmt.Sprintf("%s-%d", codec, seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			s := randomSession(t, r, codec, 20+r.IntN(200))
			a := &replaytest.Memory{}
			s.store(t, a)
			rec := open(t, a, s.id)
			if !rec.Finished || string(rec.Key) != "0123456789abcdef" || rec.Mount.View != "main.Random" || !reflect.DeepEqual(rec.Summary, s.summary) {
				t.Errorf("got %+v\nwant %+v", rec.Summary, s.summary)
			}
			s.check(t, r, rec)
			if n, err := rec.Frames(t.Context()); err != nil || n != len(s.frames) || n != s.summary.Frames {
				t.Errorf("%d frames, %v, want %d, %d", n, err, len(s.frames), s.summary.Frames)
			}
			// Without a summary, as a running one is on another node.
			a.Set(replay.SummaryKey(s.id), nil)
			rec = open(t, a, s.id)
			s.check(t, r, rec)
			if n, err := rec.Frames(t.Context()); rec.Finished || err != nil || n != len(s.frames) {
				t.Errorf("%v, %d frames, %v", rec.Finished, n, err)
			}
		})
	}
}

func TestSplices(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		last := []byte(words(r, r.IntN(400)))
		next := bytes.Clone(last)
		for range r.IntN(4) {
			i := r.IntN(len(next) + 1)
			j := i + r.IntN(len(next)-i+1)
			next = slices.Concat(next[:i], []byte(words(r, r.IntN(30))), next[j:])
		}
		got, _, _, err := replay.Splices(last, next)
		if err != nil || !bytes.Equal(got, next) {
			t.Fatalf("%v\nlast %q\nnext %q\ngot  %q", err, last, next, got)
		}
	}
}

// TestOneCellIsSmall: of a table of 1,000 rows, one changed cell, two far apart, and a new row at the top cost little.
func TestOneCellIsSmall(t *testing.T) {
	type row struct {
		ID                   int
		Name, City, Email    string
		Cents, Stock, Weight int
	}
	rows := make([]row, 1000)
	for i := range rows {
		rows[i] = row{i, fmt.Sprintf("Customer %d", i), "Amsterdam", fmt.Sprintf("c%d@example.com", i), 100 * i, i % 7, i * i}
	}
	encode := func() []byte {
		data, err := json.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	patch := func(cells ...int) []byte {
		return []byte("[0,0,1,[" + strings.Trim(strings.ReplaceAll(fmt.Sprintf("%v", cells), " ", `,0,0,"changed",`), "[]") + `,0,0,"changed"]]`)
	}
	for _, codec := range []replay.Codec{replay.CBOR, replay.JSON} {
		for name, c := range map[string]struct {
			change func()
			patch  []byte
		}{
			"oneCell":  {func() { rows[500].Name = "changed" }, patch(500)},
			"twoCells": {func() { rows[17].Name, rows[900].City = "changed", "Rotterdam" }, patch(17, 900)},
			"newRow":   {func() { rows = append([]row{{ID: 5000, Name: "new"}}, rows...) }, []byte(`[0,0,1,[["<tr><td>new</td></tr>",0,-999]]]`)},
		} {
			t.Run(string(codec)+"/"+name, func(t *testing.T) {
				e := encoder(t, replay.EncoderOptions{Codec: codec})
				sealer, _ := replay.NewSealer("table")
				parts := func() []replay.Part {
					return []replay.Part{{Fields: []replay.Field{{Name: "Rows", JSON: encode()}}}}
				}
				add(t, e, replay.Entry{Mount: &replay.Mount{View: "main.Table", Effect: &replay.Effect{Keyframe: true, Parts: parts(), Hash: 7}}})
				seg, err := sealer.Seal(e.Cut())
				if err != nil {
					t.Fatal(err)
				}
				c.change()
				add(t, e, replay.Entry{At: time.Second, Turn: &replay.Turn{
					Cause:  replay.Cause{Kind: replay.CauseEvent, Name: "Change", Payload: []byte(`{"Row":500,"Name":"changed"}`)},
					Effect: &replay.Effect{Parts: parts(), Hash: 8, Patch: c.patch},
				}})
				inMemory, _ := e.Pending()
				delta, err := sealer.Seal(e.Cut())
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("the field has %d bytes, its segment %d; the turn takes %d in memory, and a segment of its own %d", len(encode()), len(seg.Data), inMemory, len(delta.Data))
				if limit := map[replay.Codec]int{replay.CBOR: 200, replay.JSON: 400}[codec]; inMemory >= limit {
					t.Errorf("the turn takes %d bytes, want less than %d", inMemory, limit)
				}
			})
		}
	}
}

func TestTurnsAreWrittenAsTheLibraryDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	e := encoder(t, replay.EncoderOptions{KeyframeTurns: 3})
	var f form
	add(t, e, f.mount())
	for i := range 40 {
		x := f.typed(time.Duration(i)*time.Second, words(r, 1+r.IntN(40)), uint64(r.IntN(2)))
		x.Turn.Cause.Params, x.Turn.Cause.URL, x.Turn.Cause.Target = url.Values{"a": {"b", "c"}, "": {""}}, strings.Repeat("x", 1<<(i%17)), "Rows/2"
		x.Turn.Cause.Keys, x.Turn.Error, x.Turn.Saved, x.Turn.Took = []string{"k"}, "e", 3, 9*time.Hour
		x.Turn.Effect.Title = "t"
		x.Turn.Effect.Parts = append(x.Turn.Effect.Parts, replay.Part{Path: "a", Gone: true}, replay.Part{Path: "b"}, replay.Part{Fields: []replay.Field{{Name: "Count"}}})
		if i%3 == 0 {
			x.Turn.Cause, x.Turn.Effect.Parts = replay.Cause{Kind: replay.CauseConnect}, nil
		}
		add(t, e, x)
	}
	got, want, err := replay.EncodeTurns(e.Cut())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\ngot  %x\nwant %x", err, got, want)
	}
}
