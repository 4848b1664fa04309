// Command broken is a build whose migration fails.
package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable/testdata/rolling/visits"
	"github.com/livelong-dev/livelong/live"
)

// Page has the fields of the other builds, and one of its own.
type Page struct {
	Count   int    `stored:"session"`
	Color   string `stored:"session"`
	Renamed string `stored:"session,was=Old"`
	Own     string `stored:"session"`
	visits.Found
}

func (*Page) StoredName() string { return "page" }
func (*Page) StoredVersion() int { return 3 }

func (*Page) MigrateStored(_ int, raw map[string]json.RawMessage) error {
	clear(raw)
	return errors.New("this build knows nothing of earlier ones")
}

func (*Page) Events() []live.Handler   { return []live.Handler{live.On((*Page).Change)} }
func (p Page) Render() templ.Component { return visits.Show(p) }

func (p *Page) Change(_ context.Context, _ *live.Socket, e visits.Change) error {
	p.Own = e.What
	return nil
}

func main() { visits.Run(func() *Page { return &Page{} }) }
