package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// List reads the directories that hold the page's keys, and the one of the two-byte names above them: its cost is
// bounded while keys differ in the first two bytes of their last part, as random ids do. A List of all pages reads each
// directory about twice.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	root, err := b.ready(ctx)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 1000
	}
	l := lister{root: root, prefix: prefix, after: after, limit: limit}
	if err := l.walk(ctx, ".", "", false); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, b.failed("list", err)
	}
	return l.keys, nil
}

type lister struct {
	root          *os.Root
	prefix, after string
	limit         int
	keys          []string
}

// entry is a file, or a directory whose keys all begin with key.
type entry struct {
	key, file string
	dir       bool
	shard     bool // a directory named by two bytes
}

// walk appends keys of the objects in a directory, whose keys begin with base. A shard's entries have whole parts as
// names, beside which there are shards in other directories.
func (l *lister) walk(ctx context.Context, dir, base string, shard bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := readNames(l.root, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries := make([]entry, 0, len(names))
	for _, e := range names {
		name := e.Name()
		part, isPart := strings.CutSuffix(name, "+")
		n := entry{file: dir + "/" + name, dir: e.IsDir()}
		switch {
		case n.dir && isPart:
			n.key = base + part + "/" // keys below it begin so: the order of these strings is that of the keys
		case n.dir && !shard && len(name) == 2:
			n.key, n.shard = base+name, true
		case n.dir, !shard && len(name) != 1, name[0] == '.':
			continue // tmp and lock, and what someone else has left here
		default:
			n.key = base + name
		}
		if l.mayHold(n) {
			entries = append(entries, n)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	for _, e := range entries {
		if len(l.keys) == l.limit {
			return nil
		}
		if !e.dir {
			l.keys = append(l.keys, e.key)
			continue
		}
		below := e.key
		if e.shard {
			below = base
		}
		if err := l.walk(ctx, e.file, below, e.shard); err != nil {
			return err
		}
	}
	return nil
}

// mayHold reports whether an entry is or holds a key that is to be listed.
func (l *lister) mayHold(e entry) bool {
	if !e.dir {
		return e.key > l.after && strings.HasPrefix(e.key, l.prefix)
	}
	return (e.key > l.after || strings.HasPrefix(l.after, e.key)) &&
		(strings.HasPrefix(e.key, l.prefix) || strings.HasPrefix(l.prefix, e.key))
}

// readNames reads a directory, in no order.
func readNames(root *os.Root, dir string) ([]os.DirEntry, error) {
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}
