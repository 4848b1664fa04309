package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestOnlyWhatChangedIsWritten(t *testing.T) {
	later := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name, want string
		do         func(s *live.Socket, k *keeper)
	}{
		{"one of many", "[M=1]", func(_ *live.Socket, k *keeper) { k.M = 1 }},
		{"what is as it was", "[]", func(s *live.Socket, k *keeper) { k.N = 7; live.Update(s, &k.M, func(n int) int { return n }) }},
		{"there and back", "[]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.N, func(n int) int { return n + 1 })
			live.Update(s, &k.N, func(n int) int { return n - 1 })
		}},
		{"another form of the same", "[]", func(_ *live.Socket, k *keeper) { at := later.Local(); k.At = &at; k.At = nil }},
		{"an update", "[N+=9]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.N, func(n int) int { return n + 1 })
			live.Update(s, &k.N, func(n int) int { return n + 1 })
		}},
		{"an assignment before an update", "[N=2]", func(s *live.Socket, k *keeper) {
			k.N = 1
			live.Update(s, &k.N, func(n int) int { return n + 1 })
		}},
		{"an assignment between two", "[N=2]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.N, func(n int) int { return n + 1 })
			k.N = 1
			live.Update(s, &k.N, func(n int) int { return n + 1 })
		}},
		{"an assignment after", "[N=1]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.N, func(n int) int { return n + 1 })
			k.N = 1
		}},
		{"an assignment after, to what it was", "[]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.N, func(n int) int { return n + 1 })
			k.N = 7
		}},
		{"a part of a field", "[Pair=[0,5]]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.Pair[1], func(n int) int { return n + 5 })
		}},
		{"the first part of a field", "[Pair=[5,0]]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.Pair[0], func(n int) int { return n + 5 })
		}},
		{"a field that is not stored", "[]", func(s *live.Socket, k *keeper) {
			live.Update(s, &k.Plain, func(n int) int { return n + 5 })
		}},
		{"the draft, as a draft", `[Draft="d"]`, func(_ *live.Socket, k *keeper) { k.Draft = "d" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stash{}
				script := &script{do: func(_ context.Context, s *live.Socket, k *keeper, _ string) error { tt.do(s, k); return nil }}
				page := livetest.Open(t, newKeepers(script, s), "/keeper")
				do(page, "it")
				page.Sleep(2 * time.Second)
				if s.all() != tt.want {
					t.Errorf("saved %s, want %s", s.all(), tt.want)
				}
				if page.Saved() != "saved" || len(script.changed) > 0 {
					t.Errorf("the page is %s; the view was told of its own %v", page.Saved(), script.changed)
				}
				page.Close()
				page.Sleep(2 * time.Minute)
				if s.all() != tt.want || s.closed != len(s.handles) {
					t.Errorf("saved %s when it ended; %d of %d handles closed", s.all(), s.closed, len(s.handles))
				}
			})
		})
	}
}

func TestUpdateOfNoFieldPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := &script{do: func(_ context.Context, s *live.Socket, k *keeper, _ string) error {
			elsewhere := 1
			live.Update(s, &elsewhere, func(n int) int { return n })
			return nil
		}}
		page := livetest.Open(t, newKeepers(script, nil), "/keeper")
		page.Push("Do", Do{"it"})
		page.Sleep(time.Second)
		if got := page.Error(); !strings.Contains(got, "afresh") {
			t.Errorf("error %q", got)
		}
	})
}

// A turn that waits for its rendering and the next one count as one.
func TestMergedTurnsAreOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		app := newPuppets(&kit{pull: func(s *live.Socket, p *puppet, e Pull) error {
			if e.What == "update" {
				live.Update(s, &p.N, func(n int) int { return n + 1 })
			}
			return nil
		}}, func(o *live.Options) { o.Stash = s })
		p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
		p.join()
		p.pull(Pull{What: "update"})
		synctest.Wait() // the answer is not read, so what follows is not rendered
		p.pull(Pull{What: "update"})
		p.pull(Pull{What: "update"})
		synctest.Wait()
		p.answer(3)
		synctest.Wait()
		if s.all() != "[N+=1 N+=3]" {
			t.Errorf("saved %s", s.all())
		}
	})
}

func TestTabsOfABrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := livetest.NewBrowser(t, newKeepers(&script{}, nil))
		one, two := b.Open("/keeper"), b.Open("/keeper")
		for range 5 {
			do(one, "count", "tag")
			do(two, "count", "set M")
		}
		one.Sleep(0)
		for _, page := range []*livetest.Page{one, two, b.Open("/keeper")} {
			shows(t, page, "N=17", "M=5", "tags=[x x x x x]")
			if page.Saved() != "saved" {
				t.Errorf("a page is %s", page.Saved())
			}
		}
		do(one, "set N")
		do(two, "count")
		one.Sleep(0)
		shows(t, one, "N=101")
		shows(t, two, "N=101")
	})
}

func TestATabWritesNothingItMerelyHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&stash{}).put(0, "N", "1 ", "tags", `[ "a" ]`)
		page := livetest.Open(t, newKeepers(&script{}, s), "/keeper")
		s.push(0, "N", "2")
		s.push(0, "Pair", " [3, 4]")
		page.Sleep(0)
		shows(t, page, "N=2", "pair=[3 4]", "tags=[a]")
		do(page, "set M")
		if s.all() != "[M=1]" {
			t.Errorf("saved %s", s.all())
		}
	})
}

func TestMarkIsNeverAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{slow: true}
		app := newPuppets(&kit{}, func(o *live.Options) { o.Stash = s })
		p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
		p.dial()
		want := func(what string, d wire.Down, save int) {
			t.Helper()
			got := -1
			if d.Extra.Save != nil {
				got = int(*d.Extra.Save)
			}
			if got != save {
				t.Errorf("%s: save is %d, want %d", what, got, save)
			}
		}
		d := p.read()
		p.secret = d.Extra.Join.Secret
		want("the answer to the join", d, 0)
		p.pull(Pull{By: 1})
		want("the frame that shows the value", p.read(), 1)
		p.pull(Pull{By: 1})
		want("the next frame", p.read(), -1)
		s.settle()
		want("all is durable", p.read(), 0)
		p.pull(Pull{})
		want("nothing was changed", p.read(), -1)
		p.pull(Pull{By: 1})
		want("the next change", p.read(), 1)
		s.tell(func(n *live.StashNews) { n.Trouble = true })
		want("the store is away", p.read(), 2)
		p.drop()
		p.dial()
		d = p.read()
		want("a resume", d, 2)
		p.secret = d.Extra.Join.Secret
		s.tell(func(n *live.StashNews) { n.Trouble = false })
		want("the store is back", p.read(), 1)
		s.settle()
		want("it has taken all", p.read(), 0)
		p.drop()
		time.Sleep(2 * time.Minute)
		p.dial()
		d = p.read()
		want("a fresh instance", d, 0)
		if !d.Extra.Join.Recovered {
			t.Error("the answer does not say that values were recovered")
		}
	})
}

// What is sent again says that all is saved; what has changed since must not be covered by that.
func TestMarkAfterAResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{slow: true}
		var socket *live.Socket
		k := &kit{
			mount: func(_ context.Context, s *live.Socket, _ *puppet) error { socket = s; return nil },
			note:  func(_ *live.Socket, p *puppet, _ Note) error { p.N++; return nil },
		}
		p := newTab(t, livetest.NewBrowser(t, newPuppets(k, func(o *live.Options) { o.Stash = s })), "/puppet")
		p.join()
		p.pull(Pull{By: 1})
		p.read()
		s.settle()
		p.read()
		p.drop()
		p.k = 0 // neither frame was applied
		synctest.Wait()
		if err := socket.Send(Note{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.dial()
		var marks []int
		for range 4 {
			if d := p.read(); d.Extra.Save != nil {
				marks = append(marks, int(*d.Extra.Save))
			}
		}
		if got := fmt.Sprint(marks); got != "[0 1 0 1]" {
			t.Errorf("marks %s: the answer, two frames again, and what has changed since", got)
		}
	})
}

