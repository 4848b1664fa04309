package replay_test

import (
	"context"
	"errors"
	"html"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

// Desk is a view with one of everything that a small page has.
type Desk struct {
	Count  int `stored:"session"`
	Note   string
	Open   bool
	Rows   []Row
	Filter string `query:"q"`
	Log    []string
}

// Row is one of its rows.
type Row struct {
	ID   int
	Text string
	At   [2]float64
}

type (
	Add     struct{ By int }
	Toggle  struct{}
	Fail    struct{}
	Panic   struct{}
	Nothing struct{}
	Swap    struct{ A, B int }
	Save    struct {
		Note string `form:"note"`
	}
	Later struct{ Text string }
	Told  struct{ Text string }
	// Wrapped is generic, as live.Shared is.
	Wrapped[T any] struct{ Value T }
)

// Recorded lets the message's fields be recorded.
func (Told) Recorded() {}

func (*Desk) Events() []live.Handler {
	return []live.Handler{live.On((*Desk).Add), live.On((*Desk).Toggle), live.On((*Desk).Fail), live.On((*Desk).Panic), live.On((*Desk).Nothing),
		live.On((*Desk).Swap), live.On((*Desk).Save), live.OnMessage((*Desk).Later), live.OnMessage((*Desk).Told), live.OnMessage((*Desk).Unwrap)}
}

func (d *Desk) Add(_ context.Context, s *live.Socket, e Add) error {
	live.Update(s, &d.Count, func(n int) int { return n + e.By })
	if e.By == 7 {
		return s.Send(Later{"a lucky number"})
	}
	if e.By == 8 {
		return s.Send(Told{"an eight"})
	}
	d.Rows = append(d.Rows, Row{len(d.Rows), "row " + strconv.Itoa(e.By), [2]float64{float64(e.By) / 3, 0.1}})
	return nil
}
func (d *Desk) Toggle(context.Context, *live.Socket, Toggle) error { d.Open = !d.Open; return nil }
func (d *Desk) Fail(context.Context, *live.Socket, Fail) error {
	return errors.New("the database said no")
}
func (d *Desk) Panic(context.Context, *live.Socket, Panic) error     { panic("on purpose") }
func (d *Desk) Nothing(context.Context, *live.Socket, Nothing) error { return nil }
func (d *Desk) Swap(_ context.Context, _ *live.Socket, e Swap) error {
	if n := len(d.Rows); n > 0 {
		a, b := e.A%n, e.B%n
		d.Rows[a], d.Rows[b] = d.Rows[b], d.Rows[a]
	}
	return nil
}
func (d *Desk) Save(_ context.Context, _ *live.Socket, e Save) error { d.Note = e.Note; return nil }
func (d *Desk) Later(_ context.Context, _ *live.Socket, m Later) error {
	d.Log = append(d.Log, m.Text)
	return nil
}
func (d *Desk) Told(_ context.Context, _ *live.Socket, m Told) error {
	d.Log = append(d.Log, m.Text)
	return nil
}
func (d *Desk) Unwrap(_ context.Context, _ *live.Socket, m Wrapped[map[string]Row]) error {
	d.Log = append(d.Log, m.Value["a"].Text)
	return nil
}
func (d *Desk) Params(_ context.Context, _ *live.Socket, _ *url.URL) error { return nil }

func (d Desk) Title() string { return "Desk " + strconv.Itoa(d.Count) }

func (d Desk) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b strings.Builder
		e := html.EscapeString
		b.WriteString(`<h1>Desk</h1><output>` + strconv.Itoa(d.Count) + `</output><p class="note">` + e(d.Note) + `</p>`)
		b.WriteString(`<form live-submit="Save"><input name="note" value="` + e(d.Note) + `"><button>save</button></form>`)
		if d.Open {
			b.WriteString(`<section><p>more of ` + e(d.Filter) + `</p></section>`)
		}
		b.WriteString(`<ul>`)
		for _, r := range d.Rows {
			b.WriteString(`<li live-key="` + strconv.Itoa(r.ID) + `">` + e(r.Text) + ` <b>` + strconv.FormatFloat(r.At[0], 'g', -1, 64) + `</b></li>`)
		}
		b.WriteString(`</ul><p>` + e(strings.Join(d.Log, "; ")) + `</p>`)
		_, err := io.WriteString(w, b.String())
		return err
	})
}
