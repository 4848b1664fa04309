package main

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// Dashboard is the page. Where it stands is in its URL, how somebody likes to see it is kept for the browser.
type Dashboard struct {
	Dev          bool
	Host, System string

	Number int // of the sample shown
	Gauges []Gauge
	Rows   []Process // those that match, in order
	Total  int       // those there are
	Lines  []Line    // of the log

	Sort   string `query:"sort,default=cpu"`
	Dir    string `query:"dir,default=desc"`
	Filter string `query:"q" stored:"session"`
	Stress uint   `query:"rows"`          // made-up rows instead of processes
	Hz     uint   `query:"hz,default=10"` // how often they change in a second

	Hidden []string  `stored:"session"`        // columns
	Theme  string    `stored:"session,shared"` // light, dark; else the system's
	Rules  []Rule    `stored:"session"`
	Draft  Draft     `stored:"reconnect"` // the rule that is being entered
	Check  live.Form `stored:"reconnect"` // what is wrong with it

	sampler *sampler
	all     []Process // what the host's last sample had, shared with other viewers
	made    *synthetic
	hz      uint
	stop    func() // ends the changes of what is made up
}

type (
	// Find filters the rows.
	Find struct {
		Query string `form:"q"`
	}
	// Show chooses the columns.
	Show struct {
		Columns []string `form:"column"`
	}
	// Paint chooses the theme.
	Paint struct {
		Theme string `form:"theme"`
	}
	// Churn changes what is made up.
	Churn struct{}
)

// Events lists the handlers.
func (*Dashboard) Events() []live.Handler {
	return []live.Handler{
		live.On((*Dashboard).Find), live.On((*Dashboard).Show), live.On((*Dashboard).Paint),
		live.On((*Dashboard).Sketch), live.On((*Dashboard).Watch), live.On((*Dashboard).Unwatch),
		live.OnMessage((*Dashboard).Sampled), live.OnMessage((*Dashboard).Churn),
	}
}

// Mount shows the newest sample and asks for those to come.
func (d *Dashboard) Mount(_ context.Context, s *live.Socket) error {
	if _, err := d.sampler.topic.Subscribe(s); err != nil {
		return err
	}
	d.take(d.sampler.latest())
	return nil
}

// Params shows what the URL asks for, and makes sense of what makes none.
func (d *Dashboard) Params(ctx context.Context, s *live.Socket, _ *url.URL) error {
	d.Filter = printable(d.Filter, maxFilter)
	if d.Dir != "asc" {
		d.Dir = "desc"
	}
	d.Sort = columnOf(d.Sort).Key
	rows, hz := d.stress()
	if d.made != nil && (len(d.made.rows) != rows || d.hz != hz) {
		d.stop()
		d.made = nil
	}
	if d.made == nil && rows > 0 {
		slog.InfoContext(ctx, "rows made up", "rows", rows, "hz", hz)
		d.made, d.hz = newSynthetic(rows), hz
		d.stop = s.Every(time.Second/time.Duration(hz), Churn{})
	}
	d.arrange()
	return nil
}

// stress bounds what the URL asks for.
func (d *Dashboard) stress() (rows int, hz uint) {
	return int(min(d.Stress, maxRows)), min(max(d.Hz, 1), maxHz)
}

// Sampled shows the host's newest second.
func (d *Dashboard) Sampled(_ context.Context, _ *live.Socket, m Sample) error {
	d.take(m)
	return nil
}

func (d *Dashboard) take(m Sample) {
	if m.Number <= d.Number {
		return // Mount has seen a newer one
	}
	d.Number, d.Gauges, d.all, d.Lines = m.Number, m.Gauges, m.Processes, m.Lines
	if d.made == nil {
		d.arrange()
	}
}

// Churn lets what is made up change.
func (d *Dashboard) Churn(context.Context, *live.Socket, Churn) error {
	if d.made != nil { // the last tick may come after the end
		d.made.step()
		d.arrange()
	}
	return nil
}

// arrange makes the rows.
func (d *Dashboard) arrange() {
	all := d.all
	if d.made != nil {
		all = d.made.rows
	}
	d.Rows, d.Total = arrange(all, d.Filter, d.Sort, d.Dir), len(all)
}

// maxFilter is the most bytes of a filter; no name is longer.
const maxFilter = 100

// Find filters the rows: the URL follows, and so does Params.
func (d *Dashboard) Find(ctx context.Context, _ *live.Socket, e Find) error {
	slog.InfoContext(ctx, "filtered", "by", printable(e.Query, maxFilter))
	d.Filter = e.Query
	return nil
}

// StoredChanged shows what another tab has chosen.
func (d *Dashboard) StoredChanged(context.Context, *live.Socket, []string) error {
	d.arrange()
	return nil
}

// Show chooses the columns. What is kept are those that are not shown, so that a new one is seen.
func (d *Dashboard) Show(ctx context.Context, _ *live.Socket, e Show) error {
	slog.InfoContext(ctx, "columns chosen", "columns", strings.Join(e.Columns, " "))
	d.Hidden = []string{}
	for _, c := range columns {
		if c.Key != nameKey && !slices.Contains(e.Columns, c.Key) {
			d.Hidden = append(d.Hidden, c.Key)
		}
	}
	return nil
}

// Paint chooses the theme.
func (d *Dashboard) Paint(ctx context.Context, _ *live.Socket, e Paint) error {
	slog.InfoContext(ctx, "theme chosen", "theme", e.Theme)
	d.Theme = e.Theme
	if !slices.Contains(themes[:], e.Theme) {
		d.Theme = "system"
	}
	return nil
}

var themes = [...]string{"light", "dark", "system"}
