package durable_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
)

// What the sweep cannot read does not keep it from the rest.
func TestSweepGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		for _, name := range []string{"a", "zz"} {
			p := attach(t, st, ids(name))
			p.write(put(view("a"), "1"))
			p.flush()
			p.handle.Close()
		}
		data, _, err := b.Get(t.Context(), "sessions/a", "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if _, err := b.Put(t.Context(), fmt.Sprintf("sessions/b%04d", i), data, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Put(t.Context(), "sessions/aa", []byte("garbage"), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * 24 * time.Hour)
		sweeping := open(t, b, func(o *durable.Options) { o.SweepEvery = time.Hour })
		time.Sleep(80 * time.Hour)
		_ = sweeping
		if _, _, err := b.Get(t.Context(), "sessions/zz", ""); err == nil {
			t.Error("a dead session after one that cannot be read is still there")
		}
		if n := b.Len(); n != 1 {
			t.Errorf("%d objects are left, want the one that cannot be read", n)
		}
	})
}
