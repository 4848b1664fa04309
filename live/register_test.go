package live_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live"
	. "github.com/livelong-dev/livelong/live/internal/testviews"
	"github.com/livelong-dev/livelong/live/livetest"
)

type (
	badField struct{ Items []struct{ Done chan int } }
	badScope struct {
		A int `stored:"forever"`
	}
	doubledKey struct {
		A int `stored:"session,key=x"`
		B int `stored:"session,key=x"`
	}
	hiddenStored struct {
		a int `stored:"session"`
	}
	twins    struct{}
	nameless struct{}
	stranger struct{}
	swapped  struct{}
	Twin     struct{}
	Other    struct{}
	Empty    struct{}
)

func (badField) Render() templ.Component       { return templ.NopComponent }
func (badScope) Render() templ.Component       { return templ.NopComponent }
func (doubledKey) Render() templ.Component     { return templ.NopComponent }
func (h hiddenStored) Render() templ.Component { _ = h.a; return templ.NopComponent }
func (twins) Render() templ.Component          { return templ.NopComponent }
func (nameless) Render() templ.Component       { return templ.NopComponent }
func (stranger) Render() templ.Component       { return templ.NopComponent }
func (swapped) Render() templ.Component        { return templ.NopComponent }

func (Other) EventName() string { return "Twin" }
func (Empty) EventName() string { return "" }

func (*twins) One(context.Context, *live.Socket, Twin) error  { return nil }
func (*twins) Two(context.Context, *live.Socket, Other) error { return nil }
func (*twins) Events() []live.Handler {
	return []live.Handler{live.On((*twins).One), live.On((*twins).Two)}
}

func (*nameless) Do(context.Context, *live.Socket, Empty) error { return nil }
func (*nameless) Events() []live.Handler                        { return []live.Handler{live.On((*nameless).Do)} }
func (*stranger) Events() []live.Handler                        { return []live.Handler{live.On((*twins).One)} }

type generic[T any] struct{ V T }

func (*swapped) Do(context.Context, *live.Socket, generic[int]) error { return nil }
func (*swapped) Events() []live.Handler                               { return []live.Handler{live.On((*swapped).Do)} }

// nothing is a child that cannot be told from another one: all have one address.
type nothing struct{}

type holder struct{ Nothing *nothing }

func (nothing) Render() templ.Component { return templ.NopComponent }
func (holder) Render() templ.Component  { return templ.NopComponent }

func register[V live.View](app *live.App) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	live.Handle(app, "GET /bad", func(*http.Request) (*V, error) { return new(V), nil })
	return
}

func TestBadViewsAreRefusedAtRegistration(t *testing.T) {
	tests := []struct {
		name  string
		got   string
		wants []string
	}{
		{"a field that cannot be encoded", register[badField](newApp()), []string{"badField", "Items", "Done", "chan int"}},
		{"an unknown scope", register[badScope](newApp()), []string{"badScope", "field A", "forever"}},
		{"a doubled key", register[doubledKey](newApp()), []string{"doubledKey", "A and B", `"x"`}},
		{"an unexported stored field", register[hiddenStored](newApp()), []string{"hiddenStored", "field a", "not exported"}},
		{"two events of one name", register[twins](newApp()), []string{"Twin", "Other", "both called"}},
		{"an empty event name", register[nameless](newApp()), []string{"Empty", "EventName"}},
		{"a generic event name", register[swapped](newApp()), []string{"generic", "EventName"}},
		{"a child without fields", register[holder](newApp()), []string{"holder", "Nothing", "nothing has no fields"}},
		{"a method of another view", register[stranger](newApp()), []string{"stranger", "twins"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, want := range tt.wants {
				if !strings.Contains(tt.got, want) {
					t.Errorf("Handle says %q, want it to name %s", tt.got, want)
				}
			}
		})
	}
}

