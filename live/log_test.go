package live_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"
	"github.com/coder/websocket"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// signup is a page with a form that must not be found in a log.
type signup struct{ Tries int }

type (
	SignUp struct {
		Name     string `form:"name"`
		Password string `form:"password"`
		PIN      int    `form:"pin"`
	}
	SignUpAndPanic SignUp
	// Unlock takes the same from a script.
	Unlock struct {
		PIN   int8
		Until time.Time
		Codes map[string]struct{ Digits int }
		Quiet bool `client:"value"`
	}
)

func (*signup) Events() []live.Handler {
	return []live.Handler{live.On((*signup).SignUp), live.On((*signup).SignUpAndPanic), live.On((*signup).Unlock)}
}

func (p *signup) SignUp(context.Context, *live.Socket, SignUp) error { p.Tries++; return nil }

func (p *signup) SignUpAndPanic(_ context.Context, _ *live.Socket, e SignUpAndPanic) error {
	return errors.New([]string{}[len(e.Password)])
}

func (p *signup) Unlock(context.Context, *live.Socket, Unlock) error { p.Tries++; return nil }

func (p signup) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		fmt.Fprint(w, "<output>", p.Tries, "</output>")
		for i, e := range []any{SignUp{}, SignUpAndPanic{}} {
			fmt.Fprintf(w, `<section id="%s">`, []string{"good", "panic"}[i])
			fields := templ.Raw(`<input name="name"><input name="password" type="password"><input name="pin"><button>sign up</button>`)
			if err := live.Post(e).Render(templ.WithChildren(ctx, fields), w); err != nil {
				return err
			}
			fmt.Fprint(w, "</section>")
		}
		return nil
	})
}

// The log names fields, and never repeats what was entered.
func TestPasswordsAreNotLogged(t *testing.T) { // C12
	const password, pin = "correcthorse", "87654321"
	var log bytes.Buffer
	app := live.New(live.Options{Secrets: [][]byte{secret}, Events: 1, Burst: 20,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))})
	live.Handle(app, "GET /{$}", func(*http.Request) (*signup, error) { return &signup{}, nil })
	b := livetest.NewBrowser(t, app)

	enter := func(page *livetest.Page, id, digits string) {
		page.Type("#"+id+" input[name=password]", password)
		page.Type("#"+id+" input[name=pin]", digits)
		page.Click("#" + id + " button")
	}
	enter(b.Load("/"), "good", "1")
	page := b.Open("/")
	enter(page, "good", "1")
	if got := page.Text("output"); got != "1" {
		t.Fatalf("%s forms came through, want 1", got)
	}
	for _, id := range []string{"good", "panic"} {
		enter(page, id, map[string]string{"good": password, "panic": "1"}[id])
		page.Await("the error", func() bool { return page.Error() != "" })
	}
	page.Close()

	plain := func(form url.Values) {
		seal, _ := b.Load("/").Attr("#good input[name=live-seal]", "value")
		form.Set("live-seal", seal)
		r, _ := http.NewRequest(http.MethodPost, "/", strings.NewReader(strings.ReplaceAll(form.Encode(), "PERCENT", "%")))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		if res := b.Do(r); res.Code < 400 {
			t.Errorf("%v: %d", form, res.Code)
		}
	}
	plain(url.Values{"live-event": {"SignUp"}, "password": {password}, "pin": {password}})
	plain(url.Values{"live-event": {"SignUpAndPanic"}, "password": {password}})
	plain(url.Values{"live-event": {"Nope"}, "password": {password}})
	plain(url.Values{"live-event": {"SignUp"}, "password": {password + "PERCENTQX"}})

	tab := newTab(t, b, "/")
	tab.join()
	for _, event := range []string{
		`"Nope",{"f":"password=correcthorse"}`,
		`"SignUp",{"f":"password=correcthorse%QX"}`,
		`"SignUp",{"f":"password=correcthorse;a=b"}`,
		`"SignUp",{"f":"password=a&pin=correcthorse"}`,
		`"SignUp",{"f":"password=correcthorse"},"child"`,
		`"name=me&password=correcthorse"`,
		`"Unlock",{"v":"correcthorse"}`,
		`"Unlock",{"v":{"PIN":87654321}}`,
		`"Unlock",{"v":{"PIN":"correcthorse"}}`,
		`"Unlock",{"v":{"Until":"correcthorse"}}`,
		`"Unlock",{"v":{"Codes":{"correcthorse":{"Digits":876543210987654321098}}}}`,
		`"Unlock",{"v":{"Codes":{"correcthorse":{"Digits":"x"}}}}`,
		`"Unlock",{"c":{"value":"correcthorse"}}`,
	} {
		tab.n++
		tab.send(fmt.Sprintf("[%d,%s]", tab.n, event))
		if d := tab.read(); d.Extra.Error == nil {
			t.Errorf("%s is answered %+v, want an error", event, d)
		}
	}
	for code := websocket.StatusCode(0); code == 0; { // a flood
		tab.n++
		go tab.ws.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `[%d,"SignUp",{"f":"password=correcthorse"}]`, tab.n))
		_, code = tab.next()
	}
	for _, frame := range []string{`["correcthorse"]`, `[1,"SignUp","correcthorse"]`, `[1,"SignUp",{"f":87654321}]`, `[1,"SignUp",{"c":87654321}]`, `correcthorse`} {
		tab := newTab(t, b, "/")
		tab.join()
		tab.send(frame)
		if d, code := tab.next(); code != 4400 {
			t.Errorf("%s is answered %+v, closed with %d", frame, d, code)
		}
	}

	if err := app.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"event refused", "instance crashed", "page refused", "frame refused", "join refused", "instance ended"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("nothing was logged about %q", want)
		}
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, password) || strings.Contains(line, pin) || strings.Contains(line, "QX") {
			t.Errorf("the log says %s", line)
		}
	}
}

