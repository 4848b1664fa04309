package live_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

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

// An empty key would name the page, and a child's events would go there.
func TestEmptyKeysAreRefused(t *testing.T) {
	var logs bytes.Buffer
	app := trunkApp(&logs, nil)
	page := livetest.Open(t, app, "/")
	onTrunk(page, func(t *trunk, _ *live.Socket) { t.List = []*twig{{Key: ""}} })
	page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
	if !strings.Contains(logs.String(), "the key of a *live_test.twig is empty") {
		t.Error(logs.String())
	}
}

// A child belongs to its page as soon as a field holds it, not only from the next turn on.
func TestAsyncAndUpdateOfANewChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fill := func(t *trunk, s *live.Socket, key string) {
			c := &twig{Key: key, List: []*twig{{Key: "inner"}}}
			t.List = append(t.List, c)
			for _, w := range []*twig{c, c.List[0]} {
				live.Async(s, &w.Load, func(context.Context) (int, error) { return 7, nil })
				live.Update(s, &w.N, func(n int) int { return n + 2 })
			}
		}
		app := trunkApp(nil, func(t *trunk, s *live.Socket) error { fill(t, s, "mounted"); return nil })
		page := livetest.Open(t, app, "/")
		onTrunk(page, func(t *trunk, s *live.Socket) { fill(t, s, "made") })
		page.Sleep(0)
		want := []string{"mounted=2", "inner=2", "made=2", "inner=2"}
		if got := page.Texts("output"); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		onTrunk(page, func(w *trunk, _ *live.Socket) {
			for _, c := range w.List {
				if c.Load.Value != 7 || c.List[0].Load.Value != 7 {
					t.Errorf("%s has loaded %+v, %+v", c.Key, c.Load, c.List[0].Load)
				}
			}
		})
	})
}

