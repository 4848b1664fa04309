//go:build unix

package live_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// gauge shows the newest message of a topic.
type gauge struct {
	Newest, Heard, Missed, Asked int

	name  string
	tests map[string]*gaugeTest
}

// gaugeTest is what a test has of a gauge.
type gaugeTest struct {
	socket    *live.Socket
	done      chan gauge
	unmounted chan struct{}
}

type (
	// Level is the topic's message.
	Level struct {
		N       int
		Padding string
	}
	// Enough comes after the flood.
	Enough struct{}
)

var levels = live.NewTopic[Level]("levels")

func (*gauge) Events() []live.Handler {
	return []live.Handler{live.On((*gauge).Pull), live.OnMessage((*gauge).Level), live.OnMessage((*gauge).Lost), live.OnMessage((*gauge).Enough)}
}

func (g *gauge) Mount(_ context.Context, s *live.Socket) error {
	g.name = s.URL().Query().Get("name")
	if g.name == "bystander" {
		return nil
	}
	g.tests[g.name].socket = s
	_, err := levels.Subscribe(s)
	return err
}

func (g *gauge) Unmount(context.Context) {
	if test := g.tests[g.name]; test != nil && test.unmounted != nil {
		close(test.unmounted)
		test.unmounted = nil
	}
}

func (g *gauge) Pull(context.Context, *live.Socket, Pull) error { g.Asked++; return nil }

func (g *gauge) Level(_ context.Context, _ *live.Socket, m Level) error {
	g.Newest, g.Heard = m.N, g.Heard+1
	return nil
}

// Lost makes up for what was missed: in an app it would ask the database for the newest.
func (g *gauge) Lost(_ context.Context, _ *live.Socket, m live.Missed) error {
	g.Missed += m.Count
	g.Newest = g.Heard + g.Missed - 1
	return nil
}

func (g *gauge) Enough(context.Context, *live.Socket, Enough) error {
	g.tests[g.name].done <- *g
	return nil
}

func (g gauge) text() string {
	return fmt.Sprintf("at %d, heard %d, missed %d", g.Newest, g.Heard, g.Missed)
}

func (g gauge) Render() templ.Component { return markup(`<b>%s</b><i>%d</i>`, g.text(), g.Asked) }

// A topic is flooded as fast as its messages can be published, while one page has a browser that takes a frame now and then,
// one a browser that takes none, one has lost its browser, and one waits for its first. Nothing grows, a page beside them
// answers, and in the end all of them show the newest.
func TestTopicFlood(t *testing.T) {
	const (
		messages = 100_000 / raced
		size     = 200
		chunk    = messages / 100
	)
	tests := map[string]*gaugeTest{}
	app := newApp(func(o *live.Options) {
		o.Silence, o.WriteTimeout, o.Grace, o.ParkFor = time.Hour, time.Hour, time.Hour, time.Hour
	})
	live.Handle(app, "GET /gauge", func(*http.Request) (*gauge, error) { return &gauge{tests: tests}, nil })
	b := livetest.NewBrowser(t, app)
	live.StopChecking(app)
	open := func(name string) *tab {
		if name != "bystander" {
			tests[name] = &gaugeTest{done: make(chan gauge, 1), unmounted: make(chan struct{})}
		}
		p := newTab(t, b, "/gauge?name="+name)
		if name != "parked" {
			p.join()
			p.ws.SetReadLimit(-1)
		}
		return p
	}
	slow, stuck, gone, parked, bystander := open("slow"), open("stuck"), open("gone"), open("parked"), open("bystander")
	gone.drop()
	ended := tests["parked"].unmounted
	padding := strings.Repeat("x", size)
	publish := func(n int) {
		if err := levels.Publish(t.Context(), app, Level{n, padding}); err != nil {
			t.Fatal(err)
		}
	}
	publish(0) // so that each has a tree, and the stuck one a writer
	slow.read()
	before := memoryInUse()
	var answers []time.Duration
	waiting, kept, written, peak := 0, 0, 0, 0
	var took time.Duration
	for at := 1; at < messages; at++ {
		start := time.Now()
		publish(at)
		took += time.Since(start)
		if at%chunk != 0 {
			continue
		}
		k, w := live.Kept(app)
		waiting, kept, written = max(waiting, live.Waiting(app)), max(kept, k), max(written, w)
		start = time.Now()
		bystander.pull(Pull{})
		bystander.answer(bystander.n)
		answers = append(answers, time.Since(start))
		if at%(10*chunk) == 0 {
			slow.read()
			peak = max(peak, memoryInUse()-before)
		}
	}
	slices.Sort(answers)
	t.Logf("%d messages of %d B in %v (%.0f a second): at most %d wait for a page, %d B of frames are kept and %d B written, %d KiB more are in use than before",
		messages, size, took.Round(time.Millisecond), messages/took.Seconds(), waiting, kept, written, peak>>10)
	t.Logf("a page beside them answers in %v, at most %v", answers[len(answers)/2], answers[len(answers)-1])
	if waiting > 256+2 {
		t.Errorf("%d messages wait, want at most 256, one that tells of the gap and one that ends the page nobody comes for", waiting)
	}
	if kept > 64<<10 || written > 64<<10 {
		t.Errorf("%d B kept and %d B waiting, want at most 64 KiB each", kept, written)
	}
	if raced == 1 && peak > 2<<20 { // four mailboxes, a few frames, and what the test itself keeps
		t.Errorf("%d B more in use than before", peak)
	}
	if slowest := answers[len(answers)-1]; slowest > 2*time.Second {
		t.Errorf("a page beside them answers in %v", slowest)
	}

	<-ended // the page nobody came for
	gone.join()
	for name, p := range map[string]*tab{"slow": slow, "stuck": stuck, "gone": gone} {
		test := tests[name]
		for test.socket.Send(Enough{}) != nil {
			runtime.Gosched() // the mailbox is full
		}
		end := <-test.done
		if end.Heard+end.Missed != messages || end.Newest != messages-1 {
			t.Errorf("%s: %s, want %d in all", name, end.text(), messages)
		}
		p.ws.SetReadLimit(-1)
		p.pull(Pull{})
		all := p.answer(p.n)
		if !strings.Contains(all[max(0, len(all)-300):], end.text()) {
			t.Errorf("%s: the last frame is %s, want one that shows %s", name, all, end.text())
		}
		t.Logf("%s: heard %d, missed %d, shown with %d frames", name, end.Heard, end.Missed, p.k)
		if p.k > 20 {
			t.Errorf("%s: %d frames, want at most 20", name, p.k)
		}
	}
	if j := parked.join(); j.How != "mount" {
		t.Errorf("joined by %s", j.How)
	}
	for _, p := range []*tab{slow, stuck, gone, parked, bystander} {
		p.drop()
	}
}
