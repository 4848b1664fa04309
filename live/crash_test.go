package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	. "github.com/livelong-dev/livelong/live/internal/testviews"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestHandlerErrorKeepsChangesAndIsShown(t *testing.T) {
	page := livetest.Open(t, newApp(), "/")
	page.Click("button", "fail")
	if got, want := page.Error(), "That did not work. Please try again."; got != want {
		t.Errorf("error %q, want %q: the database's own words are for the log", got, want)
	}
	if got := page.Text("output"); got != "100" {
		t.Errorf("count %q, want 100", got)
	}
	page.Push("Fail", Fail{Told: true})
	if got := page.Error(); got != "The basket is full." {
		t.Errorf("error %q", got)
	}
}

func TestPanicMountsThePageAfresh(t *testing.T) {
	for _, button := range []string{"panic", "explode"} {
		t.Run("in a handler or in Render: "+button, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newApp()
				page, other := livetest.Open(t, app, "/"), livetest.Open(t, app, "/")
				page.Click("button", "+1")
				other.Click("button", "+1")
				page.Click("button", button)
				page.Await("the fresh page", func() bool { return page.Joined() == "mount" })
				page.Sleep(time.Second)
				if got := page.Error(); !strings.Contains(got, "started afresh") {
					t.Errorf("error %q", got)
				}
				if got := page.Text("output"); got != "1" {
					t.Errorf("count %q: want what was stored, without what the panic interrupted", got)
				}
				page.Click("button", "+1")
				if got := page.Text("output"); got != "2" {
					t.Errorf("count %q", got)
				}
				// A second panic within a minute: defaults, the stored values left alone.
				page.Click("button", button)
				page.Sleep(time.Second)
				_ = page.Error()
				if got := page.Text("output"); got != "0" {
					t.Errorf("count %q after a second panic, want the default", got)
				}
				page.Click("button", "+1")
				other.Click("button", "+1")
				if got := page.Reload().Text("output"); got != "2" {
					t.Errorf("count %q after a reload, want the stored 2", got)
				}
				if got := other.Text("output"); got != "2" {
					t.Errorf("the other page counts %q", got)
				}
			})
		})
	}
}

func TestLostFramesComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls Calls
		page := livetest.Open(t, newProbe(&calls, live.GroupOptions{}, nil), "/items/7")
		page.Click("button", "every")
		for range 20 {
			page.Drop()
			page.Sleep(700 * time.Millisecond)
			page.Connect()
			page.Sleep(800 * time.Millisecond)
		}
		if got := strings.Count(page.Text("#messages"), "tick"); got != 30 {
			t.Errorf("%d ticks on the page, want 30", got)
		}
		if n := calls.Counts(); n.Mount != 1 || page.Joined() != "resume" {
			t.Errorf("%+v, joined %q", n, page.Joined())
		}
	})
}

func TestSecondJoinOfOnePageGetsItsOwn(t *testing.T) {
	app := newApp()
	browser := livetest.NewBrowser(t, app)
	page := browser.Load("/")
	page.Connect()
	page.Click("button", "toggle")
	again := join(t, browser, "/", func(string) string { token, _ := page.Attr("[data-live]", "data-live"); return token })
	if frame, code := again.read(); !strings.Contains(frame, `"how":"mount"`) {
		t.Errorf("frame %s, closed with %d", frame, code)
	}
	page.Click("button", "toggle")
}

func TestPingIsAnsweredWhileAHandlerRuns(t *testing.T) {
	Release = make(chan struct{})
	var calls Calls
	r := join(t, livetest.NewBrowser(t, newProbe(&calls, live.GroupOptions{}, nil)), "/items/7", same)
	r.read()
	r.send(`[1,"Wait"]`)
	r.send(`[0,"ping"]`)
	if frame, _ := r.read(); frame != "[]" {
		t.Errorf("pong %q", frame)
	}
	close(Release)
	for {
		if frame, code := r.read(); strings.Contains(frame, "released") {
			break
		} else if frame == "" {
			t.Fatalf("closed with %d", code)
		}
	}
}

func TestResyncAndHTMLMode(t *testing.T) {
	r := join(t, livetest.NewBrowser(t, newApp()), "/", same)
	r.read()
	r.send(`[0,"resync","a test"]`)
	if frame, _ := r.read(); !strings.Contains(frame, `"html":"<h1>`) || !strings.Contains(frame, `"h":`) {
		t.Errorf("resync: %s", frame)
	}
	r.send(`[1,"Add",{"v":{"By":1}}]`)
	if frame, _ := r.read(); strings.Contains(frame, "html") {
		t.Errorf("after a resync: %s", frame)
	}
	r.send(`[0,"html","a test"]`)
	r.read()
	r.send(`[2,"Add",{"v":{"By":1}}]`)
	if frame, _ := r.read(); !strings.Contains(frame, `<output>2</output>`) {
		t.Errorf("in HTML mode: %s", frame)
	}
}

func TestSlowBrowserMergesPatches(t *testing.T) {
	r := join(t, livetest.NewBrowser(t, newApp()), "/", same)
	r.read()
	const events = 200
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range events {
			frame, _ := json.Marshal([]any{n + 1, "Add", map[string]any{"v": map[string]int{"By": 1}}})
			if r.Write(context.Background(), 1, frame) != nil {
				return
			}
		}
	})
	wg.Wait() // nothing is read meanwhile: every event is accepted all the same
	frames := 0
	for {
		frame, code := r.read()
		if frame == "" {
			t.Fatalf("closed with %d", code)
		}
		frames++
		if strings.HasPrefix(frame, "[200,") {
			if !strings.Contains(frame, `"200"`) {
				t.Errorf("the last frame: %s", frame)
			}
			break
		}
	}
	t.Logf("%d events, %d frames", events, frames)
	if frames > events/2 {
		t.Errorf("%d frames for %d events: nothing was merged", frames, events)
	}
}

func TestOnlyWhatRendersIsStashed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		page := livetest.Open(t, newApp(func(o *live.Options) { o.Stash = s }), "/")
		page.Click("button", "+1")
		page.Click("button", "explode")
		page.Sleep(time.Second)
		_ = page.Error()
		if got := s.all(); got != "[Count+=1]" {
			t.Errorf("saved %s, want the first click alone", got)
		}
	})
}

func TestFailedStashIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := livetest.Open(t, newApp(func(o *live.Options) { o.Stash = &stash{refuse: errors.New("the disk is full")} }), "/")
		page.Click("button", "+1")
		page.Sleep(time.Second)
		if got := page.Error(); !strings.Contains(got, "could not be saved") {
			t.Errorf("error %q", got)
		}
	})
}

func TestShutdownTellsBrowsersToComeBack(t *testing.T) {
	var calls Calls
	app := newProbe(&calls, live.GroupOptions{}, nil)
	browser := livetest.NewBrowser(t, app)
	r := join(t, browser, "/items/7", same)
	r.read()
	done := make(chan error, 1)
	go func() { done <- app.Shutdown(context.Background()) }()
	if frame, code := r.read(); code != 1001 {
		t.Errorf("frame %q, closed with %d, want 1001", frame, code)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := calls.Counts(); n.Unmount != 1 {
		t.Errorf("%+v", n)
	}
	get, _ := http.NewRequest(http.MethodGet, "/items/7", nil)
	if res := browser.Do(get); res.Code != http.StatusServiceUnavailable {
		t.Errorf("GET while stopping: %d", res.Code)
	}
}
