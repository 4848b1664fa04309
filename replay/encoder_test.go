package replay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

func TestEncoderRefuses(t *testing.T) {
	var f form
	exit := replay.Entry{Exit: &replay.Exit{}}
	log := replay.Entry{Log: &replay.Log{Message: "x"}}
	noKeyframe := f.mount()
	noKeyframe.Mount.Effect.Keyframe = false
	both := f.mount()
	both.Log = log.Log
	for name, c := range map[string]struct {
		entries []replay.Entry
		want    string
	}{
		"turnFirst":     {[]replay.Entry{f.typed(0, "a", 1)}, "must be a mount"},
		"logFirst":      {[]replay.Entry{log}, "must be a mount"},
		"twoMounts":     {[]replay.Entry{f.mount(), f.mount()}, "must be a mount"},
		"afterExit":     {[]replay.Entry{f.mount(), exit, log}, "has ended"},
		"empty":         {[]replay.Entry{{}}, "0 kinds"},
		"two":           {[]replay.Entry{both}, "2 kinds"},
		"mountNotWhole": {[]replay.Entry{noKeyframe}, "must be a keyframe"},
	} {
		t.Run(name, func(t *testing.T) {
			e := encoder(t, replay.EncoderOptions{})
			for i, x := range c.entries {
				err := e.Append(x)
				if last := i == len(c.entries)-1; last != (err != nil) || last && !strings.Contains(err.Error(), c.want) {
					t.Errorf("entry %d: %v", i, err)
				}
			}
		})
	}
	if _, err := replay.NewEncoder(replay.EncoderOptions{Codec: "gob"}); !errors.Is(err, replay.ErrFormat) {
		t.Error(err)
	}
}

// TestTooLarge: what is over the limits is left out, seen as a gap, and the recording goes on with a keyframe.
func TestTooLarge(t *testing.T) {
	for name, value := range map[string][]byte{
		"entry": []byte(`"` + strings.Repeat("x", replay.MaxEntryBytes) + `"`),
		"field": bytes.Repeat([]byte("x"), replay.MaxStateBytes+1),
	} {
		t.Run(name, func(t *testing.T) {
			e := encoder(t, replay.EncoderOptions{})
			var f form
			add(t, e, f.mount())
			x := replay.Entry{At: time.Second, Turn: &replay.Turn{Effect: &replay.Effect{Parts: []replay.Part{{Fields: []replay.Field{{Name: "Note", JSON: value}}}}}}}
			before, entries := e.Pending()
			err := e.Append(x)
			if !errors.Is(err, replay.ErrTooLarge) {
				t.Fatalf("got %v", err)
			}
			if after, n := e.Pending(); after != before || n != entries {
				t.Errorf("%d bytes and %d entries were added", after-before, n-entries)
			}
			e.Lose(x, "too large")
			if err := e.Append(f.typed(2*time.Second, "a", 1)); !errors.Is(err, replay.ErrWantKeyframe) {
				t.Errorf("got %v", err)
			}
			x = f.typed(3*time.Second, "b", 2)
			x.Turn.Effect.Keyframe, x.Turn.Effect.Parts = true, f.fields()
			add(t, e, x)
			sealer, _ := replay.NewSealer("x")
			seg, err := sealer.Seal(e.Cut())
			if err != nil {
				t.Fatal(err)
			}
			a := &replaytest.Memory{}
			a.Set(seg.Key, seg.Data)
			fr, err := open(t, a, "x").Frame(t.Context(), 2)
			if err != nil || fieldsOf(fr.Parts)[""]["Note"] != `"ab"` {
				t.Errorf("%+v %v", fr, err)
			}
		})
	}
}

// TestKeyframesByBytes: what changes much gets a keyframe before it gets long.
func TestKeyframesByBytes(t *testing.T) {
	e := encoder(t, replay.EncoderOptions{})
	var f form
	add(t, e, f.mount())
	frames := []int{}
	for i := range 60 {
		note, _ := json.Marshal(strings.Repeat(fmt.Sprint(i, "-"), 1500))
		if due, all := e.KeyframeDue(); due {
			frames = append(frames, i)
			if all {
				t.Error("all fields are asked for")
			}
		}
		add(t, e, replay.Entry{At: time.Duration(i) * time.Second, Turn: &replay.Turn{Effect: &replay.Effect{Parts: []replay.Part{{Fields: []replay.Field{{Name: "Note", JSON: note}}}}}}})
	}
	if len(frames) < 2 || len(frames) > 6 {
		t.Errorf("keyframes at %v", frames)
	}
}

