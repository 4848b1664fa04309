package live_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// What children store is the same in all tabs and after a restart, while they come and go, in one tab and in the other.
func TestRandomTabsWithChildren(t *testing.T) {
	for seed := range uint64(1 + 12/raced) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tabsAtRandom(t, rand.New(rand.NewPCG(seed, 9))) })
		})
	}
}

func tabsAtRandom(t *testing.T, random *rand.Rand) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		for _, k := range []string{"a", "b", "c"} {
			t.List = append(t.List, &twig{Key: k, List: []*twig{{Key: "x"}, {Key: "y"}}})
		}
		return nil
	})
	b := livetest.NewBrowser(t, app)
	tabs := []*livetest.Page{b.Open("/"), b.Open("/")}
	want := map[string]string{}
	var steps []string
	for range 120 {
		n := random.IntN(len(tabs))
		tab := tabs[n]
		path := string("abc"[random.IntN(3)])
		if random.IntN(2) == 0 {
			path += "/" + string("xy"[random.IntN(2)])
		}
		step := fmt.Sprint(n, " ", path, " ")
		switch k := random.IntN(10); {
		case k < 4 && tab.Has(`[live-key="`+path+`"]`):
			text := fmt.Sprint(len(steps))
			panics := k == 0
			onTwig(tab, path, func(w *twig, _ *live.Socket) {
				w.Note = text
				if panics {
					panic("at random")
				}
			})
			step += text
			if panics {
				_ = tab.Error()
				step += " panics"
			} else {
				want[path] = text
			}
		case k == 4:
			step += "anew"
			onTrunk(tab, func(w *trunk, _ *live.Socket) {
				for i, c := range w.List {
					if c.Key == path[:1] {
						w.List[i] = &twig{Key: c.Key, List: []*twig{{Key: "x"}, {Key: "y"}}}
					}
				}
			})
		case k == 5:
			step += "hidden or shown"
			onTrunk(tab, func(w *trunk, _ *live.Socket) { w.List[0].Hide = !w.List[0].Hide })
		case k == 6:
			step += "gone or back"
			onTrunk(tab, func(w *trunk, _ *live.Socket) {
				if len(w.List) > 2 {
					w.One, w.List = w.List[0], w.List[1:]
				} else {
					w.One, w.List = nil, append(w.List, w.One)
				}
			})
		case k == 7:
			step += "loaded"
			tabs[n] = tab.Reload()
		case k == 8:
			step += "lost"
			tab.Drop()
			tab.Sleep(time.Duration(random.IntN(90)) * time.Second)
			tab.Connect()
		case k == 9:
			step += "later"
			tab.Sleep(2 * time.Minute)
			tabs[n] = tab.Reload()
		}
		steps = append(steps, step)
		tabs[n].Sleep(0)
		for i, tab := range tabs {
			for _, path := range []string{"a", "b", "c", "a/x", "a/y", "b/x", "b/y", "c/x", "c/y"} {
				at := `[live-key="` + path + `"] > em`
				if tab.Has(at) && tab.Text(at) != want[path] {
					t.Fatalf("after the steps\n%s\ntab %d shows %q of %s, want %q", strings.Join(steps, "\n"), i, tab.Text(at), path, want[path])
				}
			}
		}
	}
}
