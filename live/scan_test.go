package live_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// What a scan of the children has to see.

func TestAMovedChildEmitsToItsNewHolder(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.List = []*twig{{Key: "a", List: []*twig{{Key: "x"}}}, {Key: "b"}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	onTrunk(page, func(t *trunk, _ *live.Socket) {
		t.List[1].List, t.List[0].List = t.List[0].List, nil
	})
	onTwig(page, "b/x", func(w *twig, s *live.Socket) {
		if err := live.Emit(s, Hear{From: "x"}); err != nil {
			t.Error(err)
		}
	})
	if got := page.Texts("em"); !slices.Equal(got, []string{"", "x", ""}) {
		t.Errorf("notes %q", got)
	}
}

func TestAChildThatDropsItsOwn(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.List = []*twig{{Key: "a", List: []*twig{{Key: "x"}}}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	live.StopChecking(app)
	ran := 0
	onTwig(page, "a", func(w *twig, s *live.Socket) { w.List = nil })
	let(page, "a/x", func(any, *live.Socket) error { ran++; return nil })
	if ran > 0 {
		t.Error("a child that is gone has taken an event")
	}
	_ = page.Error()
}

func TestAChildHeldTwiceIsStored(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		if t.Pick == nil {
			t.Pick = &twig{Key: "p"}
		}
		t.List = []*twig{t.Pick}
		return nil
	})
	page := livetest.Open(t, app, "/")
	onTwig(page, "p", func(w *twig, _ *live.Socket) { w.N = 7 })
	if got := page.Reload().Text("output"); got != "p=7" {
		t.Errorf("after a reload %s", got)
	}
}

func TestPlacesWithoutAChildAreSeen(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.Shown = "count"
		t.List = []*twig{nil, {Key: "a"}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	live.StopChecking(app)
	for _, f := range []func(*trunk){
		func(t *trunk) { t.List[0], t.List[1] = t.List[1], t.List[0] },
		func(t *trunk) { t.List = append(t.List, nil, nil) },
		func(t *trunk) { t.Named = map[string]*twig{"x": nil} },
	} {
		var want string
		onTrunk(page, func(t *trunk, _ *live.Socket) {
			f(t)
			want = fmt.Sprintf("%d %d", len(t.List), len(t.Named))
		})
		if got := page.Text("b"); got != want {
			t.Errorf("shows %s, want %s", got, want)
		}
	}
}

// What a child has stored in its last turn is there when one with its key comes.
func TestAChildThatStoresAndGoes(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.List = []*twig{{Key: "a"}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	var root *trunk
	onTrunk(page, func(w *trunk, _ *live.Socket) { root = w })
	onTwig(page, "a", func(w *twig, s *live.Socket) {
		w.Note = "saved"
		if err := live.Emit(s, Hear{do: func() { root.List = nil }}); err != nil {
			t.Error(err)
		}
	})
	onTrunk(page, func(w *trunk, _ *live.Socket) { w.List = []*twig{{Key: "a"}} })
	if got := page.Text("em"); got != "saved" {
		t.Errorf("the new child has %q", got)
	}
}

// It is stored, too, when the next one has its key in the same turn.
func TestAChildThatStoresAndIsReplaced(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.List = []*twig{{Key: "a"}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	var root *trunk
	onTrunk(page, func(w *trunk, _ *live.Socket) { root = w })
	onTwig(page, "a", func(w *twig, s *live.Socket) {
		w.Note = "saved"
		if err := live.Emit(s, Hear{do: func() { root.List = []*twig{{Key: "a"}} }}); err != nil {
			t.Error(err)
		}
	})
	if got := page.Text("em"); got != "saved" {
		t.Errorf("the new child has %q", got)
	}
	if got := page.Reload().Text("em"); got != "saved" {
		t.Errorf("after a reload it has %q", got)
	}
}

// A child that holds itself cannot be encoded. The page ends, and nothing else.
func TestAChildThatHoldsItself(t *testing.T) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		t.List = []*twig{{Key: "a"}, {Key: "b"}}
		t.Pick = t.List[0]
		return nil
	})
	page := livetest.Open(t, app, "/")
	live.StopChecking(app)
	onTrunk(page, func(w *trunk, _ *live.Socket) {
		w.List[0].List = []*twig{w.List[0]}
		w.List = w.List[:1]
	})
	page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
	if got := livetest.Open(t, app, "/").Count("em"); got == 0 {
		t.Error("the next page is empty")
	}
}

// The selected one of a list.
func TestAChildThatAnotherFieldHoldsForAWhile(t *testing.T) {
	var now *trunk
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		now = t
		t.List = []*twig{{Key: "a", List: []*twig{{Key: "x"}}}, {Key: "b"}}
		return nil
	})
	page := livetest.Open(t, app, "/")
	inc := func(w *twig, _ *live.Socket) { w.N++ }
	tell := func(w *twig, s *live.Socket) {
		if err := live.Emit(s, Hear{From: "x"}); err != nil {
			t.Error(err)
		}
	}
	onTwig(page, "a", inc)
	for _, pick := range []func(t *trunk) *twig{func(t *trunk) *twig { return t.List[0] }, func(t *trunk) *twig { return t.List[0].List[0] }} {
		onTrunk(page, func(t *trunk, _ *live.Socket) { t.Pick = pick(t) })
		onTwig(page, "a", inc)
		onTwig(page, "a/x", tell)
		onTrunk(page, func(t *trunk, _ *live.Socket) { t.Pick = nil })
		onTwig(page, "a", inc)
		onTwig(page, "a/x", tell)
	}
	if got := page.Error(); got != "" {
		t.Errorf("the user reads %q", got)
	}
	if outputs, notes := page.Texts("output"), page.Texts("em"); !slices.Equal(outputs, []string{"a=5", "x=0", "b=0"}) || !slices.Equal(notes, []string{"xxxx", "", ""}) {
		t.Errorf("shows %q, %q", outputs, notes)
	}
	onTrunk(page, func(t *trunk, _ *live.Socket) { t.Pick = t.List[0] })
	onTwig(page, "a", inc)
	if page.Reload(); now.Pick == nil || now.Pick.N != 6 {
		t.Errorf("stored is %+v, want what the list's has become", now.Pick)
	}
}
