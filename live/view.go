package live

import (
	"context"
	"encoding/json"
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

// StoredWatcher is called between two turns, after another tab or node has changed stored fields of this view; fields
// are their Go names. What it changes and returns is treated like what a handler does.
type StoredWatcher interface {
	StoredChanged(ctx context.Context, s *Socket, fields []string) error
}

// StoredNamer fixes the name under which a view type's fields are stored, so that the type can be renamed. Without it,
// the name is the type's with its package: main.Counter. Called once per type, at registration, on a zero value.
type StoredNamer interface {
	StoredName() string
}

// StoredVersioner gives the version of what a view type stores: raise it when stored values change their meaning.
// Without it, the version is 0. Called once per type, at registration, on a zero value.
type StoredVersioner interface {
	StoredVersion() int
}

// StoredMigrator makes values of the present version of older ones. MigrateStored is called between the factory and
// Mount, once per older version that is found, the oldest first, with the values that this version has stored for the
// view: raw JSON by key, a copy. What it leaves in the map is then decoded; shared values and those of the present
// version are not in it. Nothing is written: a value is stored in its new form when the view changes it. One that is left
// untouched in the map has the same form in both versions, so that an [Update] of it can run on what an older build stores
// meanwhile.
//
// An error or a panic leaves these fields with their defaults, names their keys in [Recovery], and leaves what is
// stored as it was. MigrateStored may also run later, on values that an older build has written meanwhile, and for
// [Update] on one of them alone, with a zero view.
type StoredMigrator interface {
	StoredVersioner
	MigrateStored(from int, raw map[string]json.RawMessage) error
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
	Lost   []string // keys whose stored values could not be read: their fields have their defaults
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
