package main

import (
	"slices"
	"testing"

	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

func app(t *testing.T) *live.App {
	app, err := newApp(serve.Config{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestCount(t *testing.T) {
	page := livetest.Open(t, app(t), "/")
	page.Click("button", "+1")
	page.Click("button", "+1")
	page.Click("button", "−1")
	if got := page.Text("output"); got != "1" {
		t.Errorf("count %q, want 1", got)
	}
}

func TestClickCostsThirtyBytes(t *testing.T) {
	page := livetest.Open(t, app(t), "/")
	for range 143 {
		page.Click("button", "+1")
	}
	page.AwaitSaved()
	frames := page.Frames()
	most := slices.Max(frames[1:])
	t.Logf("the 143rd click's frames, with their headers: %d B, and %d B once it is saved; the answer to the join: %d B", most, frames[len(frames)-1], frames[0])
	if most > 30 {
		t.Errorf("a click's frame has %d B, want at most 30", most)
	}
	if frames[0] >= 200 {
		t.Errorf("the answer to the join has %d B, want less than 200", frames[0])
	}
}

func TestNoteIsEchoed(t *testing.T) {
	page := livetest.Open(t, app(t), "/")
	page.Type("#note", "übermorgen")
	if got := page.Text(".echo"); got != "10 characters on the server" {
		t.Errorf("echo %q", got)
	}
}

func TestWithoutJavaScript(t *testing.T) {
	page := livetest.NewBrowser(t, app(t)).Load("/")
	page.Click("button", "+1")
	page.Click("button", "+1")
	if got := page.Text("output"); got != "2" {
		t.Errorf("count %q, want 2", got)
	}
}

func TestCountIsTheBrowsers(t *testing.T) {
	app := app(t)
	browser := livetest.NewBrowser(t, app)
	browser.Open("/").Click("button", "+1")
	if got := browser.Open("/").Text("output"); got != "1" {
		t.Errorf("another tab shows %q, want 1", got)
	}
	if got := livetest.Open(t, app, "/").Text("output"); got != "0" {
		t.Errorf("another browser shows %q, want 0", got)
	}
}
