package replay_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

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
