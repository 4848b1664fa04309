package main

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/examples/internal/exact"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

func TestReplayIsExact(t *testing.T) {
	exact.Replayed(t, false, func(r *replay.Recorder) (*live.App, *livetest.Page) {
		app, err := newApp(serve.Config{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Replay: r})
		if err != nil {
			t.Fatal(err)
		}
		return app, livetest.Open(t, app, "/")
	},
		func(p *livetest.Page, _ *rand.Rand) { p.Click("button", "+1") },
		func(p *livetest.Page, _ *rand.Rand) { p.Click("button", "−1") },
		func(p *livetest.Page, _ *rand.Rand) { p.Click("button", "Only on this page") },
		func(p *livetest.Page, r *rand.Rand) { p.Type("#note", strings.Repeat("né<&\" ", r.IntN(9))) },
		func(p *livetest.Page, _ *rand.Rand) { p.Drop(); p.Connect() },
	)
}
