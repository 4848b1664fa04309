package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/examples/internal/exact"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/bugtest"
	"github.com/livelong-dev/livelong/replay/replaytest"
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
			func(p *livetest.Page, r *rand.Rand) {
				p.Type("#rule-limit", []string{"", "x", "10", "1000"}[r.IntN(4)])
			},
			func(p *livetest.Page, r *rand.Rand) {
				p.Type("#rule-name", []string{"", "a", "b"}[r.IntN(3)])
				p.Type("#rule-metric", []string{"CPU", "Heap"}[r.IntN(2)])
				p.Click(".rule button")
			},
			func(p *livetest.Page, _ *rand.Rand) {
				if p.Count(".alerts li") > 1 {
					p.Click(".alerts li:first-child button")
				}
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

// What the page's events do with the rows depends on the host's last sample, which no field holds: tests of recordings set
// what these have changed, and take the rest again.
func TestRecordingsAreTakenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorder, err := replay.Open(replay.Options{Archive: &replaytest.Memory{}})
		if err != nil {
			t.Fatal(err)
		}
		open := func(r *replay.Recorder) *live.App {
			reads := 0
			app, err := newApp(serve.Config{
				Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Replay: r,
				Go: func(f func(context.Context)) { go f(t.Context()) },
			}, nil, &tail{}, "Testos 1", func() reading { reads++; return hostAt(reads) })
			if err != nil {
				t.Fatal(err)
			}
			return app
		}
		app := open(recorder)
		page := livetest.Open(t, app, "/?rows=20&hz=5")
		page.Sleep(time.Second)
		page.Check("input[value=threads]", false)
		page.Type("#q", "a")
		page.Sleep(time.Second)
		page.Click("th a", "Memory")
		page.Check("input[value=dark]", true)
		rule(page, "Busy", "CPU", "above", "x", "5")
		page.Click(".rule button")
		page.Type("#rule-limit", "40")
		page.Click(".rule button")
		page.Sleep(3 * time.Second)
		page.Close()
		if err := errors.Join(app.Shutdown(context.Background()), recorder.Close(context.Background())); err != nil {
			t.Fatal(err)
		}
		all, err := recorder.Summaries(context.Background())
		if err != nil || len(all) != 1 {
			t.Fatalf("%d recordings, %v", len(all), err)
		}
		rec, err := recorder.Get(context.Background(), all[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		f, err := rec.Fixture(context.Background(), 0, replay.TestOptions{Set: []string{"Find", replay.Visits}})
		if err != nil {
			t.Fatal(err)
		}
		if err := bugtest.Replay(t, open(nil), f); err != nil {
			t.Error(err)
		}
		t.Logf("%d frames", all[0].Frames)
	})
}
