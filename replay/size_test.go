package replay_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
)

// TestTypingIsSmall is 30 s of typing: 403 characters, of which each is a turn with its payload, the changed field, a
// patch that echoes the text and counts it, and the frame's hash; in six segments, as the recorder writes them.
func TestTypingIsSmall(t *testing.T) {
	for _, codec := range []replay.Codec{replay.CBOR, replay.JSON} {
		r := rand.New(rand.NewPCG(1, 2))
		e := encoder(t, replay.EncoderOptions{Codec: codec})
		s, err := replay.NewSealer(replay.NewID())
		if err != nil {
			t.Fatal(err)
		}
		var f form
		add(t, e, f.mount())
		total, segments, events, inMemory := 0, 0, 0, 0
		seal := func() {
			c := e.Cut()
			inMemory += c.Bytes()
			seg, err := s.Seal(c)
			if err != nil {
				t.Fatal(err)
			}
			total += len(seg.Data)
			segments++
			t.Logf("  segment %d: %d entries, %d bytes in memory, %d on disk", segments, c.Entries, c.Bytes(), len(seg.Data))
		}
		at := time.Duration(0)
		for at < 30*time.Second {
			at += time.Duration(30+r.IntN(90)) * time.Millisecond
			if int(at/(5*time.Second)) > segments && segments < 5 {
				seal()
			}
			add(t, e, f.typed(at, prose[events%len(prose):][:1], r.Uint64()))
			events++
		}
		seal()
		t.Logf("%s: %d events in %v, %d segments: %d bytes on disk, %d of them hashes that cannot be compressed; %d in memory", codec, events, at.Round(time.Millisecond), segments, total, 8*(events+1), inMemory)
		if events < 380 || segments != 6 {
			t.Errorf("%d events in %d segments", events, segments)
		}
		if limit := map[replay.Codec]int{replay.CBOR: 8192, replay.JSON: 10240}[codec]; total > limit {
			t.Errorf("%s: %d bytes, want at most %d", codec, total, limit)
		}
	}
}
