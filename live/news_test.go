package live_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestNewsArriveBetweenTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		during := 0
		script := &script{do: func(_ context.Context, _ *live.Socket, k *keeper, what string) error {
			s.push(0, "N", "50")
			time.Sleep(time.Second)
			during = k.N
			return nil
		}}
		page := livetest.Open(t, newKeepers(script, s), "/keeper")
		do(page, "wait")
		page.Sleep(0)
		shows(t, page, "N=50")
		if during != 7 || fmt.Sprint(script.changed) != "[N]" {
			t.Errorf("during the handler N was %d; the view was told of %v", during, script.changed)
		}
		frames := len(page.Frames())
		s.push(0, "N", " 50 ") // another form of the same
		s.push(0, "Elsewhere", "1")
		page.Sleep(0)
		if n := len(page.Frames()); n != frames || len(script.changed) != 1 {
			t.Errorf("%d frames after %d for no change, the view was told %v", n, frames, script.changed)
		}
		s.push(0, "N", `"fifty"`)
		s.push(0, "M", "3")
		page.Sleep(0)
		shows(t, page, "N=50", "M=3")
		s.push(0, "N", "")
		page.Sleep(0)
		shows(t, page, "N=7")
		if s.all() != "[]" {
			t.Errorf("saved %s", s.all())
		}
	})
}

func TestNewsOfADroppedTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		page := livetest.Open(t, newKeepers(&script{}, s), "/keeper")
		do(page, "count")
		page.Sleep(time.Second)
		page.Confirm()
		page.Sleep(30 * time.Second)
		s.push(0, "M", "3")
		page.Sleep(0)
		shows(t, page, "N=8", "M=3")
	})
}

func TestALocalWriteUnderWayWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{slow: true}
		page := livetest.Open(t, newKeepers(&script{}, s), "/keeper")
		do(page, "count")
		s.push(0, "N", "30") // from elsewhere, and later than ours
		page.Sleep(0)
		shows(t, page, "N=8")
		if page.Saved() != "saving" {
			t.Errorf("the page is %s", page.Saved())
		}
		s.settle() // brings what the key is by now
		page.Sleep(0)
		shows(t, page, "N=30")
		if page.Saved() != "saved" {
			t.Errorf("the page is %s", page.Saved())
		}
	})
}

// A value that comes while a change waits for its rendering is looked at again once that is handed over, or given up.
func TestNewsWhileAChangeWaits(t *testing.T) {
	for _, back := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &stash{slow: true}
			k := &kit{pull: func(_ *live.Socket, p *puppet, e Pull) error { p.Draft = "long"; return nil }}
			p := newTab(t, livetest.NewBrowser(t, newPuppets(k, func(o *live.Options) { o.Stash = s })), "/puppet")
			p.join()
			p.pull(Pull{})
			synctest.Wait() // the answer is not read
			p.pull(Pull{By: 1})
			synctest.Wait()
			s.push(0, "N", "30")
			synctest.Wait()
			if back {
				p.pull(Pull{By: -1}) // nothing of our own is left
			}
			synctest.Wait()
			if got := p.answer(p.n); strings.Contains(got, "30") {
				t.Errorf("back %v: %s", back, got)
			}
			if back {
				if got := string(p.read().Patch); !strings.Contains(got, "30") {
					t.Errorf("then %s, want what the others have", got)
				}
				return
			}
			synctest.Wait()
			s.settle() // ours was the later write
			if got := p.read(); string(got.Patch) != "[]" || got.Extra.Save == nil {
				t.Errorf("then %+v, want the mark alone", got)
			}
		})
	}
}

