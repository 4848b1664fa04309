package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

func summary(i int) replay.Summary {
	return replay.Summary{
		ID: fmt.Sprintf("%08x-%d", uint32(i)*2654435761, i), View: []string{"main.Form", "shop.Cart"}[i%2], URL: fmt.Sprintf("/orders/%d?tab=note", i),
		User: fmt.Sprintf("user%d", i%50), Build: "v1.2.3", Start: start.Add(time.Duration(i) * time.Minute), Milliseconds: 1000, Entries: 40, Frames: 30,
		Segments: 0, Bytes: 1000, Turns: 30, Events: 20, Errors: i % 10 / 9, EventNames: []string{"Add", "Edit"}, Codec: replay.CBOR,
		ErrorTexts: []string{"", "out of stock"}[i%10/9 : i%10/9+1],
	}
}

// TestListOfTenThousand: none of 10,000 recordings is opened to list them.
func TestListOfTenThousand(t *testing.T) {
	n := 10_000
	if raceEnabled {
		n = 2000
	}
	a := &replaytest.Memory{}
	c := replay.NewCatalog(a, replay.CatalogOptions{Logger: quiet})
	for i := range n {
		if err := c.Save(t.Context(), summary(i)); err != nil {
			t.Fatal(err)
		}
	}
	pages := 0
	for _, key := range a.Keys() {
		if strings.HasPrefix(key, "index/") {
			pages++
		}
	}
	a.Requests()
	fresh := replay.NewCatalog(a, replay.CatalogOptions{})
	begun := time.Now()
	r, err := fresh.Query(t.Context(), replay.Query{})
	took := time.Since(begun)
	requests := a.Requests()
	if err != nil || r.Total != n || r.Errors != n/10 || len(r.Summaries) != 25 || r.Summaries[0].ID != summary(n-1).ID {
		t.Fatalf("%v, %d of %d, first %+v", err, len(r.Summaries), r.Total, r.Summaries[0])
	}
	t.Logf("%d recordings on %d pages: listed in %v with %v", n, pages, took.Round(time.Millisecond), requests)
	if requests["Get segments"] > 0 || requests["List segments"] > 0 || requests["List summaries"] != n/1000+1 || requests["Get index"] > 20 || requests["Get summaries"] > 64 {
		t.Errorf("requests: %v", requests)
	}
	begun = time.Now()
	if _, err := fresh.Query(t.Context(), replay.Query{Text: "out of STOCK user9", Offset: 25}); err != nil {
		t.Fatal(err)
	}
	again := a.Requests()
	t.Logf("again, searched: %v with %v", time.Since(begun).Round(time.Millisecond), again)
	if again["Get index"] != 0 || again["Get summaries"] > 64 {
		t.Errorf("requests: %v", again)
	}
	for _, s := range r.Summaries {
		if want := summary(n - 1 - slices.IndexFunc(r.Summaries, func(x replay.Summary) bool { return x.ID == s.ID })); s.URL != want.URL || !s.Start.Equal(want.Start) {
			t.Errorf("got %+v, want %+v", s, want)
		}
	}
}

