package replay

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ReadExported reads a recording that [Catalog.Export] has written, checks it as [Catalog.Import] does, and keeps it in memory.
func ReadExported(ctx context.Context, from io.Reader) (*Recording, error) {
	c := NewCatalog(&held{objects: map[string][]byte{}}, CatalogOptions{})
	s, err := c.Import(ctx, from)
	if err != nil {
		return nil, err
	}
	return c.Get(ctx, s.ID)
}

// held is an archive in memory, for one recording.
type held struct {
	mu      sync.Mutex
	objects map[string][]byte
	puts    int
	version map[string]int
}

func (h *held) Get(_ context.Context, key, known string) ([]byte, string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	data, ok := h.objects[key]
	if !ok {
		return nil, "", fmt.Errorf("%s: %w", key, fs.ErrNotExist)
	}
	version := strconv.Itoa(h.version[key])
	if version == known {
		return nil, version, nil
	}
	return slices.Clone(data), version, nil
}

func (h *held) Put(_ context.Context, key string, data []byte, ifVersion string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version == nil {
		h.version = map[string]int{}
	}
	at := ""
	if n := h.version[key]; n > 0 {
		at = strconv.Itoa(n)
	}
	if at != ifVersion {
		return "", fmt.Errorf("%s is at another version: %w", key, fs.ErrExist)
	}
	h.puts++
	h.objects[key], h.version[key] = append([]byte{}, data...), h.puts
	return strconv.Itoa(h.puts), nil
}

func (h *held) Delete(_ context.Context, key string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.objects, key)
	delete(h.version, key)
	return nil
}

func (h *held) List(_ context.Context, prefix, after string, limit int) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if limit <= 0 {
		limit = 1000
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(h.objects)) {
		if key > after && strings.HasPrefix(key, prefix) && len(keys) < limit {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
