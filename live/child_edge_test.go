package live_test

import (
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// A tab that is shown again under the key that another one had meanwhile is the one that events come to.
func TestChildrenTakeTurnsUnderOneKey(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.One, t.Two, t.Shown = &twig{Key: "one"}, &twig{Key: "two"}, "one"
		return nil
	})
	page := livetest.Open(t, app, "/")
	for _, shown := range []string{"two", "one", "two", "one"} {
		onTrunk(page, func(t *trunk, _ *live.Socket) { t.Shown = shown })
		onTwig(page, "panel", func(w *twig, _ *live.Socket) {
			if w.Key != shown {
				t.Errorf("%s is shown, and %s takes its event", shown, w.Key)
			}
			w.N++
			w.Note += "x"
		})
	}
	if got := page.Text("output"); got != "one=2" {
		t.Errorf("shows %s", got)
	}
	if got := page.Reload().Text("em"); got != "xxxx" {
		t.Errorf("stored under the key is %q", got)
	}
}
