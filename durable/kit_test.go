package durable_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/live"
)

// open returns a store that is closed, and must have written everything, when the test ends.
func open(t testing.TB, b durable.Bucket, adjust ...func(*durable.Options)) *durable.Store {
	t.Helper()
	st := openUnclosed(t, b, adjust...)
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return st
}

// openUnclosed is open for tests that close the store themselves.
func openUnclosed(t testing.TB, b durable.Bucket, adjust ...func(*durable.Options)) *durable.Store {
	t.Helper()
	o := durable.Options{Bucket: b, Logger: slog.New(slog.DiscardHandler), SweepEvery: -1}
	for _, f := range adjust {
		f(&o)
	}
	st, err := durable.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// ids returns a session of this name.
func ids(name string) live.StashSession { return live.StashSession{IDs: []string{name}} }

var pages atomic.Int64

// page is what a page does with its handle: it shows values, writes them, and takes over what others wrote, by the rules
// of package live.
type page struct {
	t      testing.TB
	handle live.StashHandle
	id     string
	told   atomic.Bool
	wake   chan struct{}

	mu      sync.Mutex
	shows   map[string]string
	local   map[string]uint64 // the newest write of each key
	n       uint64
	saved   uint64
	trouble bool
	err     error
	history []string // what key k showed, for tests that follow it
}

func attach(t testing.TB, st *durable.Store, s live.StashSession) *page {
	t.Helper()
	p, err := tryAttach(t, st, live.Attachment{Session: s, View: "view"})
	if err != nil {
		t.Fatalf("attach: %v", err)
	}
	return p
}

func tryAttach(t testing.TB, st *durable.Store, a live.Attachment) (*page, error) {
	t.Helper()
	p := &page{t: t, id: a.Page, wake: make(chan struct{}, 1), shows: map[string]string{}, local: map[string]uint64{}}
	if p.id == "" {
		p.id = fmt.Sprint("page-", pages.Add(1))
		a.Page = p.id
	}
	a.Notify = func() {
		p.told.Store(true)
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var err error
	if p.handle, err = st.Attach(ctx, a); err != nil {
		return nil, err
	}
	t.Cleanup(p.handle.Close)
	p.take()
	return p, nil
}

// take takes over what is new.
func (p *page) take() live.StashNews {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told.Store(false)
	news := p.handle.Take()
	p.saved, p.trouble, p.err = news.Saved, news.Trouble, news.Err
	for _, v := range news.Values {
		name := keyName(v.StoredKey)
		if p.local[name] > p.saved {
			continue
		}
		if v.Raw == nil {
			delete(p.shows, name)
			continue
		}
		if p.shows[name] != string(v.Raw) {
			p.shows[name] = string(v.Raw)
			p.history = append(p.history, name+"="+string(v.Raw))
		}
	}
	return news
}

func keyName(k live.StoredKey) string { return []string{"", "draft.", "shared."}[k.Scope] + k.Name }

func view(key string) live.StoredKey   { return live.StoredKey{Scope: live.ScopeView, Name: key} }
func draft(key string) live.StoredKey  { return live.StoredKey{Scope: live.ScopePage, Name: key} }
func shared(key string) live.StoredKey { return live.StoredKey{Scope: live.ScopeShared, Name: key} }

func put(k live.StoredKey, raw string) live.StashOp {
	return live.StashOp{StoredKey: k, Put: json.RawMessage(raw)}
}

func add(k live.StoredKey, by int) live.StashOp {
	return live.StashOp{StoredKey: k, Update: []live.UpdateFunc{
		func(raw json.RawMessage, _ int) (json.RawMessage, error) {
			n := 0
			if raw != nil {
				if err := json.Unmarshal(raw, &n); err != nil {
					return nil, err
				}
			}
			return json.RawMessage(strconv.Itoa(n + by)), nil
		}}}
}

func (p *page) write(ops ...live.StashOp) {
	p.t.Helper()
	if err := p.tryWrite(ops...); err != nil {
		p.t.Errorf("write: %v", err)
	}
}

func (p *page) tryWrite(ops ...live.StashOp) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := p.handle.Write(ops)
	if err != nil {
		return err
	}
	p.n = n
	for _, op := range ops {
		name := keyName(op.StoredKey)
		p.local[name] = n
		if op.Put != nil {
			p.shows[name] = string(op.Put)
		}
	}
	return nil
}

func (p *page) flush() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.handle.Flush(ctx); err != nil {
		p.t.Errorf("flush: %v", err)
	}
	p.take()
}

func (p *page) show(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shows[key]
}

func (p *page) want(key, want string) {
	p.t.Helper()
	if got := p.show(key); got != want {
		p.t.Errorf("%s is %q, want %q", key, got, want)
	}
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
