package replay

import (
	"net/url"
	"time"
)

// Entry is one thing that happened to a recorded instance. Exactly one of its pointers is set.
//
// Bytes that end in JSON are encodings as the view's fields have them in live: they are kept byte for byte, whichever
// [Codec] the recording has. An entry handed to [Encoder.Append] still belongs to the caller; one that a reader returns
// belongs to whoever got it.
type Entry struct {
	// At is the time since the recording began, on a monotonic clock. It is kept in whole milliseconds, and an entry that
	// is earlier than the one before it is kept at that one's time.
	At time.Duration

	Mount *Mount // the first entry of every recording, and only that
	Turn  *Turn
	Log   *Log
	Exit  *Exit // the last entry of a recording that came to its end
	Gap   *Gap
}

// Mount is how an instance began: what is needed to make the view again.
type Mount struct {
	View      string            `cbor:"1,keyasint,omitempty" json:"view,omitempty"`   // the view type with its package: main.Counter
	Route     string            `cbor:"2,keyasint,omitempty" json:"route,omitempty"`  // the pattern: GET /orders/{id}
	URL       string            `cbor:"3,keyasint,omitempty" json:"url,omitempty"`    // path and query
	Params    url.Values        `cbor:"4,keyasint,omitempty" json:"params,omitempty"` // of the path, and what connect was given
	Session   map[string]string `cbor:"5,keyasint,omitempty" json:"session,omitempty"`
	Recovered []string          `cbor:"6,keyasint,omitempty" json:"recovered,omitempty"` // stored keys that were found
	Build     string            `cbor:"7,keyasint,omitempty" json:"build,omitempty"`
	Viewport  Viewport          `cbor:"8,keyasint,omitempty" json:"viewport,omitzero"`
	Locale    string            `cbor:"9,keyasint,omitempty" json:"locale,omitempty"`
	Nonce     string            `cbor:"10,keyasint,omitempty" json:"nonce,omitempty"` // of the page's Content-Security-Policy
	// Start is the wall clock at time 0, in whole milliseconds, UTC.
	Start time.Time `cbor:"-" json:"-"`
	// Key is the page's key, 16 bytes, under which the frames' hashes were made. Empty: the hashes cannot be checked.
	Key []byte `cbor:"12,keyasint,omitempty" json:"key,omitempty"`
	// Redacted means that something of the view type is redacted: there is no HTML and there are no patches, and the
	// hashes are those of a rendering of the redacted fields.
	Redacted bool `cbor:"13,keyasint,omitempty" json:"redacted,omitempty"`
	// Effect is the first frame, with all fields. It is always a keyframe.
	Effect *Effect `cbor:"-" json:"-"`
}

// Viewport is the size of the browser's window, in CSS pixels.
type Viewport struct {
	Width  int     `cbor:"1,keyasint,omitempty" json:"width,omitempty"`
	Height int     `cbor:"2,keyasint,omitempty" json:"height,omitempty"`
	Scale  float64 `cbor:"3,keyasint,omitempty" json:"scale,omitempty"` // device pixels per CSS pixel; 0: unknown
}

// CauseKind is what a turn was about.
type CauseKind uint8

// What turns are about.
const (
	CauseEvent   CauseKind = 1 // what the browser sent: Name, Payload, Target
	CauseParams  CauseKind = 2 // the URL was patched: URL, Params
	CauseMessage CauseKind = 3 // a timer, a topic, a result: Name; Payload where the type opts in
	CauseStored  CauseKind = 4 // another tab or node changed stored fields: Keys
	CauseConnect CauseKind = 5 // the browser attached or came back
)

var causeNames = map[CauseKind]string{
	CauseEvent: "event", CauseParams: "params", CauseMessage: "message", CauseStored: "stored", CauseConnect: "connect",
}

// String returns the kind's name, "cause 9" for one that this build does not know.
func (k CauseKind) String() string { return nameOf(causeNames, k, "cause") }

// Cause is why a turn was run.
type Cause struct {
	Kind    CauseKind
	Name    string // the event's or message's wire name
	Payload []byte // the JSON of its fields; nil: it has none, or they are not recorded
	Target  string // the path of the child that the event was for; empty: the page's own view
	URL     string
	Params  url.Values
	Keys    []string
}

// Saved is what became of the stored fields that a turn changed, as far as it was known when the turn was recorded.
type Saved uint8

