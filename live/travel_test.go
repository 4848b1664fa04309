package live_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

// host is a view whose URL is state: its path names the host, its query says what is shown of it.
type host struct {
	Name   string
	Sort   string   `query:"sort,default=name"`
	Filter string   `query:"q"`
	Page   int      `query:"page,push"`
	Tags   []string `query:"tag"`
	Mount_ int      // which mount this is
	Runs   int      // of Params
	Typed  string
	trip   *trip
}

// trip is what the views of a test share.
type trip struct {
	hosts, others, unmounts atomic.Int32
	params                  func(s *live.Socket, h *host, u *url.URL) error
	journey                 func(s *live.Socket, h *host) error
	mountOther              func(s *live.Socket, o *other) error
}

type (
	Go     struct{ To string }
	Choose struct{ Sort, Filter string }
	Turn   struct{ To int }
	Typing struct{ Text string }
	Depart struct{ To string }
)

func (*host) Events() []live.Handler {
	return []live.Handler{live.On((*host).Go), live.On((*host).Choose), live.On((*host).Turn), live.On((*host).Typing), live.OnMessage((*host).Depart)}
}

func (h *host) Mount(_ context.Context, s *live.Socket) error {
	h.Mount_ = int(h.trip.hosts.Add(1))
	return nil
}

func (h *host) Unmount(context.Context) { h.trip.unmounts.Add(1) }

func (h *host) Params(_ context.Context, s *live.Socket, u *url.URL) error {
	h.Runs++
	h.Name = s.PathValue("name")
	if h.trip.params != nil {
		return h.trip.params(s, h, u)
	}
	return nil
}

func (h *host) Go(_ context.Context, s *live.Socket, e Go) error {
	if h.trip.journey != nil {
		return h.trip.journey(s, h)
	}
	return s.Navigate(e.To)
}

func (h *host) Choose(_ context.Context, _ *live.Socket, e Choose) error {
	h.Sort, h.Filter = e.Sort, e.Filter
	return nil
}

func (h *host) Turn(_ context.Context, _ *live.Socket, e Turn) error { h.Page = e.To; return nil }
func (h *host) Typing(_ context.Context, _ *live.Socket, e Typing) error {
	h.Typed = e.Text
	return nil
}
func (h *host) Depart(_ context.Context, s *live.Socket, e Depart) error { return s.Navigate(e.To) }

func (h host) Title() string { return "Host " + h.Name }

// markup writes HTML with escaped arguments.
func markup(format string, args ...any) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for i, a := range args {
			if s, ok := a.(string); ok {
				args[i] = html.EscapeString(s)
			}
		}
		_, err := fmt.Fprintf(w, format, args...)
		return err
	})
}

func (h host) Render() templ.Component {
	return markup(`<h1>%s</h1><p id="state">%s %q %d %v</p><p id="mount">%d</p><p id="runs">%d</p><p id="typed">%s</p>`+
		`<a id="next" href="/hosts/next?sort=cpu" live-link="push">next</a><a id="place" href="?q=x" live-link="replace">here</a>`+
		`<a id="other" href="/other" live-link="push">other</a>`,
		h.Name, h.Sort, h.Filter, h.Page, h.Tags, h.Mount_, h.Runs, h.Typed)
}

// other is another view of the same group.
type other struct {
	Mount_  int
	Referer string
	Typed   string
	trip    *trip
}

func (*other) Container() live.Container {
	return live.Container{Tag: "main", Attrs: templ.Attributes{"class": "wide"}}
}

func (*other) Events() []live.Handler { return []live.Handler{live.On((*other).Typing)} }

func (o *other) Typing(_ context.Context, _ *live.Socket, e Typing) error {
	o.Typed = e.Text
	return nil
}

func (o *other) Mount(_ context.Context, s *live.Socket) error {
	o.Mount_ = int(o.trip.others.Add(1))
	o.Referer = s.Referer()
	if o.trip.mountOther != nil {
		return o.trip.mountOther(s, o)
	}
	return nil
}

func (o other) Title() string { return "Other" }

func (o other) Render() templ.Component {
	return markup(`<h1>Other</h1><p id="mount">%d</p><p id="referer">%s</p><p id="typed">%s</p>`, o.Mount_, o.Referer, o.Typed)
}

// travelling returns an app with both views in one group, and one in another.
func travelling(t *trip, o live.GroupOptions) *live.App {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	g := app.Group(o)
	live.Handle(g, "GET /hosts/{name}", func(*http.Request) (*host, error) { return &host{trip: t}, nil })
	live.Handle(g, "GET /other", func(*http.Request) (*other, error) { return &other{trip: t}, nil })
	live.Handle(app, "GET /elsewhere", func(*http.Request) (*other, error) { return &other{trip: t}, nil })
	app.Mount("/files/", http.NotFoundHandler())
	return app
}
