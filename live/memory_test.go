package live_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/livelong-dev/livelong/live"
)

// attach attaches as a page of a session; notified counts.
func attach(t *testing.T, s live.Stash, a live.Attachment) (h live.StashHandle, notified *int) {
	t.Helper()
	notified = new(int)
	a.Notify = func() { *notified++ }
	h, err := s.Attach(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return h, notified
}

func at(id, page string) live.Attachment {
	return live.Attachment{Session: live.StashSession{IDs: []string{id}}, View: "view", Page: page}
}

func put(scope live.StashScope, name, raw string) live.StashOp {
	op := live.StashOp{StoredKey: live.StoredKey{Scope: scope, Name: name}}
	if raw != "" {
		op.Put = json.RawMessage(raw)
	}
	return op
}

// taken returns what a handle has to say, as text.
func taken(h live.StashHandle) string {
	news := h.Take()
	var all []string
	for _, v := range news.Values {
		all = append(all, v.Name+"="+string(v.Raw))
	}
	slices.Sort(all)
	if news.Err != nil {
		all = append(all, news.Err.Error())
	}
	return strings.Join(all, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func write(t *testing.T, h live.StashHandle, ops ...live.StashOp) {
	t.Helper()
	if _, err := h.Write(ops); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryTellsTheOthers(t *testing.T) {
	m := live.NewMemory(1 << 20)
	one, heard1 := attach(t, m, at("s", "1"))
	two, heard2 := attach(t, m, at("s", "2"))
	guest := at("s", "3")
	guest.View = "other"
	other, heard3 := attach(t, m, guest)
	stranger, _ := attach(t, m, at("t", "4"))
	for _, h := range []live.StashHandle{one, two, other, stranger} {
		want(t, "at first", taken(h), "")
	}
	write(t, one, put(live.ScopeView, "v", "1"), put(live.ScopePage, "p", "2"), put(live.ScopeShared, "s", "3"))
	if *heard1 != 1 || *heard2 != 2 || *heard3 != 1 {
		t.Errorf("notified %d, %d and %d times", *heard1, *heard2, *heard3)
	}
	want(t, "the writer", taken(one), "p=2 s=3 v=1")
	want(t, "the other tab", taken(two), "s=3 v=1")
	want(t, "another view", taken(other), "s=3")
	want(t, "another session", taken(stranger), "")
	want(t, "once more", taken(two), "")
	later, _ := attach(t, m, at("s", "1"))
	want(t, "the page again", taken(later), "p=2 s=3 v=1")

	before := slices.Clone(later.Take().Values)
	write(t, two, put(live.ScopeView, "v", "1"))
	write(t, two, put(live.ScopeView, "v", "5"), put(live.ScopeView, "v", "6"))
	news := later.Take()
	if len(before) != 0 || len(news.Values) != 1 || string(news.Values[0].Raw) != "6" {
		t.Errorf("%v, then %v", before, news.Values)
	}
	write(t, two, put(live.ScopeView, "v", ""))
	want(t, "deleted", taken(later), "v=")
	write(t, two, live.StashOp{Reset: true})
	want(t, "a reset of the view leaves other pages and what is shared", taken(later), "")
	write(t, one, live.StashOp{Reset: true})
	want(t, "a reset of the page", taken(later), "p=")
	if got := two.Take(); got.Saved != 4 {
		t.Errorf("%d writes are saved", got.Saved)
	}
	if err := one.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	one.Close()
	if _, err := one.Write(nil); err == nil {
		t.Error("a closed handle writes")
	}
}

func TestMemoryUpdates(t *testing.T) {
	m := live.NewMemory(1 << 20)
	h, _ := attach(t, m, at("s", "1"))
	key := live.StoredKey{Name: "n"}
	add := func(raw json.RawMessage, _ int) (json.RawMessage, error) {
		n, _ := strconv.Atoi(string(raw))
		return json.RawMessage(strconv.Itoa(n + 1)), nil
	}
	write(t, h, live.StashOp{StoredKey: key, Update: []live.UpdateFunc{add, add}})
	want(t, "two steps", taken(h), "n=2")
	for _, bad := range []live.UpdateFunc{
		func(json.RawMessage, int) (json.RawMessage, error) { return nil, errors.New("no") },
		func(json.RawMessage, int) (json.RawMessage, error) { panic("no") },
	} {
		write(t, h, live.StashOp{StoredKey: key, Update: []live.UpdateFunc{add, bad}}, put(live.ScopeView, "m", "1"))
		want(t, "a step fails", taken(h), "m=1 n=2")
	}
}

func TestMemoryPagesComeBack(t *testing.T) {
	m := live.NewMemory(1 << 20)
	old, heard := attach(t, m, at("s", "1"))
	write(t, old, put(live.ScopePage, "p", "1"))
	*heard = 0
	attach(t, m, at("s", "2"))
	back := at("s", "1")
	back.Back = true
	next, _ := attach(t, m, back)
	want(t, "the page", taken(next), "p=1")
	if _, err := old.Write([]live.StashOp{put(live.ScopePage, "p", "2")}); !errors.Is(err, live.ErrSuperseded) || *heard != 1 {
		t.Errorf("the one before: %v, notified %d times", err, *heard)
	}
	if err := old.Take().Err; !errors.Is(err, live.ErrSuperseded) {
		t.Error(err)
	}
}

func TestMemorySessionsMoveAndEnd(t *testing.T) {
	m := live.NewMemory(1 << 20)
	old, _ := attach(t, m, at("older secret", "1"))
	write(t, old, put(live.ScopeView, "v", "1"))
	rotated := at("newer secret", "2")
	rotated.Session.IDs = append(rotated.Session.IDs, "older secret")
	h, _ := attach(t, m, rotated)
	want(t, "after a rotation", taken(h), "v=1")

	renewed := at("renewed", "3")
	renewed.Session.From = []string{"newer secret"}
	next, _ := attach(t, m, renewed)
	want(t, "after a renewal", taken(next), "v=1")
	if _, err := h.Write(nil); !errors.Is(err, live.ErrSessionEnded) {
		t.Errorf("the old one writes: %v", err)
	}
	if _, err := m.Attach(t.Context(), rotated); !errors.Is(err, live.ErrSessionEnded) {
		t.Errorf("the old one is attached to: %v", err)
	}
	again, _ := attach(t, m, renewed)
	want(t, "once more", taken(again), "v=1")
	if err := m.End(t.Context(), renewed.Session); err != nil {
		t.Fatal(err)
	}
	if err := again.Flush(t.Context()); !errors.Is(err, live.ErrSessionEnded) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := m.Attach(t.Context(), renewed); !errors.Is(err, live.ErrSessionEnded) {
		t.Errorf("after its end it is attached to: %v", err)
	}
}

func TestMemoryForgetsTheLeastRecentlyUsed(t *testing.T) {
	m := live.NewMemory(100_000)
	value := `"` + strings.Repeat("x", 10_000) + `"`
	kept, heard := attach(t, m, at("kept", "1"))
	write(t, kept, put(live.ScopeView, "v", value))
	_ = kept.Take()
	for i := range 100 {
		h, _ := attach(t, m, at(fmt.Sprint(i), "1"))
		write(t, h, put(live.ScopeView, "v", value))
		h.Close()
		again, _ := attach(t, m, at("kept", "2")) // uses it
		again.Close()
	}
	for id, there := range map[string]bool{"kept": true, "99": true, "95": true, "80": false, "0": false} {
		h, _ := attach(t, m, at(id, "3"))
		if got := taken(h) != ""; got != there {
			t.Errorf("session %s is there: %v", id, got)
		}
	}
	*heard = 0
	for i := range 100 {
		h, _ := attach(t, m, at(fmt.Sprint("more", i), "1"))
		write(t, h, put(live.ScopeView, "v", value))
		h.Close()
	}
	if got := taken(kept); got != "" || *heard != 0 {
		t.Errorf("what was forgotten for want of room is told as %s", got)
	}
	write(t, kept, put(live.ScopeView, "w", "1"))
	want(t, "it goes on", taken(kept), "w=1")
}

func TestMemoryUnderLoad(t *testing.T) {
	m := live.NewMemory(20_000)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				h, err := m.Attach(t.Context(), live.Attachment{Session: live.StashSession{IDs: []string{fmt.Sprint(n % 50)}}, View: "v", Page: fmt.Sprint(i), Back: n%2 == 0, Notify: func() {}})
				if err != nil {
					continue // ended
				}
				h.Write([]live.StashOp{put(live.StashScope(n%3), "k", fmt.Sprint(n))})
				h.Take()
				h.Close()
				if n%40 == 39 {
					m.End(t.Context(), live.StashSession{IDs: []string{fmt.Sprint(n % 50)}})
				}
			}
		})
	}
	wg.Wait()
}
