package livetest_test

import (
	"net/http"
	"testing"

	"github.com/livelong-dev/livelong/live"
	. "github.com/livelong-dev/livelong/live/internal/testviews"
	"github.com/livelong-dev/livelong/live/livetest"
)

func newApp() *live.App {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*Counter, error) { return &Counter{Name: "one"}, nil })
	return app
}

func TestCounter(t *testing.T) {
	page := livetest.Open(t, newApp(), "/")
	page.Click("button", "+1")
	if got := page.Text("output"); got != "1" {
		t.Errorf("count %q, want 1", got)
	}
	if page.Title() != "Count 1" || page.Joined() != "adopt" {
		t.Errorf("title %q, joined %q", page.Title(), page.Joined())
	}
	t.Log(page.Frames())
	page.Click("button", "toggle")
	page.Drop()
	page.Connect()
	if page.Joined() != "resume" || !page.Has("#more") {
		t.Errorf("joined %q, page %s", page.Joined(), page.HTML(""))
	}
	page.Click("button", "panic")
	t.Log(page.Error(), page.HTML(""))
	t.Log(page.Frames())
}
