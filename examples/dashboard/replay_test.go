package main

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/examples/internal/exact"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

func TestReplayIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exact.Replayed(t, false, func(r *replay.Recorder) (*live.App, *livetest.Page) {
			reads := 0
			app, err := newApp(serve.Config{
				Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Replay: r,
				Go: func(f func(context.Context)) { go f(t.Context()) },
			}, nil, &tail{}, "Testos 1", func() reading { reads++; return hostAt(reads) })
			if err != nil {
				t.Fatal(err)
			}
			return app, livetest.Open(t, app, "/")
		},
			func(p *livetest.Page, _ *rand.Rand) { p.Sleep(time.Second) },
			func(p *livetest.Page, r *rand.Rand) { p.Type("#q", []string{"", "n", "post", "x"}[r.IntN(4)]) },
			func(p *livetest.Page, r *rand.Rand) {
				p.Click("th a", []string{"Name", "CPU %", "Memory", "PID"}[r.IntN(4)])
			},
			func(p *livetest.Page, r *rand.Rand) {
				p.Visit([]string{"?rows=50&hz=5", "?rows=5&hz=20", "?"}[r.IntN(3)])
			},
			func(p *livetest.Page, r *rand.Rand) { p.Check("input[value=threads]", r.IntN(2) == 0) },
			func(p *livetest.Page, r *rand.Rand) {
				p.Check("input[value="+themes[r.IntN(len(themes))]+"]", true)
			},
			func(p *livetest.Page, _ *rand.Rand) {
				if _, at := p.History(); at > 0 {
					p.Back()
				}
			},
			func(p *livetest.Page, _ *rand.Rand) { p.Drop(); p.Sleep(time.Second); p.Connect() },
		)
	})
}