func TestStoredChanged(t *testing.T) {
	for _, tt := range []struct {
		name, error, want string
		watch             func(s *live.Socket, k *keeper, fields []string) error
	}{
		{"changes more", "", "M=60", func(_ *live.Socket, k *keeper, _ []string) error { k.M = k.N; return nil }},
		{"fails", "Not this.", "N=60", func(_ *live.Socket, k *keeper, _ []string) error { return live.Errorf("Not this.") }},
		{"halts", "", "N=60", func(_ *live.Socket, k *keeper, _ []string) error { return live.ErrHalt }},
		{"panics", "Something went wrong. The page was started afresh.", "N=60", func(_ *live.Socket, k *keeper, _ []string) error { panic("watch") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stash{}
				page := livetest.Open(t, newKeepers(&script{watch: tt.watch}, s), "/keeper")
				s.push(0, "N", "60")
				page.Sleep(2 * time.Second)
				if got := page.Error(); got != tt.error {
					t.Errorf("error %q", got)
				}
				shows(t, page, tt.want)
				if got := s.all(); tt.want == "M=60" && got != "[M=60]" {
					t.Errorf("saved %s", got)
				}
			})
		})
	}
}

func TestTheStashIsLostForGood(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code websocket.StatusCode
	}{{live.ErrSuperseded, 4409}, {fmt.Errorf("over: %w", live.ErrSessionEnded), 4403}} {
		for how, lose := range map[string]func(s *stash, p *tab){
			"by news":  func(s *stash, _ *tab) { s.tell(func(n *live.StashNews) { n.Err = tt.err }) },
			"by write": func(s *stash, p *tab) { s.refuse = tt.err; p.send(`[1,"Do",{"v":{"What":"count"}}]`) },
			"by gate":  func(s *stash, p *tab) { s.refuse = tt.err; p.send(`[1,"Gate",{"v":{"What":"count"}}]`) },
			"detached": func(s *stash, p *tab) {
				p.drop()
				synctest.Wait()
				s.tell(func(n *live.StashNews) { n.Err = tt.err })
			},
		} {
			t.Run(fmt.Sprint(tt.code, " ", how), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &stash{}
					app := newKeepers(&script{}, s)
					p := newTab(t, livetest.NewBrowser(t, app), "/keeper")
					p.join()
					lose(s, p)
					for how != "detached" {
						d, code := p.next()
						if code == tt.code {
							break
						}
						if code != 0 || d.Extra.Error != nil {
							t.Fatalf("%+v, closed with %d, want %d", d, code, tt.code)
						}
					}
					synctest.Wait()
					if n := probe.Instances(app); n != 0 || s.closed != len(s.handles) {
						t.Errorf("%d instances are left, %d of %d handles closed", n, s.closed, len(s.handles))
					}
				})
			})
		}
	}
}

func TestAnEndedSessionGetsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := live.NewMemory(1 << 20)
		b := livetest.NewBrowser(t, newKeepers(&script{}, memory))
		page := newTab(t, b, "/keeper")
		seal, _ := b.Load("/").Attr("input[name=live-seal]", "value")
		page.join()
		page.send(`[1,"Do",{"v":{"What":"count"}}]`)
		page.answer(1)
		p := newTab(t, b, "/keeper")
		if err := memory.End(t.Context(), live.LastSession(memory)); err != nil {
			t.Fatal(err)
		}
		if d, code := page.next(); code != 4403 {
			t.Errorf("the page: %+v, closed with %d", d, code)
		}
		time.Sleep(time.Minute) // the parked instance is gone
		p.dial()
		if d, code := p.next(); code != 4403 {
			t.Errorf("a join: %+v, closed with %d", d, code)
		}
		form := strings.NewReader("live-event=Do+%7B%22What%22:%22count%22%7D&live-seal=" + url.QueryEscape(seal))
		r, _ := http.NewRequest(http.MethodPost, "/keeper", form)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if res := b.Do(r); res.Code != 403 || len(res.Result().Cookies()) != 1 || !strings.Contains(res.Body.String(), "Load the page again") {
			t.Errorf("a plain form: %d %s, cookies %v", res.Code, res.Body, res.Result().Cookies())
		}
		next := b.Open("/keeper")
		shows(t, next, "N=7")
		do(next, "count")
		shows(t, b.Load("/keeper"), "N=8")
	})
}

func TestUnavailableByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{stuck: true}
		start := time.Now()
		page := livetest.Open(t, newKeepers(&script{}, s), "/keeper")
		if took := time.Since(start); took != 5*time.Second || page.Saved() != "unavailable" {
			t.Errorf("the page is %s after %v", page.Saved(), took)
		}
		if f := page.Flash(); len(f) != 1 || !strings.Contains(f[0].Text, "cannot be read") {
			t.Errorf("the user reads %v", f)
		}
		gate(page)
		if got := page.Error(); !strings.Contains(got, "was not done") {
			t.Errorf("a gated event: %q", got)
		}
		shows(t, page, "N=7")
		do(page, "count")
		shows(t, page, "N=8")
		if got := page.Error(); !strings.Contains(got, "That is not saved") {
			t.Errorf("an ordinary event: %q", got)
		}
	})
}

func TestAttachSaysWhoComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		b := livetest.NewBrowser(t, newKeepers(&script{}, s))
		page := b.Open("/keeper")
		do(page, "panic")
		page.Sleep(time.Second)
		_ = page.Error()
		page.Drop()
		page.Sleep(2 * time.Minute)
		page.Connect()
		late := newTab(t, b, "/keeper")
		time.Sleep(time.Minute)
		late.join()
		var got []string
		for _, a := range s.attached {
			same := a.Page == s.attached[0].Page
			got = append(got, fmt.Sprintf("%s new=%v back=%v same=%v ids=%d", a.View, a.Session.New, a.Back, same, len(a.Session.IDs)))
		}
		want := []string{
			"live_test.keeper new=true back=false same=true ids=1",   // the GET
			"live_test.keeper new=false back=true same=true ids=1",   // the crash
			"live_test.keeper new=false back=true same=true ids=1",   // the reconnect
			"live_test.keeper new=false back=false same=false ids=1", // another GET
			"live_test.keeper new=false back=false same=false ids=1", // its join, too late
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("attached\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAParkedInstanceWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		mount := func(s *live.Socket, k *keeper) error { k.M = 5; return s.Send(Rumour{"x"}) }
		b := livetest.NewBrowser(t, newKeepers(&script{mount: mount}, s))
		b.Load("/keeper")
		s.push(0, "N", "30") // waits with the instance
		time.Sleep(time.Minute)
		if s.all() != "[]" || s.closed != 1 {
			t.Errorf("saved %s, %d handles closed", s.all(), s.closed)
		}
		p := newTab(t, b, "/keeper")
		s.push(0, "N", "31")
		p.join()
		if got := p.answer(0); !strings.Contains(got, "N=31") {
			t.Errorf("the adopted page shows %s", got)
		}
		if s.all() != "[M=5]" {
			t.Errorf("saved %s", s.all())
		}
	})
}

func TestServeClosesTheStash(t *testing.T) {
	s := &closing{err: errors.New("3 sessions were not flushed")}
	app := newApp(func(o *live.Options) { o.Stash = s })
	if s.bus == nil {
		t.Error("the stash was not handed the bus")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := app.Serve(ctx, &deaf{done: make(chan struct{})}); !errors.Is(err, s.err) {
		t.Errorf("Serve returned %v", err)
	}
}

type closing struct {
	stash
	bus live.Bus
	err error
}

func (c *closing) UseBus(b live.Bus)           { c.bus = b }
func (c *closing) Close(context.Context) error { return c.err }

func gate(p *livetest.Page) { p.Push("Gate", Gate{"count"}) }

// deaf is a listener that nobody connects to.
type deaf struct {
	done chan struct{}
	once sync.Once
}

func (d *deaf) Accept() (net.Conn, error) { <-d.done; return nil, net.ErrClosed }
func (d *deaf) Close() error              { d.once.Do(func() { close(d.done) }); return nil }
func (d *deaf) Addr() net.Addr            { return &net.TCPAddr{} }
