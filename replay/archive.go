package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Archive is where recordings are kept: an object store with compare-and-swap. Every durable.Bucket is one, and so is
// sqlarchive's. Its methods are called by many goroutines at once, and may block until ctx ends.
//
// A key is made of slash-separated parts of ASCII letters, digits, '-', '_' and '.'. An error that matches fs.ErrNotExist
// means that there is no such object, one that matches fs.ErrExist that the object is not at the version that was asked
// for; after any other error of Put it is not known whether the object was written. Objects are read whole or not at all.
type Archive interface {
	// Get returns an object's contents and version. When the object is at the known version, it returns nil data and that
	// version. An empty known version is none.
	Get(ctx context.Context, key, known string) (data []byte, version string, err error)
	// Put writes an object if it is at version ifVersion, and returns its new version. The empty version means that there
	// must be no such object.
	Put(ctx context.Context, key string, data []byte, ifVersion string) (version string, err error)
	// Delete removes an object; that there is none is no error.
	Delete(ctx context.Context, key string) error
	// List returns up to limit keys that begin with prefix and come after the given one, in ascending order of their
	// bytes. Fewer than limit means that there are no more. A limit of 0 or less means 1,000.
	List(ctx context.Context, prefix, after string, limit int) ([]string, error)
}

// Indexer is an [Archive] that keeps summaries so that it can search them itself, as a database does. Without it, a
// [Catalog] keeps index pages.
type Indexer interface {
	// PutSummary stores data, which is the summary's object, under key, whether or not there is one already, and makes the
	// summary searchable, both or neither. Deleting the key makes it unsearchable.
	PutSummary(ctx context.Context, key string, data []byte, s Summary) error
	// Query finds summaries; see [Query].
	Query(ctx context.Context, q Query) (Result, error)
}

// Where things are. No object is asked for both at a key and below it, and the last part of a key begins with what is
// random in it, by which directories are spread.
const (
	segmentPrefix = "segments/"  // segments/ID.NUMBER-FRAME
	summaryPrefix = "summaries/" // summaries/ID: written last
	runningPrefix = "running/"   // running/ID.NODE: written before the first segment, deleted after the summary
	nodePrefix    = "nodes/"     // nodes/ID: the time at which a process was last alive
	indexPrefix   = "index/"     // index/HASH: a page of summaries
	assetPrefix   = "assets/"    // assets/SHA256
)

// maxSegments is how many segments a recording may have.
const maxSegments = 99_999

// SummaryKey returns where a recording's summary is.
func SummaryKey(id string) string { return summaryPrefix + id }

// SegmentKey returns where a segment is; number is counted from 1, frame is the number of its first frame. So a list of
// the keys tells which segment holds which frame.
func SegmentKey(id string, number, frame int) string {
	return fmt.Sprintf("%s%s.%06d-%010d", segmentPrefix, id, number, frame)
}

// parseSegmentKey is the inverse of SegmentKey.
func parseSegmentKey(key string) (id string, number, frame int, ok bool) {
	rest, ours := strings.CutPrefix(key, segmentPrefix)
	id, rest, dot := strings.Cut(rest, ".")
	a, b, dash := strings.Cut(rest, "-")
	number, err := strconv.Atoi(a)
	frame, err2 := strconv.Atoi(b)
	ok = ours && dot && dash && errors.Join(err, err2) == nil && SegmentKey(id, number, frame) == key && CheckID(id) == nil
	return id, number, frame, ok
}

// listAll calls f for each key below prefix.
func listAll(ctx context.Context, a Archive, prefix string, f func(key string) error) error {
	const page = 1000
	after := ""
	for {
		keys, err := a.List(ctx, prefix, after, page)
		if err != nil {
			return fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, k := range keys {
			if err := f(k); err != nil {
				return err
			}
		}
		if len(keys) < page {
			return nil
		}
		after = keys[len(keys)-1]
	}
}

// put writes an object, whatever was there before.
func put(ctx context.Context, a Archive, key string, data []byte) error {
	_, err := a.Put(ctx, key, data, "")
	for range 3 {
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		var version string
		if _, version, err = a.Get(ctx, key, ""); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_, err = a.Put(ctx, key, data, version)
	}
	return err
}

// CheckKey returns an error that matches fs.ErrInvalid unless key may name an object: at most 512 bytes, in parts of 1 to
// 128 bytes that do not begin with '.'. It is for archives.
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

// MaxAssetBytes is the size of the largest asset that is kept.
const MaxAssetBytes = 4 << 20

// PutAsset keeps a stylesheet, a font or an image that recorded pages use, once for all of them, and returns its name: the
// SHA-256 of its contents, in hexadecimal. Larger ones than MaxAssetBytes match [ErrTooLarge]. It may block.
func PutAsset(ctx context.Context, a Archive, data []byte) (name string, err error) {
	if name, err = assetName(data); err != nil {
		return "", err
	}
	if _, err = a.Put(ctx, assetPrefix+name, data, ""); errors.Is(err, fs.ErrExist) {
		err = nil // it is the same one
	}
	return name, err
}

// assetName returns the name of an asset.
func assetName(data []byte) (string, error) {
	if len(data) > MaxAssetBytes {
		return "", fmt.Errorf("an asset of %d bytes, at most %d: %w", len(data), MaxAssetBytes, ErrTooLarge)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Asset returns what PutAsset has kept. A name that is none matches fs.ErrInvalid, and contents that are not those that
// the name says [ErrDamaged]. It may block.
func Asset(ctx context.Context, a Archive, name string) ([]byte, error) {
	if b, err := hex.DecodeString(name); err != nil || len(b) != hashBytes || strings.ToLower(name) != name {
		return nil, fmt.Errorf("asset %.80q: want 64 hexadecimal digits: %w", name, fs.ErrInvalid)
	}
	data, _, err := a.Get(ctx, assetPrefix+name, "")
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != name {
		return nil, fmt.Errorf("asset %s: %w", name, ErrDamaged)
	}
	return data, nil
}
