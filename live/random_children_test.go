package live_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// A page of children within children shows what it would if it were rendered afresh, whatever happens to them.
func TestRandomChildren(t *testing.T) {
	for seed := range uint64(1 + 10/raced) {
		for _, checked := range []bool{true, false} {
			t.Run(fmt.Sprint("seed ", seed, ", checked ", checked), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					(&forest{T: t, Rand: rand.New(rand.NewPCG(seed, 7))}).grow(checked)
				})
			})
		}
	}
}

// forest does things at random to the children of a page.
type forest struct {
	*testing.T
	*rand.Rand
	app   *live.App
	page  *livetest.Page
	trunk *trunk
	made  int
	gone  []*twig // they may come back
}

// fields are those in which a view holds others.
type fields struct {
	of    *twig // nil: the page
	one   []**twig
	list  *[]*twig
	named *map[string]*twig
}

func (f *forest) fieldsOf(w *twig) fields {
	if w == nil {
		return fields{nil, []**twig{&f.trunk.One, &f.trunk.Two}, &f.trunk.List, &f.trunk.Named}
	}
	return fields{w, []**twig{&w.One}, &w.List, &w.Named}
}

func (h fields) kids() (all []*twig) {
	for _, p := range h.one {
		all = append(all, *p)
	}
	all = append(all, *h.list...)
	for _, k := range []string{"a", "b", "c"} {
		all = append(all, (*h.named)[k])
	}
	return slices.DeleteFunc(all, func(w *twig) bool { return w == nil })
}

// below returns all children below a view, and those that are shown by their ids.
func (f *forest) below(w *twig, path string, shown bool, ids map[string]*twig) (all []*twig) {
	for _, c := range f.fieldsOf(w).kids() {
		id := path + c.Key
		if shown {
			ids[id] = c
		}
		all = append(append(all, c), f.below(c, id+"/", shown && !c.Hide, ids)...)
	}
	return all
}

func (f *forest) seedling(depth int) *twig {
	f.made++
	w := &twig{Key: fmt.Sprint("k", f.made), N: f.IntN(3), Data: live.Share(f.made), Plain: f.IntN(2) == 0}
	if depth > 0 && f.IntN(3) == 0 {
		w.One = f.seedling(depth - 1)
	}
	for range f.IntN(3) * depth / 2 {
		w.List = append(w.List, f.seedling(depth-1))
	}
	return w
}

// put lets a view hold a child.
func (h fields) put(f *forest, w *twig) {
	switch k := f.IntN(4); {
	case k == 0 && *h.one[0] == nil:
		*h.one[0] = w
	case k == 1 && len(h.kids()) < 20:
		key := []string{"a", "b", "c"}[f.IntN(3)]
		if (*h.named)[key] == nil {
			if *h.named == nil {
				*h.named = map[string]*twig{}
			}
			(*h.named)[key] = w
			return
		}
		fallthrough
	default:
		*h.list = slices.Insert(*h.list, f.IntN(len(*h.list)+1), w)
	}
}

// take takes a child of a view away.
func (h fields) take(w *twig) {
	for _, p := range h.one {
		if *p == w {
			*p = nil
		}
	}
	*h.list = slices.DeleteFunc(slices.Clone(*h.list), func(x *twig) bool { return x == w })
	for k, x := range *h.named {
		if x == w {
			delete(*h.named, k)
		}
	}
}

