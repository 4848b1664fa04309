package livetest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// ward is a page of beds, which all hear of one topic.
type ward struct {
	Last   string
	Report live.Result[string]
	Beds   []*bed
	Hours  int
}

// bed is a child.
type bed struct {
	ID    int
	Calls int
	Said  string
}

type (
	Called struct{ By string }
	Ring   struct{}
	Hour   struct{}
	Nudge  struct{ Text string }
	Renew  struct{}
)

var called = live.NewTopic[Called]("called")

func (*ward) Events() []live.Handler {
	return []live.Handler{live.On((*ward).Renew), live.OnMessage((*ward).Called), live.OnMessage((*ward).Hour), live.OnMessage((*ward).Nudge)}
}

func (w *ward) Mount(ctx context.Context, s *live.Socket) error {
	w.Beds = []*bed{{ID: 1}, {ID: 2}}
	s.Every(time.Hour, Hour{})
	if err := w.Renew(ctx, s, Renew{}); err != nil {
		return err
	}
	_, err := called.Subscribe(s)
	return err
}

func (w *ward) Renew(_ context.Context, s *live.Socket, _ Renew) error {
	live.Async(s, &w.Report, func(ctx context.Context) (string, error) {
		select {
		case <-time.After(time.Minute / 2):
			return "all is well", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	return nil
}

func (w *ward) Called(_ context.Context, _ *live.Socket, m Called) error { w.Last = m.By; return nil }

func (w *ward) Hour(context.Context, *live.Socket, Hour) error { w.Hours++; return nil }

func (w *ward) Nudge(_ context.Context, s *live.Socket, m Nudge) error {
	switch m.Text {
	case "no":
		return live.Errorf("Not now.")
	case "panic":
		panic("on purpose")
	case "go":
		return s.Navigate("/")
	}
	w.Last = m.Text
	return nil
}

func (*bed) Events() []live.Handler {
	return []live.Handler{live.On((*bed).Ring), live.OnMessage((*bed).Nudge)}
}

func (b *bed) Ring(context.Context, *live.Socket, Ring) error { b.Calls++; return nil }

func (b *bed) Nudge(_ context.Context, _ *live.Socket, m Nudge) error { b.Said = m.Text; return nil }

func (w ward) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, out io.Writer) error {
		fmt.Fprintf(out, `<h1>%s</h1><p id="report">%t %s</p><p id="hours">%d</p>`, templ.EscapeString(w.Last), w.Report.Loading, templ.EscapeString(w.Report.Value), w.Hours)
		for _, b := range w.Beds {
			if err := live.Child(b.ID, b).Render(ctx, out); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b bed) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, out io.Writer) error {
		fmt.Fprintf(out, `<button class="bed%d"`, b.ID)
		if err := templruntime.RenderAttributes(ctx, out, io.Discard, "button", live.Click(Ring{})); err != nil {
			return err
		}
		fmt.Fprintf(out, `>%d</button><i>%s</i>`, b.Calls, templ.EscapeString(b.Said))
		return nil
	})
}

func newWard() *live.App {
	app := newApp()
	live.Handle(app, "GET /ward", func(*http.Request) (*ward, error) { return &ward{}, nil })
	return app
}

// Without virtual time: what Send returns after is shown.
func TestSend(t *testing.T) {
	page := livetest.Open(t, newWard(), "/ward")
	for i := range 20 {
		page.Send(Nudge{fmt.Sprint(i)})
		if got := page.Text("h1"); got != fmt.Sprint(i) {
			t.Fatalf("after a message the page shows %q, want %d", got, i)
		}
	}
	n := len(page.Frames())
	page.Send(Nudge{"19"})
	if got := len(page.Frames()); got != n {
		t.Errorf("a message that changes nothing made %d frames", got-n)
	}
	page.SendTo(".bed2", Nudge{"child"})
	if got := strings.Join(page.Texts("i"), ","); got != ",child" || page.Text("h1") != "19" {
		t.Errorf("the beds were told %s, the page %s", got, page.Text("h1"))
	}
	page.Click(".bed2")
	page.Click(".bed2")
	page.Click(".bed1")
	if got := strings.Join(page.Texts("button"), ","); got != "1,2" {
		t.Errorf("the beds have counted %s", got)
	}
	page.Send(Nudge{"no"})
	if got := page.Error(); got != "Not now." {
		t.Errorf("the user reads %q", got)
	}
	page.Drop()
	page.Send(Nudge{"away"})
	page.Connect()
	page.Await("what came meanwhile", func() bool { return page.Text("h1") == "away" })
	page.Send(Nudge{"panic"})
	page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
	page.Send(Nudge{"again"})
	if page.Text("h1") != "again" {
		t.Error(page.Text("h1"))
	}
	page.Send(Nudge{"go"})
	page.Await("the other page", func() bool { return page.URL() == "/" && page.Has("output") })
}

