package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/bench/floor/views"
	"github.com/livelong-dev/livelong/bench/pages"
	"github.com/livelong-dev/livelong/live"
)

// TestSamePages holds the pages to the HTML of the hand-written ones, but for bindings and the client's script.
func TestSamePages(t *testing.T) {
	d := pages.NewDash()
	body := templ.Raw("<p>body</p>")
	for _, c := range []struct {
		name        string
		live, floor templ.Component
	}{
		{"counter", Counter{N: 7}.Render(), views.Counter(7)},
		{"dash", Dash{*d}.Render(), views.Dash(d.Rows)},
		{"layout", layout(live.Page{}, body), views.Layout(body)},
	} {
		if got, want := plain(t, c.live), plain(t, c.floor); got != want {
			t.Errorf("%s: the pages differ:\n%s\nwant\n%s", c.name, got, want)
		}
	}
}

var extras = regexp.MustCompile(` live-click="[^"]*"|<script[^>]*></script>`)

// plain renders c without bindings and scripts.
func plain(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return extras.ReplaceAllString(b.String(), "")
}
