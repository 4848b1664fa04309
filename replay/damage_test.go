package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// readAll reads everything of a recording, and returns what was reported.
func readAll(t testing.TB, a replay.Archive, id string) (reports []error, entries int) {
	t.Helper()
	rec, err := replay.ReadRecording(context.Background(), a, id)
	if err != nil {
		return []error{err}, 0
	}
	for x, err := range rec.Entries(context.Background()) {
		switch {
		case err != nil:
			return append(reports, err), entries
		case x.Gap != nil && x.Gap.Err != nil:
			reports = append(reports, x.Gap.Err)
		default:
			entries++
		}
	}
	return reports, entries
}

// TestEveryFlippedByteIsReported: in each object of a recording, each byte is changed once, in some way; each seventh where
// the race detector makes it slow.
func TestEveryFlippedByteIsReported(t *testing.T) {
	for _, codec := range []replay.Codec{replay.CBOR, replay.JSON} {
		r := rand.New(rand.NewPCG(7, uint64(len(codec))))
		s := randomSession(t, r, codec, 40)
		a := &replaytest.Memory{}
		s.store(t, a)
		if reports, n := readAll(t, a, s.id); reports != nil || n != len(s.entries) {
			t.Fatalf("undamaged: %v, %d entries", reports, n)
		}
		flips := 0
		for key, data := range a.Objects() {
			for i := range data {
				if raceEnabled && i%7 != 0 {
					continue
				}
				damaged := bytes.Clone(data)
				damaged[i] ^= byte(1 + r.IntN(255))
				a.Set(key, damaged)
				reports, _ := readAll(t, a, s.id)
				if reports == nil {
					t.Fatalf("%s: byte %d of %d became %q, and nothing was reported", key, i, len(data), damaged[i])
				}
				for _, err := range reports {
					if !errors.Is(err, replay.ErrDamaged) && !errors.Is(err, replay.ErrFormat) || !strings.Contains(err.Error(), s.id) {
						t.Fatalf("%s: byte %d: reported as %v", key, i, err)
					}
				}
				flips++
			}
			a.Set(key, data)
		}
		t.Logf("%s: %d flips in %d objects", codec, flips, len(a.Keys()))
	}
}

// TestDamageIsLocal: a segment that is lost, cut or swapped is a gap; all else is read, from the next keyframe on.
func TestDamageIsLocal(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	s := randomSession(t, r, replay.CBOR, 200)
	other := randomSession(t, r, replay.CBOR, 200)
	if len(s.objects) < 6 || len(other.objects) < 6 {
		t.Fatal("too few segments")
	}
	last := len(s.objects) - 1
	for name, c := range map[string]struct {
		damage func(a *replaytest.Memory)
		want   error
	}{
		"lost":      {func(a *replaytest.Memory) { a.Set(s.objects[2].Key, nil) }, fs.ErrNotExist},
		"firstLost": {func(a *replaytest.Memory) { a.Set(s.objects[0].Key, nil) }, fs.ErrNotExist},
		"lastLost":  {func(a *replaytest.Memory) { a.Set(s.objects[last].Key, nil) }, fs.ErrNotExist},
		"empty":     {func(a *replaytest.Memory) { a.Set(s.objects[2].Key, []byte{}) }, replay.ErrDamaged},
		"cut":       {func(a *replaytest.Memory) { a.Set(s.objects[2].Key, s.objects[2].Data[:len(s.objects[2].Data)/2]) }, replay.ErrDamaged},
		"longer":    {func(a *replaytest.Memory) { a.Set(s.objects[2].Key, append(bytes.Clone(s.objects[2].Data), 0)) }, replay.ErrDamaged},
		"swapped":   {func(a *replaytest.Memory) { a.Set(s.objects[2].Key, s.objects[3].Data) }, replay.ErrDamaged},
		"ofAnother": {func(a *replaytest.Memory) { a.Set(s.objects[2].Key, other.objects[2].Data) }, replay.ErrDamaged},
		"futureFormat": {func(a *replaytest.Memory) {
			a.Set(s.objects[2].Key, bytes.Replace(s.objects[2].Data, []byte("/1 "), []byte("/2 "), 1))
		}, replay.ErrFormat},
		"futureCodec": {func(a *replaytest.Memory) {
			a.Set(s.objects[2].Key, bytes.Replace(s.objects[2].Data, []byte("cbor"), []byte("zbor"), 1))
		}, replay.ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			a := &replaytest.Memory{}
			s.store(t, a)
			c.damage(a)
			reports, n := readAll(t, a, s.id)
			if len(reports) == 0 || !errors.Is(reports[0], c.want) {
				t.Fatalf("got %v, want %v", reports, c.want)
			}
			if len(reports) > 1 && name != "lost" { // a neighbour may say that it does not follow
				t.Logf("%d reports: %v", len(reports), reports)
			}
			if n < len(s.entries)/2 {
				t.Errorf("only %d of %d entries are read: %v", n, len(s.entries), reports)
			}
			rec := open(t, a, s.id)
			whole, wrong := 0, 0
			for n := range s.frames {
				f, err := rec.Frame(t.Context(), n+1)
				if err != nil {
					if !errors.Is(err, c.want) && !errors.Is(err, replay.ErrDamaged) {
						t.Errorf("frame %d: %v", n+1, err)
					}
					wrong++
					continue
				}
				whole++
				if got := fieldsOf(f.Parts); fmt.Sprint(got) != fmt.Sprint(s.frames[n]) {
					t.Fatalf("frame %d is wrong, and not reported", n+1)
				}
			}
			t.Logf("%d entries of %d, %d frames, %d reported; %v", n, len(s.entries), whole, wrong, reports[0])
			if wrong == 0 || whole < len(s.frames)/2 {
				t.Errorf("%d frames are right, %d reported", whole, wrong)
			}
		})
	}
}

