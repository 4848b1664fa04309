package live_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// sheet shows its figure in a drawing, or outside.
type sheet struct {
	Drawn  bool
	Figure *figure
}

// figure is of elements that mean something else in a drawing.
type figure struct{ N int }

// Flip and More are their events.
type (
	Flip struct{}
	More struct{}
)

func (*sheet) Events() []live.Handler     { return []live.Handler{live.On((*sheet).Flip)} }
func (*figure) Events() []live.Handler    { return []live.Handler{live.On((*figure).More)} }
func (*figure) Container() live.Container { return live.Container{Tag: "g"} }
func (f figure) Render() templ.Component  { return markup(`<title>x<b>%d</b>y</title>`, f.N) }

func (s *sheet) Flip(context.Context, *live.Socket, Flip) error  { s.Drawn = !s.Drawn; return nil }
func (f *figure) More(context.Context, *live.Socket, More) error { f.N++; return nil }

func (s sheet) Render() templ.Component {
	if s.Drawn {
		return written("<svg>", live.Child("f", s.Figure), "</svg>")
	}
	return written("<div>", live.Child("f", s.Figure), "</div>")
}

// Where a child stands says how its HTML is to be read, also when it has not changed itself.
func TestAChildThatLeavesADrawing(t *testing.T) {
	app := newApp()
	live.Handle(app, "GET /sheet", func(*http.Request) (*sheet, error) { return &sheet{Drawn: true, Figure: &figure{}}, nil })
	page := livetest.Open(t, app, "/sheet")
	for range 3 {
		page.PushAt("f", "More", More{})
		page.PushAt("f", "More", More{})
		page.Push("Flip", Flip{})
	}
	if got := page.Text("g title"); got != "x<b>6</b>y" {
		t.Errorf("shows %s", got)
	}
}
