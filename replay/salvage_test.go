package replay_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// What a process was recording when it died is in the list a few minutes after another one runs, with all that was known of
// it, as it looked, and with an end that is seen to be missing.
func TestRecordingsOfADeadProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		change := func(o *replay.Options) { o.User = func(*http.Request) string { return "ann" } }
		s := newStage(t, change)
		page := livetest.Open(t, s.app, "/?q=x")
		page.Push("Add", Add{By: 1})
		page.Sleep(6 * time.Second)
		page.Push("Add", Add{By: 2})
		page.Sleep(6 * time.Second)
		left := &replaytest.Memory{}
		for key, data := range s.archive.(*replaytest.Memory).Objects() { // as it is when the process is killed now
			left.Set(key, data)
		}
		page.Close()
		s.close()

		next := newStage(t, func(o *replay.Options) { o.Archive = left })
		next.app.Mount("/replay/", replay.UI(next.recorder, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }}))
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		rec, whole := next.one(), s.one().Summary
		sum := rec.Summary
		if sum.User != "ann" || sum.Session != whole.Session || sum.Session == "" || sum.Document != whole.Document || sum.Document == "" || len(sum.Assets) != len(whole.Assets) {
			t.Errorf("the summary is %+v\nof a whole one: %+v", sum, whole)
		}
		if _, err := next.recorder.Cleanup(t.Context(), replay.Retention{}); err != nil {
			t.Fatal(err)
		}
		if _, err := next.recorder.Cleanup(t.Context(), replay.Retention{}); err != nil {
			t.Fatal(err)
		}
		if _, err := replay.ReadShell(t.Context(), left, sum.Document); err != nil {
			t.Errorf("what stood around the page: %v", err)
		}
		b := livetest.NewBrowser(t, next.app)
		list := b.Open("/replay/")
		if !strings.Contains(list.Text("tbody tr"), "cut off") {
			t.Errorf("the list does not say that the end is missing: %s", list.Text("tbody"))
		}
		player := b.Open("/replay/" + sum.ID)
		player.Sleep(time.Second)
		if !player.Has(".events li.gap", "cut off") {
			t.Errorf("the player does not say that the end is missing: %s", player.Text("#events"))
		}
		list.Close()
		player.Close()
		next.close()
	})
}
