package livetest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	. "github.com/livelong-dev/livelong/live/internal/testviews"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func newApp() *live.App {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*Counter, error) { return &Counter{Name: "one"}, nil })
	return app
}

func TestPage(t *testing.T) {
	page := livetest.Open(t, newApp(), "/")
	page.Click("button", "+1")
	if page.Text("output") != "1" || page.Title() != "Count 1" || page.Joined() != "adopt" {
		t.Errorf("%q, title %q, joined %q", page.Text("output"), page.Title(), page.Joined())
	}
	page.Type("input[name=note]", "typed")
	page.Click("button", "save")
	if page.Value("input[name=note]") != "typed" || len(page.Flash()) != 1 || page.Flash()[0].Text != "Saved typed" {
		t.Errorf("note %q, flash %v", page.Value("input[name=note]"), page.Flash())
	}
	page.Click("button", "toggle")
	page.Drop()
	page.Connect()
	if page.Joined() != "resume" || !page.Has("#more", "more of it") {
		t.Errorf("joined %q: %s", page.Joined(), page.HTML(""))
	}
	if again := page.Reload(); again.Text("output") != "1" || again.Has("#more") {
		t.Errorf("reloaded: %s", again.HTML(""))
	}
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(f string, a ...any) { r.failures = append(r.failures, fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(a ...any) {
	r.failures = append(r.failures, fmt.Sprint(a...))
	runtime.Goexit()
}
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); runtime.Goexit() }

// failures runs f as a test of its own and returns how it failed.
func failures(t *testing.T, f func(t testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { defer close(done); f(r) }()
	<-done
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	return strings.Join(r.failures, "\n")
}

// chat is a form that is rendered empty.
type chat struct{ Said string }

type Say struct {
	Text string `form:"text"`
}

func (*chat) Events() []live.Handler { return []live.Handler{live.On((*chat).Say)} }

func (c *chat) Say(_ context.Context, _ *live.Socket, e Say) error {
	if e.Text == "too rude" {
		return live.Errorf("Mind your words.")
	}
	c.Said = e.Text
	return nil
}

func (c chat) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		io.WriteString(w, "<output>"+templ.EscapeString(c.Said)+"</output>")
		return live.Post(Say{}).Render(templ.WithChildren(ctx, templ.Raw(`<input name="text">`)), w)
	})
}

// As the client does it: what could not be taken is still there to be mended, what was taken is not said twice.
func TestSubmittedFormShowsWhatTheServerRendered(t *testing.T) {
	app := newApp()
	live.Handle(app, "GET /chat", func(*http.Request) (*chat, error) { return &chat{}, nil })
	page := livetest.Open(t, app, "/chat")
	page.Type("input[name=text]", "too rude")
	page.Submit("form")
	if got := page.Value("input[name=text]"); got != "too rude" || page.Error() == "" {
		t.Errorf("after a refused submit the field shows %q", got)
	}
	page.Type("input[name=text]", "hello")
	page.Submit("form")
	if got := page.Value("input[name=text]"); got != "" || page.Text("output") != "hello" {
		t.Errorf("after the submit the field shows %q", got)
	}
}

// What the condition takes, such as an error, is not asked for again.
func TestAwaitAsksNoMoreOnceItIsTrue(t *testing.T) {
	page := livetest.Open(t, newApp(), "/")
	page.Click("button", "fail")
	page.Await("the error", func() bool { return page.Error() != "" })
}

func TestWhatABrowserWouldNotDoFails(t *testing.T) {
	tests := []struct {
		name string
		act  func(page *livetest.Page)
		want string
	}{
		{"a click on nothing", func(p *livetest.Page) { p.Click("button", "no such") }, "0 elements match"},
		{"an ambiguous click", func(p *livetest.Page) { p.Click("button") }, "7 elements match"},
		{"a dead binding", func(p *livetest.Page) { p.Click("h1") }, "nothing is bound to click on <h1>"},
		{"text into a heading", func(p *livetest.Page) { p.Type("h1", "x") }, "takes no text"},
		{"a tick in a text field", func(p *livetest.Page) { p.Check("input[name=note]", true) }, "cannot be ticked"},
		{"a bad selector", func(p *livetest.Page) { p.Text("[[") }, "selector"},
		{"an event that is not handled", func(p *livetest.Page) { p.Push("Nope", nil) }, `handles no event "Nope"`},
		{"an error nobody asked for", func(p *livetest.Page) { p.Click("button", "fail") }, "did not ask for"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := failures(t, func(t testing.TB) { tt.act(livetest.Open(t, newApp(), "/")) })
			if !strings.Contains(got, tt.want) {
				t.Errorf("failed with %q, want %q", got, tt.want)
			}
		})
	}
	if got := failures(t, func(t testing.TB) { livetest.Open(t, newApp(), "/").Click("button", "+1") }); got != "" {
		t.Errorf("a good test failed: %s", got)
	}
	if got := failures(t, func(t testing.TB) { livetest.Open(t, newApp(), "/nowhere") }); !strings.Contains(got, "404") {
		t.Errorf("a missing page: %q", got)
	}
}
