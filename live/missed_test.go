package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// say publishes numbered messages on a topic.
func say(t *testing.T, app *live.App, topic live.Topic[Said], name string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := topic.Publish(t.Context(), app, Said{fmt.Sprint(name, i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// A view is told what it has missed where it has missed it: after all that was published before, and before all that was
// published later.
func TestMissedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &stageKit{wait: make(chan struct{})}
		k.mount = func(s *live.Socket, h *theatre) error { return errors.Join(listening(s, h), sideSubscribe(s)) }
		app := newTheatre(k, func(o *live.Options) { o.Mailbox = 3 })
		page := newTab(t, livetest.NewBrowser(t, app), "/theatre")
		page.join()
		other := livetest.Open(t, app, "/other")
		page.event("Call", Call{"wait"})
		synctest.Wait()
		say(t, app, stage, "a", 0, 10) // 3 have room
		say(t, app, sideStage, "b", 0, 5)
		other.Click("button", "+1") // others are not held up
		k.wait <- struct{}{}
		synctest.Wait()
		if got := strings.Join(k.handled(), " "); got != "a0 a1 a2 theatre missed side missed" {
			t.Errorf("handled %s", got)
		}
		say(t, app, stage, "c", 0, 1)
		synctest.Wait()
		if got := strings.Join(k.handled(), " "); got != "c0" {
			t.Errorf("after the gap: %s", got)
		}
		if all := page.answer(1); !strings.Contains(all, `[\"theatre 7\",\"side 5\"]`) && !strings.Contains(all, `&#34;theatre 7&#34;,&#34;side 5&#34;`) {
			t.Errorf("what was missed: %s", all)
		}
		// It waits behind what came before, and nothing overtakes it though there is room again.
		page.event("Call", Call{"wait"})
		synctest.Wait()
		say(t, app, stage, "d", 0, 4)
		page.event("Call", Call{"wait"})
		k.wait <- struct{}{}
		synctest.Wait() // d0 to d2 and the gap are handled, the second call waits
		say(t, app, stage, "e", 0, 1)
		k.wait <- struct{}{}
		synctest.Wait()
		if got := strings.Join(k.handled(), " "); got != "d0 d1 d2 theatre missed e0" {
			t.Errorf("handled %s", got)
		}
	})
}

// A view with no handler for that goes on; the log says what was dropped, once for ten seconds.
func TestMissedMessagesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs sharedLog
		wait := make(chan struct{})
		k := &kit{mount: func(_ context.Context, s *live.Socket, _ *puppet) error {
			_, err := noteTopic.Subscribe(s)
			return err
		}}
		k.pull = func(*live.Socket, *puppet, Pull) error { <-wait; return nil }
		app := newPuppets(k, func(o *live.Options) { o.Mailbox, o.Logger = 3, slog.New(slog.NewTextHandler(&logs, nil)) })
		p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
		p.join()
		flood := func(n int) {
			p.pull(Pull{})
			synctest.Wait()
			for range n {
				if err := noteTopic.Publish(t.Context(), app, Note{"."}); err != nil {
					t.Fatal(err)
				}
			}
			wait <- struct{}{}
			synctest.Wait()
		}
		for range 10 {
			flood(100)
			time.Sleep(500 * time.Millisecond)
		}
		synctest.Wait()
		if got := logs.String(); got != "" {
			t.Errorf("after half of the time:\n%s", got)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := logs.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "count=970") || !strings.Contains(got, "topic=notes") || !strings.Contains(got, "view=live_test.puppet") {
			t.Errorf("the log:\n%s", got)
		}
		flood(10)
		p.drop()
		time.Sleep(5 * time.Second)
		app.Shutdown(t.Context())
		if got := logs.String(); strings.Count(got, "were dropped") != 2 || !strings.Contains(got, "count=7") {
			t.Errorf("after the end:\n%s", got)
		}
	})
}

// sharedLog is what several goroutines write.
type sharedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *sharedLog) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

var noteTopic = live.NewTopic[Note]("notes")

// A page that nobody has come for and that misses a message is mounted afresh, when somebody does.
func TestParkedPageThatMissesAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &stageKit{mount: listening}
		app := newTheatre(k, func(o *live.Options) { o.Mailbox = 3 })
		full, room := livetest.NewBrowser(t, app).Load("/theatre"), (*livetest.Page)(nil)
		say(t, app, stage, "a", 0, 2)
		room = livetest.NewBrowser(t, app).Load("/theatre")
		say(t, app, stage, "a", 2, 4)
		full.Sleep(0)
		if got := k.handled(); len(got) != 0 {
			t.Errorf("handled while parked: %q", got)
		}
		full.Connect()
		room.Connect()
		full.Sleep(0)
		if full.Joined() != "mount" || full.Text("#heard") != "" || room.Joined() != "adopt" || room.Text("#heard") != "a2a3" {
			t.Errorf("joined by %s and heard %q; the other one by %s and %q", full.Joined(), full.Text("#heard"), room.Joined(), room.Text("#heard"))
		}
	})
}

// Whatever comes, and in whatever order: what a page has heard and what it was told to have missed is all there was.
func TestNothingIsMissedUnnoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const publishers, each = 8, 500
		k := &stageKit{mount: listening}
		app := newTheatre(k, func(o *live.Options) { o.Mailbox = 8 })
		page := livetest.Open(t, app, "/theatre")
		var wg sync.WaitGroup
		for i := range publishers {
			wg.Go(func() {
				for j := range each {
					stage.Publish(t.Context(), app, Said{"."})
					if (i+j)%50 == 0 {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		page.Sleep(0)
		var missed []string
		if err := json.Unmarshal([]byte(page.Text("#missed")), &missed); err != nil {
			t.Fatal(err)
		}
		sum := len(page.Text("#heard"))
		for _, m := range missed {
			var n int
			fmt.Sscanf(m, "theatre %d", &n)
			sum += n
		}
		t.Logf("heard %d, missed the rest at %d places", len(page.Text("#heard")), len(missed))
		if sum != publishers*each {
			t.Errorf("heard and missed %d, want %d", sum, publishers*each)
		}
	})
}
