package durable_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

// A mount that begins while a write of this node is under way shows what another node has written since.
func TestMountDuringAWriteIsFresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		slow := false
		delayed := durabletest.NewFaulty(b, durabletest.FaultyOptions{
			After: func(_ context.Context, r durabletest.Request, err error) error {
				if r.Op == durabletest.Put && slow {
					slow = false
					time.Sleep(2 * time.Second) // the write is done, its answer takes its time
				}
				return err
			},
		})
		here, there := open(t, delayed), open(t, b)
		p, q := attach(t, here, ids("s")), attach(t, there, ids("s"))
		p.write(put(view("a"), "1"))
		p.flush()
		slow = true
		p.write(put(view("a"), "2"))
		time.Sleep(100 * time.Millisecond)
		q.write(put(view("b"), `"elsewhere"`))
		q.flush()
		if q.saved != 1 {
			t.Fatal("the other node's write is not durable")
		}
		attach(t, here, ids("s")).want("b", `"elsewhere"`)
	})
}

// A page whose update could not be applied to another node's value shows that, once it is told that all is saved.
func TestPageOfAnUpdateThatIsLeftOutIsToldTheValue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 100 * time.Millisecond
		p, q := attach(t, open(t, b), ids("s")), attach(t, open(t, b), ids("s"))
		p.write(put(view("n"), "1"))
		p.flush()
		q.write(put(view("n"), `"no number"`))
		q.flush()
		op := add(view("n"), 1)
		p.write(op)
		p.mu.Lock()
		p.shows["n"] = "2" // as the page does
		p.mu.Unlock()
		for p.saved < p.n {
			<-p.wake
			p.take()
		}
		p.want("n", `"no number"`)
	})
}

// Who waits for a closed store is told so.
func TestNobodyWaitsForAClosedStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{})
		st := openUnclosed(t, b)
		p := attach(t, st, ids("s"))
		b.Partition(durabletest.NotSent)
		p.write(put(view("a"), "1"))
		flushed := make(chan error, 1)
		go func() { flushed <- p.handle.Flush(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		if err := st.Close(ctx); err == nil {
			t.Error("closed without an error")
		}
		select {
		case err := <-flushed:
			if !errors.Is(err, durable.ErrClosed) {
				t.Errorf("flush: %v", err)
			}
		case <-time.After(time.Hour):
			t.Error("a flush waits for ever")
			p.handle.Close()
		}
	})
}

// A store that would refuse every write is not opened.
func TestNegativeBoundsAreNotAllowed(t *testing.T) {
	for name, adjust := range map[string]func(*durable.Options){
		"MaxBytes":        func(o *durable.Options) { o.MaxBytes = -1 },
		"MaxPending":      func(o *durable.Options) { o.MaxPending = -1 },
		"MaxPendingTotal": func(o *durable.Options) { o.MaxPendingTotal = -1 },
	} {
		o := durable.Options{Bucket: durabletest.NewMemory(), SweepEvery: -1}
		adjust(&o)
		if st, err := durable.Open(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: open: %v", name, err)
			st.Close(t.Context())
		}
	}
}

// A page that is open keeps its session, however short that is remembered.
func TestShortSessionsOfOpenPagesLive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		short := func(o *durable.Options) {
			o.TTL, o.DraftTTL, o.SweepEvery = 5*time.Minute, 5*time.Minute, 0
		}
		st := open(t, b, short)
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"), put(draft("d"), "1"))
		p.flush()
		time.Sleep(time.Hour)
		synctest.Wait()
		if p.take(); p.err != nil {
			t.Errorf("the open page is told %v", p.err)
		}
		other, err := tryAttach(t, open(t, b, short), live.Attachment{Session: ids("s"), View: "view", Page: p.id, Back: true})
		if err != nil {
			t.Fatal(err)
		}
		other.want("a", "1")
		other.want("draft.d", "1")
	})
}

// A document that has left memory is bounded all the same.
func TestTooLargeIsRefusedWhileIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b, func(o *durable.Options) { o.MaxBytes = 4096 })
		p := attach(t, st, ids("s"))
		large := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
		for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
			err := p.tryWrite(put(view(key), large(1000)))
			if err != nil && !errors.Is(err, durable.ErrTooLarge) {
				t.Error(err)
			}
			p.flush()
			time.Sleep(10 * time.Minute)
		}
		data, _, err := b.Get(t.Context(), "sessions/s", "")
		if err != nil || len(data) > 4096 {
			t.Errorf("the object has %d bytes, at most 4096 are allowed (%v)", len(data), err)
		}
		// What is there may still be replaced.
		time.Sleep(10 * time.Minute)
		p.write(put(view("a"), large(1001)))
		p.flush()
		// A page that was refused is told when the document is there, to try again.
		time.Sleep(10 * time.Minute)
		p.told.Store(false)
		if err := p.tryWrite(put(view("g"), large(2000))); !errors.Is(err, durable.ErrTooLarge) {
			t.Errorf("a large value: %v", err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if !p.told.Load() {
			t.Error("a refused page hears nothing")
		}
	})
}

// What could be written and not be read again is refused.
func TestDocumentsThatCannotBeReadAgainAreNotAllowed(t *testing.T) {
	_, err := durable.Open(durable.Options{Bucket: durabletest.NewMemory(), MaxBytes: 8 << 20, SweepEvery: -1})
	if err == nil || !strings.Contains(err.Error(), "MaxBytes") {
		t.Errorf("open: %v", err)
	}
}

// garbling is a bucket whose answers are damaged while it is asked for that.
type garbling struct {
	durable.Bucket
	on atomic.Bool
}

func (g *garbling) Get(ctx context.Context, key, known string) ([]byte, string, error) {
	data, version, err := g.Bucket.Get(ctx, key, known)
	if g.on.Load() && len(data) > 0 {
		data = data[:len(data)/2]
	}
	return data, version, err
}

// A write that was refused because the document could not be used is not called saved when it can be again.
func TestWhatADamagedDocumentRefusedIsNotSaved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &garbling{Bucket: durabletest.NewMemory()}
		st := open(t, b)
		p := attach(t, st, ids("s"))
		p.write(put(view("k"), `"old"`))
		p.flush()
		time.Sleep(10 * time.Minute) // the document leaves memory
		b.on.Store(true)
		p.write(put(view("k"), `"new"`), put(view("more"), `"new"`))
		time.Sleep(time.Second)
		if p.take(); p.saved == p.n || !p.trouble {
			t.Errorf("saved %d of %d, trouble %v", p.saved, p.n, p.trouble)
		}
		b.on.Store(false)
		attach(t, st, ids("s")).want("k", `"old"`)
		p.take()
		p.write(put(view("j"), "1"))
		p.flush()
		if p.saved != p.n {
			t.Errorf("saved %d of %d", p.saved, p.n)
		}
		p.want("k", `"old"`)
		p.want("more", "")
		p.want("j", "1")
	})
}