// stumbler is a page whose code fails in the ways that there are.
type stumbler struct{ Loaded live.Result[int] }

type (
	Stumble   struct{ How string }
	LoadWrong struct{ How string }
)

func (*stumbler) Events() []live.Handler {
	return []live.Handler{live.On((*stumbler).Stumble), live.On((*stumbler).LoadWrong)}
}

func (*stumbler) Stumble(_ context.Context, _ *live.Socket, e Stumble) error { return wrong(e.How) }

func (p *stumbler) LoadWrong(_ context.Context, s *live.Socket, e LoadWrong) error {
	live.Async(s, &p.Loaded, func(context.Context) (int, error) { return 0, wrong(e.How) })
	return nil
}

func wrong(how string) error {
	switch how {
	case "told":
		return live.Errorf("It is sold out.")
	case "panic":
		panic("on purpose")
	}
	return errors.New("the database is away")
}

func (p stumbler) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for _, how := range []string{"told", "broken"} {
			button := templ.Raw("<button>" + how + "</button>")
			if err := live.Post(Stumble{how}).Render(templ.WithChildren(ctx, button), w); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, p.Loaded.Error)
		return err
	})
}

// What is meant for the user is no error of the app, whichever way it comes; what is one is logged as one.
func TestLevelsOfErrors(t *testing.T) {
	logged := func(what string, do func(b *livetest.Browser)) string {
		var log bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			app := live.New(live.Options{Secrets: [][]byte{secret}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			live.Handle(app, "GET /{$}", func(*http.Request) (*stumbler, error) { return &stumbler{}, nil })
			do(livetest.NewBrowser(t, app))
		})
		var lines []string
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, what) {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	for how, level := range map[string]string{"told": "level=INFO", "broken": "level=ERROR"} {
		for way, got := range map[string]string{
			"over the socket": logged("handler failed", func(b *livetest.Browser) {
				page := b.Open("/")
				page.Click("button", how)
				_ = page.Error()
			}),
			"by a plain form": logged("handler failed", func(b *livetest.Browser) { b.Load("/").Click("button", how) }),
			"in a function": logged("function failed", func(b *livetest.Browser) {
				page := b.Open("/")
				page.Push("LoadWrong", LoadWrong{how})
				page.Sleep(0)
			}),
		} {
			if strings.Count(got, "level=") != 1 || !strings.Contains(got, level) || strings.Contains(got, "stack=") {
				t.Errorf("%s %s: logged %q, want one line with %s and no stack", how, way, got, level)
			}
		}
	}
	got := logged("function failed", func(b *livetest.Browser) {
		page := b.Open("/")
		page.Push("LoadWrong", LoadWrong{"panic"})
		page.Sleep(0)
	})
	if !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "stack=") {
		t.Errorf("a panic is logged as %q", got)
	}
}
