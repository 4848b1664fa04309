package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/local"
)

// bucket is the site's bucket. Tests look at it, hold its writes and take it away by requests to /bucket:
// POST ?do=hold|release|away|back, GET for what it has acknowledged.
type bucket struct {
	*durabletest.Faulty

	mu   sync.Mutex
	held chan struct{} // closed when writes are released; nil: they are not held
	puts []put
}

// put is an acknowledged write.
type put struct {
	At   int64  `json:"at"` // when it was acknowledged, in milliseconds
	Data string `json:"data"`
}

// openBucket opens a directory, or without one a bucket in memory whose requests take some time.
func openBucket(dir string, latency time.Duration) (*bucket, error) {
	b := &bucket{}
	o := durabletest.FaultyOptions{Before: b.before, After: b.after}
	if dir == "" {
		m := durabletest.NewMemory()
		m.Latency = latency
		b.Faulty = durabletest.NewFaulty(m, o)
		return b, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b.Faulty = durabletest.NewFaulty(local.Dir(filepath.Join(dir, "state")), o)
	return b, nil
}

func (b *bucket) store() (*durable.Store, error) {
	// Requests that a test holds must not end by themselves.
	return durable.Open(durable.Options{Bucket: b, RequestTimeout: time.Minute})
}

func (b *bucket) before(ctx context.Context, r durabletest.Request) error {
	b.mu.Lock()
	held := b.held
	b.mu.Unlock()
	if r.Op != durabletest.Put || held == nil {
		return nil
	}
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bucket) after(_ context.Context, r durabletest.Request, err error) error {
	if r.Op == durabletest.Put && err == nil {
		b.mu.Lock()
		b.puts = append(b.puts, put{time.Now().UnixMilli(), string(r.Data)})
		b.mu.Unlock()
	}
	return nil
}

// ServeHTTP answers requests to /bucket.
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch do := r.FormValue("do"); do {
	case "":
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(b.puts)
	case "hold":
		b.held = make(chan struct{})
	case "release":
		close(b.held)
		b.held = nil
	case "away":
		b.Partition(durabletest.NotSent)
	case "back":
		b.Partition(durabletest.None)
	default:
		http.Error(w, fmt.Sprintf("cannot %q", do), http.StatusBadRequest)
	}
}
