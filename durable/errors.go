package durable

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/livelong-dev/livelong/live"
)

var (
	// ErrUnknown means that a deadline has passed before it was known whether a write is durable. It may be, or may
	// become so.
	ErrUnknown = errors.New("it is not known yet whether this is saved")
	// ErrClosed means that the store is closed, or about to be.
	ErrClosed = errors.New("the store is closed")
	// ErrTooLarge means that a session's document would exceed [Options.MaxBytes].
	ErrTooLarge = errors.New("the session's document is full")
	// ErrPending means that too much waits for the bucket, see [Options.MaxPending].
	ErrPending = errors.New("too much waits for the bucket")
	// ErrDamaged means that an object is no document, or no longer.
	ErrDamaged = errors.New("the document is damaged")
	// ErrFormat means that a newer version of this package wrote the document.
	ErrFormat = errors.New("the document has a newer format")
	// ErrKey means that none of [Options.EncryptionKeys] decrypts the document.
	ErrKey = errors.New("no encryption key fits the document")
)

// DocumentError is a document that cannot be used. It is left as it is.
type DocumentError struct {
	Session string // hash of the session's storage id
	Err     error  // matches ErrDamaged, ErrFormat or ErrKey
}

func (e *DocumentError) Error() string {
	return fmt.Sprintf("document of session %s: %v", e.Session, e.Err)
}

// Unwrap returns Err.
func (e *DocumentError) Unwrap() error { return e.Err }

func tooLarge(size, limit int) error {
	return &live.Error{
		Text: "That is more than can be saved here. The last change is not saved.",
		Err:  fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, limit),
	}
}

func tooMuchPending(size, limit int) error {
	return &live.Error{
		Text: "Your changes cannot be saved at the moment. The last change is not saved.",
		Err:  fmt.Errorf("%w: %d bytes, at most %d", ErrPending, size, limit),
	}
}

// permanent reports whether the bucket would refuse the request again.
func permanent(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid)
}

func missing(err error) bool  { return errors.Is(err, fs.ErrNotExist) }
func conflict(err error) bool { return errors.Is(err, fs.ErrExist) }
