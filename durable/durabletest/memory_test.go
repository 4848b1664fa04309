package durabletest_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
)

var _ durable.Timekeeper = (*durabletest.Memory)(nil)

func TestMemory(t *testing.T) {
	store := durabletest.NewMemory()
	durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return store })
	if n := store.Len(); n != 0 {
		t.Errorf("%d objects were left behind", n)
	}
}

func TestMemoryTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := durabletest.NewMemory()
		m.Latency = 100 * time.Millisecond
		began := time.Now()
		version, err := m.Put(t.Context(), "a", []byte("x"), "")
		if err != nil || time.Since(began) != m.Latency {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		for _, tt := range []struct {
			name string
			ends time.Duration
			done bool
		}{{"before", 40 * time.Millisecond, false}, {"answerLost", 60 * time.Millisecond, true}} {
			ctx, cancel := context.WithTimeout(t.Context(), tt.ends)
			began = time.Now()
			_, err := m.Put(ctx, "a", []byte(tt.name), version)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != tt.ends {
				t.Errorf("%s: %v after %v", tt.name, err, time.Since(began))
			}
			if data, _, _ := m.Get(t.Context(), "a", ""); (string(data) == tt.name) != tt.done {
				t.Errorf("%s: %s", tt.name, data)
			}
		}
		if now, err := m.Now(t.Context()); err != nil || !now.Equal(time.Now()) {
			t.Errorf("%v %v", now, err)
		}
	})
}

func TestMemoryCounts(t *testing.T) {
	m, ctx := durabletest.NewMemory(), t.Context()
	v, _ := m.Put(ctx, "a", []byte("123"), "")
	before := m.Counts()
	m.Put(ctx, "a", []byte("1234"), "")
	m.Get(ctx, "a", "")
	m.Get(ctx, "a", v)
	m.Get(ctx, "b", v)
	m.List(ctx, "", "", 0)
	m.Delete(ctx, "a")
	want := durabletest.Counts{Gets: 3, Unchanged: 1, Missing: 1, Puts: 1, Conflicts: 1, Deletes: 1, Lists: 1, Listed: 1, BytesIn: 4, BytesOut: 3}
	if got := m.Counts().Sub(before); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestMemoryListsWhatIsThere compares List with a plain search, after keys were deleted and came back.
func TestMemoryListsWhatIsThere(t *testing.T) {
	m, ctx := durabletest.NewMemory(), t.Context()
	versions := map[string]string{}
	for i := range 5000 {
		key := "k" + strconv.Itoa(i*7919%500)
		if v, ok := versions[key]; ok && i%3 > 0 {
			m.Delete(ctx, key)
			delete(versions, key)
		} else {
			v, err := m.Put(ctx, key, nil, v)
			if err != nil {
				t.Fatal(err)
			}
			versions[key] = v
		}
		if i%100 != 0 {
			continue
		}
		var want []string
		for k := range versions {
			if k > "k2" {
				want = append(want, k)
			}
		}
		slices.Sort(want)
		got, err := m.List(ctx, "", "k2", 1000)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("step %d: %v, got %d keys, want %d", i, err, len(got), len(want))
		}
	}
}

func BenchmarkMemoryPut(b *testing.B) {
	m, data, version := durabletest.NewMemory(), make([]byte, 4096), ""
	b.ReportAllocs()
	for b.Loop() {
		version, _ = m.Put(b.Context(), "a/b", data, version)
	}
}