// TestIndexSurvives: whatever becomes of index pages, and however many processes compact and delete at once, the list is
// that of the summaries.
func TestIndexSurvives(t *testing.T) {
	a := &replaytest.Memory{}
	r := rand.New(rand.NewPCG(5, 6))
	catalogs := []*replay.Catalog{}
	for range 3 {
		catalogs = append(catalogs, replay.NewCatalog(a, replay.CatalogOptions{Logger: quiet}))
	}
	alive := map[string]bool{}
	next := 0
	for round := range 20 {
		var wg sync.WaitGroup
		var delete []string
		for id := range alive {
			if r.IntN(5) == 0 {
				delete = append(delete, id)
			}
		}
		for i, c := range catalogs {
			first := next
			next += 40
			for j := first; j < next; j++ {
				alive[summary(j).ID] = true
			}
			wg.Go(func() {
				for j := first; j < first+40; j++ {
					if err := c.Save(context.Background(), summary(j)); err != nil {
						t.Error(err)
					}
				}
				if i == 0 {
					if err := c.Delete(context.Background(), delete...); err != nil {
						t.Error(err)
					}
				}
				if err := c.Compact(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, id := range delete {
			delete_(alive, id)
		}
		for _, key := range a.Keys() { // somebody damages a page, and removes another
			if strings.HasPrefix(key, "index/") && r.IntN(6) == 0 {
				data := a.Objects()[key]
				data[r.IntN(len(data))] ^= 1 << r.IntN(8)
				a.Set(key, data)
			} else if strings.HasPrefix(key, "index/") && r.IntN(6) == 0 {
				a.Set(key, nil)
			}
		}
		for i, c := range append(catalogs, replay.NewCatalog(a, replay.CatalogOptions{})) {
			all, err := c.Summaries(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, s := range all {
				if seen[s.ID] || !alive[s.ID] || s.Damage != "" || s.View == "" {
					t.Fatalf("round %d, catalog %d: %+v", round, i, s)
				}
				seen[s.ID] = true
			}
			if len(seen) != len(alive) {
				t.Fatalf("round %d, catalog %d: %d listed, %d there", round, i, len(seen), len(alive))
			}
		}
	}
	if err := catalogs[0].Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	pages := 0
	for _, key := range a.Keys() {
		if strings.HasPrefix(key, "index/") {
			pages++
		}
	}
	t.Logf("%d recordings, %d pages", len(alive), pages)
	if pages > len(alive)/100 {
		t.Errorf("%d pages for %d recordings", pages, len(alive))
	}
}

func delete_(m map[string]bool, id string) { delete(m, id) }

func TestQueries(t *testing.T) {
	a := &replaytest.Memory{}
	replaytest.TestQueries(t, a)
}

// TestSaveAgain: a summary that is saved again, as that of a process that was taken for dead, replaces the one on a page.
func TestSaveAgain(t *testing.T) {
	a := &replaytest.Memory{}
	c := replay.NewCatalog(a, replay.CatalogOptions{Logger: quiet})
	for i := range 80 {
		if err := c.Save(t.Context(), summary(i)); err != nil {
			t.Fatal(err)
		}
	}
	s := summary(3)
	s.User = "somebody else"
	if err := c.Save(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for i, c := range []*replay.Catalog{c, replay.NewCatalog(a, replay.CatalogOptions{})} {
		r, err := c.Query(t.Context(), replay.Query{User: "somebody else"})
		if err != nil || r.Total != 1 {
			t.Errorf("catalog %d: %+v %v", i, r, err)
		}
	}
}

// TestRetention: age, count and bytes bound what is finished, on a clock that is given.
func TestRetention(t *testing.T) {
	now := start.Add(100 * time.Minute)
	for name, c := range map[string]struct {
		keep replay.Retention
		left int
	}{
		"none":  {replay.Retention{}, 101},
		"count": {replay.Retention{MaxRecordings: 7}, 8},
		"age":   {replay.Retention{MaxAge: 10*time.Minute + time.Second/2}, 12},
		"bytes": {replay.Retention{MaxBytes: 5500}, 6},
		"all":   {replay.Retention{MaxRecordings: 50, MaxAge: time.Hour, MaxBytes: 20_000}, 21},
		"more":  {replay.Retention{MaxRecordings: 1000, MaxAge: time.Hour * 1000, MaxBytes: 1 << 40}, 101},
	} {
		t.Run(name, func(t *testing.T) {
			a := &replaytest.Memory{}
			cat := replay.NewCatalog(a, replay.CatalogOptions{Now: func() time.Time { return now }, Logger: quiet})
			for i := range 100 {
				s := summary(i)
				s.Start = now.Add(-time.Duration(i) * time.Minute)
				if err := cat.Save(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				a.Set(replay.SegmentKey(s.ID, 1, 1), []byte("segment"))
			}
			// The oldest of all is still running.
			old := summary(200)
			old.Start, old.Bytes = now.Add(-1000*time.Hour), 1<<50
			if err := cat.Begin(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			a.Set(replay.SegmentKey(old.ID, 1, 1), []byte("segment"))
			// Another one was taken for dead, and so has a summary, and runs.
			back := summary(201)
			back.Start = now.Add(-1001 * time.Hour)
			if err := errors.Join(cat.Begin(t.Context(), back), cat.Save(t.Context(), back)); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := cat.Cleanup(t.Context(), c.keep); err != nil {
					t.Fatal(err)
				}
			}
			all, err := cat.Summaries(t.Context())
			if err != nil || len(all) != c.left || all[c.left-1].ID != back.ID {
				t.Fatalf("%d are left, %v, want %d", len(all), err, c.left)
			}
			all = all[:c.left-1]
			for i, s := range all { // the newest
				if s.ID != summary(i).ID {
					t.Errorf("%d: %s, want %s", i, s.ID, summary(i).ID)
				}
			}
			segments := 0
			for _, key := range a.Keys() {
				if strings.HasPrefix(key, "segments/") {
					segments++
				}
			}
			if segments != c.left {
				t.Errorf("%d segments are left, want %d", segments, c.left)
			}
			if err := cat.Delete(t.Context(), old.ID); !errors.Is(err, replay.ErrRunning) {
				t.Errorf("deleting a running recording: %v", err)
			}
			if n, err := cat.Clear(t.Context()); err != nil || n != c.left-1 {
				t.Errorf("cleared %d, %v", n, err)
			}
			keys := slices.DeleteFunc(a.Keys(), func(k string) bool { return strings.HasPrefix(k, "index/") })
			if !slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "segments/"+old.ID) }) || len(keys) != 5 { // what runs, by whom, and the summary
				t.Errorf("left after clearing: %q", keys)
			}
		})
	}
}

// TestCrash: what a dead process has left is finished from its segments; what had no event in it is removed; what other
// processes are recording is left alone.
func TestCrash(t *testing.T) {
	a := &replaytest.Memory{}
	now := start
	clock := func() time.Time { return now }
	dead := replay.NewCatalog(a, replay.CatalogOptions{Node: "dead", Now: clock})
	other := replay.NewCatalog(a, replay.CatalogOptions{Node: "other", Now: clock})
	for _, c := range []*replay.Catalog{dead, other} {
		if err := c.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	segments := func(c *replay.Catalog, id string, events int) {
		if err := c.Begin(t.Context(), replay.Summary{ID: id, View: "main.Form", Start: start}); err != nil {
			t.Fatal(err)
		}
		e := encoder(t, replay.EncoderOptions{})
		s, _ := replay.NewSealer(id)
		var f form
		add(t, e, f.mount())
		for i := range events + 1 {
			seg, err := s.Seal(e.Cut())
			if err != nil {
				t.Fatal(err)
			}
			a.Set(seg.Key, seg.Data)
			add(t, e, f.typed(time.Duration(i+1)*time.Second, "x", 5))
		}
	}
	segments(dead, "crashed", 3)
	segments(dead, "idle", 0)
	segments(other, "running", 2)
	if err := dead.Begin(t.Context(), replay.Summary{ID: "nothing"}); err != nil {
		t.Fatal(err)
	}
	c := replay.NewCatalog(a, replay.CatalogOptions{Node: "third", Now: clock})
	if running, err := c.Running(t.Context()); err != nil || len(running) != 4 {
		t.Fatalf("running %+v %v", running, err)
	}
	if done, err := c.Cleanup(t.Context(), replay.Retention{}); err != nil || done != (replay.Cleaned{}) {
		t.Errorf("with all alive: %+v %v", done, err)
	}
	now = now.Add(4 * time.Minute)
	if err := other.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Minute)
	done, err := c.Cleanup(t.Context(), replay.Retention{MaxRecordings: 10, MaxAge: time.Hour})
	if want := (replay.Cleaned{Finished: 1, Discarded: 2}); err != nil || done != want {
		t.Errorf("got %+v %v, want %+v", done, err, want)
	}
	rec := open(t, a, "crashed")
	if s := rec.Summary; !rec.Finished || s.Events != 3 || s.Segments != 4 || s.Exit != replay.ExitUnknown || s.Frames != 4 || s.View != "main.Form" || s.Milliseconds != 3000 {
		t.Errorf("got %+v", s)
	}
	if f, err := rec.Frame(t.Context(), 4); err != nil || fieldsOf(f.Parts)[""]["Note"] != `"xxx"` {
		t.Errorf("got %+v %v", f, err)
	}
	if running, err := c.Running(t.Context()); err != nil || len(running) != 1 || running[0].ID != "running" || running[0].Node != "other" {
		t.Errorf("running %+v %v", running, err)
	}
	if err := c.Delete(t.Context(), "running", "crashed", "neverThere"); !errors.Is(err, replay.ErrRunning) {
		t.Error(err)
	}
	if _, err := c.Get(t.Context(), "crashed"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := c.Get(t.Context(), "running"); err != nil {
		t.Error(err)
	}
}

func TestAssets(t *testing.T) {
	a := &replaytest.Memory{}
	c := replay.NewCatalog(a, replay.CatalogOptions{})
	css := []byte("main { color: red }")
	name, err := replay.PutAsset(t.Context(), a, css)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := replay.PutAsset(t.Context(), a, css); err != nil || again != name {
		t.Errorf("%s %v", again, err)
	}
	unused, _ := replay.PutAsset(t.Context(), a, []byte("unused"))
	s := summary(1)
	s.Assets = []string{name}
	if err := c.Save(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 1, 0} { // what is not used is deleted at the second time
		if done, err := c.Cleanup(t.Context(), replay.Retention{}); err != nil || done.Assets != want {
			t.Errorf("cleanup %d: %+v %v", i, done, err)
		}
	}
	if data, err := replay.Asset(t.Context(), a, name); err != nil || string(data) != string(css) {
		t.Errorf("%s %v", data, err)
	}
	if _, err := replay.Asset(t.Context(), a, unused); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	a.Set("assets/"+name, []byte("main { color: blue }"))
	if _, err := replay.Asset(t.Context(), a, name); !errors.Is(err, replay.ErrDamaged) {
		t.Error(err)
	}
	for _, bad := range []string{"", "..", "../summaries/x", strings.ToUpper(name), name[:62]} {
		if _, err := replay.Asset(t.Context(), a, bad); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := replay.PutAsset(t.Context(), a, make([]byte, replay.MaxAssetBytes+1)); !errors.Is(err, replay.ErrTooLarge) {
		t.Error(err)
	}
}
