package replay_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

var update = flag.Bool("update", false, "write what testdata/v1 should say of its recordings, and the recordings if there are none")

// TestVersion1IsRead: recordings that a build has written once are read by all that come after it. The files are never
// written again; a change of the format gets a folder of its own.
func TestVersion1IsRead(t *testing.T) {
	for _, codec := range []replay.Codec{replay.CBOR, replay.JSON} {
		t.Run(string(codec), func(t *testing.T) {
			name := "testdata/v1/" + string(codec)
			data, err := os.ReadFile(name + ".tar")
			if os.IsNotExist(err) && *update {
				data = writeGolden(t, codec)
				err = os.WriteFile(name+".tar", data, 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
			a := &replaytest.Memory{}
			s, err := replay.NewCatalog(a, replay.CatalogOptions{}).Import(t.Context(), bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			got := dump(t, open(t, a, s.ID))
			if *update {
				if err := os.WriteFile(name+".txt", []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("go test -update shows the difference\ngot:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// writeGolden records a session with every kind of entry, and of change.
func writeGolden(t testing.TB, codec replay.Codec) []byte {
	a := &replaytest.Memory{}
	e := encoder(t, replay.EncoderOptions{Codec: codec, KeyframeTurns: 6})
	sealer, _ := replay.NewSealer("golden-" + string(codec))
	s := replay.Summary{ID: "golden-" + string(codec), User: "Ann", Codec: codec}
	keep := func(x replay.Entry, seal bool) {
		add(t, e, x)
		if s.Count(&x); !seal {
			return
		}
		seg, err := sealer.Seal(e.Cut())
		if err != nil {
			t.Fatal(err)
		}
		a.Set(seg.Key, seg.Data)
		s.Segments++
		s.Bytes += int64(len(seg.Data))
		s.Hash = fmt.Sprintf("%x", seg.Data[len(seg.Data)-32:])
	}
	var f form
	keep(f.mount(), false)
	for i, c := range []string{"h", "é", "\xff", "日"} {
		keep(f.typed(time.Duration(i+1)*time.Second, c, uint64(i+2)), i == 2)
	}
	turn := func(i int, c replay.Cause, x *replay.Effect) replay.Entry {
		return replay.Entry{At: time.Duration(i) * time.Second, Turn: &replay.Turn{Cause: c, Effect: x, Took: 3 * time.Millisecond}}
	}
	child := []replay.Part{{Path: "Rows/a1", Fields: []replay.Field{{Name: "Name", JSON: []byte(`"row"`)}}}}
	keep(turn(5, replay.Cause{Kind: replay.CauseParams, URL: "/x?p=2", Params: map[string][]string{"p": {"2"}}}, &replay.Effect{Parts: child, Patch: []byte(`[1]`), Title: "Two", Hash: 1 << 63}), false)
	keep(turn(6, replay.Cause{Kind: replay.CauseMessage, Name: "Tick"}, &replay.Effect{Parts: []replay.Part{{Path: "Rows/a1", Gone: true}}}), true)
	stored := turn(7, replay.Cause{Kind: replay.CauseStored, Keys: []string{"Note"}}, nil)
	stored.Turn.Saved, stored.Turn.Error = replay.Conflicted, "somebody else was first"
	keep(stored, false)
	keep(replay.Entry{At: 8 * time.Second, Log: &replay.Log{Level: 4, Message: "slow", Attrs: []replay.Attr{{Key: "db.took", Value: "3s"}}}}, false)
	keep(replay.Entry{At: 9 * time.Second, Gap: &replay.Gap{Reason: "the entry was too large"}}, false)
	keep(turn(10, replay.Cause{Kind: replay.CauseConnect}, &replay.Effect{Keyframe: true, Parts: f.fields(), HTML: f.html(), Sum: []byte{1, 2, 3}}), false)
	keep(replay.Entry{At: 11 * time.Second, Exit: &replay.Exit{Reason: replay.ExitPanic, Error: "boom", Stack: "main.go:1"}}, true)
	c := replay.NewCatalog(a, replay.CatalogOptions{})
	if err := c.Save(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Export(t.Context(), s.ID, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dump writes what a reader says of a recording.
func dump(t testing.TB, r *replay.Recording) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", r.Summary)
	effect := func(e *replay.Effect) {
		if e == nil {
			fmt.Fprintf(&b, "  not rendered\n")
			return
		}
		fmt.Fprintf(&b, "  keyframe %v, hash %x, title %q, patch %q\n  html %q, sum %x\n", e.Keyframe, e.Hash, e.Title, e.Patch, e.HTML, e.Sum)
		for _, p := range e.Parts {
			fmt.Fprintf(&b, "  part %q, gone %v: %q\n", p.Path, p.Gone, fieldsOf([]replay.Part{p})[p.Path])
		}
	}
	for x, err := range r.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%v\n", x.At)
		switch {
		case x.Mount != nil:
			m := *x.Mount
			m.Effect = nil
			fmt.Fprintf(&b, "  mount %+v\n", m)
			effect(x.Mount.Effect)
		case x.Turn != nil:
			c := x.Turn.Cause
			fmt.Fprintf(&b, "  turn %v %q, payload %q, target %q, url %q, params %v, keys %q; error %q, saved %d, took %v\n",
				c.Kind, c.Name, c.Payload, c.Target, c.URL, c.Params, c.Keys, x.Turn.Error, x.Turn.Saved, x.Turn.Took)
			effect(x.Turn.Effect)
		case x.Log != nil:
			fmt.Fprintf(&b, "  log %+v\n", *x.Log)
		case x.Exit != nil:
			fmt.Fprintf(&b, "  exit %+v\n", *x.Exit)
		case x.Gap != nil:
			fmt.Fprintf(&b, "  gap %+v\n", *x.Gap)
		}
	}
	for n := range r.Summary.Frames {
		f, err := r.Frame(t.Context(), n+1)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "frame %d %q: %q; sent: %d bytes and %d patches\n", f.Number, f.Title, fieldsOf(f.Parts), len(f.HTML), len(f.Patches))
	}
	return b.String()
}
