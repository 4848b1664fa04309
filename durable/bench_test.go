package durable_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/live"
)

func benchAttach(b *testing.B, st *durable.Store, name string) live.StashHandle {
	b.Helper()
	h, err := st.Attach(context.Background(), live.Attachment{Session: ids(name), View: "view", Page: name, Notify: func() {}})
	if err != nil {
		b.Fatal(err)
	}
	h.Take()
	return h
}

func benchWrite(b *testing.B, h live.StashHandle, key string, n int) {
	b.Helper()
	if _, err := h.Write([]live.StashOp{put(view(key), strconv.Itoa(n))}); err != nil {
		b.Fatal(err)
	}
}

// What a write costs until it is applied and other tabs know it, in a document of 20 keys.
func BenchmarkAppliedWrite(b *testing.B) {
	st := open(b, durabletest.NewMemory(), func(o *durable.Options) { o.CommitEvery = time.Hour })
	h := benchAttach(b, st, "s")
	defer h.Close()
	for i := range 20 {
		benchWrite(b, h, fmt.Sprint("k", i), 0)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		benchWrite(b, h, "k3", i)
	}
}

// What a write costs until it is durable.
func BenchmarkDurableWrite(b *testing.B) {
	for name, bucket := range map[string]durable.Bucket{"memory": durabletest.NewMemory(), "local": local.Dir(b.TempDir())} {
		b.Run(name, func(b *testing.B) {
			h := benchAttach(b, open(b, bucket), "s")
			defer h.Close()
			for i := range 20 {
				benchWrite(b, h, fmt.Sprint("k", i), 0)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				benchWrite(b, h, "k3", i)
				if err := h.Flush(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a mount costs whose session is not in memory, and whose document has 20 keys of 100 bytes.
func BenchmarkActivation(b *testing.B) {
	bucket := durabletest.NewMemory()
	st := open(b, bucket, func(o *durable.Options) { o.IdleAfter = time.Nanosecond })
	h := benchAttach(b, st, "s")
	for i := range 20 {
		if _, err := h.Write([]live.StashOp{put(view(fmt.Sprint("k", i)), strconv.Quote(strings.Repeat("x", 100)))}); err != nil {
			b.Fatal(err)
		}
	}
	if err := h.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	h.Close()
	b.ReportAllocs()
	for b.Loop() {
		benchAttach(b, st, "s").Close()
	}
}

// 10,000 sessions that nobody uses any more take no memory; those whose pages are open take little.
func TestIdleSessionsCostNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 10_000 / raced
		b := durabletest.NewMemory()
		st := open(t, b)
		heap := func() int {
			synctest.Wait()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		before := heap()
		var handles []live.StashHandle
		for i := range n {
			h, err := st.Attach(t.Context(), live.Attachment{Session: ids(fmt.Sprint("s", i)), View: "view", Page: "p", Notify: func() {}})
			if err != nil {
				t.Fatal(err)
			}
			h.Take()
			if _, err := h.Write([]live.StashOp{put(view("count"), "1"), put(draft("note"), `"a note of some words"`)}); err != nil {
				t.Fatal(err)
			}
			handles = append(handles, h)
		}
		time.Sleep(time.Second)
		for _, h := range handles {
			h.Take()
		}
		stored := 0 // what the bucket holds is in this process's memory, too
		keys, err := b.List(t.Context(), "", "", n+1)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			data, _, err := b.Get(t.Context(), key, "")
			if err != nil {
				t.Fatal(err)
			}
			stored += len(data) + 2*len(key) + 100
		}
		used := heap()
		time.Sleep(10 * time.Minute)
		idle := heap()
		for _, h := range handles {
			h.Close()
		}
		handles = nil
		time.Sleep(10 * time.Minute)
		gone := heap()
		t.Logf("%d sessions, bytes each: in use %d, with an idle page %d, without a page %d; sessions in memory %d",
			n, (used-before-stored)/n, (idle-before-stored)/n, (gone-before-stored)/n, st.Sessions())
		if st.Sessions() != 0 {
			t.Errorf("%d sessions are in memory", st.Sessions())
		}
		if each := (idle - before - stored) / n; each > 2048 {
			t.Errorf("a session with an idle page takes %d bytes, want at most 2 KiB", each)
		}
	})
}
