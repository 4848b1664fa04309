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

// ticking is the mount of a theatre with a clock, a timer for later, a topic and a function that takes for ever.
func ticking(s *live.Socket, h *theatre) error {
	s.Every(time.Second, Tick{"t"})
	s.After(time.Hour, Tick{"l"})
	return listening(s, h)
}

func TestTimersSurviveADrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &stageKit{mount: func(s *live.Socket, _ *theatre) error {
			s.Every(time.Second, Tick{"t"})
			s.After(3500*time.Millisecond, Tick{"l"})
			return nil
		}}
		page := livetest.Open(t, newTheatre(k), "/theatre")
		page.Sleep(2500 * time.Millisecond)
		if got := page.Text("#heard"); got != "tt" {
			t.Errorf("heard %s", got)
		}
		page.Drop()
		page.Sleep(2 * time.Second)
		page.Connect()
		page.Sleep(0)
		if got := page.Text("#heard"); got != "tttlt" || page.Joined() != "resume" {
			t.Errorf("after the drop heard %s, joined by %s", got, page.Joined())
		}
		page.Sleep(2 * time.Second)
		if got := page.Text("#heard"); got != "tttlttt" {
			t.Errorf("in the end heard %s", got)
		}
	})
}

// However a page ends: none of its timers fires afterwards, its topic and its functions are left.
func TestWhatSendsMessagesEndsWithThePage(t *testing.T) {
	ends := map[string]func(page *livetest.Page, app *live.App){
		"closed, and not come back":  func(page *livetest.Page, _ *live.App) { page.Close(); page.Sleep(2 * time.Minute) },
		"dropped, and not come back": func(page *livetest.Page, _ *live.App) { page.Drop(); page.Sleep(2 * time.Minute) },
		"navigated away":             func(page *livetest.Page, _ *live.App) { page.Visit("/other"); page.Sleep(0) },
		"crashed": func(page *livetest.Page, _ *live.App) {
			page.Push("Call", Call{"panic"})
			page.Await("the page afresh", func() bool { return page.Error() != "" })
			page.Sleep(0)
		},
		"shut down": func(_ *livetest.Page, app *live.App) { app.Shutdown(context.Background()) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := &testBus{}
				k := &stageKit{}
				mounts := 0
				k.mount = func(s *live.Socket, h *theatre) error {
					if mounts++; mounts > 1 {
						return nil
					}
					return ticking(s, h)
				}
				app := newTheatre(k, func(o *live.Options) { o.Bus = bus })
				page := livetest.Open(t, app, "/theatre")
				for _, what := range []string{"listen", "clock", "later", "load"} {
					page.PushTo(`[live-key="2"]`, "Ask", Ask{what})
				}
				page.Sleep(1500 * time.Millisecond)
				first := k.socket
				if got := live.SourcesOf(first); got != (live.Sources{4, 2, 1}) || bus.on("theatre") != 1 {
					t.Fatalf("the page has %+v, and %d subscriptions on the bus", got, bus.on("theatre"))
				}
				ticking := live.Ticking(first)
				end(page, app)
				if got := live.SourcesOf(first); got.Timers+got.Subscriptions != 0 || bus.on("theatre") != 0 || live.Hubs(app) != 0 {
					t.Errorf("%+v, %d subscriptions on the bus and %d topics are left", got, bus.on("theatre"), live.Hubs(app))
				}
				if n := ticking(); n != 0 {
					t.Errorf("%d timers would still fire", n)
				}
				k.handled()
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if got := k.handled(); len(got) != 0 {
					t.Errorf("handled afterwards: %q", got)
				}
				if err := first.Send(Tick{}); !errors.Is(err, live.ErrEnded) {
					t.Errorf("Send: %v", err)
				}
				if stop := first.Every(time.Second, Tick{}); live.SourcesOf(first).Timers != 0 {
					t.Error("a timer was started after the end")
				} else {
					stop()
				}
				if _, err := stage.Subscribe(first); !errors.Is(err, live.ErrEnded) || bus.on("theatre") != 0 {
					t.Errorf("Subscribe: %v, %d on the bus", err, bus.on("theatre"))
				}
			})
		})
	}
}

func TestWhatSendsMessagesEndsWithItsChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{}
		k := &stageKit{}
		app := newTheatre(k, func(o *live.Options) { o.Bus = bus })
		page := livetest.Open(t, app, "/theatre")
		for _, what := range []string{"listen", "clock", "later", "load"} {
			page.PushTo(`[live-key="2"]`, "Ask", Ask{what})
		}
		page.PushTo(`[live-key="0"]`, "Ask", Ask{"clock"})
		page.Sleep(2500 * time.Millisecond)
		if got := strings.Join(page.Texts("i"), ","); got != "tt,,tt" || page.Text("#heard") != "" {
			t.Errorf("the seats heard %s, the theatre %q", got, page.Text("#heard"))
		}
		if err := k.seats[2].Send(Tick{"s"}); err != nil {
			t.Error(err)
		}
		page.Sleep(0)
		if got := strings.Join(page.Texts("i"), ","); got != "tt,,tts" {
			t.Errorf("the seats heard %s", got)
		}
		ticking := live.Ticking(k.socket)
		page.Push("Call", Call{"rise"})
		if got := live.SourcesOf(k.socket); got != (live.Sources{1, 0, 0}) || bus.on("theatre") != 0 {
			t.Errorf("the page has %+v, and %d subscriptions on the bus", got, bus.on("theatre"))
		}
		k.handled()
		page.Sleep(10 * time.Second)
		if got := fmt.Sprint(k.handled()); got != "["+strings.TrimSpace(strings.Repeat("seat t ", 10))+"]" {
			t.Errorf("handled afterwards: %s", got)
		}
		if n := ticking(); n != 1 {
			t.Errorf("%d timers would still fire, want the one of the seat that is there", n)
		}
		if err := k.seats[2].Send(Tick{"s"}); err != nil {
			t.Errorf("Send to a child that is gone: %v", err)
		}
	})
}

// busy opens a theatre whose handler waits; release lets it go on.
func busy(t *testing.T, k *stageKit, change ...func(*live.Options)) (tab *tab, release func()) {
	t.Helper()
	k.wait = make(chan struct{})
	tab = newTab(t, livetest.NewBrowser(t, newTheatre(k, change...)), "/theatre")
	tab.join()
	tab.event("Call", Call{"wait"})
	synctest.Wait()
	return tab, func() { close(k.wait); synctest.Wait() }
}

// A handler that takes long finds one tick of each clock afterwards, and what was to come later, though there is no room.
func TestTimersNeedNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &stageKit{mount: func(s *live.Socket, _ *theatre) error {
			s.Every(100*time.Millisecond, Tick{"a"})
			s.Every(150*time.Millisecond, Tick{"b"})
			for i := range 5 {
				s.After(5*time.Second, Tick{fmt.Sprint(i)})
			}
			return nil
		}}
		_, release := busy(t, k, func(o *live.Options) { o.Mailbox = 2 })
		k.handled()
		time.Sleep(10*time.Second + time.Millisecond)
		if err := k.socket.Send(Tick{}); !errors.Is(err, live.ErrMailboxFull) {
			t.Errorf("Send: %v", err)
		}
		release()
		got := strings.Join(k.handled(), "")
		if strings.Count(got, "a") != 1 || strings.Count(got, "b") != 1 || len(got) != 7 {
			t.Errorf("handled %s, want one a, one b and 0 to 4", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := strings.Join(k.handled(), ""); strings.Count(got, "a") != 10 || len(got) < 16 {
			t.Errorf("a second later handled %s, want 10 times a and 6 or 7 times b", got)
		}
	})
}

func TestParkedPageWithAFastClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &stageKit{mount: func(s *live.Socket, _ *theatre) error { s.Every(10*time.Millisecond, Tick{"t"}); return nil }}
		page := livetest.NewBrowser(t, newTheatre(k)).Load("/theatre")
		page.Sleep(9 * time.Second)
		page.Connect()
		page.Sleep(0)
		if page.Joined() != "adopt" || page.Text("#heard") != "t" {
			t.Errorf("joined by %s, heard %s", page.Joined(), page.Text("#heard"))
		}
		page.Sleep(50 * time.Millisecond)
		if page.Text("#heard") != "tttttt" {
			t.Errorf("heard %s", page.Text("#heard"))
		}
	})
}

// What a handler has stopped or left is not handled any more, though it waits in the mailbox.
func TestWhatIsStoppedIsNotHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var app *live.App
		k := &stageKit{}
		var stops []func()
		k.mount = func(s *live.Socket, h *theatre) error {
			leave, err := stage.Subscribe(s)
			stops = append(stops, leave, s.Every(time.Second, Tick{"e"}), s.After(time.Second, Tick{"a"}))
			return errors.Join(err, sideSubscribe(s))
		}
		k.wait = make(chan struct{})
		app = newTheatre(k)
		p := newTab(t, livetest.NewBrowser(t, app), "/theatre")
		p.join()
		p.event("Call", Call{"wait"})
		for i := range 3 {
			if err := errors.Join(stage.Publish(t.Context(), app, Said{fmt.Sprint(i)}), sideStage.Publish(t.Context(), app, Said{"side"})); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(1500 * time.Millisecond)
		for _, stop := range stops {
			stop()
			stop() // does no harm
		}
		close(k.wait)
		synctest.Wait()
		if got := strings.Join(k.handled(), " "); got != "side side side" {
			t.Errorf("handled %s", got)
		}
		if got := live.SourcesOf(k.socket); got != (live.Sources{0, 1, 0}) {
			t.Errorf("the page has %+v", got)
		}
	})
}

func sideSubscribe(s *live.Socket) error {
	_, err := sideStage.Subscribe(s)
	return err
}
