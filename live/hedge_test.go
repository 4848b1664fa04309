package live_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// hedge is a page with a region, drawn as its test wants it.
type hedge struct {
	Mine string
	Data live.Shared[int]
}

type Grow struct{ By int }

func (*hedge) Events() []live.Handler { return []live.Handler{live.On((*hedge).Grow)} }

func (h *hedge) Grow(_ context.Context, _ *live.Socket, e Grow) error {
	h.Data = live.Share(h.Data.Value() + e.By)
	return nil
}

// drawHedge is what Render calls.
var drawHedge func(hedge) templ.Component

func (h hedge) Render() templ.Component { return drawHedge(h) }

func (h hedge) own(n int) templ.Component { return templ.Raw(fmt.Sprintf("<p>%s %d</p>", h.Mine, n)) }

// openHedge opens a page on which a browser of a language shows one value.
func openHedge(t *testing.T, app *live.App, who string) *livetest.Page {
	b := livetest.NewBrowser(t, app)
	live.StopChecking(app) // it would render again what was shared
	return b.Open("/" + who)
}

func hedgeApp(logs *bytes.Buffer, value live.Shared[int]) *live.App {
	log := slog.New(slog.DiscardHandler)
	if logs != nil {
		log = slog.New(slog.NewTextHandler(logs, nil))
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: log,
		Locale: func(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/") }})
	live.Handle(app, "GET /{who}", func(r *http.Request) (*hedge, error) {
		return &hedge{Mine: r.PathValue("who"), Data: value}, nil
	})
	return app
}

func TestARegionThatIsAMethodIsNotShared(t *testing.T) {
	drawHedge = func(h hedge) templ.Component { return live.Region("r", h.Data, h.own) }
	app := hedgeApp(nil, live.Share(1))
	for _, who := range []string{"alice", "bob", "alice"} {
		page := openHedge(t, app, who)
		for want := 1; want < 4; want++ {
			if got := page.Text("p"); got != fmt.Sprint(who, " ", want) {
				t.Errorf("%s is shown %q", who, got)
			}
			page.Push("Grow", Grow{1})
		}
	}
}

// A language may be whatever a browser says.
func TestAValueKeepsFewRegions(t *testing.T) {
	component := func(n int) templ.Component { return templ.Raw(fmt.Sprint("<p>", n, "</p>")) }
	drawHedge = func(h hedge) templ.Component { return live.Region("r", h.Data, component) }
	value := live.Share(1)
	app := hedgeApp(nil, value)
	for i := range 200 {
		if got := openHedge(t, app, fmt.Sprint("language-", i)).Text("p"); got != "1" {
			t.Fatal(got)
		}
	}
	if n := live.Regions(value); n > 64 {
		t.Errorf("%d renderings are kept", n)
	}
}

// Where a region stands decides what its HTML means.
func TestARegionInADrawing(t *testing.T) {
	gradient := func(n int) templ.Component {
		return templ.Raw(fmt.Sprintf(`<linearGradient gradientTransform="rotate(%d)"></linearGradient><title>a<tspan>%d</tspan></title><path/>`, n, n))
	}
	drawHedge = func(h hedge) templ.Component {
		return written(`<svg>`, live.Region("r", h.Data, gradient, live.Container{Tag: "g"}), `</svg>`)
	}
	app := hedgeApp(nil, live.Share(1))
	pages := []*livetest.Page{livetest.Open(t, app, "/x"), livetest.Open(t, app, "/y")}
	for _, page := range pages {
		for want := 2; want < 5; want++ {
			page.Push("Grow", Grow{1})
			if got := page.HTML("g"); !strings.Contains(got, fmt.Sprintf(`<linearGradient gradientTransform="rotate(%d)"></linearGradient><title>a<tspan>%d</tspan></title><path`, want, want)) {
				t.Errorf("shows %s, want %d", got, want)
			}
		}
	}
}

// A region whose changes would never be shown is refused, as a child is.
func TestARegionInAnOpaqueElement(t *testing.T) {
	number := func(n int) templ.Component { return templ.Raw(fmt.Sprint("<b>", n, "</b>")) }
	for _, tag := range []string{"noscript", "textarea", "iframe"} {
		var logs bytes.Buffer
		drawHedge = func(h hedge) templ.Component {
			if h.Data.Value() == 1 {
				return templ.Raw("<hr>")
			}
			return written("<"+tag+">", live.Region("r", h.Data, number), "</"+tag+">")
		}
		page := openHedge(t, hedgeApp(&logs, live.Share(1)), "x")
		page.Push("Grow", Grow{1})
		page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
		if !strings.Contains(logs.String(), "whose content is no part of the page") {
			t.Errorf("%s: %s", tag, logs.String())
		}
	}
}
