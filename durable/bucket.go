package durable

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Bucket is where documents live: an object store with compare-and-swap. Its methods are called by many goroutines at
// once and may block until ctx ends.
//
// A key is made of slash-separated parts of ASCII letters, digits, '-', '_' and '.'; see [CheckKey]. Get, Put and Delete
// refuse any other with an error that matches [fs.ErrInvalid]. No object is asked for both at a key and below it (a and
// a/b), which file systems behind an object store cannot hold.
//
// A version names the contents of an object at one time; it is opaque, and never empty. Whether it names them once only
// is up to the store: an S3 ETag comes back when equal contents are written again.
//
// Writes are seen at once, by every process that reaches the store: a Get or List that begins after a Put was answered
// sees it. An object is read whole or not at all. Contents belong to the caller: a bucket keeps no reference to what Put
// was given or Get returned. When ctx ends, a request ends soon after it with an error that matches ctx's.
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
	// Get returns an object's contents and version. When the object is at the known version, it returns nil data and that
	// version. An empty known version is none.
	// An object without contents is returned as empty data that is not nil.
	Get(ctx context.Context, key, known string) (data []byte, version string, err error)
	// Put writes an object if it is at version ifVersion, and returns its new version. The empty version means that
	// there must be no such object. Two Puts that ask for the same version are never both done, unless one of them wrote
	// contents that have that version. A version asked for where there is no object is refused by an error that matches
	// fs.ErrNotExist or fs.ErrExist.
	Put(ctx context.Context, key string, data []byte, ifVersion string) (version string, err error)
	// Delete removes an object; that there is none is no error.
	Delete(ctx context.Context, key string) error
	// List returns up to limit keys that begin with prefix and come after the given one, in ascending order of their
	// bytes. Fewer than limit means that there are no more. A limit of 0 or less means 1,000. An empty prefix means all
	// keys, an empty after the first; neither need be a whole key or one that exists.
	List(ctx context.Context, prefix, after string, limit int) ([]string, error)
}

// Pacer is a [Bucket] whose requests cost money: it suggests the least time between two writes of one session.
type Pacer interface{ CommitEvery() time.Duration }

// Opener is a [Bucket] that can tell before its first use whether it will work. [Open] calls it once; it may block.
type Opener interface {
	Open(ctx context.Context) error
}

// Timekeeper is a [Bucket] that knows the time of its store, against which [Open] checks this machine's clock.
type Timekeeper interface {
	Now(ctx context.Context) (time.Time, error)
}

// ErrConflict means that an object is not at the version that was asked for. It matches [fs.ErrExist], by which packages
// recognise it that do not import this one.
var ErrConflict = fmt.Errorf("the object is at another version: %w", fs.ErrExist)

// CheckKey returns an error that matches [fs.ErrInvalid] unless key may name an object: at most 512 bytes, in parts of 1
// to 128 bytes that do not begin with '.'. It is called by buckets.
func CheckKey(key string) error {
	if len(key) > 512 {
		return fmt.Errorf("a key of %d bytes, at most 512 are allowed: %w", len(key), fs.ErrInvalid)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || len(part) > 128 || part[0] == '.' {
			return fmt.Errorf("key %q: a part is empty, over 128 bytes or begins with '.': %w", key, fs.ErrInvalid)
		}
		for _, c := range []byte(part) {
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
				return fmt.Errorf("key %q: %q is not allowed: %w", key, c, fs.ErrInvalid)
			}
		}
	}
	return nil
}
