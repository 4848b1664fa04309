// Package exact is the test that what the examples' pages show is replayed byte for byte.
package exact

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// turns is how often somebody does something.
const turns = 200

// Replayed lets somebody do random things on a page, and then shows every frame of the recording: this build must render
// of the recorded fields, byte for byte, what was sent, and what was sent, rebuilt of its patches, must be the same. redacted
// says that the view hides something, so that only its own rendering is recorded. open is given the recorder for the app,
// and returns a page.
func Replayed(t *testing.T, redacted bool, open func(*replay.Recorder) (*live.App, *livetest.Page), acts ...func(p *livetest.Page, r *rand.Rand)) {
	t.Helper()
	recorder, err := replay.Open(replay.Options{Archive: &replaytest.Memory{}, HashKey: []byte("key")})
	if err != nil {
		t.Fatal(err)
	}
	app, page := open(recorder)
	random := rand.New(rand.NewPCG(1, 2))
	for range turns {
		acts[random.IntN(len(acts))](page, random)
	}
	page.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := app.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := recorder.Close(ctx); err != nil {
		t.Error(err)
	}
	all, err := recorder.Summaries(ctx)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	frames := 0
	for _, sum := range all {
		if sum.Gaps > 0 || sum.Redacted != redacted {
			t.Errorf("%+v", sum)
		}
		rec, err := recorder.Get(ctx, sum.ID)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= sum.Frames; n++ {
			screen, err := rec.Screen(ctx, app, n)
			if err != nil {
				t.Fatal(err)
			}
			if screen.Verdict != replay.Verified || screen.Err != nil {
				t.Fatalf("%s, frame %d is %v: %v\n%s", sum.View, n, screen.Verdict, screen.Err, screen.Built)
			}
			if !redacted && !replay.Same(screen.Sent, screen.Built) {
				at := 0
				for at < len(screen.Sent) && at < len(screen.Built) && bytes.Equal(screen.Sent[:at+1], screen.Built[:at+1]) {
					at++
				}
				t.Fatalf("%s, frame %d differs from byte %d on: sent %.200q, this build %.200q", sum.View, n, at, screen.Sent[at:], screen.Built[at:])
			}
			frames++
		}
	}
	t.Logf("%d turns, %d recordings, %d frames, all verified", turns, len(all), frames)
}
