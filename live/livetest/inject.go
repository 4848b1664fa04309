package livetest

import (
	"encoding/json"

	"github.com/livelong-dev/livelong/live/internal/probe"
)

// Turn is what a page has done once, and is to do again: see [Page.Again].
type Turn struct {
	Event   string          // wire name
	Message string          // Go type
	Value   json.RawMessage // of the event's or message's exported fields
	// Fields are exported fields of the view that are set before, for what cannot be done again.
	Fields map[string]json.RawMessage
}

// Again makes the page take a turn without the browser: the handler receives an event or message with these fields, as they
// are. It returns what the view renders afterwards. It is for package bugtest, which takes the turns of a recording again;
// other tests click what is rendered.
func (p *Page) Again(turn Turn) (markup string, err error) {
	p.t.Helper()
	fields := map[string][]byte{}
	for name, raw := range turn.Fields {
		fields[name] = raw
	}
	b, err := probe.Inject(p.b.app, probe.Injection{Event: turn.Event, Message: turn.Message, Value: turn.Value, Fields: fields})
	return string(b), err
}