// TestTimesOnlyGrow: an entry that claims to be earlier is at the time of the one before it.
func TestTimesOnlyGrow(t *testing.T) {
	e := encoder(t, replay.EncoderOptions{})
	var f form
	add(t, e, f.mount())
	for _, at := range []time.Duration{5 * time.Second, 3 * time.Second, 7*time.Second + 999*time.Microsecond} {
		add(t, e, replay.Entry{At: at, Log: &replay.Log{Message: "x"}})
	}
	sealer, _ := replay.NewSealer("x")
	seg, _ := sealer.Seal(e.Cut())
	a := &replaytest.Memory{}
	a.Set(seg.Key, seg.Data)
	var got []time.Duration
	for x := range open(t, a, "x").Entries(t.Context()) {
		got = append(got, x.At)
	}
	if fmt.Sprint(got) != "[0s 5s 5s 7s]" {
		t.Errorf("got %v", got)
	}
}

// TestAppendAllocates: a turn that types a character allocates nothing but what the buffers grow by.
func TestAppendAllocates(t *testing.T) {
	e, next := typing(t)
	for range 100 {
		add(t, e, next())
	}
	e.Cut()
	if n := testing.AllocsPerRun(100, func() {
		if err := e.Append(next()); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// typing returns an encoder that has begun, and turns that were made before, so that they cost nothing.
func typing(t testing.TB) (*replay.Encoder, func() replay.Entry) {
	e := encoder(t, replay.EncoderOptions{KeyframeTurns: 1 << 30, KeyframeBytes: 1 << 30})
	var f form
	add(t, e, f.mount())
	turns := make([]replay.Entry, 512)
	for i := range turns {
		if i%128 == 0 {
			f.Note = ""
		}
		turns[i] = f.typed(time.Duration(i)*time.Second, prose[i%128:][:1], uint64(i)*0x9e3779b97f4a7c15+1)
	}
	i := 0
	return e, func() replay.Entry { i++; return turns[i%len(turns)] }
}

func BenchmarkAppend(b *testing.B) {
	e, next := typing(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := e.Append(next()); err != nil {
			b.Fatal(err)
		}
		if n++; n%256 == 0 {
			e.Cut()
		}
	}
}

// BenchmarkAppendCell changes one cell of a table whose encoding has 118 KB.
func BenchmarkAppendCell(b *testing.B) {
	row := `{"ID":%d,"Name":"Customer %d","City":"Amsterdam","Email":"c%d@example.com","Cents":%d}`
	var tables [2][]byte
	for k := range tables {
		rows := make([]string, 1000)
		for i := range rows {
			rows[i] = fmt.Sprintf(row, i, i, i, i*100+k*(i/500)*(500/max(i, 1)))
		}
		tables[k] = []byte("[" + strings.Join(rows, ",") + "]")
	}
	e := encoder(b, replay.EncoderOptions{KeyframeTurns: 1 << 30, KeyframeBytes: 1 << 30})
	x := func(i int) *replay.Effect {
		return &replay.Effect{Keyframe: i == 0, Parts: []replay.Part{{Fields: []replay.Field{{Name: "Rows", JSON: tables[i%2]}}}}, Hash: 1}
	}
	add(b, e, replay.Entry{Mount: &replay.Mount{Effect: x(0)}})
	b.SetBytes(int64(len(tables[0])))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if err := e.Append(replay.Entry{Turn: &replay.Turn{Effect: x(i)}}); err != nil {
			b.Fatal(err)
		}
		if i%256 == 0 {
			e.Cut()
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	e, next := typing(b)
	for range 67 {
		add(b, e, next())
	}
	c := e.Cut()
	s, _ := replay.NewSealer("x")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Seal(c); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(c.Bytes()))
}
