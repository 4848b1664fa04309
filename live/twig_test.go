package live_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// trunk is a page that holds twigs, and does what a test tells it.
type trunk struct {
	Title string
	Shown string
	One   *twig
	Two   *twig
	List  []*twig
	Named map[string]*twig
	Pick  *twig `stored:"session"`
	mount func(*trunk, *live.Socket) error
}

// twig is a child that may hold others.
type twig struct {
	Key   string
	N     int
	Hide  bool
	Note  string `stored:"session"`
	Load  live.Result[int]
	Bad   bool // it does not render
	Plain bool // it has no region
	Data  live.Shared[int]
	One   *twig
	List  []*twig
	Named map[string]*twig
}

type (
	Act  struct{}
	Pay  struct{} // a gated Act
	Hear struct {
		From string
		do   func()
	}
)

func (*trunk) Events() []live.Handler {
	return []live.Handler{live.On((*trunk).Act), live.OnMessage((*trunk).Hear)}
}
func (*twig) Events() []live.Handler {
	return []live.Handler{live.On((*twig).Act), live.On((*twig).Pay, live.Gated), live.OnMessage((*twig).Hear)}
}

// act is what the next event does.
var act func(view any, s *live.Socket) error

func (t *trunk) Mount(_ context.Context, s *live.Socket) error {
	if t.mount != nil {
		return t.mount(t, s)
	}
	return nil
}
func (t *trunk) Act(_ context.Context, s *live.Socket, _ Act) error {
	if act != nil {
		return act(t, s)
	}
	return nil
}
func (t *twig) Act(_ context.Context, s *live.Socket, _ Act) error {
	if act != nil {
		return act(t, s)
	}
	t.N++
	return nil
}
func (t *trunk) Hear(_ context.Context, _ *live.Socket, m Hear) error {
	if m.do != nil {
		m.do()
	}
	t.Title += m.From
	return nil
}

func (t *twig) Pay(ctx context.Context, s *live.Socket, _ Pay) error { return act(t, s) }
func (t *twig) Hear(_ context.Context, _ *live.Socket, m Hear) error {
	if m.do != nil {
		m.do()
	}
	t.Note += m.From
	return nil
}

// written writes HTML and components.
func written(parts ...any) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for _, p := range parts {
			var err error
			switch p := p.(type) {
			case string:
				_, err = w.Write([]byte(p))
			case templ.Component:
				err = p.Render(ctx, w)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (t trunk) Render() templ.Component {
	parts := []any{"<h1>" + templ.EscapeString(t.Title) + "</h1><section>"}
	switch t.Shown {
	case "one":
		parts = append(parts, live.Child("panel", t.One))
	case "two":
		parts = append(parts, live.Child("panel", t.Two))
	case "count":
		parts = append(parts, fmt.Sprintf("<b>%d %d</b>", len(t.List), len(t.Named)))
		for i, c := range t.List {
			if c == nil {
				parts = append(parts, fmt.Sprintf("<i>%d is empty</i>", i))
			}
		}
	}
	if t.Shown != "one" && t.Shown != "two" && t.Shown != "pick" {
		for _, c := range append([]*twig{t.One, t.Two}, t.List...) {
			if c != nil {
				parts = append(parts, live.Child(c.Key, c))
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(t.Named)) {
		if c := t.Named[k]; c != nil {
			parts = append(parts, live.Child(c.Key, c))
		}
	}
	if t.Shown == "pick" && t.Pick != nil {
		parts = append(parts, live.Child(t.Pick.Key, t.Pick))
	}
	return written(append(parts, "</section>")...)
}

func (t twig) Render() templ.Component {
	if t.Bad || t.Load.Value == 13 {
		panic("it does not render")
	}
	own := written(fmt.Sprintf("<output>%s=%d</output>", templ.EscapeString(t.Key), t.N))
	parts := []any{live.Memo("own", t.N, own), "<em>" + templ.EscapeString(t.Note) + "</em>"}
	if !t.Plain {
		parts = append(parts, live.Region("region", t.Data, double))
	}
	if t.Hide {
		return written(parts...)
	}
	if t.One != nil {
		parts = append(parts, live.Child(t.One.Key, t.One))
	}
	var list []any
	keys := ""
	for _, c := range t.List {
		if c != nil {
			list = append(list, live.Child(c.Key, c))
			keys += c.Key + " "
		}
	}
	parts = append(parts, "<div>", live.Memo("list", keys, written(append(list, live.Memo("last", len(list), written("<hr>")))...)), "</div>")
	for _, k := range slices.Sorted(maps.Keys(t.Named)) {
		if c := t.Named[k]; c != nil {
			parts = append(parts, live.Child(c.Key, c))
		}
	}
	return written(parts...)
}

func double(n int) templ.Component { return templ.Raw(fmt.Sprintf("<u>%d</u>", 2*n)) }

func trunkApp(logs *bytes.Buffer, mount func(*trunk, *live.Socket) error) *live.App {
	log := slog.New(slog.DiscardHandler)
	if logs != nil {
		log = slog.New(slog.NewTextHandler(logs, nil))
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: log, Silence: time.Hour, Grace: time.Hour})
	live.Handle(app, "GET /{$}", func(*http.Request) (*trunk, error) { return &trunk{mount: mount}, nil })
	return app
}

// do lets a view do something.
func let(p *livetest.Page, at string, f func(view any, s *live.Socket) error) {
	act = f
	if at == "" {
		p.Push("Act", Act{})
	} else {
		p.PushAt(at, "Act", Act{})
	}
	act = nil
}

func onTrunk(p *livetest.Page, f func(t *trunk, s *live.Socket)) {
	let(p, "", func(v any, s *live.Socket) error { f(v.(*trunk), s); return nil })
}

func onTwig(p *livetest.Page, at string, f func(t *twig, s *live.Socket)) {
	let(p, at, func(v any, s *live.Socket) error { f(v.(*twig), s); return nil })
}

// rack is a child that stores those that it holds.
type rack struct {
	Twigs []*twig `stored:"session"`
}

// racks is a page that holds children by what is no text and no number.
type racks struct {
	Rack *rack
	By   map[netip.Addr]*twig
}

func (*rack) Events() []live.Handler                                { return []live.Handler{live.On((*rack).Act)} }
func (*racks) Events() []live.Handler                               { return []live.Handler{live.On((*racks).Act)} }
func (r *rack) Act(_ context.Context, s *live.Socket, _ Act) error  { return act(r, s) }
func (r *racks) Act(_ context.Context, s *live.Socket, _ Act) error { return act(r, s) }

func (r rack) Render() templ.Component {
	parts := []any{fmt.Sprintf("<b>%d</b>", len(r.Twigs))}
	for _, c := range r.Twigs {
		parts = append(parts, live.Child(c.Key, c))
	}
	return written(parts...)
}

func (r racks) Render() templ.Component {
	parts := []any{live.Child("rack", r.Rack)}
	for _, k := range slices.SortedFunc(maps.Keys(r.By), netip.Addr.Compare) {
		parts = append(parts, live.Child(r.By[k].Key, r.By[k]))
	}
	return written(parts...)
}