// TestMixedUpSegments: a segment of another recording is found by itself, one of another session under the same id by its
// neighbours.
func TestMixedUpSegments(t *testing.T) {
	segments := func(id, note string) (list []replay.Segment) {
		e := encoder(t, replay.EncoderOptions{KeyframeTurns: 2})
		sealer, _ := replay.NewSealer(id)
		var f form
		add(t, e, f.mount())
		for i := range 12 {
			add(t, e, f.typed(time.Duration(i)*time.Second, note, 1))
			if i%3 == 2 {
				seg, err := sealer.Seal(e.Cut())
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, seg)
			}
		}
		return list
	}
	good := segments("good", "a")
	for name, c := range map[string]struct {
		seg  replay.Segment
		want string
	}{
		"ofAnotherRecording": {segments("other", "a")[2], "segment 3 of other"},
		"ofAnotherSession":   {segments("good", "b")[2], "does not follow"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &replaytest.Memory{}
			for _, seg := range good {
				a.Set(seg.Key, seg.Data)
			}
			a.Set(good[2].Key, c.seg.Data)
			reports, _ := readAll(t, a, "good")
			if len(reports) == 0 || !errors.Is(reports[0], replay.ErrDamaged) || !strings.Contains(reports[0].Error(), c.want) {
				t.Errorf("got %v, want %s", reports, c.want)
			}
			if name == "ofAnotherRecording" {
				if _, err := open(t, a, "good").Frame(t.Context(), 9); !errors.Is(err, replay.ErrDamaged) {
					t.Errorf("read alone: %v", err)
				}
			}
		})
	}
}

