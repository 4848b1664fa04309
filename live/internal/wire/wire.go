// Package wire encodes and decodes the frames between server and browser; PROTOCOL.md describes them.
package wire

import (
	"errors"
	"fmt"
	"time"
)

// Version is the protocol version this package speaks: the first element of a join.
const Version = 1

// Limits bounds what a browser may send. The zero value of a field means its default.
type Limits struct {
	Frame  int // bytes in one frame; default 128 KiB
	Depth  int // nesting of arrays and objects in one frame; default 32
	Events int // events per second in the long run; default 200
	Burst  int // events at once; default 2 × Events
}

// WithDefaults fills in the defaults.
func (l Limits) WithDefaults() Limits {
	if l.Frame <= 0 {
		l.Frame = 128 << 10
	}
	if l.Depth <= 0 {
		l.Depth = 32
	}
	if l.Events <= 0 {
		l.Events = 200
	}
	if l.Burst <= 0 {
		l.Burst = 2 * l.Events
	}
	return l
}

// The least and the most a browser has to wait for: how long a socket may take to send its join.
const JoinTimeout = 10 * time.Second

// Closing codes of the protocol beside those of RFC 6455.
const (
	CloseGoingAway    = 1001 // the server is stopping: come back
	CloseTooBig       = 1009 // a frame over the limit
	CloseBadFrame     = 4400 // a frame was not understood
	CloseUnauthorized = 4401 // not authorized any more: ask the page
	CloseBadToken     = 4403 // page token or session not accepted: load the page again
	CloseSlow         = 4408 // the browser read too slowly: resume
	CloseReplaced     = 4409 // another connection resumed the page: stop
	CloseFailed       = 4500 // the page could not be mounted: come back later
	CloseVersion      = 4426 // protocol version not spoken: load the page again
	CloseFlood        = 4429 // too many events: resume after a pause
)

// ErrVersion matches the error of DecodeJoin for a protocol version that is not spoken here.
var ErrVersion = errors.New("protocol version not spoken")

// A FrameError says what is wrong with a frame from the browser, and where.
type FrameError struct {
	Offset int    // byte offset in the frame
	Reason string // what is wrong and what was expected
}

func (e *FrameError) Error() string { return fmt.Sprintf("frame byte %d: %s", e.Offset, e.Reason) }

// How says what became of a join.
type How string

// The answers to a join.
const (
	Adopt    How = "adopt"    // the instance mounted by the page's GET
	Resume   How = "resume"   // the instance this page was attached to before
	Mount    How = "mount"    // a fresh instance
	Navigate How = "navigate" // a fresh instance of another page: the whole root element is replaced
)

// Joined is the answer to a join.
type Joined struct {
	How    How    `json:"how"`
	Secret string `json:"secret"`      // presented at the next join to resume
	N      int    `json:"n,omitempty"` // the newest event received
	// Recovered says that a fresh instance has found stored values.
	Recovered bool `json:"recovered,omitempty"`
	// Visit counts the navigations of a tab. The browser repeats it once it shows the page: events that come before were
	// made on the page before.
	Visit int `json:"visit,omitempty"`
}

// Extra is the third element of a frame down; its zero value is not sent.
type Extra struct {
	Join     *Joined  `json:"join,omitempty"`
	Shape    *uint32  `json:"h,omitempty"`    // of the whole view after this frame
	Inserted *uint32  `json:"i,omitempty"`    // of the nodes this frame inserts
	HTML     *string  `json:"html,omitempty"` // the whole view
	Tag      string   `json:"tag,omitempty"`  // content tag after this frame
	Title    *string  `json:"title,omitempty"`
	Flash    [][2]any `json:"flash,omitempty"` // kind, text
	Reply    [][2]any `json:"reply,omitempty"` // event number, value
	Push     [][2]any `json:"push,omitempty"`  // name, detail
	Error    [][2]any `json:"error,omitempty"` // event number, text
	To       string   `json:"to,omitempty"`    // a URL to load
	Carry    string   `json:"carry,omitempty"` // flash messages, sealed, for the page that is loaded
	URL      [][3]any `json:"url,omitempty"`   // URL, Push, Replace or Pop, event number: the page has another URL
	Token    string   `json:"token,omitempty"` // the page token for that
	Save     *Save    `json:"s,omitempty"`     // when it has changed, and in the answer to each join
}

// Navigation is the name of the event by which the browser asks for another URL; see [Visit].
const Navigation = "/"

// Visit is the value of a [Navigation].
type Visit struct {
	To   string `json:"to"`   // path and query
	Mode string `json:"mode"` // Push, Replace or Pop
	// Fresh asks for a mount, even of the view that is shown: the history entry was left by one.
	Fresh bool `json:"fresh,omitempty"`
}

// What a navigation does to the browser's history.
const (
	Push    = "push"    // a new entry
	Replace = "replace" // the present one has another URL
	Pop     = "pop"     // back or forward: the browser has gone there already
)

// Save says whether what the page shows is stored. Pages without stored fields say nothing.
type Save uint8

// The states of a page with stored fields.
const (
	Saved       Save = iota // all is durable
	Saving                  // something is on its way
	Unsaved                 // something could not be stored so far
	Unavailable             // stored values cannot be read, and nothing is written
)

// String returns the state's name: saved, saving, unsaved or unavailable.
func (s Save) String() string { return [...]string{"saved", "saving", "unsaved", "unavailable"}[s] }

// Empty reports whether nothing is to be said.
func (e *Extra) Empty() bool {
	return e.Join == nil && e.Shape == nil && e.Inserted == nil && e.HTML == nil && e.Tag == "" && e.Title == nil &&
		e.Flash == nil && e.Reply == nil && e.Push == nil && e.Error == nil && e.To == "" && e.Carry == "" && e.URL == nil && e.Token == "" && e.Save == nil
}
