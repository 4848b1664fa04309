package live_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// A page that was navigated to, and whose Params has corrected its path, has a token for the path that it is at.
func TestNavigationToACorrectedPathIsResumed(t *testing.T) {
	trip := &trip{}
	trip.params = func(s *live.Socket, h *host, u *url.URL) error {
		if h.Name == "old" {
			return s.Patch("/hosts/new")
		}
		return nil
	}
	page := livetest.Open(t, travelling(trip, live.GroupOptions{}), "/other")
	page.Visit("/hosts/old")
	if page.URL() != "/hosts/new" || page.Text("h1") != "new" {
		t.Fatalf("at %s: %s", page.URL(), page.Text("h1"))
	}
	page.Push("Typing", Typing{"draft"})
	page.Drop()
	page.Connect()
	if page.Joined() != "resume" || page.Text("#typed") != "draft" {
		t.Errorf("joined by %s: %s", page.Joined(), page.HTML(""))
	}
}

// An embedded view leads nowhere inside the foreign page that it stands in: the browser loads what it asks for.
func TestEmbeddedViewNavigates(t *testing.T) {
	trip := &trip{}
	app := travelling(trip, live.GroupOptions{})
	g := app.Group(live.GroupOptions{})
	widget := live.Embed(g, "widget", func(*http.Request) (*host, error) { return &host{trip: trip}, nil })
	live.Handle(g, "GET /inside", func(*http.Request) (*other, error) { return &other{trip: trip}, nil })
	b := livetest.NewBrowser(t, app).Through(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/blog" {
			app.ServeHTTP(w, r)
			return
		}
		view, err := widget.Render(w, r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "<html><body>")
		view.Render(r.Context(), w)
		fmt.Fprint(w, "</body></html>")
	}))
	for _, ask := range []func(p *livetest.Page){
		func(p *livetest.Page) { p.Push("Go", Go{To: "/inside"}) },
		func(p *livetest.Page) { p.PushRaw("/", `{"to":"/inside","mode":"push"}`) },
	} {
		page := b.Open("/blog")
		ask(page)
		if page.Redirected() != "/inside" || page.URL() != "/blog" || trip.others.Load() != 0 {
			t.Errorf("sent to %q, at %s, %d mounts", page.Redirected(), page.URL(), trip.others.Load())
		}
	}
}
