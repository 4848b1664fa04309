package durable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// price is a view whose first version stored euros under the key.
type price struct {
	Amount int `stored:"session"` // in cents
}

// Raise raises the price by a cent.
type Raise struct{}

func (*price) StoredName() string { return "price" }
func (*price) StoredVersion() int { return 2 }

func (*price) MigrateStored(_ int, raw map[string]json.RawMessage) error {
	if euros, ok := raw["Amount"]; ok {
		raw["Amount"] = append(euros, "00"...)
	}
	return nil
}

func (*price) Events() []live.Handler { return []live.Handler{live.On((*price).Raise)} }

func (p *price) Raise(_ context.Context, s *live.Socket, _ Raise) error {
	live.Update(s, &p.Amount, func(n int) int { return n + 1 })
	return nil
}

func (p price) Render() templ.Component {
	return templ.Raw(fmt.Sprintf("<output>%d</output>", p.Amount))
}

// An Update that finds what an older build has written meanwhile changes that, in its new form.
func TestUpdateOfWhatAnOlderBuildHasWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		app := live.New(live.Options{Secrets: secrets[:1], Stash: open(t, b), Logger: slog.New(slog.DiscardHandler)})
		live.Handle(app, "GET /", func(*http.Request) (*price, error) { return &price{}, nil })
		browser := livetest.NewBrowser(t, app)
		page := browser.Open("/")
		page.Push("Raise", nil)
		page.AwaitSaved()

		keys, err := b.List(t.Context(), "sessions/", "", 0)
		if err != nil || len(keys) != 1 {
			t.Fatalf("keys %q, %v", keys, err)
		}
		older, err := tryAttach(t, open(t, b), live.Attachment{Session: ids(strings.TrimPrefix(keys[0], "sessions/")), View: "price"})
		if err != nil {
			t.Fatal(err)
		}
		older.write(put(view("Amount"), "7")) // euros, of version 0
		older.flush()
		page.Push("Raise", nil) // this page has not heard of it
		page.AwaitSaved()
		page.Await("the older build's price, raised", func() bool { return page.Text("output") == "701" })
		if got := browser.Open("/").Text("output"); got != "701" {
			t.Errorf("stored is %s, want 701", got)
		}
	})
}
