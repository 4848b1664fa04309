package live_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

// sendIn returns a Mount that sends n messages to its own page.
func sendIn(n int, errs *[]error) func(context.Context, *live.Socket, *puppet) error {
	return func(_ context.Context, s *live.Socket, p *puppet) error {
		for range n {
			if err := s.Send(Note{"m"}); errs != nil {
				*errs = append(*errs, err)
			}
		}
		time.Sleep(time.Second) // the messages could be handled now, and must not be
		p.Text += "mounted,"
		return nil
	}
}

func TestMessagesWaitUntilThePageIsAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := livetest.NewBrowser(t, newPuppets(&kit{mount: sendIn(3, nil)})).Load("/puppet")
		page.Sleep(5 * time.Second)
		if !strings.Contains(page.First(), `<p id="text">mounted,</p>`) {
			t.Errorf("the first HTML: %s", page.First())
		}
		page.Connect()
		page.Sleep(0)
		if got := page.Text("#text"); got != "mounted,mmm" || page.Joined() != "adopt" {
			t.Errorf("text %q, joined by %s", got, page.Joined())
		}
	})
}

func TestMessagesOfAMountedPageWaitForItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := livetest.NewBrowser(t, newPuppets(&kit{mount: sendIn(3, nil)})).Load("/puppet")
		page.Sleep(time.Minute)
		page.Connect()
		page.Sleep(0)
		if got := page.Text("#text"); got != "mounted,mmm" || page.Joined() != "mount" {
			t.Errorf("text %q, joined by %s", got, page.Joined())
		}
	})
}

func TestFullMailboxEndsAParkedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var socket *live.Socket
		k := &kit{mount: func(_ context.Context, s *live.Socket, p *puppet) error {
			socket = s
			return nil
		}}
		page := livetest.NewBrowser(t, newPuppets(k, func(o *live.Options) { o.Mailbox = 3 })).Load("/puppet")
		var errs []error
		for range 5 {
			errs = append(errs, socket.Send(Note{"m"}))
			page.Sleep(0)
		}
		if got := fmt.Sprint(errs); got != fmt.Sprint([]error{nil, nil, nil, live.ErrMailboxFull, live.ErrEnded}) {
			t.Errorf("Send returns %s", got)
		}
		if got := k.unmounts.Load(); got != 1 {
			t.Errorf("%d calls of Unmount, want 1", got)
		}
		page.Connect()
		if page.Joined() != "mount" || page.Text("#text") != "" {
			t.Errorf("joined by %s, text %q", page.Joined(), page.Text("#text"))
		}
	})
}

func TestMountThatFillsItsMailboxIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs []error
		page := livetest.Open(t, newPuppets(&kit{mount: sendIn(5, &errs)}, func(o *live.Options) { o.Mailbox = 3 }), "/puppet")
		page.Sleep(0)
		if got := fmt.Sprint(errs); got != fmt.Sprint([]error{nil, nil, nil, live.ErrMailboxFull, live.ErrMailboxFull}) {
			t.Errorf("Send returns %s", got)
		}
		if got := page.Text("#text"); got != "mounted,mmm" {
			t.Errorf("text %q", got)
		}
	})
}

func TestFullMailboxHoldsEventsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var socket *live.Socket
		release := make(chan struct{})
		k := &kit{pull: func(s *live.Socket, p *puppet, e Pull) error {
			if socket = s; e.What == "wait" {
				<-release
			}
			return nil
		}}
		p := newTab(t, livetest.NewBrowser(t, newPuppets(k, func(o *live.Options) { o.Mailbox = 4 })), "/puppet")
		p.join()
		const events = 50
		p.pull(Pull{What: "wait"})
		sent := 0
		go func() {
			for range events {
				p.pull(Pull{By: 1})
				sent++
			}
		}()
		synctest.Wait()
		if sent > 10 {
			t.Errorf("%d events were taken while the handler waits, want about 4", sent)
		}
		if err := socket.Send(Note{"x"}); !errors.Is(err, live.ErrMailboxFull) {
			t.Errorf("Send: %v, want ErrMailboxFull", err)
		}
		close(release)
		if got := p.answer(events + 1); !strings.HasSuffix(got, fmt.Sprintf(`"%d"]`, events)) {
			t.Errorf("answers %s, want %d in the end: no event may be lost", got, events)
		}
	})
}

