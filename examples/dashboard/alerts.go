package main

import (
	"context"
	"log/slog"
	"slices"
	"strconv"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/validate"
)

// Rule says when a gauge is to be looked at. It fires while the gauge was on the wrong side for as long.
type Rule struct {
	ID     int
	Name   string
	Metric string // a gauge's name
	Side   string // above or below
	Limit  float64
	For    int // seconds
}

// Draft is a rule as it is entered.
type Draft struct {
	Name   string `form:"name" validate:"required,max=40"`
	Metric string `form:"metric"`
	Side   string `form:"side" validate:"oneof=above below"`
	Limit  string `form:"limit" validate:"required,numeric"`
	For    string `form:"for" validate:"oneof=1 5 15 60"`
}

type (
	// Sketch is a draft that is being entered.
	Sketch struct {
		live.FieldErrors
		Target string `client:"target"`
		Draft
	}
	// Watch makes a rule of a draft.
	Watch struct {
		live.FieldErrors
		Draft
	}
	// Unwatch removes a rule.
	Unwatch struct{ ID int }
)

const maxRules = 10

var (
	sides   = [...]string{"above", "below"}
	periods = [...]int{1, 5, 15, 60}
	blank   = Draft{Metric: "CPU", Side: "above", For: "5"}
)

// unit is how a gauge's bars are read.
type unit struct {
	Name string
	Per  float64 // bars are in so many parts of it
	Most float64 // no limit is above
}

func unitOf(metric string) unit {
	switch metric {
	case "CPU", "Memory":
		return unit{"%", 10, 100}
	case "Load":
		return unit{"", 100, 1000}
	case "Network", "Disks", "Allocations":
		return unit{"MB/s", 1e6 / 1024, 1e6}
	case "Heap":
		return unit{"MB", 1e6 / 1024, 1e6}
	}
	return unit{"", 1, 1e6}
}

// Sketch checks a draft while it is entered.
func (d *Dashboard) Sketch(_ context.Context, _ *live.Socket, e Sketch) error {
	d.Draft = e.Draft
	d.Check.Check(e, validate.Struct, d.possible(e.Draft))
	return nil
}

// Watch makes a rule, if the draft makes sense.
func (d *Dashboard) Watch(ctx context.Context, s *live.Socket, e Watch) error {
	d.Draft = e.Draft
	if !d.Check.Check(e, validate.Struct, d.possible(e.Draft)) {
		return nil
	}
	limit, err := strconv.ParseFloat(e.Limit, 64)
	if err != nil {
		return err
	}
	period, err := strconv.Atoi(e.For)
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "rule made", "metric", e.Metric)
	live.Update(s, &d.Rules, func(rules []Rule) []Rule { // another tab may make one at the same time
		r := Rule{ID: 1, Name: e.Name, Metric: e.Metric, Side: e.Side, Limit: limit, For: period}
		for _, other := range rules {
			r.ID = max(r.ID, other.ID+1)
		}
		return append(slices.Clone(rules), r)
	})
	d.Draft = blank
	d.Check.Reset()
	return nil
}

// Unwatch removes a rule.
func (d *Dashboard) Unwatch(ctx context.Context, s *live.Socket, e Unwatch) error {
	slog.InfoContext(ctx, "rule removed")
	live.Update(s, &d.Rules, func(rules []Rule) []Rule {
		return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.ID == e.ID })
	})
	return nil
}

// possible checks what tags cannot: it depends on the page.
func (d *Dashboard) possible(draft Draft) func(any) error {
	return func(any) error {
		wrong := live.FieldErrors{}
		if _, ok := d.gauge(draft.Metric); !ok {
			wrong["metric"] = "cannot be read on this host"
		}
		most := unitOf(draft.Metric)
		if limit, err := strconv.ParseFloat(draft.Limit, 64); err == nil && (limit < 0 || limit > most.Most) {
			wrong["limit"] = "must be from 0 to " + strconv.FormatFloat(most.Most, 'f', -1, 64)
		}
		if slices.ContainsFunc(d.Rules, func(r Rule) bool { return r.Name == draft.Name }) {
			wrong["name"] = "is the name of another rule"
		}
		if len(d.Rules) >= maxRules {
			wrong[""] = "There are ten rules. Remove one first."
		}
		return wrong.Err()
	}
}

// What the template shows of rules.

func (d Dashboard) gauge(name string) (Gauge, bool) {
	i := slices.IndexFunc(d.Gauges, func(g Gauge) bool { return g.Name == name })
	if i < 0 {
		return Gauge{}, false
	}
	return d.Gauges[i], true
}

// fires reports whether the gauge was on the wrong side for as long as the rule says.
func (d Dashboard) fires(r Rule) bool {
	g, ok := d.gauge(r.Metric)
	if !ok || len(g.Bars) < r.For {
		return false
	}
	limit := r.Limit * unitOf(r.Metric).Per
	return !slices.ContainsFunc(g.Bars[len(g.Bars)-r.For:], func(bar int) bool {
		if r.Side == "below" {
			return float64(bar) >= limit
		}
		return float64(bar) <= limit
	})
}

// firing says which rules fire, for those who do not see it.
func (d Dashboard) firing() string {
	names := ""
	for _, r := range d.Rules {
		if !d.fires(r) {
			continue
		}
		if names != "" {
			names += ", "
		}
		names += r.Name
	}
	if names == "" {
		return "No rule fires."
	}
	return "Firing: " + names + "."
}

// says is the rule in words.
func (r Rule) says() string {
	return r.Metric + " " + r.Side + " " + quantity(strconv.FormatFloat(r.Limit, 'f', -1, 64), r.Metric) + " for " + strconv.Itoa(r.For) + "\u00a0s"
}

// now is what the rule's gauge stands at.
func (d Dashboard) now(r Rule) string {
	g, ok := d.gauge(r.Metric)
	if !ok {
		return "unknown"
	}
	return g.Value
}

func quantity(number, metric string) string {
	if u := unitOf(metric).Name; u != "" {
		return number + "\u00a0" + u
	}
	return number
}
