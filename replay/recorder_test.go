package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// stage is an app with a recorder over an archive in memory.
type stage struct {
	t        *testing.T
	archive  replay.Archive
	recorder *replay.Recorder
	app      *live.App
	logs     *bytes.Buffer
}

func newStage(t *testing.T, change func(*replay.Options)) *stage {
	t.Helper()
	s := &stage{t: t, archive: &replaytest.Memory{}, logs: &bytes.Buffer{}}
	o := replay.Options{Archive: s.archive, Build: "test", HashKey: []byte("key"), Logger: slog.New(slog.NewTextHandler(&locked{w: s.logs}, nil))}
	if change != nil {
		change(&o)
	}
	s.archive = o.Archive
	var err error
	if s.recorder, err = replay.Open(o); err != nil {
		t.Fatal(err)
	}
	s.app = live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Recorder: s.recorder, Logger: slog.New(slog.DiscardHandler)})
	live.Handle(s.app, "GET /{$}", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
	return s
}

// locked is a writer for several goroutines.
type locked struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// close ends everything; then all is in the archive.
func (s *stage) close() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := errors.Join(s.app.Shutdown(ctx), s.recorder.Close(ctx)); err != nil {
		s.t.Error(err)
	}
}

// one returns the only recording.
func (s *stage) one() *replay.Recording {
	s.t.Helper()
	all, err := s.recorder.Summaries(context.Background())
	if err != nil || len(all) != 1 {
		s.t.Fatalf("%d recordings, want one: %v\n%s", len(all), err, s.logs)
	}
	rec, err := s.recorder.Get(context.Background(), all[0].ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return rec
}

// exact holds every frame of the only recording to what was sent, what this build makes of it, and what the browser showed. It
// returns how many there are.
func (s *stage) exact(shown []string) (frames int) {
	s.t.Helper()
	ctx, rec := s.t.Context(), s.one()
	n, err := rec.Frames(ctx)
	if err != nil || n < len(shown) {
		s.t.Fatalf("%d frames, the browser showed %d: %v", n, len(shown), err)
	}
	at := 0
	for i := 1; i <= n; i++ {
		screen, err := rec.Screen(ctx, s.app, i)
		if err != nil {
			s.t.Fatal(err)
		}
		if screen.Verdict != replay.Verified || screen.Err != nil || !replay.Same(screen.Sent, screen.Built) {
			s.t.Fatalf("frame %d is %v: %v\nas sent\n%s\nby this build\n%s", i, screen.Verdict, screen.Err, screen.Sent, screen.Built)
		}
		if at < len(shown) && replay.Same([]byte(shown[at]), screen.Sent) {
			at++
		}
	}
	if at != len(shown) {
		s.t.Errorf("the browser showed %d screens, %d of them are in the recording in their order", len(shown), at)
	}
	return n
}

// Sessions are replayed byte for byte: what this build renders of the recorded fields has the hash of what was sent, and
// what was sent, rebuilt of the patches, is what the browser showed.
func TestRecordedSessionsAreExact(t *testing.T) {
	frames, turns := 0, 0
	for seed := range uint64(10 * *soak) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := newStage(t, func(o *replay.Options) {
				if seed%2 == 1 {
					o.Codec = replay.JSON
				}
			})
			page := livetest.Open(t, s.app, "/")
			shown := []string{page.HTML("")}
			for range 200 {
				switch random.IntN(8) {
				case 0:
					page.Push("Toggle", Toggle{})
				case 1:
					page.Type("input[name=note]", words(random, random.IntN(40)))
					page.Click("button", "save")
				case 2:
					page.Push("Swap", Swap{random.IntN(50), random.IntN(50)})
				case 3:
					page.Drop()
					page.Connect()
				case 4:
					page.Visit("?q=" + strconv.Itoa(random.IntN(5)))
				case 5:
					page.Push("Nothing", Nothing{})
				default:
					page.Push("Add", Add{By: random.IntN(20)})
				}
				turns++
				if now := page.HTML(""); now != shown[len(shown)-1] {
					shown = append(shown, now)
				}
			}
			page.Close()
			s.close()
			frames += s.exact(shown)
		})
	}
	t.Logf("%d turns, %d frames: all verified, as sent and by this build", turns, frames)
}

func TestPagesThatAreOnlyLookedAtAreNotRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		b := livetest.NewBrowser(t, s.app)
		b.Open("/").Sleep(time.Minute)
		b.Open("/").Close()
		s.close()
		if all, err := s.recorder.Summaries(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("%d recordings, %v", len(all), err)
		}
		if keys, _ := s.archive.List(t.Context(), "", "", 100); len(keys) > 1 {
			t.Errorf("the archive has %q", keys)
		}
	})
}

func TestSummaryOfARecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) {
			o.User = func(*http.Request) string { return "ann" }
		})
		page := livetest.Open(t, s.app, "/?q=x&token=abc")
		page.Push("Add", Add{By: 1})
		page.Push("Fail", Fail{})
		_ = page.Error()
		page.Sleep(3 * time.Second)
		page.Push("Panic", Panic{})
		page.Sleep(time.Second)
		_ = page.Error()
		page.Close()
		s.close()
		sum := s.one().Summary
		if sum.View != "replay_test.Desk" || sum.User != "ann" || sum.Build != "test" || sum.Events != 3 || sum.Errors < 2 || sum.Exit != replay.ExitPanic {
			t.Errorf("%+v", sum)
		}
		if strings.Contains(sum.URL, "abc") || sum.Document == "" || fmt.Sprint(sum.EventNames) != "[Add Fail Panic]" {
			t.Errorf("%+v", sum)
		}
		shell, err := replay.ReadShell(t.Context(), s.archive, sum.Document)
		if err != nil || !strings.Contains(shell.Document, live.DocumentBody) || strings.Contains(shell.Document, "<script") || len(shell.URLs) != 1 {
			t.Errorf("shell %+v, %v", shell, err)
		}
	})
}

func TestRunningRecordingsAreWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		page := livetest.Open(t, s.app, "/")
		page.Push("Add", Add{By: 1})
		active, err := s.recorder.Active(t.Context())
		if err != nil || len(active) != 1 || active[0].Frames != 2 {
			t.Fatalf("active: %+v, %v", active, err)
		}
		id := active[0].ID
		told := 0
		// It is younger than the flusher's interval, and can be opened.
		if rec, err := s.recorder.Get(t.Context(), id); err != nil || rec.Mount == nil {
			t.Fatalf("opened: %v", err)
		}
		stop, ok := s.recorder.Watch(id, func() { told++ })
		if !ok {
			t.Fatal("it is not watched")
		}
		for i := range 3 {
			page.Push("Add", Add{By: 1})
			page.Sleep(time.Second)
			rec, err := s.recorder.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := rec.Frames(t.Context()); n != 3+i || err != nil {
				t.Errorf("%d frames, want %d: %v", n, 3+i, err)
			}
		}
		stop()
		if told < 3 {
			t.Errorf("told %d times", told)
		}
		s.close()
	})
}

func TestRecordingEndsAfterMaxEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.MaxEvents = 10 })
		page := livetest.Open(t, s.app, "/")
		for range 30 {
			page.Push("Add", Add{By: 1})
		}
		if page.Text("output") != "30" {
			t.Errorf("the page has counted to %s", page.Text("output"))
		}
		page.Close()
		s.close()
		rec := s.one()
		if rec.Summary.Exit != replay.ExitTruncated || rec.Summary.Turns != 10 {
			t.Errorf("%+v", rec.Summary)
		}
		if screen, err := rec.Screen(t.Context(), s.app, rec.Summary.Frames); err != nil || screen.Verdict != replay.Verified {
			t.Errorf("the last frame: %+v, %v", screen, err)
		}
	})
}

func TestWhichPagesAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.Sample = -1 })
		live.Handle(s.app, "GET /attached", func(*http.Request) (*attaching, error) { return &attaching{r: s.recorder}, nil })
		live.Handle(s.app.Group(live.GroupOptions{Recorder: live.Unrecorded}), "GET /private", func(*http.Request) (*attaching, error) { return &attaching{}, nil })
		for _, path := range []string{"/", "/attached", "/private"} {
			page := livetest.Open(t, s.app, path)
			page.Push("Add", Add{By: 1})
			page.Close()
		}
		s.close()
		if sum := s.one().Summary; sum.View != "replay_test.attaching" {
			t.Errorf("recorded %s", sum.View)
		}
	})
}

// attaching is a view that asks to be recorded.
type attaching struct {
	N int
	r *replay.Recorder
}

func (*attaching) Events() []live.Handler { return []live.Handler{live.On((*attaching).Add)} }
func (a *attaching) Add(ctx context.Context, _ *live.Socket, e Add) error {
	if a.N += e.By; a.N > 100 {
		replay.Mark(ctx)
	}
	return nil
}
func (a *attaching) Mount(_ context.Context, s *live.Socket) error {
	if a.r != nil {
		a.r.Attach(s)
	}
	return nil
}
func (a attaching) Render() templ.Component { return text("<p>" + strconv.Itoa(a.N) + "</p>") }

func TestKeepDecidesAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) {
			o.Keep = func(s replay.Summary) bool { return s.Errors > 0 || s.Marked }
		})
		live.Handle(s.app, "GET /marked", func(*http.Request) (*attaching, error) { return &attaching{r: s.recorder}, nil })
		b := livetest.NewBrowser(t, s.app)
		for _, act := range []func(*livetest.Page){
			func(p *livetest.Page) { p.Push("Add", Add{By: 1}) },
			func(p *livetest.Page) { p.Push("Fail", Fail{}); _ = p.Error() },
		} {
			page := b.Open("/")
			act(page)
			page.Sleep(10 * time.Second) // some of it has been written
			page.Close()
		}
		page := b.Open("/marked")
		page.Push("Add", Add{By: 101})
		page.Close()
		s.close()
		all, err := s.recorder.Summaries(t.Context())
		if err != nil || len(all) != 2 || all[0].Marked == all[1].Marked {
			t.Errorf("%+v, %v", all, err)
		}
		if stats := s.recorder.Stats(); stats.Discarded != 1 || stats.Saved != 2 || stats.Running != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

func TestRetentionByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.MaxAge, o.MaxRecordings = 3*time.Hour, 2 })
		b := livetest.NewBrowser(t, s.app)
		count := func() int {
			all, err := s.recorder.Summaries(t.Context())
			if err != nil {
				t.Error(err)
			}
			return len(all)
		}
		for range 3 {
			page := b.Open("/")
			page.Push("Add", Add{By: 1})
			page.Close()
			page.Sleep(2 * time.Minute) // the grace time is over
		}
		if n := count(); n != 3 {
			t.Errorf("%d recordings, want 3", n)
		}
		time.Sleep(time.Hour)
		if n := count(); n != 2 {
			t.Errorf("%d recordings after a cleanup, want 2", n)
		}
		time.Sleep(4 * time.Hour)
		if n := count(); n != 0 {
			t.Errorf("%d recordings after their time", n)
		}
		s.close()
	})
}

// An archive that takes nothing costs the recordings, and no page anything.
func TestArchiveThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.Archive = failing{} })
		page := livetest.Open(t, s.app, "/")
		for range 50 {
			page.Push("Add", Add{By: 1})
			page.Sleep(time.Second)
		}
		if page.Text("output") != "50" {
			t.Errorf("the page has counted to %s", page.Text("output"))
		}
		if stats := s.recorder.Stats(); stats.Dropped != 1 || stats.Pending != 0 || stats.Running != 0 || stats.Retries != 3 {
			t.Errorf("%+v", stats)
		}
		if active, _ := s.recorder.Active(t.Context()); len(active) != 0 {
			t.Errorf("active: %+v", active)
		}
		page.Close()
		s.close()
	})
}

type failing struct{ replay.Archive }

func (failing) Get(context.Context, string, string) ([]byte, string, error) {
	return nil, "", errors.New("away")
}
func (failing) Put(context.Context, string, []byte, string) (string, error) {
	return "", errors.New("away")
}
func (failing) Delete(context.Context, string) error { return errors.New("away") }
func (failing) List(context.Context, string, string, int) ([]string, error) {
	return nil, errors.New("away")
}

// A page that changes by itself for longer than a recording may be is recorded all the same, from then on when somebody may
// do something: there is no end before that.
func TestPagesThatWaitLongAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.MaxEvents = 10 })
		live.Handle(s.app, "GET /clock", func(*http.Request) (*clockwork, error) { return &clockwork{}, nil })
		page := livetest.Open(t, s.app, "/clock")
		page.Sleep(35 * time.Second)
		page.Push("Add", Add{By: 100})
		page.Sleep(2 * time.Second)
		shown := page.HTML("")
		page.Close()
		s.close()
		rec := s.one()
		sum := rec.Summary
		if sum.Exit == replay.ExitTruncated || sum.Events != 1 || sum.Turns > 10 || sum.Duration() > 10*time.Second {
			t.Errorf("%+v", sum)
		}
		for n := 1; n <= sum.Frames; n++ {
			screen, err := rec.Screen(t.Context(), s.app, n)
			if err != nil || screen.Verdict != replay.Verified {
				t.Fatalf("frame %d: %+v, %v", n, screen, err)
			}
			if n == sum.Frames && string(screen.Built) != shown {
				t.Errorf("the last frame is %s, the page showed %s", screen.Built, shown)
			}
		}
		if stats := s.recorder.Stats(); stats.Discarded < 3 || stats.Running != 0 {
			t.Errorf("%+v", stats)
		}
	})
}