// Events that fail while the writer is not ready are answered by one frame, which names each of them.
func TestEachFailedEventIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		k := &kit{pull: func(_ *live.Socket, _ *puppet, e Pull) error {
			if e.What == "wait" {
				<-release
			}
			if e.What == "fail" {
				return live.Errorf("no %d", e.By)
			}
			return nil
		}}
		p := newTab(t, livetest.NewBrowser(t, newPuppets(k)), "/puppet")
		p.join()
		p.pull(Pull{What: "wait"})
		for i := 2; i <= 4; i++ {
			p.pull(Pull{What: "fail", By: i})
		}
		synctest.Wait()
		close(release)
		failed := map[float64]any{}
		for ref := 0; ref < 4; {
			d := p.read()
			ref = d.Ref
			for _, e := range d.Extra.Error {
				failed[e[0].(float64)] = e[1]
			}
		}
		for i := 2; i <= 4; i++ {
			if failed[float64(i)] != fmt.Sprint("no ", i) {
				t.Errorf("event %d failed, and is answered %v", i, failed[float64(i)])
			}
		}
	})
}

func TestSendFromManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var socket *live.Socket
		app := newPuppets(&kit{mount: func(_ context.Context, s *live.Socket, _ *puppet) error { socket = s; return nil }})
		page := livetest.Open(t, app, "/puppet")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for range 5 {
					if err := socket.Send(Note{"."}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		page.Sleep(0)
		if got := page.Text("#text"); got != strings.Repeat(".", 100) {
			t.Errorf("%d messages arrived", len(got))
		}
		page.Close()
		page.Sleep(2 * time.Minute)
		if err := socket.Send(Note{"."}); !errors.Is(err, live.ErrEnded) {
			t.Errorf("Send after the end: %v", err)
		}
	})
}

func TestEndedPagesLeaveTheirTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := live.NewTopic[Note]("puppets")
		bus := &countingBus{}
		var cancel func()
		k := &kit{mount: func(_ context.Context, s *live.Socket, _ *puppet) (err error) {
			cancel, err = topic.Subscribe(s)
			return err
		}}
		app := newPuppets(k, func(o *live.Options) { o.Bus = bus })
		one := livetest.Open(t, app, "/puppet")
		two := livetest.Open(t, app, "/puppet")
		publish := func(text string) {
			t.Helper()
			if err := topic.Publish(t.Context(), app, Note{text}); err != nil {
				t.Error(err)
			}
			one.Sleep(0)
		}
		publish("a")
		cancel() // the second page's
		publish("b")
		if one.Text("#text") != "ab" || two.Text("#text") != "a" {
			t.Errorf("texts %q and %q", one.Text("#text"), two.Text("#text"))
		}
		one.Close()
		one.Sleep(2 * time.Minute)
		if n := bus.subscribers(); n != 1 {
			t.Errorf("%d subscriptions are left on the bus, want the app's own", n)
		}
		publish("c")
	})
}

// countingBus reaches this process only.
type countingBus struct {
	mu   sync.Mutex
	next int
	subs map[int]func([]byte)
}

func (b *countingBus) Publish(_ context.Context, _ string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.subs {
		f(data)
	}
	return nil
}

func (b *countingBus) Subscribe(_ string, f func([]byte)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[int]func([]byte){}
	}
	b.next++
	id := b.next
	b.subs[id] = f
	return func() { b.mu.Lock(); defer b.mu.Unlock(); delete(b.subs, id) }, nil
}

func (b *countingBus) subscribers() int { b.mu.Lock(); defer b.mu.Unlock(); return len(b.subs) }

// A join that comes in the moment in which the parked page expires gets a page all the same.
func TestJoinAtTheMomentOfExpiry(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			k := &kit{}
			app := newPuppets(k)
			p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
			time.Sleep(10 * time.Second) // as long as it is parked
			j := p.join()
			p.pull(Pull{By: 1})
			if got := p.answer(1); !strings.Contains(got, `"1"`) {
				t.Errorf("joined by %s, the page answers %s", j.How, got)
			}
			time.Sleep(time.Second) // the one that expired ends in its own time
			if j.How == wire.Adopt && k.unmounts.Load() != 0 || probe.Instances(app) != 1 {
				t.Errorf("joined by %s, %d unmounted, %d instances", j.How, k.unmounts.Load(), probe.Instances(app))
			}
		})
	}
}