// change changes a view and those below it.
func (f *forest) change(w *twig) {
	for range 1 + f.IntN(3) {
		all := f.below(w, "", false, nil)
		if w != nil && f.IntN(2) == 0 || len(all) == 0 {
			all = append(all, w)
		}
		x := all[f.IntN(len(all))] // nil: the page
		h := f.fieldsOf(x)
		switch k := f.IntN(10); {
		case k < 3 && x != nil:
			x.N++
		case k == 3 && x != nil:
			x.Note = fmt.Sprint("note ", f.IntN(3))
		case k == 4 && x != nil:
			x.Data = live.Share(f.IntN(4))
		case k == 5 && x != nil:
			x.Hide = !x.Hide
		case k == 6 && len(f.trunk.List) < 12 && len(all) < 60:
			if len(f.gone) > 0 && f.IntN(2) == 0 {
				i := f.IntN(len(f.gone))
				h.put(f, f.gone[i])
				f.gone = slices.Delete(f.gone, i, i+1)
				break
			}
			h.put(f, f.seedling(2))
		case k == 7:
			if kids := h.kids(); len(kids) > 0 {
				c := kids[f.IntN(len(kids))]
				h.take(c)
				f.gone = append(f.gone, c)
			}
		case k == 8:
			if kids := h.kids(); len(kids) > 0 {
				c := kids[f.IntN(len(kids))]
				h.take(c)
				to := append(f.below(w, "", false, nil), w)
				f.fieldsOf(to[f.IntN(len(to))]).put(f, c)
			}
		case k == 9:
			f.Shuffle(len(*h.list), func(i, j int) { (*h.list)[i], (*h.list)[j] = (*h.list)[j], (*h.list)[i] })
		}
	}
}

func (f *forest) grow(checked bool) {
	app := trunkApp(nil, func(t *trunk, _ *live.Socket) error {
		f.trunk = t
		for range 4 {
			t.List = append(t.List, f.seedling(3))
		}
		return nil
	})
	b := livetest.NewBrowser(f.T, app)
	if !checked {
		live.StopChecking(app)
	}
	f.app, f.page = app, b.Open("/")
	var steps []string
	for range 110 {
		step := f.step()
		steps = append(steps, step)
		f.page.Sleep(0)
		want, err := live.Proved(app)
		if err != nil {
			f.Fatalf("after %q: %v\nwant\n%s", steps, err, want)
		}
		got, _ := live.ApplyPatches([]byte(f.page.HTML("")))
		fresh, _ := live.ApplyPatches(want)
		if string(got) != string(fresh) {
			f.Fatalf("after %q the page shows\n%s\nwant\n%s", steps, got, fresh)
		}
	}
}

func (f *forest) step() string {
	ids := map[string]*twig{}
	f.below(nil, "", true, ids)
	at := ""
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if f.IntN(len(ids)) == 0 {
			at = id
		}
	}
	switch k := f.IntN(28); {
	case k >= 20:
		onTrunk(f.page, func(*trunk, *live.Socket) { f.changeLeaves(ids) })
		return "leaves"
	case k == 0:
		f.page.Drop()
		f.page.Sleep(time.Duration(f.IntN(40)) * time.Second)
		f.page.Connect()
		return "lost"
	case k == 1:
		f.page.Sleep(time.Duration(f.IntN(40)) * time.Second)
		return "idle"
	case k == 11 && f.IntN(4) == 0:
		always := f.IntN(8) == 0
		live.Resync(f.app, always)
		f.page.Sleep(0)
		return fmt.Sprint("resync ", always)
	case k == 2:
		f.page.Confirm()
		f.page.Sleep(30 * time.Second)
		return "asleep"
	case k < 5 && at != "":
		onTwig(f.page, at, func(w *twig, _ *live.Socket) {
			f.changeOwn(w)
			if w.Bad = true; k == 3 {
				panic("at random")
			}
		})
		if f.page.Error() == "" {
			f.Error("a panic was not shown")
		}
		return "panic of " + at
	case k < 10:
		onTrunk(f.page, func(*trunk, *live.Socket) { f.change(nil) })
		return "page"
	case at != "":
		onTwig(f.page, at, func(w *twig, _ *live.Socket) { f.change(w) })
		return at
	}
	return "nothing"
}

// changeLeaves changes a few children that hold none, often the same.
func (f *forest) changeLeaves(shown map[string]*twig) {
	var leaves []*twig
	for _, id := range slices.Sorted(maps.Keys(shown)) {
		if len(f.fieldsOf(shown[id]).kids()) == 0 {
			leaves = append(leaves, shown[id])
		}
	}
	for range min(len(leaves), 1+f.IntN(3)) {
		leaves[f.IntN(min(len(leaves), 4))].N++
	}
}

// changeOwn changes a child's own fields.
func (f *forest) changeOwn(w *twig) {
	w.N += 100
	w.Note = "lost"
	w.List = nil
	w.Hide = !w.Hide
}
