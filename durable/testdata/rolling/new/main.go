// Command new is the build that a rolling deploy brings: of version 2, in which a color is more than a name, and what was
// called Old is called Renamed.
package main

import (
	"context"
	"encoding/json"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable/testdata/rolling/visits"
	"github.com/livelong-dev/livelong/live"
)

// Page has a key that the old build does not know, New, and does not know its Place.
type Page struct {
	Count   int    `stored:"session"`
	Color   Color  `stored:"session"`
	Renamed string `stored:"session,was=Old"`
	New     []int  `stored:"session"`
	visits.Found
}

type Color struct {
	Name  string
	Alpha int
}

func (*Page) StoredName() string { return "page" }
func (*Page) StoredVersion() int { return 2 }

// MigrateStored makes colors of names, which were opaque.
func (*Page) MigrateStored(_ int, raw map[string]json.RawMessage) error {
	color, ok := raw["Color"]
	if !ok {
		return nil
	}
	var name string
	if err := json.Unmarshal(color, &name); err != nil {
		return err
	}
	var err error
	raw["Color"], err = json.Marshal(Color{name, 100})
	return err
}

func (*Page) Events() []live.Handler   { return []live.Handler{live.On((*Page).Change)} }
func (p Page) Render() templ.Component { return visits.Show(p) }

func (p *Page) Change(_ context.Context, s *live.Socket, e visits.Change) error {
	var what struct {
		Add     int
		Color   *Color
		Renamed *string
		New     []int
	}
	if err := json.Unmarshal([]byte(e.What), &what); err != nil {
		return err
	}
	live.Update(s, &p.Count, func(n int) int { return n + what.Add })
	if what.Color != nil {
		p.Color = *what.Color
	}
	if what.Renamed != nil {
		p.Renamed = *what.Renamed
	}
	if what.New != nil {
		p.New = what.New
	}
	return nil
}

func main() { visits.Run(func() *Page { return &Page{} }) }