func attributes(t testing.TB, a templ.Attributer) string {
	t.Helper()
	var b strings.Builder
	if err := templruntime.RenderAttributes(context.Background(), &b, io.Discard, "button", a); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type KeyPressed struct {
	Key string `client:"key"`
	ID  int
}

func TestAttributes(t *testing.T) {
	tests := []struct {
		a    templ.Attributer
		want string
	}{
		{live.Click(Add{By: 1}), ` live-click="Add {&#34;By&#34;:1}"`},
		{live.Click(Toggle{}), ` live-click="Toggle"`},
		{live.ClickAway(Toggle{}), ` live-click-away="Toggle"`},
		{live.Submit(Save{Note: "ignored"}), ` live-submit="Save"`},
		{live.Change(Save{}, live.Debounce(300*time.Millisecond)), ` live-change="Save;d=300"`},
		{live.Change(Save{}, live.DebounceBlur()), ` live-change="Save;d=blur"`},
		{live.Click(Toggle{}, live.Throttle(time.Second), live.PreventDefault()), ` live-click="Toggle;t=1000;p"`},
		{live.KeyDown(KeyPressed{ID: 7}, live.Keys("Escape", "Enter")), ` live-keydown="KeyPressed;c=key;k=Escape,Enter {&#34;ID&#34;:7}"`},
		{live.KeyUp(Toggle{}), ` live-keyup="Toggle"`},
		{live.Focus(Toggle{}), ` live-focus="Toggle"`},
		{live.Blur(Toggle{}), ` live-blur="Toggle"`},
		{live.WindowKeyDown(Toggle{}), ` live-window-keydown="Toggle"`},
		{live.WindowKeyUp(Toggle{}), ` live-window-keyup="Toggle"`},
		{live.WindowFocus(Toggle{}), ` live-window-focus="Toggle"`},
		{live.WindowBlur(Toggle{}), ` live-window-blur="Toggle"`},
		{live.Key("row 7"), ` live-key="row 7"`},
		{live.Key(7), ` live-key="7"`},
	}
	for _, tt := range tests {
		if got := attributes(t, tt.a); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

var sinkAttributer templ.Attributer

func TestClickAllocatesTwice(t *testing.T) {
	var e any = Add{By: 1}
	allocs := testing.AllocsPerRun(1000, func() {
		sinkAttributer = live.Click(e)
		_ = sinkAttributer.Items()
	})
	t.Logf("live.Click: %v allocations", allocs)
	if allocs > 2 {
		t.Errorf("%v allocations, want at most 2", allocs)
	}
}

// impure is a view whose Render is what a test makes it.
type impure struct {
	N      int
	hidden string
}

var draw func(v impure) string

func (v impure) Render() templ.Component { return templ.Raw(draw(v)) }

// reports opens a page whose renderings are drawn by f in a test of its own, and returns what that test was told.
func reports(t *testing.T, f func(v impure) string) string {
	t.Helper()
	draw = f
	app := live.New(live.Options{Dev: true})
	live.Handle(app, "GET /{$}", func(*http.Request) (*impure, error) { return &impure{hidden: "secret"}, nil })
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if err := app.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.Code == http.StatusOK {
		return ""
	}
	return w.Body.String()
}

func TestDevelopmentChecksRenderings(t *testing.T) {
	n := 0
	tests := []struct {
		name  string
		draw  func(v impure) string
		wants []string
	}{
		{"a pure view", func(v impure) string { return fmt.Sprint("<p>", v.N, "</p>") }, nil},
		{"an unexported field", func(v impure) string { return "<p>" + v.hidden + "</p>" }, []string{"not pure", "exported fields only"}},
		{"something new each time", func(impure) string { n++; return fmt.Sprint("<p>", n, "</p>") }, []string{"second time"}},
		{"a block inside a paragraph", func(impure) string { return "<p>\n<div>x</div></p>" }, []string{"browsers build differently", "line 2", "div"}},
		{"an element that is not closed", func(impure) string { return "<div><span></div>" }, []string{"line 1", "span"}},
		{"a self-closed element", func(impure) string { return "<div/>" }, []string{"line 1", "div"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := reports(t, tt.draw)
			if (got == "") != (tt.wants == nil) {
				t.Errorf("reported %q", got)
			}
			for _, want := range tt.wants {
				if !strings.Contains(got, want) {
					t.Errorf("reported %q, want it to say %q", got, want)
				}
			}
		})
	}
}

func TestTwoHundredTestsAreQuick(t *testing.T) {
	start := time.Now()
	for range 200 {
		t.Run("one", func(t *testing.T) {
			page := livetest.Open(t, newApp(), "/")
			page.Click("button", "+1")
			if got := page.Text("output"); got != "1" {
				t.Errorf("count %q", got)
			}
		})
	}
	took := time.Since(start)
	t.Logf("200 livetest tests: %v", took.Round(time.Millisecond))
	if took > 20*time.Second {
		t.Errorf("200 tests took %v, the aim is 2 s", took)
	}
}
