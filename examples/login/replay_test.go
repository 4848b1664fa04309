package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/examples/internal/exact"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

func TestReplayIsExact(t *testing.T) {
	exact.Replayed(t, false, func(r *replay.Recorder) (*live.App, *livetest.Page) {
		s, err := newSite(serve.Config{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Replay: r}, 10*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		b := livetest.NewBrowser(t, s.app)
		logIn(t, b, "ada", "countess")
		return s.app, b.Open("/")
	},
		func(p *livetest.Page, _ *rand.Rand) { p.PushForm("Edit", "text=a+draft") },
		func(p *livetest.Page, r *rand.Rand) {
			p.PushForm("Keep", "text="+[]string{"milk", "", "a+%26+b", "%C3%A9t%C3%A9"}[r.IntN(4)])
			_ = p.Error()
		},
		func(p *livetest.Page, r *rand.Rand) { p.Push("Drop", Drop{ID: r.IntN(20)}); _ = p.Error() },
		func(p *livetest.Page, _ *rand.Rand) { p.Drop(); p.Connect() },
	)
}
