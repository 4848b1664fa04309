package replay_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// FuzzOpenSegment: whatever lies where a segment should be, reading it gives an error that says so, or entries.
func FuzzOpenSegment(f *testing.F) {
	for i, codec := range []replay.Codec{replay.CBOR, replay.JSON} {
		s := randomSession(f, rand.New(rand.NewPCG(1, uint64(i))), codec, 10)
		for _, seg := range s.objects {
			f.Add(seg.Data)
		}
	}
	f.Add([]byte("livelong-replay/1 cbor\n"))
	f.Add([]byte("livelong-replay/9 cbor\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := replay.OpenSegment(data); err != nil && !errors.Is(err, replay.ErrDamaged) && !errors.Is(err, replay.ErrFormat) {
			t.Errorf("%v is neither damage nor another format", err)
		}
	})
}

// FuzzEntries puts any bytes where the entries are, behind a hash that fits, and reads the recording as a player does.
func FuzzEntries(f *testing.F) {
	f.Add(false, 1, 1, []byte("\xa1\x01\xa1\x0e\xa1\x01\xf5"))
	f.Add(false, 2, 2, []byte("\xa1\x01\xa1\x0e\xa1\x01\xf5\xa1\x02\xa2\x01\xa1\x01\x01\x02\xa2\x03\x83\x00\x00\x41x\x04\xf5"))
	f.Add(false, 2, 2, []byte("\xa1\x01\xa1\x0e\xa2\x01\xf5\x02\x81\xa1\x03\x81\xa2\x01dNote\x02Ax\xa1\x02\xa2\x01\xa1\x01\x01\x02\xa1\x02\x81\xa1\x03\x81\xa2\x01dNote\x02\x83\x00\x01\xf6"))
	f.Add(true, 1, 1, []byte(`{"mount":{"view":"x","effect":{"keyframe":true,"parts":[{"fields":[{"name":"A","value":"1"}]}]}}}`+"\n"))
	f.Add(true, 2, 2, []byte(`{"mount":{"effect":{"keyframe":true}}}`+"\n"+`{"turn":{"cause":{"kind":1,"payload":[0,0,{"base64":"/w=="}]},"effect":{"patch":[0,0,null]}}}`+"\n"))
	f.Fuzz(func(t *testing.T, asJSON bool, entries, frames int, body []byte) {
		codec := replay.CBOR
		if asJSON {
			codec = replay.JSON
		}
		entries, frames = entries&63, frames&63
		if entries == 0 || len(body) > 1<<16 {
			return
		}
		seg, err := replay.Forge(codec, "x", entries, body, frames, []int{1}, make([]uint32, entries), make([]byte, 8*frames))
		if err != nil {
			t.Skip(err)
		}
		a := &replaytest.Memory{}
		a.Set(seg.Key, seg.Data)
		reports, _ := readAll(t, a, "x")
		for _, err := range reports {
			if !errors.Is(err, replay.ErrDamaged) && !errors.Is(err, replay.ErrFormat) {
				t.Errorf("%v is neither damage nor another format", err)
			}
		}
		if rec, err := replay.ReadRecording(t.Context(), a, "x"); err == nil {
			for n := range frames {
				rec.Frame(t.Context(), n+1)
			}
		}
	})
}

// FuzzSummary: what lies where a summary should be.
func FuzzSummary(f *testing.F) {
	f.Add([]byte(`{"id":"x","view":"main.Form","start":"2026-03-01T12:00:00Z","ms":3000}`))
	f.Add([]byte(`{"id":"../x","segments":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, replay.Wrap(data)} {
			s, err := replay.DecodeSummary(data)
			if err != nil && !errors.Is(err, replay.ErrDamaged) && !errors.Is(err, replay.ErrFormat) {
				t.Errorf("%v is neither damage nor another format", err)
			}
			if err == nil && replay.CheckID(s.ID) != nil {
				t.Errorf("id %q", s.ID)
			}
		}
	})
}

// FuzzSplices: steps make one text of another, and stay between characters where both are UTF-8.
func FuzzSplices(f *testing.F) {
	f.Add([]byte(`"hello wor"`), []byte(`"hello worl"`))
	f.Add([]byte("日本語"), []byte("日本国語"))
	f.Add(bytes.Repeat([]byte("abcdefgh"), 40), bytes.Repeat([]byte("abcdefgi"), 40))
	f.Add([]byte(""), []byte("\xff"))
	f.Fuzz(func(t *testing.T, last, next []byte) {
		got, n, _, err := replay.Splices(last, next)
		if err != nil || !bytes.Equal(got, next) {
			t.Fatalf("%v\nlast %q\nnext %q\ngot  %q", err, last, next, got)
		}
		if n > len(next) {
			t.Errorf("%d bytes are inserted of %d", n, len(next))
		}
		if utf8.Valid(last) && utf8.Valid(next) && !replay.SplicesAreText(last, next) {
			t.Errorf("a step ends within a character\nlast %q\nnext %q", last, next)
		}
	})
}
