package live

import (
	"context"
	"encoding/json"
	"errors"
)

// Stash keeps what outlives an instance: the stored fields of views. Package durable has one that keeps them in an
// object store; without one an app remembers them in this process, see [Options.Stash].
//
// [App.Serve] ends with Close(ctx context.Context) error of a stash that has such a method.
type Stash interface {
	// Attach joins an instance of a view with stored fields to its browser session. It is called once per instance, by
	// the goroutine that mounts it, and may block until ctx ends. The values that [StashHandle.Take] returns first are
	// those that no other node, tab or process had changed when Attach was called.
	//
	// [ErrSessionEnded] means that the session is over: the browser gets another one. Any other error means that the
	// values cannot be read: the page is shown as unavailable, and nothing is written.
	Attach(ctx context.Context, a Attachment) (StashHandle, error)
	// End makes a session's values unreachable for good, everywhere: no instance writes them any more, and no later
	// Attach finds them. It may block until that is durable.
	End(ctx context.Context, s StashSession) error
}

// BusUser is a [Stash] that tells other nodes of changes. App hands it the app's bus before anything else.
type BusUser interface{ UseBus(Bus) }

// StashSession names a browser session in storage. Neither the cookie's id nor a secret can be told from it.
type StashSession struct {
	// IDs are the session's storage ids, one per secret of the app, newest secret first: 43 characters of base64url
	// each. Values are written under the first; what lies under another is moved there.
	IDs []string
	// From are the storage ids of the session that this one was renewed from, likewise. When nothing is stored under
	// IDs, the values of From move here, and From is over. nil: it was not renewed, or starts empty.
	From []string
	// New means that the session was made by this request: nothing is stored for it yet, so nothing need be read.
	New bool
}

// Attachment is what a [Stash] needs to know of an instance.
type Attachment struct {
	Session StashSession
	View    string // the stored name of the view type
	Page    string // the page's id, unique in all sessions
	// Back means that the page has come back: the instance before it may still run somewhere, and must not write any
	// more from now on. Without it the page is new, and its own fields are blank.
	Back bool
	// Notify is called when Take has something new. Any goroutine may call it, holding locks, so it neither blocks nor
	// calls the handle.
	Notify func()
}

// StashHandle is an instance's side of a [Stash]. Its methods are called by the instance's owner, one at a time.
type StashHandle interface {
	// Take returns what is new since it was last called; the first time, all that is stored for the view and the page,
	// and what is shared. For keys of this handle's own writes that have become durable, it returns the value they
	// have by then, which may be another one. It does not block.
	Take() StashNews
	// Write hands over the changes of one or several turns, to be applied together: other tabs on this node see them
	// at once, and they are made durable in the background, in order. It does not block, and returns the number of
	// the write: 1, 2, 3 … per handle. After an error nothing was taken over. Errors that wrap an [Error] are shown.
	Write(ops []StashOp) (n uint64, err error)
	// Commit is Write for the changes of a gated event: they are written alone, after what was handed over before, and
	// nobody sees them until they are durable. It blocks until they are, or ctx ends, or they are refused. After an
	// error they are either not stored and never will be, or it is not known whether they are.
	Commit(ctx context.Context, ops []StashOp) (n uint64, err error)
	// Flush blocks until all that was written is durable, or ctx ends. It does not wait for the time that a store
	// leaves between two writes of one session.
	Flush(ctx context.Context) error
	// Close lets the instance go. What it has written becomes durable all the same, soon.
	Close()
}

// StashNews is what a [StashHandle] has to say.
type StashNews struct {
	Values []StoredValue // changed by others or by this handle; each key at most once
	Saved  uint64        // writes up to this number are durable
	// Owed means that some of what the handle was given, by other tabs too, is not durable yet: a page that was loaded
	// again shows what the one before it has changed.
	Owed bool
	// Trouble means that the store has not taken writes for a while: what is not saved yet may take long.
	Trouble bool
	// Err means that nothing more is written for this instance: [ErrSessionEnded] or [ErrSuperseded].
	Err error
}

// StashScope says whose value a stored key is.
type StashScope uint8

// The scopes of stored keys.
const (
	ScopeView   StashScope = iota // of a view type in a session
	ScopePage                     // of one page: a draft
	ScopeShared                   // of all views in a session
)

// StoredKey names a value for one instance: its view and page are the handle's.
type StoredKey struct {
	Scope StashScope
	Name  string
}

// StoredValue is a value as it is stored.
type StoredValue struct {
	StoredKey
	Raw      json.RawMessage // nil: nothing is stored under this key any more
	Version  int             // the StoredVersion of the view type that wrote it
	Revision uint64          // larger for what was written later in the session
}

// StashOp changes one key, or forgets all keys of the view and the page.
type StashOp struct {
	StoredKey
	Version int // of the view type
	// Put is the key's new value. nil with an empty Update: the key is deleted.
	Put json.RawMessage
	// Update makes the new value of the present one, function by function: of its JSON, nil where there is none, and of
	// the version of the view type that wrote it. The functions are pure and may run several times, on any goroutine. When one fails or panics, this op is left out.
	Update []UpdateFunc
	// Reset deletes all that is stored for the view in the session and for the page; the key means nothing.
	Reset bool
}

// UpdateFunc makes a new value, in the form of the op's version, of the present one.
type UpdateFunc func(raw json.RawMessage, version int) (json.RawMessage, error)

var (
	// ErrSessionEnded means that the browser session is over: logged out, expired, renewed or removed.
	ErrSessionEnded = errors.New("the browser session has ended")
	// ErrSuperseded means that the page was mounted again elsewhere: this instance writes nothing any more.
	ErrSuperseded = errors.New("the page was mounted again elsewhere")
)
