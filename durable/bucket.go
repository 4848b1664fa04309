package durable

import (
	"context"
	"fmt"
	"io/fs"
	"time"
)

// Bucket is where documents live: an object store with compare-and-swap. Its methods are called by many goroutines at
// once and may block until ctx ends.
//
// A key is made of slash-separated parts of letters, digits, '-', '_' and '.'. A version names the contents of an
// object at one time; it is opaque, and never empty.
//
// What an error means decides what may be lost, so a bucket says it exactly:
//
//   - one that matches [fs.ErrNotExist] means that there is no such object;
//   - one that matches [fs.ErrExist] (see [ErrConflict]) means that the object is not at the version that was asked for:
//     nothing was written;
//   - one that matches [fs.ErrPermission] or [fs.ErrInvalid] means that the store refuses such a request, and will again;
//   - after any other error of Put it is not known whether the object was written.
//
// durabletest.TestBucket checks all of it.
type Bucket interface {
	// Get returns an object's contents and version. When the version is known, it returns nil data and that version.
	// An object without contents is returned as empty data that is not nil.
	Get(ctx context.Context, key, known string) (data []byte, version string, err error)
	// Put writes an object if it is at version ifVersion, and returns its new version. The empty version means that
	// there must be no such object. Two Puts that ask for the same version are never both done.
	Put(ctx context.Context, key string, data []byte, ifVersion string) (version string, err error)
	// Delete removes an object; that there is none is no error.
	Delete(ctx context.Context, key string) error
	// List returns up to limit keys that begin with prefix and come after the given one, in ascending order of their
	// bytes. Fewer than limit means that there are no more. A limit of 0 or less means 1,000.
	List(ctx context.Context, prefix, after string, limit int) ([]string, error)
}

// Pacer is a [Bucket] whose requests cost money: it suggests the least time between two writes of one session.
type Pacer interface{ CommitEvery() time.Duration }

// Timekeeper is a [Bucket] that knows the time of its store, against which [Open] checks this machine's clock.
type Timekeeper interface {
	Now(ctx context.Context) (time.Time, error)
}

// ErrConflict means that an object is not at the version that was asked for. It matches [fs.ErrExist], by which packages
// recognise it that do not import this one.
var ErrConflict = fmt.Errorf("the object is at another version: %w", fs.ErrExist)
