package replay_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

// What happens in the watched page is seen, and nothing is felt there.
func TestLiveWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		watched := livetest.Open(t, h.app, "/")
		watched.Push("Add", Add{By: 1})
		active, err := h.recorder.Active(t.Context())
		if err != nil || len(active) != 1 {
			t.Fatalf("%v, %v", active, err)
		}
		list := livetest.Open(t, h.app, "/replay/")
		if !list.Has("tbody .pill.live") || list.Text(".sum") != "0 saved 1 live 0 with errors" {
			t.Error(list.HTML("tbody"))
		}
		page := livetest.Open(t, h.app, "/replay/"+active[0].ID)
		page.Sleep(300 * time.Millisecond)
		if !strings.HasPrefix(src(page), "2?") {
			t.Errorf("on the stage %s", src(page))
		}
		frames := len(watched.Frames())
		watched.Push("Add", Add{By: 2})
		cost := len(watched.Frames()) - frames
		page.Sleep(150 * time.Millisecond)
		if !strings.HasPrefix(src(page), "3?") || here(page) != "Add" {
			t.Errorf("on the stage %s, at %s", src(page), here(page))
		}
		if lag := page.Text(".pill.live[role=status]"); lag != "Live , 100 ms behind" && lag != "Live, 100 ms behind" {
			t.Errorf("the lag is %q", lag)
		}
		if cost != 1 || watched.Text("output") != "3" {
			t.Errorf("the watched page got %d frames, and shows %s", cost, watched.Text("output"))
		}
		page.Click(`.controls [aria-label="First"]`) // follows no more
		watched.Push("Add", Add{By: 3})
		page.Sleep(time.Second)
		if !strings.HasPrefix(src(page), "1?") || !page.Has("button", "Jump to live") || page.Count(".events li") != 4 {
			t.Errorf("on the stage %s\n%s", src(page), page.Texts(".events .name"))
		}
		page.Click("button", "Jump to live")
		if !strings.HasPrefix(src(page), "4?") {
			t.Errorf("on the stage %s", src(page))
		}
		watched.Push("Toggle", Toggle{})
		page.Sleep(time.Second)
		if !strings.HasPrefix(src(page), "5?") {
			t.Errorf("on the stage %s", src(page))
		}
		watched.Close()
		page.Sleep(3 * time.Minute)
		if page.Has(".pill.live") || here(page) != "ended" || !page.Has(".check", "5 of 5 verified") {
			t.Errorf("after its end: %s, at %s", page.Text(".meta"), here(page))
		}
	})
}

// What another process records is seen as that process flushes it.
func TestWatchingAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		other, err := replay.Open(replay.Options{Archive: h.memory, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close(context.Background()) })
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.DiscardHandler)})
		live.Handle(app, "GET /{$}", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
		app.Mount("/replay/", replay.UI(other, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }}))
		watched := livetest.Open(t, h.app, "/")
		watched.Push("Add", Add{By: 1})
		watched.Sleep(6 * time.Second)
		active, err := other.Active(t.Context())
		if err != nil || len(active) != 1 {
			t.Fatalf("%v, %v", active, err)
		}
		page := livetest.Open(t, app, "/replay/"+active[0].ID)
		if !strings.HasPrefix(src(page), "2?") || !page.Has(".pill.live") {
			t.Errorf("on the stage %s", src(page))
		}
		watched.Push("Add", Add{By: 2})
		page.Sleep(8 * time.Second)
		if !strings.HasPrefix(src(page), "3?") {
			t.Errorf("on the stage %s", src(page))
		}
		if code, document := get(t, app, "/replay/"+active[0].ID+"/frames/3"); code != 200 || !strings.Contains(document, "<output>3</output>") {
			t.Errorf("%d\n%s", code, document)
		}
		page.Close()
		if err := app.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func get(t *testing.T, app *live.App, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res := livetest.NewBrowser(t, app).Do(r)
	return res.Code, res.Body.String()
}