func TestRefusedWritesAreShownAndTriedAgain(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		refuse     error
		again      func(s *stash, page *livetest.Page)
	}{
		{"with the next change", "your changes could not be saved", errors.New("disk"), func(_ *stash, page *livetest.Page) { do(page, "set M") }},
		{"with the next news", "full", fmt.Errorf("write: %w", live.Errorf("It is full.")), func(s *stash, page *livetest.Page) {
			s.tell(func(*live.StashNews) {})
			page.Sleep(0)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stash{refuse: tt.refuse}
				page := livetest.Open(t, newKeepers(&script{}, s), "/keeper")
				do(page, "count")
				page.Sleep(5 * time.Second)
				if got := page.Error(); !strings.Contains(strings.ToLower(got), tt.want) || page.Error() != "" {
					t.Errorf("error %q, want %s, once", got, tt.want)
				}
				if page.Saved() != "unsaved" {
					t.Errorf("the page is %s", page.Saved())
				}
				s.tell(func(*live.StashNews) {}) // still refused: the user knows
				do(page, "count")
				page.Sleep(0)
				_ = page.Error()
				s.mu.Lock()
				s.refuse = nil
				s.mu.Unlock()
				tt.again(s, page)
				if got := s.all(); !strings.Contains(got, "N+=9") || page.Saved() != "saved" {
					t.Errorf("saved %s, the page is %s", got, page.Saved())
				}
				shows(t, page, "N=9")
			})
		})
	}
}

func TestAValueThatCannotBeEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		script := &script{do: func(_ context.Context, _ *live.Socket, k *keeper, what string) error {
			k.M++
			if k.Odd = 3; what == "bad" {
				k.Odd = -1
			}
			return nil
		}}
		app := newKeepers(script, s)
		page := livetest.Open(t, app, "/keeper")
		live.StopChecking(app)
		do(page, "bad")
		page.Sleep(2 * time.Second)
		if got := page.Error(); !strings.Contains(got, "Odd") {
			t.Errorf("error %q does not name the key", got)
		}
		if s.all() != "[M=1]" || page.Saved() != "unsaved" {
			t.Errorf("saved %s, the page is %s", s.all(), page.Saved())
		}
		do(page, "good")
		page.Sleep(2 * time.Second)
		if s.all() != "[M=1 M=2 Odd=3]" || page.Saved() != "saved" {
			t.Errorf("saved %s, the page is %s", s.all(), page.Saved())
		}
	})
}

func TestPlainFormsWaitUntilAllIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{slow: true}
		script := &script{do: func(context.Context, *live.Socket, *keeper, string) error { return nil }}
		b := livetest.NewBrowser(t, newKeepers(script, s))
		post := func(e any) (*http.Response, time.Duration) {
			start := time.Now()
			return plain(t, b, "/keeper", e), time.Since(start)
		}
		go func() { time.Sleep(3 * time.Second); s.settle() }()
		if res, took := post(Do{"count"}); res.StatusCode != 303 || took != 3*time.Second {
			t.Errorf("%d after %v", res.StatusCode, took)
		}
		if res, took := post(Do{"count"}); res.StatusCode != 503 || took != 10*time.Second {
			t.Errorf("late: %d after %v", res.StatusCode, took)
		}
		if res, took := post(Do{"nothing"}); res.StatusCode != 303 || took != 0 {
			t.Errorf("nothing: %d after %v", res.StatusCode, took)
		}
		if res, took := post(Gate{"count"}); res.StatusCode != 503 || took != 10*time.Second {
			t.Errorf("gated: %d after %v", res.StatusCode, took)
		}
		if res, _ := post(Do{"draft"}); res.StatusCode != 303 {
			t.Errorf("a draft of a page that nobody will have: %d", res.StatusCode)
		}
		s.refuse = live.Errorf("It is full.")
		if res, took := post(Do{"count"}); res.StatusCode != 503 || took != 0 {
			t.Errorf("refused: %d after %v", res.StatusCode, took)
		}
	})
}
