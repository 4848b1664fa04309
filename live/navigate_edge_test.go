package live_test

import (
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
