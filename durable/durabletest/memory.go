package durabletest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/durable"
)

// Memory is a [durable.Bucket] in memory, for tests and for trying things out: what it holds ends with the process. Its
// versions never repeat. It works in a testing/synctest bubble. Make one with [NewMemory].
type Memory struct {
	// Latency is how long each request takes, half of it before it is done and half after; none by default. A context
	// that ends in the second half leaves the request done and its answer lost. Set it before the first request.
	Latency time.Duration

	mu      sync.Mutex
	objects map[string]object
	sorted  []string // every key of objects, in order, and keys deleted since
	added   []string // keys not yet in sorted
	last    uint64   // the newest version
	counts  Counts
}

type object struct {
	data    []byte
	version string
}

// Counts says how many requests a [Memory] was asked for. Requests whose key was refused or whose context had ended are
// not counted.
type Counts struct {
	Gets      int // Gets, all of them
	Unchanged int // Gets that found the known version
	Missing   int // Gets that found no object
	Puts      int // Puts, all of them
	Conflicts int // Puts refused because of the version
	Deletes   int
	Lists     int
	Listed    int   // keys returned by Lists
	BytesIn   int64 // contents given to Puts, refused ones too
	BytesOut  int64 // contents returned by Gets
}

// Sub returns what was counted since before was.
func (c Counts) Sub(before Counts) Counts {
	return Counts{
		Gets: c.Gets - before.Gets, Unchanged: c.Unchanged - before.Unchanged, Missing: c.Missing - before.Missing,
		Puts: c.Puts - before.Puts, Conflicts: c.Conflicts - before.Conflicts, Deletes: c.Deletes - before.Deletes,
		Lists: c.Lists - before.Lists, Listed: c.Listed - before.Listed,
		BytesIn: c.BytesIn - before.BytesIn, BytesOut: c.BytesOut - before.BytesOut,
	}
}

// NewMemory returns an empty bucket.
func NewMemory() *Memory { return &Memory{objects: map[string]object{}} }

// Counts returns what was asked for so far.
func (m *Memory) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// Len returns how many objects there are.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.objects)
}

func (m *Memory) Get(ctx context.Context, key, known string) (data []byte, version string, err error) {
	if err := durable.CheckKey(key); err != nil {
		return nil, "", err
	}
	err = m.request(ctx, func() error {
		m.counts.Gets++
		o, ok := m.objects[key]
		if !ok {
			m.counts.Missing++
			return fmt.Errorf("get %s: %w", key, fs.ErrNotExist)
		}
		version = o.version
		if known == version {
			m.counts.Unchanged++
			return nil
		}
		data = append([]byte{}, o.data...)
		m.counts.BytesOut += int64(len(data))
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return data, version, nil
}

func (m *Memory) Put(ctx context.Context, key string, data []byte, ifVersion string) (version string, err error) {
	if err := durable.CheckKey(key); err != nil {
		return "", err
	}
	err = m.request(ctx, func() error {
		m.counts.Puts++
		m.counts.BytesIn += int64(len(data))
		o, ok := m.objects[key]
		if o.version != ifVersion {
			m.counts.Conflicts++
			return fmt.Errorf("put %s: %w", key, durable.ErrConflict)
		}
		m.last++
		version = strconv.FormatUint(m.last, 10)
		m.objects[key] = object{data: bytes.Clone(data), version: version}
		if !ok {
			m.added = append(m.added, key)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return version, nil
}

func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := durable.CheckKey(key); err != nil {
		return err
	}
	return m.request(ctx, func() error {
		m.counts.Deletes++
		delete(m.objects, key)
		return nil
	})
}

func (m *Memory) List(ctx context.Context, prefix, after string, limit int) (keys []string, err error) {
	if limit <= 0 {
		limit = 1000
	}
	err = m.request(ctx, func() error {
		m.counts.Lists++
		m.sort()
		at, found := slices.BinarySearch(m.sorted, max(after, prefix))
		if found && after >= prefix && after != "" {
			at++
		}
		for _, key := range m.sorted[at:] {
			if len(keys) == limit || !strings.HasPrefix(key, prefix) {
				break
			}
			if _, ok := m.objects[key]; ok {
				keys = append(keys, key)
			}
		}
		m.counts.Listed += len(keys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// sort brings m.sorted up to date. Deleted keys stay in it until they are many, so that a sweep, which lists and
// deletes in turns, does not sort each time.
func (m *Memory) sort() {
	if len(m.added) > 0 {
		m.sorted = append(m.sorted, m.added...)
		m.added = nil
		slices.Sort(m.sorted)
		m.sorted = slices.Compact(m.sorted) // a key deleted and created again was there twice
	}
	if len(m.sorted) > 2*len(m.objects)+1000 {
		m.sorted = slices.DeleteFunc(m.sorted, func(key string) bool {
			_, ok := m.objects[key]
			return !ok
		})
	}
}

// Now returns the time, which in a testing/synctest bubble is the bubble's.
func (m *Memory) Now(ctx context.Context) (time.Time, error) {
	if err := wait(ctx, m.Latency); err != nil {
		return time.Time{}, err
	}
	return time.Now(), nil
}

func (m *Memory) request(ctx context.Context, do func() error) error {
	if err := wait(ctx, m.Latency/2); err != nil {
		return err
	}
	m.mu.Lock()
	err := do()
	m.mu.Unlock()
	if lost := wait(ctx, m.Latency-m.Latency/2); lost != nil && m.Latency > 0 {
		return lost
	}
	return err
}

// wait returns nil after d, or ctx's error as soon as it has ended.
func wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return ctx.Err()
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
