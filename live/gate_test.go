package live_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// announcing counts, and tells everybody.
func announcing(app **live.App) *script {
	return &script{do: func(ctx context.Context, s *live.Socket, k *keeper, what string) error {
		live.Update(s, &k.N, func(n int) int { return n + 1 })
		s.Flash("info", "counted")
		if err := rumours.Publish(ctx, *app, Rumour{"12345"}); err != nil {
			return err
		}
		switch what {
		case "stash":
			return s.Stash(ctx)
		case "fail":
			return live.Errorf("No.")
		case "bad":
			k.Odd = -1
		case "panic":
			panic("gate")
		}
		return nil
	}}
}

func TestGatedEvents(t *testing.T) {
	const lost = "That could not be saved. The page shows what is stored."
	for _, tt := range []struct {
		name, what       string
		prepare          func(s *stash)
		after            time.Duration // until the answer
		error            string
		saved            string
		shown, published string
	}{
		{"is stored", "", func(s *stash) {}, 2 * time.Second, "", "[M=1 N+=8]", "N=8", "plain=5"},
		{"stashes itself", "stash", func(s *stash) {}, 2 * time.Second, "", "[M=1 N+=8]", "N=8", "plain=5"},
		{"fails, and is stored", "fail", func(s *stash) {}, 2 * time.Second, "No.", "[M=1 N+=8]", "N=8", "plain=5"},
		{"is refused", "", func(s *stash) { s.refuse = errors.New("disk") }, 0, lost, "[M=1]", "N=7", "plain=0"},
		{"is refused in words", "", func(s *stash) { s.refuse = live.Errorf("It is full.") }, 0, lost + " It is full.", "[M=1]", "N=7", "plain=0"},
		{"is refused within", "stash", func(s *stash) { s.refuse = errors.New("disk") }, 0, lost, "[M=1]", "N=7", "plain=0"},
		{"cannot be encoded", "bad", func(s *stash) {}, 0, lost + " This could not be saved: Odd.", "[M=1]", "N=7", "plain=0"},
		{"panics", "panic", func(s *stash) {}, 0, "Something went wrong. The page was started afresh.", "[M=1]", "N=7", "plain=0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stash{}
				var app *live.App
				app = newKeepers(announcing(&app), s)
				b := livetest.NewBrowser(t, app)
				other, page := b.Open("/keeper"), b.Open("/keeper")
				live.StopChecking(app)
				do(page, "set M")
				page.Sleep(time.Second)
				tt.prepare(s)
				s.slow = true
				frames := len(page.Frames())
				done := make(chan struct{})
				start := time.Now()
				go func() {
					defer close(done)
					time.Sleep(time.Second)
					if n := len(page.Frames()); tt.after > 0 && n != frames {
						t.Errorf("%d frames came before anything was durable", n-frames)
					}
					shows(t, other, "plain=0")
					time.Sleep(time.Second)
					s.settle()
				}()
				page.Push("Gate", Gate{tt.what})
				if took := time.Since(start); took != tt.after {
					t.Errorf("answered after %v, want %v", took, tt.after)
				}
				<-done
				page.Sleep(time.Second)
				if got := page.Error(); got != tt.error {
					t.Errorf("error %q, want %q", got, tt.error)
				}
				if s.all() != tt.saved {
					t.Errorf("saved %s, want %s", s.all(), tt.saved)
				}
				shows(t, page, tt.shown, "M=1")
				shows(t, other, tt.published)
				if f := page.Flash(); (len(f) > 0) != (tt.shown == "N=8") {
					t.Errorf("flash %v", f)
				}
			})
		})
	}
}

func TestAGatedEventTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		var app *live.App
		app = newKeepers(announcing(&app), s, func(o *live.Options) { o.GateTimeout = 4 * time.Second })
		page := livetest.Open(t, app, "/keeper")
		s.slow = true
		start := time.Now()
		page.Push("Gate", Gate{"it"})
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("answered after %v", took)
		}
		page.Sleep(0)
		if got := page.Error(); !strings.Contains(got, "could not be saved") {
			t.Errorf("error %q", got)
		}
		for range 3 { // none of these counts as a crash
			page.Push("Gate", Gate{"it"})
			page.Sleep(0)
			_ = page.Error()
		}
		if page.Saved() == "unsaved" {
			t.Error("the page was mounted with its defaults")
		}
		s.slow = false
		page.Push("Gate", Gate{"it"})
		page.Sleep(0)
		if page.Error() != "" || page.Saved() != "saved" {
			t.Errorf("the page is %s", page.Saved())
		}
	})
}

func TestAGatedEventHandsOverWhatIsUnsavedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		app := newKeepers(&script{}, s)
		p := newTab(t, livetest.NewBrowser(t, app), "/keeper")
		p.join()
		send := func(name, what string) {
			p.n++
			p.send(fmt.Sprintf(`[%d,%q,{"v":{"What":%q}}]`, p.n, name, what))
		}
		send("Do", "set M")
		synctest.Wait()
		send("Do", "set N") // waits: the answer before it is not read
		send("Gate", "count")
		send("Do", "tag")
		synctest.Wait()
		p.answer(p.n)
		synctest.Wait()
		if got := s.all(); got != `[M=1 N=100 N+=101 tags+=["x"]]` {
			t.Errorf("saved %s", got)
		}
	})
}

func TestPingsAreAnsweredMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		app := newKeepers(&script{}, s)
		p := newTab(t, livetest.NewBrowser(t, app), "/keeper")
		p.join()
		s.slow = true
		p.send(`[1,"Gate",{"v":{"What":"count"}}]`)
		synctest.Wait()
		p.send(`[0,"ping"]`)
		if _, frame, err := p.ws.Read(t.Context()); err != nil || string(frame) != "[]" {
			t.Errorf("a ping is answered %s %v", frame, err)
		}
		s.settle()
		p.answer(1)
	})
}

func TestStashWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{slow: true}
		var got error
		script := &script{}
		script.do = func(ctx context.Context, socket *live.Socket, k *keeper, what string) error {
			k.M++
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			got = socket.Stash(ctx)
			return nil
		}
		script.mount = func(socket *live.Socket, k *keeper) error { got = socket.Stash(t.Context()); return nil }
		page := livetest.Open(t, newKeepers(script, s), "/keeper")
		if got == nil || !strings.Contains(got.Error(), "Mount") {
			t.Errorf("in Mount: %v", got)
		}
		go func() { time.Sleep(time.Second); s.settle() }()
		start := time.Now()
		do(page, "stash")
		if took := time.Since(start); took != time.Second || got != nil {
			t.Errorf("%v after %v", got, took)
		}
		page.Sleep(0)
		if page.Saved() != "saved" {
			t.Errorf("the page is %s", page.Saved())
		}
		start = time.Now()
		do(page, "stash")
		if took := time.Since(start); took != 3*time.Second || !errors.Is(got, context.DeadlineExceeded) {
			t.Errorf("%v after %v", got, took)
		}
		page.Sleep(0)
		if page.Saved() != "saving" || s.all() != "[M=1 M=2]" {
			t.Errorf("the page is %s, saved %s", page.Saved(), s.all())
		}
		s.refuse = errors.New("disk")
		do(page, "stash")
		if !errors.Is(got, s.refuse) {
			t.Errorf("refused: %v", got)
		}
		page.Sleep(time.Second)
		_ = page.Error()
	})
}

func TestResetStored(t *testing.T) {
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprint("after a second crash: ", crash), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script := &script{do: func(ctx context.Context, s *live.Socket, k *keeper, _ string) error {
					k.Plain = 1
					return s.ResetStored(ctx)
				}}
				b := livetest.NewBrowser(t, newKeepers(script, nil))
				other, page := b.Open("/keeper"), b.Open("/keeper")
				do(page, "count", "tag", "theme", "draft")
				if crash {
					for range 2 {
						page.Push("Do", Do{"panic"})
						page.Sleep(time.Second)
						_ = page.Error()
					}
					shows(t, page, "N=7", "theme=")
					do(page, "count", "set M")
					page.Sleep(time.Second)
					if page.Saved() != "unsaved" {
						t.Errorf("the page with defaults is %s", page.Saved())
					}
					shows(t, other, "N=8", "M=0")
				}
				do(page, "reset")
				page.Sleep(time.Second)
				shows(t, page, "N=7", "M=0", "tags=[]", "draft=", "theme=dark", "plain=1")
				shows(t, other, "N=7", "M=0", "tags=[]", "theme=dark")
				if page.Saved() != "saved" {
					t.Errorf("the page is %s", page.Saved())
				}
				do(page, "count")
				page.Sleep(0)
				shows(t, other, "N=8")
				shows(t, b.Load("/keeper"), "N=8", "M=0", "theme=dark")
			})
		})
	}
}

func TestResetStoredNeedsTheStash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got error
		script := &script{do: func(ctx context.Context, s *live.Socket, k *keeper, what string) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			got = s.ResetStored(ctx)
			return nil
		}}
		page := livetest.Open(t, newKeepers(script, &stash{unread: errors.New("gone")}), "/keeper")
		do(page, "reset")
		if got == nil || !strings.Contains(got.Error(), "Nothing can be saved") {
			t.Errorf("unavailable: %v", got)
		}
		s := &stash{}
		page = livetest.Open(t, newKeepers(script, s), "/keeper")
		do(page, "count")
		s.slow = true
		do(page, "reset")
		if !errors.Is(got, context.DeadlineExceeded) {
			t.Errorf("slow: %v", got)
		}
		shows(t, page, "N=8")
		s.settle()
		page.Sleep(0)
		shows(t, page, "N=7")
		s.refuse = errors.New("disk")
		do(page, "reset")
		if !errors.Is(got, s.refuse) {
			t.Errorf("refused: %v", got)
		}
		page.Push("Gate", Gate{"reset"})
		if got == nil || !strings.Contains(got.Error(), "gated") {
			t.Errorf("gated: %v", got)
		}
	})
}
