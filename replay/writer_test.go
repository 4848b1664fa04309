package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// record gives n segments and the summary to an output.
func record(t testing.TB, o *replay.Output, id string, n int) (given []weak.Pointer[replay.Chunk]) {
	t.Helper()
	e := encoder(t, replay.EncoderOptions{})
	var f form
	s := replay.Summary{ID: id}
	keep := func(x replay.Entry) {
		add(t, e, x)
		s.Count(&x)
	}
	keep(f.mount())
	for i := range n {
		keep(f.typed(time.Duration(i+1)*time.Second, "a", uint64(i+1)))
		c := e.Cut()
		given = append(given, weak.Make(c))
		o.Write(c)
	}
	o.Finish(s)
	return given
}

func begin(t testing.TB, w *replay.Writer, id string) *replay.Output {
	t.Helper()
	o, err := w.Begin(replay.Summary{ID: id, View: "main.Form", Start: start})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &replaytest.Memory{}
		c := replay.NewCatalog(a, replay.CatalogOptions{Logger: quiet})
		w := replay.OpenWriter(c, replay.WriterOptions{Logger: quiet})
		record(t, begin(t, w, "r1"), "r1", 3)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.Stats(); got != (replay.WriterStats{Saved: 1}) {
			t.Errorf("got %+v", got)
		}
		rec := open(t, a, "r1")
		if s := rec.Summary; s.Segments != 3 || s.Frames != 4 || s.Events != 3 || s.Milliseconds != 3000 || s.Codec != replay.CBOR || len(s.Hash) != 64 || s.Bytes == 0 {
			t.Errorf("got %+v", s)
		}
		want := []string{"segments/r1.000001-0000000001", "segments/r1.000002-0000000003", "segments/r1.000003-0000000004", "summaries/r1"}
		if got := a.Keys(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if _, err := w.Begin(replay.Summary{ID: "r2"}); err == nil {
			t.Error("a closed writer begins a recording")
		}
	})
}

// TestRetries: a request fails k times, of which some have done what they were asked all the same.
func TestRetries(t *testing.T) {
	for k := range 6 {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &replaytest.Memory{}
				failures := map[string]int{}
				var at []time.Duration
				begun := time.Now()
				a.Fail = func(ctx context.Context, op, key string) error {
					if op != "Put" || !strings.HasPrefix(key, "segments/r1.000002") {
						return nil
					}
					at = append(at, time.Since(begun))
					if failures[key]++; failures[key] > k {
						return nil
					}
					return errors.New("disk on fire")
				}
				w := replay.OpenWriter(replay.NewCatalog(a, replay.CatalogOptions{}), replay.WriterOptions{Logger: quiet})
				o := begin(t, w, "r1")
				record(t, o, "r1", 3)
				w.Close(t.Context())
				got, want := w.Stats(), replay.WriterStats{Saved: 1, Retries: k}
				if k > 3 {
					want = replay.WriterStats{Dropped: 1, Retries: 3}
				}
				if got != want || o.Dropped() != (k > 3) {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if third := slices.ContainsFunc(a.Keys(), func(key string) bool { return strings.HasPrefix(key, "segments/r1.000003") }); third != (k <= 3) {
					t.Errorf("what comes behind it was written: %v", third)
				}
				if want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}[:min(k, 3)+1]; !slices.Equal(at, want) {
					t.Errorf("tried at %v, want %v", at, want)
				}
			})
		})
	}
}

// TestLandedAllTheSame: an attempt that seemed to fail has written the object.
func TestLandedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &landing{}
		w := replay.OpenWriter(replay.NewCatalog(a, replay.CatalogOptions{Logger: quiet}), replay.WriterOptions{Logger: quiet})
		record(t, begin(t, w, "r1"), "r1", 3)
		w.Close(t.Context())
		if got := w.Stats(); got.Saved != 1 || got.Retries < 4 {
			t.Errorf("got %+v", got)
		}
		n := 0
		for x, err := range open(t, a, "r1").Entries(t.Context()) {
			if n++; err != nil || x.Gap != nil {
				t.Error(err, x.Gap)
			}
		}
		if n != 4 {
			t.Errorf("%d entries", n)
		}
	})
}

// landing fails each Put once, after it was done.
type landing struct {
	replaytest.Memory
	done map[string]bool
}

func (l *landing) Put(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
	v, err := l.Memory.Put(ctx, key, data, ifVersion)
	if l.done == nil {
		l.done = map[string]bool{}
	}
	if err == nil && !l.done[key] {
		l.done[key] = true
		return "", errors.New("connection reset")
	}
	return v, err
}

