// Command old is the build that a rolling deploy replaces. Its stored values have no version.
package main

import (
	"context"
	"encoding/json"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable/testdata/rolling/visits"
	"github.com/livelong-dev/livelong/live"
)

// Page has a key that the new build does not know, Place, and one that it calls otherwise, Old.
type Page struct {
	Count int    `stored:"session"`
	Color string `stored:"session"`
	Old   string `stored:"session"`
	Place Place  `stored:"session"`
	visits.Found
}

type Place struct {
	City string
	At   struct{ X, Y int }
}

func (*Page) StoredName() string       { return "page" }
func (*Page) Events() []live.Handler   { return []live.Handler{live.On((*Page).Change)} }
func (p Page) Render() templ.Component { return visits.Show(p) }

func (p *Page) Change(_ context.Context, s *live.Socket, e visits.Change) error {
	var what struct {
		Add        int
		Color, Old *string
		Place      *Place
	}
	if err := json.Unmarshal([]byte(e.What), &what); err != nil {
		return err
	}
	live.Update(s, &p.Count, func(n int) int { return n + what.Add })
	if what.Color != nil {
		p.Color = *what.Color
	}
	if what.Old != nil {
		p.Old = *what.Old
	}
	if what.Place != nil {
		p.Place = *what.Place
	}
	return nil
}

func main() { visits.Run(func() *Page { return &Page{} }) }
