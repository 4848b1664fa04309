package replay_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

// A function of the app that panics costs what it was to say: neither the page nor the process, and not the recording.
func TestOptionsThatPanicHarmNothing(t *testing.T) {
	for name, change := range map[string]func(*replay.Options){
		"Keep":    func(o *replay.Options) { o.Keep = func(replay.Summary) bool { panic("of Keep") } },
		"User":    func(o *replay.Options) { o.User = func(*http.Request) string { panic("of User") } },
		"Session": func(o *replay.Options) { o.Session = func(*http.Request) map[string]string { panic("of Session") } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, change)
				page := livetest.Open(t, s.app, "/")
				page.Push("Add", Add{By: 1})
				page.Close()
				s.close()
				if rec := s.one(); rec.Summary.Events != 1 {
					t.Errorf("the recording has %d events, want 1", rec.Summary.Events)
				}
				if !strings.Contains(s.logs.String(), "of "+name) {
					t.Errorf("the panic is not logged: %s", s.logs)
				}
			})
		})
	}
}

// shy is a value whose Redact panics when it is loud.
type shy struct{ Text string }

func (s *shy) Redact() {
	if s.Text == "loud" {
		panic("of Redact")
	}
	s.Text = replay.Redacted
}

// booth has a shy value.
type booth struct {
	Said  shy
	Count int
	log   *slog.Logger
}

type (
	Say  struct{ Text string }
	Note struct{}
)

func (*booth) Events() []live.Handler {
	return []live.Handler{live.On((*booth).Say), live.On((*booth).Note)}
}
func (b *booth) Say(_ context.Context, _ *live.Socket, e Say) error {
	b.Said.Text = e.Text
	b.Count++
	return nil
}
func (b *booth) Note(ctx context.Context, _ *live.Socket, _ Note) error {
	b.log.InfoContext(ctx, "noted", "by", faulty{})
	b.Count++
	return nil
}
func (b booth) Render() templ.Component { return text("<p>" + strconv.Itoa(b.Count) + "</p>") }

type faulty struct{}

func (faulty) Error() string { panic("of Error") }

// Methods of the app's values that panic cost what was to be recorded of them, and the page nothing.
func TestValuesThatPanicHarmNoPage(t *testing.T) {
	for _, first := range []string{"", "loud"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, nil)
			logger := slog.New(replay.LogHandler(slog.NewTextHandler(io.Discard, nil)))
			live.Handle(s.app, "GET /booth", func(*http.Request) (*booth, error) { return &booth{Said: shy{first}, log: logger}, nil })
			page := livetest.Open(t, s.app, "/booth")
			for _, said := range []string{"a", "loud", "b"} {
				page.Push("Say", Say{said})
			}
			page.Push("Note", Note{})
			page.Push("Say", Say{"c"})
			if got := page.Text("p"); got != "5" {
				t.Errorf("the page shows %q after five events", got)
			}
			page.Close()
			s.close()
			if !strings.Contains(s.logs.String(), "of Redact") {
				t.Errorf("the panic is not logged: %s", s.logs)
			}
			if first == "loud" {
				return // there is no beginning, so no recording
			}
			rec := s.one()
			if rec.Summary.Gaps == 0 {
				t.Error("there is no gap")
			}
			screen, err := rec.Screen(t.Context(), s.app, rec.Summary.Frames)
			if err != nil || screen.Verdict != replay.Verified || !strings.Contains(string(screen.Built), "5") {
				t.Errorf("the last frame: %+v, %v", screen, err)
			}
		})
	}
}
