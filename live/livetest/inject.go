package livetest

import (
	"encoding/json"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
)

// Turn is what a page has done once, and is to do again: see [Page.Again].
type Turn struct {
	Event   string          // wire name
	Message string          // Go type
	Child   string          // id of the child that handles it; empty: the page's view
	Value   json.RawMessage // of the event's or message's exported fields
	// Fields are exported fields of the view that are set before, for what cannot be done again.
	Fields map[string]json.RawMessage
	// Nonce and Locale are those of the page that was recorded.
	Nonce, Locale string
}

// Taken is what came of a turn.
type Taken struct {
	HTML    string // what the view renders afterwards
	Failed  error  // the handler's
	Crashed error  // the panic by which the page has ended
}

// Again makes the page take a turn without the browser: the handler receives an event or message with these fields, as they
// are. The error says why the turn cannot be taken. It is for package bugtest, which takes the turns of a recording again;
// other tests click what is rendered.
func (p *Page) Again(turn Turn) (Taken, error) {
	p.t.Helper()
	fields := map[string][]byte{}
	for name, raw := range turn.Fields {
		fields[name] = raw
	}
	r, err := probe.Inject(p.b.app, probe.Injection{Event: turn.Event, Message: turn.Message, Child: turn.Child, Value: turn.Value, Fields: fields,
		Nonce: turn.Nonce, Locale: turn.Locale})
	return Taken{string(r.Markup), r.Failed, r.Crashed}, err
}

// Hush lets no message reach the views of an app but by [Page.Again]: not those of timers, topics, live.Socket.Send and
// live.Async. Then what a page shows depends on nothing but the turns it is made to take. It must be called before the app
// serves anything, and is for package bugtest.
func Hush(t testing.TB, app *live.App) { t.Helper(); probe.Hush(app) }