// TestDeadArchive: one that always fails, and one that always hangs, keep nobody waiting, and no memory.
func TestDeadArchive(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context, op, key string) error{
		"fails": func(context.Context, string, string) error { return errors.New("no route to host") },
		"hangs": func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			const recordings = 200
			outputs := make([]*replay.Output, recordings)
			var given []weak.Pointer[replay.Chunk]
			synctest.Test(t, func(t *testing.T) {
				a := &replaytest.Memory{Fail: fail}
				c := replay.NewCatalog(a, replay.CatalogOptions{})
				w := replay.OpenWriter(c, replay.WriterOptions{Logger: quiet, MaxPendingAll: 128 << 10})
				begun := time.Now()
				for i := range outputs {
					id := fmt.Sprintf("r%d", i)
					outputs[i] = begin(t, w, id)
					given = append(given, record(t, outputs[i], id, 10)...)
				}
				if time.Since(begun) != 0 {
					t.Errorf("it took %v", time.Since(begun))
				}
				if got := w.Stats(); got.Pending > 128<<10 || got.Dropped == 0 {
					t.Errorf("with everything handed over: %+v", got)
				}
				w.Close(t.Context())
				if got := w.Stats(); got.Dropped != recordings || got.Running != 0 || got.Pending != 0 || got.Saved != 0 {
					t.Errorf("got %+v", got)
				}
				t.Logf("given up after %v: %+v", time.Since(begun), w.Stats())
				for _, o := range outputs {
					if !o.Dropped() || o.Write(&replay.Chunk{}) {
						t.Fatal("an output goes on")
					}
				}
			})
			runtime.GC()
			for i, c := range given {
				if c.Value() != nil {
					t.Fatalf("chunk %d of %d is still in memory", i, len(given))
				}
			}
			runtime.KeepAlive(outputs)
		})
	}
}

// TestCloseGivesUp: when its context ends, what still waits is dropped, and no goroutine is left.
func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &replaytest.Memory{Fail: func(ctx context.Context, _, _ string) error { <-ctx.Done(); return ctx.Err() }}
		w := replay.OpenWriter(replay.NewCatalog(a, replay.CatalogOptions{}), replay.WriterOptions{Logger: quiet})
		record(t, begin(t, w, "r1"), "r1", 2)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		if got := w.Stats(); got.Dropped != 1 || got.Pending != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestDiscard(t *testing.T) {
	for name, chunks := range map[string]int{"nothingWritten": 0, "somethingWritten": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &replaytest.Memory{}
				c := replay.NewCatalog(a, replay.CatalogOptions{})
				w := replay.OpenWriter(c, replay.WriterOptions{Logger: quiet})
				o := begin(t, w, "r1")
				e := encoder(t, replay.EncoderOptions{})
				var f form
				add(t, e, f.mount())
				for range chunks {
					o.Write(e.Cut())
					add(t, e, replay.Entry{Log: &replay.Log{Message: "tick"}})
				}
				synctest.Wait()
				if running, err := c.Running(t.Context()); err != nil || len(running) != min(chunks, 1) {
					t.Errorf("running %+v %v", running, err)
				}
				o.Discard()
				w.Close(t.Context())
				if got := w.Stats(); got != (replay.WriterStats{Discarded: 1}) {
					t.Errorf("got %+v", got)
				}
				if keys := a.Keys(); len(keys) > 0 {
					t.Errorf("left over: %q", keys)
				}
			})
		})
	}
}

// TestRefusedForGood: a store that refuses is not asked again.
func TestRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &replaytest.Memory{}
		a.Set("segments/r1.000001-0000000001", []byte("of somebody else"))
		w := replay.OpenWriter(replay.NewCatalog(a, replay.CatalogOptions{}), replay.WriterOptions{Logger: quiet})
		record(t, begin(t, w, "r1"), "r1", 1)
		w.Close(t.Context())
		if got := w.Stats(); got != (replay.WriterStats{Dropped: 1}) {
			t.Errorf("got %+v", got)
		}
		for _, id := range []string{"", "a/b", "..", ".", "a.b", "a b", "a\x00", "../x", strings.Repeat("x", 65), "ä"} {
			if _, err := w.Begin(replay.Summary{ID: id}); err == nil {
				t.Errorf("%q is an id", id)
			}
		}
	})
}

// TestAlive: while there are recordings, other processes see that they are running, however long nothing is written.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		a := &replaytest.Memory{Fail: func(_ context.Context, op, key string) error {
			if down.Load() && op == "Put" && strings.HasPrefix(key, "nodes/") {
				return errors.New("not now")
			}
			return nil
		}}
		w := replay.OpenWriter(replay.NewCatalog(a, replay.CatalogOptions{}), replay.WriterOptions{Logger: quiet})
		other := replay.NewCatalog(a, replay.CatalogOptions{Logger: quiet})
		o := begin(t, w, "r1")
		e := encoder(t, replay.EncoderOptions{})
		var f form
		add(t, e, f.mount())
		add(t, e, f.typed(0, "a", 2))
		o.Write(e.Cut())
		for range 10 {
			time.Sleep(17 * time.Minute)
			if done, err := other.Cleanup(t.Context(), replay.Retention{}); err != nil || done != (replay.Cleaned{}) {
				t.Fatalf("%+v %v", done, err)
			}
		}
		// It fails for longer than others wait: the recording is finished by them, and by itself again when it is back.
		down.Store(true)
		time.Sleep(17 * time.Minute)
		if done, err := other.Cleanup(t.Context(), replay.Retention{}); err != nil || done != (replay.Cleaned{Finished: 1}) {
			t.Fatalf("%+v %v", done, err)
		}
		down.Store(false)
		add(t, e, replay.Entry{At: time.Hour, Exit: &replay.Exit{Reason: replay.ExitTimeout}})
		o.Write(e.Cut())
		o.Finish(replay.Summary{ID: "r1", Exit: replay.ExitTimeout, Frames: 2})
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := other.Summaries(t.Context()); err != nil || len(s) != 1 || s[0].Exit != replay.ExitTimeout || s[0].Segments != 2 {
			t.Errorf("%+v %v", s, err)
		}
		for _, key := range a.Keys() {
			if strings.HasPrefix(key, "nodes/") || strings.HasPrefix(key, "running/") {
				t.Errorf("%s is left", key)
			}
		}
	})
}