func TestWhatCannotBeSentFails(t *testing.T) {
	for name, test := range map[string]struct {
		act  func(*livetest.Page)
		want string
	}{
		"a message nobody handles":  {func(p *livetest.Page) { p.Send(Ring{}) }, "ward has no OnMessage handler for livetest_test.Ring"},
		"a child's that it has not": {func(p *livetest.Page) { p.SendTo(".bed1", Called{}) }, "bed has no OnMessage handler for livetest_test.Called"},
		"nothing":                   {func(p *livetest.Page) { p.Send(nil) }, "no OnMessage handler for <nil>"},
		"to a page that has ended": {func(p *livetest.Page) {
			p.Send(Nudge{"go"})
			p.Await("the other page", func() bool { return p.URL() == "/" })
			p.Send(Nudge{"late"})
		}, "Counter has no OnMessage handler"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := failures(t, func(t testing.TB) { test.act(livetest.Open(t, newWard(), "/ward")) }); !strings.Contains(got, test.want) {
				t.Errorf("failed with %q, want %q", got, test.want)
			}
		})
	}
	if got := failures(t, func(t testing.TB) { livetest.NewBrowser(t, newWard()).Load("/ward").Send(Nudge{}) }); !strings.Contains(got, "never connected") {
		t.Errorf("failed with %q", got)
	}
}

// Two pages of one topic, a function that takes half a minute, a clock that strikes each hour, children: in virtual time.
func TestTwoPagesInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newWard()
		one, two := livetest.Open(t, app, "/ward"), livetest.Open(t, app, "/ward")
		if err := called.Publish(t.Context(), app, Called{"Ada"}); err != nil {
			t.Fatal(err)
		}
		one.Sleep(0)
		if one.Text("h1") != "Ada" || two.Text("h1") != "Ada" {
			t.Errorf("the pages show %q and %q", one.Text("h1"), two.Text("h1"))
		}
		one.Send(Nudge{"only one"})
		if one.Text("h1") != "only one" || two.Text("h1") != "Ada" {
			t.Errorf("the pages show %q and %q", one.Text("h1"), two.Text("h1"))
		}
		if got := one.Text("#report"); got != "true" {
			t.Errorf("report %q", got)
		}
		one.Sleep(29 * time.Second)
		if got := one.Text("#report"); got != "true" {
			t.Errorf("after 29 s report %q", got)
		}
		one.Sleep(time.Second)
		if got := one.Text("#report"); got != "false all is well" {
			t.Errorf("after 30 s report %q", got)
		}
		one.Push("Renew", nil)
		if got := one.Text("#report"); got != "true all is well" {
			t.Errorf("loaded anew: report %q", got)
		}
		for range 61 {
			one.Confirm() // a page that says nothing is taken for dead
			one.Sleep(time.Minute)
		}
		if one.Text("#hours") != "1" || one.Text("#report") != "false all is well" {
			t.Errorf("an hour later: %s", one.HTML(""))
		}
	})
}

func ExamplePage_Send() {
	var t *testing.T // the test's
	app := newWard()
	page := livetest.Open(t, app, "/ward")

	page.Send(Nudge{"hello"}) // as live.Socket.Send does it
	if page.Text("h1") != "hello" {
		t.Error("the page does not show what it was sent")
	}
	page.SendTo(".bed2", Nudge{"hello"}) // the child that the element belongs to
}

// Two tabs hear of one topic.
func ExamplePage_Await() {
	var t *testing.T // the test's
	app := newWard()
	one, two := livetest.Open(t, app, "/ward"), livetest.Open(t, app, "/ward")

	err := called.Publish(t.Context(), app, Called{"Ada"})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []*livetest.Page{one, two} {
		page.Await("the call", func() bool { return page.Text("h1") == "Ada" })
	}
}
