package live

import (
	"context"
	"net/url"

	"github.com/a-h/templ"
)

// View is a page, or a part of one: a struct whose exported fields are its state.
//
// Render is called on the value after turns that changed a field; several turns may share one call. It must be pure:
// it reads exported fields only, changes nothing, and gives the same bytes for the same fields. In development and in
// tests this is checked.
//
// A view type may implement any of the interfaces below on its pointer.
type View interface {
	Render() templ.Component
}

// Mounter is called once per instance, before anything is rendered, with stored fields already recovered: load,
// subscribe, start timers. An error ends the instance; see [StatusError] for how it is answered.
type Mounter interface {
	Mount(ctx context.Context, s *Socket) error
}

// ParamsHandler is called after Mount, and again each time the page's URL is patched.
type ParamsHandler interface {
	Params(ctx context.Context, s *Socket, u *url.URL) error
}

// Connector is called each time a browser attaches or comes back. It must bear repetition.
type Connector interface {
	Connected(ctx context.Context, s *Socket) error
}

// Eventful lists the events and messages a view type handles. It is called once per type, at registration, on a zero
// value.
type Eventful interface {
	Events() []Handler
}

// StoredWatcher is called after another tab or node changed stored fields of this view; keys are the fields' names.
type StoredWatcher interface {
	StoredChanged(ctx context.Context, s *Socket, keys []string) error
}

// Titler names the document. Title is called after Render and must be as pure.
type Titler interface {
	Title() string
}

// Unmounter is called exactly once, when the instance ends. The context is not cancelled yet.
type Unmounter interface {
	Unmount(ctx context.Context)
}

// Contained chooses the element around a view; without it, a div. Called once per type, at registration, on a zero
// value.
type Contained interface {
	Container() Container
}

// Container is the root element around a view.
type Container struct {
	Tag   string           // a lower-case element name; empty: div
	Attrs templ.Attributes // beside the framework's own
}

// Recovery says what became of a view's stored fields, before Mount.
type Recovery struct {
	Status RecoveryStatus
	Lost   []string // fields whose stored values could not be read; they have their defaults
}

// RecoveryStatus is the outcome of recovery.
type RecoveryStatus int

// The outcomes of recovery.
const (
	Fresh     RecoveryStatus = iota // nothing to recover: a new browser session, or no stored fields
	Recovered                       // stored values were found and set
	NotFound                        // the session is known, this view has stored nothing in it
	Failed                          // stored values exist and were not set: see Lost
)

func (s RecoveryStatus) String() string {
	return [...]string{"fresh", "recovered", "not found", "failed"}[s]
}
