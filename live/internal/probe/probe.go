// Package probe lets livetest look inside an app without a word of it in the public API.
package probe

import (
	"context"
	"net/http"
)

// Check makes an app check each rendering, for purity and nesting, and report what it finds. Package live sets it; it
// must be called before the app serves anything.
var Check func(app any, report func(error))

// Instances returns how many instances an app has, parked and detached ones included. Package live sets it.
var Instances func(app any) int

// Sending is a message to a page, as Socket.Send sends it.
type Sending struct {
	Request *http.Request // of the page's browser
	Secret  string        // the newest that the page was attached with
	Child   string        // whose it is; empty: the page's view
	Value   any
}

// Send waits until a message is handled, and returns the number of frames that the page has been sent then since it was mounted;
// 0 when it has no connection, or ends. The error says why nobody is told. Package live sets it.
var Send func(ctx context.Context, app any, s Sending) (frames int, err error)

// Injection is what a recorded turn does to an instance again: an event or message with its fields, or fields of the view.
type Injection struct {
	Event, Message string // the event's wire name, the message's Go type
	Child          string // that handled it; empty: the page's view
	Value          []byte // JSON of its exported fields
	Fields         map[string][]byte
	Nonce, Locale  string // of its renderings from now on
}

// Injected is what came of it.
type Injected struct {
	Markup  []byte // what the instance renders afterwards
	Failed  error  // the handler's
	Crashed error  // the panic by which the instance has ended
}

// Inject makes the instance of an app that a browser is attached to take a turn. The error says why it cannot be taken.
// Package live sets it.
var Inject func(app any, i Injection) (Injected, error)

// Hush lets no message reach an app's instances from now on but by Inject: not those of timers, topics, Send and Async.
// Package live sets it; it must be called before the app serves anything.
var Hush func(app any)
