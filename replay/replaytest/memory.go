package replaytest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/livelong-dev/livelong/replay"
)

// Memory is a [replay.Archive] in memory, which counts what it is asked, and can be made to fail. The zero value is empty.
type Memory struct {
	// Fail is called before each request, if it is not nil; its error is the request's. op is Get, Put, Delete or List. It
	// may block.
	Fail func(ctx context.Context, op, key string) error

	mu       sync.Mutex
	objects  map[string]object
	sorted   []string // their keys; nil: they have changed
	versions int
	requests map[string]int
}

type object struct {
	data    []byte
	version string
}

var _ replay.Archive = (*Memory)(nil)

func (m *Memory) begin(ctx context.Context, op, key string) error {
	m.mu.Lock()
	if m.requests == nil {
		m.requests = map[string]int{}
	}
	m.requests[op+" "+strings.SplitN(key, "/", 2)[0]]++
	fail := m.Fail
	m.mu.Unlock()
	if fail != nil {
		if err := fail(ctx, op, key); err != nil {
			return err
		}
	}
	if op != "List" {
		if err := replay.CheckKey(key); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Get implements [replay.Archive].
func (m *Memory) Get(ctx context.Context, key, known string) ([]byte, string, error) {
	if err := m.begin(ctx, "Get", key); err != nil {
		return nil, "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	switch {
	case !ok:
		return nil, "", fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	case o.version == known:
		return nil, known, nil
	}
	return append([]byte{}, o.data...), o.version, nil
}

// Put implements [replay.Archive].
func (m *Memory) Put(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
	if err := m.begin(ctx, "Put", key); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects[key].version != ifVersion {
		return "", fmt.Errorf("%s is at another version: %w", key, fs.ErrExist)
	}
	if m.objects == nil {
		m.objects = map[string]object{}
	}
	m.versions++
	m.sorted = nil
	o := object{bytes.Clone(data), strconv.Itoa(m.versions)}
	m.objects[key] = o
	return o.version, nil
}

// Delete implements [replay.Archive].
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := m.begin(ctx, "Delete", key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	m.sorted = nil
	return nil
}

// List implements [replay.Archive].
func (m *Memory) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	if err := m.begin(ctx, "List", prefix); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if limit <= 0 {
		limit = 1000
	}
	if m.sorted == nil {
		m.sorted = slices.Sorted(maps.Keys(m.objects))
	}
	var keys []string
	i, _ := slices.BinarySearch(m.sorted, max(prefix, after))
	for ; i < len(m.sorted) && len(keys) < limit && (m.sorted[i] <= after || strings.HasPrefix(m.sorted[i], prefix)); i++ {
		if m.sorted[i] > after {
			keys = append(keys, m.sorted[i])
		}
	}
	return keys, nil
}

// Requests returns how often each kind of object was asked for since it was last called: "Get segments" → 3.
func (m *Memory) Requests() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.requests
	m.requests = nil
	return r
}

// Objects returns a copy of what there is, by key.
func (m *Memory) Objects() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string][]byte{}
	for key, o := range m.objects {
		all[key] = bytes.Clone(o.data)
	}
	return all
}

// Keys returns the keys of what there is, ordered.
func (m *Memory) Keys() []string {
	return slices.Sorted(maps.Keys(m.Objects()))
}

// Set replaces an object's contents, as damage does; nil removes it.
func (m *Memory) Set(key string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sorted = nil
	if data == nil {
		delete(m.objects, key)
		return
	}
	if m.objects == nil {
		m.objects = map[string]object{}
	}
	m.versions++
	m.objects[key] = object{bytes.Clone(data), strconv.Itoa(m.versions)}
}
