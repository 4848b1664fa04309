package live_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestEventsSurviveALostConnectionExactlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTab(t, livetest.NewBrowser(t, newPuppets(&kit{})), "/puppet")
		if j := p.join(); j.How != wire.Adopt {
			t.Fatalf("joined by %s", j.How)
		}
		// Two arrive, their answers are lost.
		p.pull(Pull{By: 1})
		p.pull(Pull{By: 10})
		synctest.Wait()
		p.drop()
		j := p.join()
		if j.How != wire.Resume || j.N != 2 {
			t.Errorf("%+v, want a resume that knows both events", j)
		}
		p.again(2, Pull{By: 10}) // the browser is not sure
		p.pull(Pull{By: 100})
		if got := p.answer(3); !strings.Contains(got, `"111"`) {
			t.Errorf("the page shows %s, want 111", got)
		}
	})
}

func TestKeptFramesComeOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTab(t, livetest.NewBrowser(t, newPuppets(&kit{})), "/puppet")
		p.join()
		p.pull(Pull{By: 1})
		p.answer(1)
		p.pull(Pull{By: 1})
		p.answer(2)
		p.k = 1 // the second was read, and never applied
		p.drop()
		synctest.Wait()
		p.join()
		d := p.read()
		if !strings.Contains(string(d.Patch), `"2"`) || d.Extra.HTML != nil || p.k != 2 {
			t.Errorf("after the resume: %+v", d)
		}
		p.pull(Pull{By: 1})
		if d := p.read(); !strings.Contains(string(d.Patch), `"3"`) {
			t.Errorf("the next frame: %+v, want the answer and nothing twice", d)
		}
	})
}

func TestResumeAfterTheAnswerWasLost(t *testing.T) {
	tests := []struct {
		name string
		lose func(t *testing.T, p *tab, app *live.App)
		how  wire.How
	}{
		{"to a resume", func(t *testing.T, p *tab, _ *live.App) {
			p.dial()
			synctest.Wait()
			p.drop()
		}, wire.Resume},
		{"to two resumes", func(t *testing.T, p *tab, _ *live.App) {
			for range 2 {
				p.dial()
				synctest.Wait()
				p.drop()
			}
		}, wire.Resume},
		{"to a mount", func(t *testing.T, p *tab, app *live.App) {
			for range 3 { // some attaches, so that the secret's number is not that of a fresh instance
				p.join()
				p.pull(Pull{})
				p.answer(p.n)
				p.drop()
				synctest.Wait()
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if n := probe.Instances(app); n != 0 {
				t.Fatalf("%d instances are left", n)
			}
			p.dial()
			synctest.Wait()
			p.drop()
		}, wire.Mount}, // of the same instance: the browser has not heard of that
		{"to the mount after a crash", func(t *testing.T, p *tab, _ *live.App) {
			p.join()
			p.pull(Pull{What: "panic"})
			synctest.Wait()
			p.drop()
		}, wire.Mount},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &kit{pull: func(_ *live.Socket, p *puppet, e Pull) error {
					if e.What == "panic" {
						panic("as asked")
					}
					p.Draft = "mine"
					return nil
				}}
				app := newPuppets(k)
				p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
				p.join()
				p.pull(Pull{By: 1})
				p.answer(1)
				p.drop()
				synctest.Wait()
				tt.lose(t, p, app)
				synctest.Wait()
				mounts := k.mounts.Load()
				if j := p.join(); j.How != tt.how {
					t.Errorf("joined by %s, want %s", j.How, tt.how)
				}
				if n := k.mounts.Load(); n != mounts {
					t.Errorf("%d instances mounted", n-mounts)
				}
				p.pull(Pull{By: 1})
				if got := p.answer(p.n); !strings.Contains(got, `"2"`) {
					t.Errorf("the page answers %s, want 2", got)
				}
			})
		})
	}
}

func TestForeignSecretsGetAPageOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newPuppets(&kit{pull: func(_ *live.Socket, p *puppet, e Pull) error { p.Draft = "private"; return nil }})
		browser := livetest.NewBrowser(t, app)
		owner := newTab(t, browser, "/puppet")
		owner.join()
		stale := owner.secret
		owner.drop()
		synctest.Wait()
		owner.join()
		owner.pull(Pull{By: 1})
		owner.answer(1)
		tests := []struct {
			name   string
			tab    *tab
			secret string
		}{
			{"an older one", newTab(t, browser, "/puppet"), stale},
			{"another browser's", newTab(t, livetest.NewBrowser(t, app), "/puppet"), owner.secret},
			{"that of another route's page", newTab(t, browser, "/second"), owner.secret},
			{"a forged one", newTab(t, browser, "/puppet"), "AAAA"},
		}
		for _, tt := range tests {
			tt.tab.secret = tt.secret
			tt.tab.dial()
			d := tt.tab.read()
			if d.Extra.Join == nil || d.Extra.Join.How == wire.Resume {
				t.Errorf("%s resumes: %+v", tt.name, d)
			}
			if d.Extra.HTML != nil && strings.Contains(*d.Extra.HTML, "private") {
				t.Errorf("%s shows the draft: %s", tt.name, *d.Extra.HTML)
			}
		}
		owner.pull(Pull{By: 1})
		if got := owner.answer(2); !strings.Contains(got, `"2"`) {
			t.Errorf("the owner's page answers %s", got)
		}
	})
}

func TestMoreThanIsKeptIsSentWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		big := &kit{note: func(_ *live.Socket, p *puppet, n Note) error {
			p.Body = strings.Repeat("<u>"+n.Text+"</u>", 8<<10)
			return nil
		}}
		big.mount = func(_ context.Context, s *live.Socket, p *puppet) error {
			s.After(time.Minute/2, Note{"a"})
			s.After(time.Minute/2+time.Second, Note{"b"})
			return nil
		}
		p := newTab(t, livetest.NewBrowser(t, newPuppets(big)), "/puppet")
		p.join()
		go func() { // applied by nobody
			for {
				if _, _, err := p.ws.Read(t.Context()); err != nil {
					return
				}
			}
		}()
		time.Sleep(40 * time.Second)
		p.drop()
		synctest.Wait()
		if j := p.join(); j.How != wire.Resume {
			t.Fatalf("joined by %s", j.How)
		}
		d := p.read()
		if d.Extra.HTML == nil || !strings.Contains(*d.Extra.HTML, "<u>b</u>") {
			t.Fatalf("after the resume: %+.200v, want the HTML", d)
		}
		p.pull(Pull{By: 1})
		if d := p.read(); d.Extra.HTML != nil || len(d.Patch) > 50 {
			t.Errorf("afterwards: %+.200v, want a small patch", d)
		}
	})
}

func TestDetachedPagesAreBounded(t *testing.T) {
	for name, bound := range map[string]func(*live.Options){
		"in number": func(o *live.Options) { o.MaxDetached = 3 },
		"in bytes":  func(o *live.Options) { o.MaxDetachedBytes = 3*(4<<10) + 2000 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &kit{}
				app := newPuppets(k, bound)
				browser := livetest.NewBrowser(t, app)
				var pages []*livetest.Page
				for range 5 {
					page := browser.Open("/puppet")
					page.Push("Pull", Pull{By: 1})
					page.Drop()
					synctest.Wait()
					pages = append(pages, page)
				}
				if got := probe.Instances(app); got != 3 || k.unmounts.Load() != 2 {
					t.Errorf("%d instances wait, %d unmounted; want 3 and 2", got, k.unmounts.Load())
				}
				pages[0].Connect()
				pages[4].Connect()
				if pages[0].Joined() != "mount" || pages[4].Joined() != "resume" {
					t.Errorf("the oldest joined by %s, the newest by %s", pages[0].Joined(), pages[4].Joined())
				}
			})
		})
	}
}

func TestBrowserThatDoesNotReadIsDroppedAndResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTab(t, livetest.NewBrowser(t, newPuppets(&kit{}, func(o *live.Options) { o.WriteTimeout = 5 * time.Second })), "/puppet")
		p.join()
		for range 20 {
			p.pull(Pull{By: 1}) // nothing is read, and yet every event is taken
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		p.join()
		if got := p.answer(20); !strings.Contains(got, `"20"`) {
			t.Errorf("after the resume: %s", got)
		}
		if p.k > 3 {
			t.Errorf("%d frames for 20 events that nobody waited for: nothing was merged", p.k)
		}
	})
}

func TestResumeDoesNotWaitForTheOldConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTab(t, livetest.NewBrowser(t, newPuppets(&kit{})), "/puppet")
		p.join()
		p.pull(Pull{By: 1}) // its answer is stuck in the old connection
		synctest.Wait()
		old := p.ws
		start := time.Now()
		if j := p.join(); j.How != wire.Resume {
			t.Errorf("joined by %s", j.How)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("the answer took %v", took)
		}
		if got := p.answer(1); !strings.Contains(got, `"1"`) {
			t.Errorf("the page shows %s", got)
		}
		if _, _, err := old.Read(t.Context()); err == nil {
			_, _, err = old.Read(t.Context())
			if err == nil {
				t.Error("the old connection goes on")
			}
		}
	})
}