// A memo must not show a child that went and came back meanwhile as the one that it was.
func TestAChildThatComesBackBetweenTwoRenderings(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.List = []*twig{{Key: "a", List: []*twig{{Key: "x"}}}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	onTrunk(page, func(w *trunk, s *live.Socket) {
		a := w.List[0]
		list := a.List
		for _, f := range []func(){func() { a.List = nil }, func() { a.List = list }} {
			if err := s.Send(Hear{do: f}); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		onTwig(page, "a/x", func(x *twig, _ *live.Socket) { x.N++ })
	}
	if got := page.Texts("output"); !slices.Equal(got, []string{"a=0", "x=2"}) {
		t.Errorf("shows %q", got)
	}
}

// What is put back because it does not render was looked at as it was meanwhile.
func TestAChildThatDoesNotRenderGetsItsChildrenBack(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.List = []*twig{{Key: "a", List: []*twig{{Key: "x"}}}, {Key: "b"}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	onTwig(page, "a", func(a *twig, _ *live.Socket) { a.List, a.Bad = nil, true })
	if got := page.Error(); !strings.Contains(got, "as it was before") {
		t.Errorf("the user reads %q", got)
	}
	onTwig(page, "b", func(b *twig, _ *live.Socket) { b.N++ }) // nothing outside of it has changed
	onTwig(page, "a/x", func(x *twig, _ *live.Socket) { x.N++ })
	if got := page.Texts("output"); !slices.Equal(got, []string{"a=0", "x=1", "b=1"}) || page.Joined() != "adopt" {
		t.Errorf("shows %q, joined by %s", got, page.Joined())
	}
}

// What a child was put back from is not stored, neither by a gated event nor on demand.
func TestWhatDoesNotRenderIsNotStored(t *testing.T) {
	mount := func(t *trunk, _ *live.Socket) error { t.One = &twig{Key: "a"}; return nil }
	for _, how := range []string{"gated", "asked for", "asked for, and a panic later"} {
		page := livetest.Open(t, trunkApp(nil, mount), "/")
		onTwig(page, "a", func(w *twig, _ *live.Socket) { w.Note = "good" })
		act = func(v any, s *live.Socket) error {
			w := v.(*twig)
			switch how {
			case "gated":
				w.Note, w.Bad = "bad", true
			case "asked for":
				w.Note, w.Bad = "bad", true
				if err := s.Stash(t.Context()); err == nil {
					t.Error("a child that does not render was stashed")
				}
			default:
				w.Note = "better"
				if err := s.Stash(t.Context()); err != nil {
					t.Error(err)
				}
				w.Note = "bad"
				panic("later")
			}
			return nil
		}
		name := "Act"
		if how == "gated" {
			name = "Pay"
		}
		page.PushAt("a", name, nil)
		act = nil
		if got := page.Error(); !strings.Contains(got, "as it was before") {
			t.Errorf("%s: the user reads %q", how, got)
		}
		want := "good"
		if how == "asked for, and a panic later" {
			want = "better"
		}
		for range 2 {
			if got := page.Text("em"); got != want {
				t.Errorf("%s: shows %q", how, got)
			}
			page = page.Reload()
		}
	}
}

func openRacks(t *testing.T) *livetest.Page {
	app := newApp()
	live.Handle(app, "GET /racks", func(*http.Request) (*racks, error) {
		return &racks{Rack: &rack{}, By: map[netip.Addr]*twig{netip.MustParseAddr("1.1.1.1"): {Key: "x"}, netip.MustParseAddr("2.2.2.2"): {Key: "y"}}}, nil
	})
	return livetest.Open(t, app, "/racks")
}

// Children that a child has stored are there when it is shown again, and stored as they change.
func TestAChildStoresThoseThatItHolds(t *testing.T) {
	page := openRacks(t)
	let(page, "rack", func(v any, _ *live.Socket) error {
		v.(*rack).Twigs = []*twig{{Key: "a"}, {Key: "b", List: []*twig{{Key: "c"}}}}
		return nil
	})
	for i := range 3 {
		for _, at := range []string{"rack/b", "rack/b/c"} {
			onTwig(page, at, func(w *twig, _ *live.Socket) { w.N++ })
		}
		want := []string{"a=0", fmt.Sprintf("b=%d", i+1), fmt.Sprintf("c=%d", i+1), "x=0", "y=0"}
		for range 2 {
			if got := page.Texts("output"); !slices.Equal(got, want) {
				t.Errorf("shows %q, want %q", got, want)
			}
			page = page.Reload()
		}
	}
}

// A child that goes from one key to another has changed its place, whatever the keys are.
func TestChildrenByAddresses(t *testing.T) {
	page := openRacks(t)
	let(page, "", func(v any, _ *live.Socket) error {
		by := v.(*racks).By
		a, b := netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("2.2.2.2")
		by[a], by[b] = by[b], by[a]
		return nil
	})
	if got := page.Texts("output"); !slices.Equal(got, []string{"y=0", "x=0"}) {
		t.Errorf("shows %q", got)
	}
}

// A new child gets what another tab has stored under its key, not what this one knew when the child before it came.
func TestAChildMadeAnewHasWhatAnotherTabStored(t *testing.T) {
	b := livetest.NewBrowser(t, trunkApp(nil, func(t *trunk, _ *live.Socket) error { t.One = &twig{Key: "a"}; return nil }))
	page, other := b.Open("/"), b.Open("/")
	for _, text := range []string{"one", "two"} {
		onTwig(other, "a", func(w *twig, _ *live.Socket) { w.Note = text })
		page.Await("the other tab's note", func() bool { return page.Text("em") == text })
		onTrunk(page, func(t *trunk, _ *live.Socket) { t.One = &twig{Key: "a"} })
		if got := page.Text("em"); got != text {
			t.Errorf("the new child has %q, want %q", got, text)
		}
	}
	onTrunk(other, func(_ *trunk, s *live.Socket) {
		if err := s.ResetStored(t.Context()); err != nil {
			t.Error(err)
		}
	})
	page.Await("the default", func() bool { return page.Text("em") == "" })
	onTrunk(page, func(t *trunk, _ *live.Socket) { t.One = &twig{Key: "a", Note: "its own"} })
	if got := page.Text("em"); got != "its own" {
		t.Errorf("after a reset the new child has %q", got)
	}
}
