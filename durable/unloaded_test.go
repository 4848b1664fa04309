package durable_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
)

// Pages outlive their document's stay in memory, and the bucket may be away just when it is needed again.

func TestGatedWithoutADocumentInMemory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		st := open(t, f)
		p, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
		p.write(put(view("a"), "0"))
		p.flush()
		q.take()
		time.Sleep(10 * time.Minute)
		f.Partition(durabletest.Unavailable)
		q.write(put(view("b"), "1"))
		if err := p.commit(time.Second, put(view("a"), "1")); err == nil {
			t.Error("committed without a bucket")
		}
		f.Partition(durabletest.None)
		q.flush()
		fresh := attach(t, open(t, b), ids("s"))
		fresh.want("a", "0")
		fresh.want("b", "1")
	})
}

// However often the document was out of memory when something was written, it does not outgrow its bound.
func TestTooLargeWithoutADocumentInMemory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b, func(o *durable.Options) { o.MaxBytes = 4096 })
		p := attach(t, st, ids("s"))
		large := func(fill string) string { return `"` + strings.Repeat(fill, 2000) + `"` }
		p.write(put(view("k0"), large("x")))
		p.flush()
		refused := 0
		for i := range 20 {
			time.Sleep(10 * time.Minute)
			if err := p.tryWrite(put(view(fmt.Sprint("k", i)), large("y"))); errors.Is(err, durable.ErrTooLarge) {
				refused++
			}
			p.flush()
		}
		data, _, err := b.Get(t.Context(), key, "")
		if err != nil || len(data) > 4096+512 || refused != 19 {
			t.Errorf("the object has %d bytes, %d writes were refused, %v", len(data), refused, err)
		}
		// What is there may be replaced by what is as large.
		p.want("k0", large("y"))
	})
}

// What was refused because the document could not be used is not taken for saved when it can be used again.
func TestRefusedWritesAreNotSavedLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"))
		p.flush()
		good, _, err := b.Get(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		replace(t, b, []byte("garbled"))
		p.write(put(view("a"), "2"), put(view("b"), "2"))
		time.Sleep(time.Minute)
		if p.take(); p.saved == p.n || !p.trouble {
			t.Errorf("saved %d of %d, trouble %v", p.saved, p.n, p.trouble)
		}
		replace(t, b, good) // somebody has repaired it
		attach(t, st, ids("s"))
		p.write(put(view("c"), "3"))
		p.flush()
		fresh := attach(t, st, ids("s"))
		for _, key := range []string{"a", "b", "c"} {
			if p.show(key) != fresh.show(key) {
				t.Errorf("%s is marked saved as %q, stored is %q", key, p.show(key), fresh.show(key))
			}
		}
	})
}
