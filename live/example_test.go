package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live"
)

// Lamp is a view: what it shows is in its exported fields.
type Lamp struct {
	On bool `stored:"session"`
}

// Switch is an event of the browser, Blackout a message of the server.
type (
	Switch   struct{}
	Blackout struct{}
)

func (*Lamp) Events() []live.Handler {
	return []live.Handler{live.On((*Lamp).Switch), live.OnMessage((*Lamp).Blackout)}
}

// blackouts reaches every lamp on every node.
var blackouts = live.NewTopic[Blackout]("blackouts")

func (l *Lamp) Mount(_ context.Context, s *live.Socket) error {
	_, err := blackouts.Subscribe(s)
	return err
}

func (l *Lamp) Switch(context.Context, *live.Socket, Switch) error {
	l.On = !l.On
	return nil
}

func (l *Lamp) Blackout(_ context.Context, s *live.Socket, _ Blackout) error {
	l.On = false
	s.Flash("info", "Somebody has pulled the plug.")
	return nil
}

// Render is written in templ in an app; a template is a function like this one.
func (l Lamp) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := fmt.Fprintf(w, `<output>%v</output><button`, l.On); err != nil {
			return err
		}
		if err := templruntime.RenderAttributes(ctx, w, io.Discard, "button", live.Click(Switch{})); err != nil {
			return err
		}
		_, err := io.WriteString(w, `>switch</button>`)
		return err
	})
}

func ExampleHandle() {
	app := live.New(live.Options{Dev: true})
	live.Handle(app, "GET /{$}", func(*http.Request) (*Lamp, error) { return &Lamp{}, nil })
	defer app.Shutdown(context.Background())

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}

func ExampleApp_Group() {
	app := live.New(live.Options{Dev: true})
	defer app.Shutdown(context.Background())
	members := app.Group(live.GroupOptions{
		Authorize: func(r *http.Request) error {
			if r.Header.Get("Authorization") == "" {
				return live.RedirectTo("/login")
			}
			return nil
		},
	})
	live.Handle(members, "GET /lamp", func(*http.Request) (*Lamp, error) { return &Lamp{}, nil })

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/lamp", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /login
}

func ExampleTopic() {
	app := live.New(live.Options{Dev: true})
	defer app.Shutdown(context.Background())
	// From anywhere in the program: every lamp that is shown goes out.
	fmt.Println(blackouts.Publish(context.Background(), app, Blackout{}))
	// Output: <nil>
}

func ExampleClick() {
	var page templ.Attributer = live.Click(Switch{}, live.Throttle(time.Second))
	fmt.Println(page.Items()[0].Key)
	// Output: live-click
}

func ExampleRedirectTo() {
	fmt.Println(live.RedirectTo("/login"))
	fmt.Println(live.RedirectTo("javascript:alert(1)"))
	// Output:
	// redirect to /login
	// redirect to "javascript:alert(1)": want a path that starts with one slash, or an http or https URL
}

func ExampleErrorf() {
	err := live.Errorf("There are only %d left.", 3)
	var shown *live.Error
	fmt.Println(errors.As(err, &shown), shown.Text)
	// Output: true There are only 3 left.
}