// What became of stored fields.
const (
	NotStored  Saved = 0 // the turn changed none
	OnItsWay   Saved = 1
	IsSaved    Saved = 2
	Conflicted Saved = 3 // another write came first
)

// Turn is one message that the instance handled.
type Turn struct {
	Cause  Cause
	Effect *Effect // nil: nothing was rendered, or another turn's effect shows this one's too
	Error  string  // what the handler returned, as the user saw it; empty: nothing went wrong
	Saved  Saved
	Took   time.Duration // the handler's and the rendering's time; kept in whole milliseconds
}

// Effect is one frame: what a turn changed, and how the browser was told.
type Effect struct {
	// Keyframe means that Parts hold all fields, so that nothing before it is needed. Several turns that were rendered
	// as one end with a keyframe. [Encoder.Append] makes one of any effect when one is due.
	Keyframe bool
	// Parts are the changed fields, whole; the encoder finds what of them changed. The page's own view is the one at the
	// empty path.
	Parts []Part
	Patch []byte // JSON as it was sent; nil: none was, or the view is redacted
	// Hash is the rendering's root hash, folded with its children's in document order. 0: none was taken.
	Hash  uint64
	Title string // the document's title, when it has changed; a keyframe has it always
	// HTML is the view's whole rendering, and Sum its SHA-256; only a keyframe's are kept. Without the HTML, what is shown
	// between this keyframe and the next can only be rendered again, not shown as it was sent.
	HTML []byte
	Sum  []byte
}

// Part is what changed of one view: the page's own, or a child.
type Part struct {
	Path   string // of a child: the keys that lead to it, as in Rows/a1; empty: the page's own view
	Gone   bool   // the child is not there any more; Fields is empty
	Fields []Field
}

// Field is a field's value.
type Field struct {
	Name string // the Go name
	JSON []byte // as live encodes it; nil: it is not recorded any more
}

// Log is what was logged with a handler's context.
type Log struct {
	Level   int    `cbor:"1,keyasint,omitempty" json:"level,omitempty"` // as of log/slog: 0 is Info, 8 is Error
	Message string `cbor:"2,keyasint,omitempty" json:"message,omitempty"`
	Attrs   []Attr `cbor:"3,keyasint,omitempty" json:"attrs,omitempty"`
}

// Attr is an attribute of a log record, as text. Those of groups have the groups' names before theirs: a.b.c.
type Attr struct {
	Key   string `cbor:"1,keyasint,omitempty" json:"key,omitempty"`
	Value string `cbor:"2,keyasint,omitempty" json:"value,omitempty"`
}

// ExitReason is why a recording ended.
type ExitReason uint8

// Why recordings end.
const (
	ExitUnknown   ExitReason = 0 // there is no exit: the process ended first, or the recording is running
	ExitClosed    ExitReason = 1 // the page was left
	ExitPanic     ExitReason = 2
	ExitTimeout   ExitReason = 3 // the browser did not come back
	ExitShutdown  ExitReason = 4
	ExitTruncated ExitReason = 5 // the recording reached its limit; the session went on
)

var exitNames = map[ExitReason]string{
	ExitUnknown: "unknown", ExitClosed: "closed", ExitPanic: "panic", ExitTimeout: "timeout", ExitShutdown: "shutdown",
	ExitTruncated: "truncated",
}

// String returns the reason's name, "exit 9" for one that this build does not know.
func (r ExitReason) String() string { return nameOf(exitNames, r, "exit") }

// Exit is the end of a recording.
type Exit struct {
	Reason ExitReason `cbor:"1,keyasint,omitempty" json:"reason,omitempty"`
	Error  string     `cbor:"2,keyasint,omitempty" json:"error,omitempty"`
	Stack  string     `cbor:"3,keyasint,omitempty" json:"stack,omitempty"` // of a panic
}

// Gap is where something is missing. A recorder writes one where it had to leave something out, and a reader returns one
// where a segment is lost or damaged. The next frame after a gap is a keyframe.
type Gap struct {
	Reason string `cbor:"1,keyasint,omitempty" json:"reason,omitempty"`
	// Err is set by readers: it matches ErrDamaged, ErrFormat or fs.ErrNotExist. The gap is then no part of the recording.
	Err error `cbor:"-" json:"-"`
}
