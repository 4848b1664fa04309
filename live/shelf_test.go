package live_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// shelf is a view whose children get other keys and places.
type shelf struct {
	Order  []int
	Keys   []string
	Items  []*item
	Braces string
}

type item struct {
	Name  string
	Note  string `stored:"session"`
	Fails bool   `stored:"session"`
}

type (
	arrange struct {
		Order []int
		Keys  []string
	}
	brace struct{ Around string }
	jot   struct{ Text string }
)

func (*arrange) EventName() string { return "Arrange" }
func (*brace) EventName() string   { return "Brace" }
func (*jot) EventName() string     { return "Note" }

func (*shelf) Events() []live.Handler {
	return []live.Handler{live.On((*shelf).arrange), live.On((*shelf).brace)}
}
func (*item) Events() []live.Handler { return []live.Handler{live.On((*item).jot)} }

func (s *shelf) arrange(_ context.Context, _ *live.Socket, e arrange) error {
	s.Order, s.Keys = e.Order, e.Keys
	return nil
}

func (s *shelf) brace(_ context.Context, _ *live.Socket, e brace) error {
	s.Braces = e.Around
	return nil
}

func (i *item) jot(_ context.Context, _ *live.Socket, e jot) error {
	i.Note, i.Fails = e.Text, e.Text == "panic later"
	return nil
}

func (s shelf) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for i, at := range s.Order {
			if err := live.Child(s.Keys[i], s.Items[at]).Render(ctx, w); err != nil {
				return err
			}
		}
		switch inside := templ.WithChildren(ctx, templ.Raw("<b>lost</b>")); s.Braces {
		case "child":
			return live.Child("x", s.Items[0]).Render(inside, w)
		case "memo":
			return live.Memo(1, 1, templ.Raw("<i></i>")).Render(inside, w)
		case "region":
			return live.Region("r", live.Share(1), func(int) templ.Component { return templ.Raw("<i></i>") }).Render(inside, w)
		}
		return nil
	})
}

var failing bool

func (i item) Render() templ.Component {
	if i.Fails && failing {
		panic("what is stored")
	}
	return templ.Raw("<p>" + i.Name + i.Note + "</p>")
}

func shelfApp() *live.App {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*shelf, error) {
		return &shelf{Order: []int{0, 1}, Keys: []string{"a", "b"}, Items: []*item{{Name: "x"}, {Name: "y"}, {Name: "z"}}}, nil
	})
	return app
}

// A key that a child has given up is free for another one.
func TestChildrenExchangeKeys(t *testing.T) {
	page := livetest.Open(t, shelfApp(), "/")
	for _, tt := range []struct {
		arrange
		want string
	}{
		{arrange{[]int{0, 1}, []string{"b", "a"}}, "x y"},
		{arrange{[]int{0, 1, 2}, []string{"c", "b", "a"}}, "x y z"},
		{arrange{[]int{2, 0}, []string{"b", "a"}}, "z x"},
		{arrange{[]int{1, 0}, []string{"c", "b"}}, "y x"},
	} {
		page.Push("Arrange", tt.arrange)
		if got := strings.Join(page.Texts("p"), " "); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.arrange, got, tt.want)
		}
	}
	page.PushTo(`[live-key="c"]`, "Note", jot{"!"})
	if got := strings.Join(page.Texts("p"), " "); got != "y! x" {
		t.Error(got)
	}
}

// Braces behind a component that shows something else are a mistake.
func TestBracesAreRefused(t *testing.T) {
	for _, around := range []string{"child", "memo", "region"} {
		t.Run(around, func(t *testing.T) {
			page := livetest.Open(t, shelfApp(), "/")
			page.Push("Arrange", arrange{})
			page.Push("Brace", brace{around})
			page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
		})
	}
}

// A page that cannot be shown for what a child has stored starts from its defaults.
func TestWhatAChildStoredMakesItPanic(t *testing.T) {
	app := shelfApp()
	b := livetest.NewBrowser(t, app)
	page := b.Open("/")
	page.PushTo(`[live-key="a"]`, "Note", jot{"panic later"})
	page.Close()
	failing = true
	defer func() { failing = false }()
	page = b.Open("/")
	if got := strings.Join(page.Texts("p"), " "); got != "x y" {
		t.Error(got)
	}
	if got := fmt.Sprint(page.Flash()); !strings.Contains(got, "saves nothing") {
		t.Errorf("the user reads %s", got)
	}
}

type lost struct{ Items []*placed }

func (l lost) Render() templ.Component { return templ.Raw("") }

type placed struct {
	Page int `query:"page"`
}

func (p placed) Render() templ.Component { return templ.Raw("") }

// Only the view of a page has an address.
func TestChildrenHaveNoURL(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "field Items") || !strings.Contains(got, "URL") {
			t.Error(got)
		}
	}()
	app := live.New(live.Options{Dev: true})
	live.Handle(app, "GET /{$}", func(*http.Request) (*lost, error) { return &lost{}, nil })
}
