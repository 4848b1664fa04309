package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/livelong-dev/livelong/live"
)

// What the template shows of the view's exported fields.

func (d Dashboard) theme() string {
	if d.Theme == "" {
		return "system"
	}
	return d.Theme
}

// count says how many rows there are.
func (d Dashboard) count() string {
	if len(d.Rows) == d.Total {
		return thousands(d.Total)
	}
	return thousands(len(d.Rows)) + " of " + thousands(d.Total)
}

// thousands writes a number below a million.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return strconv.Itoa(n/1000) + "," + strconv.Itoa(1000 + n%1000)[1:]
}

// nothing says why there are no rows.
func (d Dashboard) nothing() string {
	if d.Total > 0 {
		return "Nothing matches “" + strings.TrimSpace(d.Filter) + "”."
	}
	return "Processes can be read on Linux only. The links below show made-up ones."
}

func (d Dashboard) shows(c column) bool { return c.Key == nameKey || !slices.Contains(d.Hidden, c.Key) }

// shown are the columns that are shown.
func (d Dashboard) shown() []column {
	var shown []column
	for _, c := range columns {
		if d.shows(c) {
			shown = append(shown, c)
		}
	}
	return shown
}

// sorted is a column's aria-sort.
func (d Dashboard) sorted(c column) string {
	switch {
	case columnOf(d.Sort).Key != c.Key:
		return "none"
	case d.Dir == "asc":
		return "ascending"
	}
	return "descending"
}

// sortedBy is the page sorted by a column: the other way round when it is already.
func (d Dashboard) sortedBy(c column) Dashboard {
	was := d.sorted(c)
	d.Sort, d.Dir = c.Key, "asc"
	if was == "ascending" || was == "none" && c.Number {
		d.Dir = "desc"
	}
	return d
}

// load is what may be shown in the table.
type load struct {
	Title    string
	Rows, Hz uint
}

var loads = [...]load{
	{"This host", 0, 10},
	{"500 rows, 5 Hz", 500, 5},
	{"5,000 rows, 10 Hz", 5_000, 10},
}

func (d Dashboard) loaded(l load) Dashboard {
	d.Stress, d.Hz = l.Rows, l.Hz
	return d
}

// kept are the inputs that keep the rest of the URL when a browser without JavaScript submits the filter.
func (d Dashboard) kept() [][2]string {
	d.Filter = ""
	var kept [][2]string
	for pair := range strings.SplitSeq(live.Query(d)[1:], "&") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			kept = append(kept, [2]string{name, value}) // a word or a number: it needs no unescaping
		}
	}
	return kept
}

// window is the part of a gauge's drawing that is seen: a minute up to a sample.
func window(g Gauge, number int) string {
	top := strconv.Itoa(g.Top)
	return strconv.Itoa(number-barCount) + ".5 -" + top + " " + strconv.Itoa(barCount) + " " + top
}

// stroke draws the bar of a sample.
func stroke(number, height int) string {
	return "M" + strconv.Itoa(number) + " 0v-" + strconv.Itoa(height)
}