// TestSeekingReadsOneSpan: in a recording of 10,000 events, a frame costs the segments from its keyframe to it.
func TestSeekingReadsOneSpan(t *testing.T) {
	a := &replaytest.Memory{}
	const events, perSegment, span = 10_000, 60, 200
	e := encoder(t, replay.EncoderOptions{KeyframeBytes: 1 << 30})
	sealer, _ := replay.NewSealer("long")
	s := replay.Summary{ID: "long"}
	var f form
	x := f.mount()
	for i := range events + 1 {
		add(t, e, x)
		s.Count(&x)
		if i%perSegment == perSegment-1 || i == events {
			seg, err := sealer.Seal(e.Cut())
			if err != nil {
				t.Fatal(err)
			}
			a.Set(seg.Key, seg.Data)
			s.Segments++
			s.Hash = fmt.Sprintf("%x", seg.Data[len(seg.Data)-32:])
			s.Bytes += int64(len(seg.Data))
		}
		if len(f.Note) > 300 {
			f.Note = ""
		}
		x = f.typed(x.At+1e8, prose[i%len(prose):][:1], uint64(i)+2)
	}
	if err := replay.NewCatalog(a, replay.CatalogOptions{}).Save(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	a.Requests()
	open(t, a, "long")
	t.Logf("%d events, %d segments, %d bytes; opening: %v", s.Events, s.Segments, s.Bytes, a.Requests())
	r := rand.New(rand.NewPCG(1, 1))
	most := 0
	for range 200 {
		n := 1 + r.IntN(events+1)
		rec := open(t, a, "long") // nothing is cached
		a.Requests()
		if f, err := rec.Frame(t.Context(), n); err != nil || f.Number != n || f.Entry.Turn != nil && f.Entry.Turn.Effect.Hash != uint64(n) {
			t.Fatalf("frame %d: %+v %v", n, f, err)
		}
		requests := a.Requests()
		most = max(most, requests["Get segments"])
		if len(requests) > 1 {
			t.Fatalf("frame %d: %v", n, requests)
		}
	}
	t.Logf("at most %d segments for a frame", most)
	if limit := (span+perSegment-1)/perSegment + 1; most > limit {
		t.Errorf("%d segments were read for a frame, want at most %d", most, limit)
	}
}

// TestHostile: segments whose hash fits and whose contents nobody would write.
func TestHostile(t *testing.T) {
	mount := "\xa1\x01\xa1\x0e\xa1\x01\xf5"                                                                      // {1: {14: {1: true}}}
	turn := func(steps string) string { return "\xa1\x02\xa2\x01\xa1\x01\x01\x02\xa2\x03" + steps + "\x04\xf5" } // {2: {1: {1: 1}, 2: {3: steps, 4: true}}}
	nested := strings.Repeat("\x81", 60) + "\x01"
	for name, c := range map[string]struct {
		codec   replay.Codec
		entries int
		body    string
		times   int
		frames  int
		hashes  int
		want    string
	}{
		"good":           {replay.CBOR, 1, mount, 1, 1, 8, ""},
		"noMount":        {replay.CBOR, 1, "\xa1\x05\xa0", 1, 1, 0, "begins with a mount"},
		"empty":          {replay.CBOR, 1, "", 1, 1, 8, "entry 1"},
		"twoKinds":       {replay.CBOR, 1, "\xa2\x01\xa1\x0e\xa1\x01\xf5\x05\xa0", 1, 1, 8, "of 2 kinds"},
		"twoMounts":      {replay.CBOR, 2, mount + mount, 2, 2, 16, "begins with a mount"},
		"noHash":         {replay.CBOR, 1, mount, 1, 1, 0, "no hash"},
		"hashLeftOver":   {replay.CBOR, 1, mount, 1, 1, 16, "left over"},
		"fewTimes":       {replay.CBOR, 2, mount + "\xa1\x05\xa0", 1, 1, 8, "2 entries with 1 times"},
		"trailing":       {replay.CBOR, 1, mount + "\x00", 1, 1, 8, "times"},
		"moreFrames":     {replay.CBOR, 1, mount, 1, 2, 8, "impossible"},
		"nested":         {replay.CBOR, 1, "\xa1\x01\xa1\x18\x63" + nested, 1, 1, 8, "nested"},
		"indefinite":     {replay.CBOR, 1, "\xbf\x01\xff", 1, 1, 8, "indefinite"},
		"hugeArray":      {replay.CBOR, 1, "\xa1\x02\xa1\x07\x9a\xff\xff\xff\xff", 1, 1, 8, "entry 1"},
		"hugeString":     {replay.CBOR, 1, "\xa1\x02\xa1\x07\x7b\x00\x00\x7f\xff\xff\xff\xff\xff", 1, 1, 8, "entry 1"},
		"tag":            {replay.CBOR, 1, "\xc2\x41\x01", 1, 1, 8, "entry 1"},
		"stepsTooMany":   {replay.CBOR, 2, mount + turn("\x99\x0b\xbb"+strings.Repeat("\x00", 3003)), 2, 2, 8, "multiple of 3"},
		"stepsUneven":    {replay.CBOR, 2, mount + turn("\x82\x00\x00"), 2, 2, 8, "multiple of 3"},
		"keepsTooMuch":   {replay.CBOR, 2, mount + turn("\x83\x05\x00\x40"), 2, 2, 8, "keeps 5 and removes 0 bytes where 0 are left"},
		"removesTooMuch": {replay.CBOR, 2, mount + turn("\x83\x00\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x40"), 2, 2, 8, "removes"},
		"negative":       {replay.CBOR, 2, mount + turn("\x83\x20\x00\x40"), 2, 2, 8, "keeps -1"},
		"jsonNested":     {replay.JSON, 1, `{"mount":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}\n", 1, 1, 8, "nested deeper"},
		"jsonCut":        {replay.JSON, 1, `{"mount":`, 1, 1, 8, "entry 1"},
		"jsonOther":      {replay.JSON, 1, "[]\n", 1, 1, 8, "entry 1"},
	} {
		t.Run(name, func(t *testing.T) {
			seg, err := replay.Forge(c.codec, "x", c.entries, []byte(c.body), c.frames, []int{1}, make([]uint32, c.times), make([]byte, c.hashes))
			if err != nil {
				t.Fatal(err)
			}
			_, err = replay.OpenSegment(seg.Data)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, replay.ErrDamaged)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestRepeatedInsertIsBounded: what a step inserts again and again would become longer than all that is read.
func TestRepeatedInsertIsBounded(t *testing.T) {
	mount := "\xa1\x01\xa1\x0e\xa1\x01\xf5"
	megabyte := "\x00\x00\x5a\x00\x10\x00\x00" + strings.Repeat("x", 1<<20)
	steps := "\x99\x03\xe7" + megabyte + strings.Repeat("\x00\x00\xf6", 332) // 333 MiB
	seg, err := replay.Forge(replay.CBOR, "x", 2, []byte(mount+"\xa1\x02\xa2\x01\xa1\x01\x01\x02\xa2\x03"+steps+"\x04\xf5"), 2, []int{1}, make([]uint32, 2), make([]byte, 8))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replay.OpenSegment(seg.Data); !errors.Is(err, replay.ErrDamaged) || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
}

// TestBombs: a few bytes that become many are refused before they do.
func TestBombs(t *testing.T) {
	bomb := replay.Compress(make([]byte, 16<<20))
	for name, c := range map[string]struct {
		data []byte
		size int
	}{
		"saysLittle": {bomb, 100},
		"saysMuch":   {bomb, 1 << 40},
		"negative":   {bomb, -1},
		"many":       {bytes.Repeat(bomb, 200), replay.MaxChunkBytes},
		"cut":        {bomb[:len(bomb)/2], 16 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := replay.Decompress(c.data, c.size); !errors.Is(err, replay.ErrDamaged) {
				t.Fatalf("got %v", err)
			}
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d bytes: %d allocated", len(c.data), allocated)
			if allocated > 3*replay.MaxChunkBytes {
				t.Errorf("%d bytes were allocated", allocated)
			}
		})
	}
}

func TestHostileSummary(t *testing.T) {
	for name, c := range map[string]struct {
		json, want string
	}{
		"good":     {`{"id":"x","segments":3}`, ""},
		"path":     {`{"id":"../x"}`, "recording id"},
		"noID":     {`{}`, "recording id"},
		"segments": {`{"id":"x","segments":1000000000}`, "impossible"},
		"negative": {`{"id":"x","frames":-1}`, "impossible"},
		"list":     {`[]`, "cannot unmarshal"},
		"cut":      {`{"id":"x"`, "unexpected end"},
		"large":    {`{"id":"x","url":"` + strings.Repeat("x", 70<<10) + `"}`, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replay.DecodeSummary(replay.Wrap([]byte(c.json)))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, replay.ErrDamaged)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := replay.DecodeSummary([]byte("livelong-summary/2 sha256=00\n{}")); !errors.Is(err, replay.ErrFormat) {
		t.Errorf("a future format: %v", err)
	}
}
