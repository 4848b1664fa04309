package main

import (
	"slices"
	"testing"

	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

func app(t *testing.T) *live.App { return appIn(t, "") }

// appIn makes an app that keeps what it stores in a directory, or in memory without one.
func appIn(t *testing.T, dir string) *live.App {
	app, err := newApp(serve.Config{Data: dir, Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
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

func TestAnotherTabFollows(t *testing.T) {
	browser := livetest.NewBrowser(t, app(t))
	one, two := browser.Open("/"), browser.Open("/")
	shows := func(page *livetest.Page, want string) {
		t.Helper()
		page.Await("the count "+want, func() bool { return page.Text("output") == want })
	}
	one.Click("button", "+1")
	shows(two, "1")
	two.Click("button", "+1")
	shows(one, "2")
}

func TestPageCountAndNoteAreThePages(t *testing.T) {
	browser := livetest.NewBrowser(t, app(t))
	page := browser.Open("/")
	page.Click("button", "Only on this page")
	page.Click("button", "Only on this page")
	page.Type("#note", "mine")
	other := browser.Open("/")
	if got, note := other.Text(".here"), other.Value("#note"); got != "0" || note != "" {
		t.Errorf("another tab shows %q and the note %q", got, note)
	}
	other.Click("button", "Only on this page")
	other.AwaitSaved()
	page.AwaitSaved()
	page.Drop()
	page.Connect()
	if got, note := page.Text(".here"), page.Value("#note"); got != "2" || note != "mine" {
		t.Errorf("the page that came back shows %q and the note %q, want 2 and mine", got, note)
	}
	if got := page.Reload().Text(".here"); got != "0" {
		t.Errorf("a new visit shows %q, want 0", got)
	}
}

func TestBecomesSaved(t *testing.T) {
	page := livetest.Open(t, app(t), "/")
	if got := page.Saved(); got != "saved" {
		t.Errorf("a page on which nothing was done is %q", got)
	}
	page.Click("button", "+1")
	page.AwaitSaved()
}

func TestSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	before := appIn(t, dir)
	browser := livetest.NewBrowser(t, before)
	page := browser.Open("/")
	page.Click("button", "+1")
	page.Click("button", "Only on this page")
	page.Type("#note", "mine")
	page.AwaitSaved()
	page.Drop()
	browser.Through(appIn(t, dir))
	page.Connect()
	if got, here, note := page.Text("output"), page.Text(".here"), page.Value("#note"); got != "1" || here != "1" || note != "mine" {
		t.Errorf("shows %q, %q and the note %q; want 1, 1 and mine", got, here, note)
	}
	page.Await("the good news", func() bool { return len(page.Flash()) > 0 })
	if flash := page.Flash(); len(flash) != 1 || flash[0].Text != "The server was started again. Nothing is lost." {
		t.Errorf("says %v", flash)
	}
	page.Drop()
	page.Connect()
	if flash := page.Flash(); len(flash) != 1 {
		t.Errorf("says %v when the connection was cut", flash)
	}
}

func TestOnlyDevelopmentCanBeKilled(t *testing.T) {
	page := livetest.Open(t, app(t), "/")
	if page.Has("button", "Kill") {
		t.Error("the button is shown")
	}
	page.Push("Kill", nil)
	if got := page.Error(); got == "" {
		t.Error("the event was not refused")
	}
	page.Click("button", "+1") // it lives
}
