package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
)

var _ interface {
	durable.Pacer
	durable.Timekeeper
	durable.Opener
} = (*durabletest.Faulty)(nil)

func TestFaultyWithoutFaults(t *testing.T) {
	store := durabletest.NewMemory()
	durabletest.TestBucket(t, func(t *testing.T) durable.Bucket {
		return durabletest.NewFaulty(store, durabletest.FaultyOptions{Logf: t.Logf})
	})
}

func TestFaultySlow(t *testing.T) {
	store := durabletest.NewMemory()
	durabletest.TestBucket(t, func(t *testing.T) durable.Bucket {
		return durabletest.NewFaulty(store, durabletest.FaultyOptions{
			Rates: map[durabletest.Fault]float64{durabletest.Slow: 0.2}, MaxDelay: time.Microsecond,
		})
	})
}

// TestFaults checks of each fault whether the write was done, and when.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		fault   durabletest.Fault
		matches error
		fails   bool
		done    bool // when Put returns
		later   bool // when settled
	}{
		{durabletest.None, nil, false, true, true},
		{durabletest.NotSent, durabletest.ErrInjected, true, false, false},
		{durabletest.AnswerLost, durabletest.ErrInjected, true, true, true},
		{durabletest.Late, durabletest.ErrInjected, true, false, true},
		{durabletest.Held, durabletest.ErrInjected, true, false, true},
		{durabletest.Unavailable, durabletest.ErrInjected, true, false, false},
		{durabletest.Slow, nil, false, true, true},
		{durabletest.Hang, context.DeadlineExceeded, true, false, false},
		{durabletest.Denied, fs.ErrPermission, true, false, false},
		{durabletest.Full, syscall.ENOSPC, true, false, false},
	} {
		t.Run(tt.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := durabletest.NewMemory()
				f := durabletest.NewFaulty(m, durabletest.FaultyOptions{Logf: t.Logf})
				f.Next(durabletest.Put, tt.fault)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				data := []byte("x")
				version, err := f.Put(ctx, "a", data, "")
				clear(data)
				if tt.fails != (err != nil) || !errors.Is(err, tt.matches) || tt.fails != (version == "") {
					t.Errorf("%q %v", version, err)
				}
				if known := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist); known {
					t.Errorf("%v says what became of the object", err)
				}
				if m.Len() == 1 != tt.done {
					t.Errorf("%d objects when Put returned", m.Len())
				}
				if err := f.Settle(t.Context()); err != nil {
					t.Error(err)
				}
				got, _, _ := m.Get(t.Context(), "a", "")
				if string(got) == "x" != tt.later {
					t.Errorf("%q in the end", got)
				}
				if n := f.Injected(tt.fault); n != 1 {
					t.Errorf("injected %d", n)
				}
				// The fault was for one request.
				if _, err := f.Put(ctx, "b", nil, ""); err != nil && tt.fault != durabletest.Hang {
					t.Error(err)
				}
			})
		})
	}
}

// TestLateWritesKeepTheirCondition: a write that arrives when the object has gone on does nothing.
func TestLateWritesKeepTheirCondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := durabletest.NewMemory()
		f := durabletest.NewFaulty(m, durabletest.FaultyOptions{})
		version, _ := f.Put(t.Context(), "a", []byte("one"), "")
		f.Next(durabletest.Put, durabletest.Late, durabletest.Held, durabletest.None)
		f.Put(t.Context(), "a", []byte("late"), version)
		f.Put(t.Context(), "a", []byte("held"), version)
		if _, err := f.Put(t.Context(), "a", []byte("two"), version); err != nil {
			t.Fatal(err)
		}
		if err := f.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if data, _, _ := m.Get(t.Context(), "a", ""); string(data) != "two" {
			t.Errorf("%s", data)
		}
		// Without a successor it is done, within MaxDelay.
		f.Next(durabletest.Put, durabletest.Late)
		f.Put(t.Context(), "b", nil, "")
		time.Sleep(100*time.Millisecond + 1)
		synctest.Wait()
		if n := m.Len(); n != 2 {
			t.Errorf("%d objects", n)
		}
		// What is held stays so until it is released.
		f.Next(durabletest.Put, durabletest.Held)
		f.Put(t.Context(), "c", nil, "")
		time.Sleep(time.Hour)
		if n := m.Len(); n != 2 {
			t.Errorf("%d objects", n)
		}
		if n := f.Release(); n != 1 || m.Len() != 3 {
			t.Errorf("released %d, %d objects", n, m.Len())
		}
		if err := f.Settle(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := durabletest.NewMemory()
		f := durabletest.NewFaulty(m, durabletest.FaultyOptions{})
		request := func(within time.Duration) (all []error) {
			for i := range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), within)
				var err error
				switch i {
				case 0:
					_, _, err = f.Get(ctx, "a", "")
				case 1:
					_, err = f.Put(ctx, "b", nil, "")
				case 2:
					err = f.Delete(ctx, "b")
				case 3:
					_, err = f.List(ctx, "", "", 0)
				case 4:
					_, err = f.Now(ctx)
				}
				cancel()
				all = append(all, err)
			}
			return all
		}
		m.Put(t.Context(), "a", nil, "")
		for how, want := range map[durabletest.Fault]error{
			durabletest.NotSent: durabletest.ErrInjected, durabletest.Hang: context.DeadlineExceeded, durabletest.Denied: fs.ErrPermission,
		} {
			f.Partition(how)
			for op, err := range request(time.Second) {
				if !errors.Is(err, want) {
					t.Errorf("%v, request %d: %v", how, op, err)
				}
			}
		}
		f.Partition(durabletest.None)
		if err := errors.Join(request(time.Second)...); err != nil {
			t.Error(err)
		}
		if c := m.Counts(); c.Puts != 2 || c.Gets != 1 {
			t.Errorf("requests went through: %+v", c)
		}
	})
}

// TestHooks: each request is seen before it is done and when it was, even if its answer is lost.
func TestHooks(t *testing.T) {
	var log []string
	m := durabletest.NewMemory()
	refuse := errors.New("refused")
	f := durabletest.NewFaulty(m, durabletest.FaultyOptions{
		Before: func(_ context.Context, r durabletest.Request) error {
			log = append(log, fmt.Sprintf("before %s %s %s", r.Op, r.Key, r.Data))
			if r.Key == "refused" {
				return refuse
			}
			return nil
		},
		After: func(_ context.Context, r durabletest.Request, err error) error {
			log = append(log, fmt.Sprintf("after %s %d %v", r.Op, m.Len(), err))
			if r.Op == durabletest.List {
				return refuse
			}
			return nil
		},
	})
	f.Next(durabletest.Put, durabletest.AnswerLost)
	f.Put(t.Context(), "a", []byte("x"), "")
	if _, err := f.Put(t.Context(), "refused", nil, ""); err != refuse {
		t.Error(err)
	}
	if _, err := f.List(t.Context(), "p", "", 0); err != refuse {
		t.Error(err)
	}
	want := []string{"before put a x", "after put 1 <nil>", "before put refused ", "before list p ", "after list 1 <nil>"}
	if !slices.Equal(log, want) {
		t.Errorf("%q", log)
	}
}

// TestSeedsRepeat: the same requests fail in the same ways.
func TestSeedsRepeat(t *testing.T) {
	run := func(seed uint64) (faults []string) {
		f := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{Seed: seed, Rates: map[durabletest.Fault]float64{
			durabletest.NotSent: 0.1, durabletest.AnswerLost: 0.1, durabletest.Unavailable: 0.1, durabletest.Denied: 0.1, durabletest.Full: 0.1,
		}})
		for range 200 {
			_, err := f.Put(t.Context(), "a", nil, "")
			faults = append(faults, fmt.Sprint(err))
		}
		return faults
	}
	if !slices.Equal(run(1), run(1)) {
		t.Error("one seed, two runs")
	}
	if slices.Equal(run(1), run(2)) {
		t.Error("two seeds, one run")
	}
}

// TestRatesAreKept: a counter under all faults at once is exact in the end, once each write whose fate is not known was
// looked for. It is the smallest user of a bucket that is right.
func TestRatesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := durabletest.NewMemory()
		rates := map[durabletest.Fault]float64{
			durabletest.NotSent: 0.05, durabletest.AnswerLost: 0.05, durabletest.Late: 0.05, durabletest.Unavailable: 0.05, durabletest.Slow: 0.05,
		}
		var wg sync.WaitGroup
		for node := range 3 {
			f := durabletest.NewFaulty(m, durabletest.FaultyOptions{Rates: rates, Logf: t.Logf})
			wg.Go(func() {
				for i := range 200 {
					entry := fmt.Sprintf(" %d:%d", node, i)
					for {
						data, version, err := f.Get(t.Context(), "log", "")
						if err != nil && !errors.Is(err, fs.ErrNotExist) {
							continue
						}
						if slices.Contains(strings.Fields(string(data)), entry[1:]) {
							break
						}
						if _, err := f.Put(t.Context(), "log", append(data, entry...), version); err == nil {
							break
						}
					}
				}
				f.Settle(t.Context())
				for fault := range rates {
					if f.Injected(fault) == 0 {
						t.Errorf("never %v", fault)
					}
				}
			})
		}
		wg.Wait()
		data, _, _ := m.Get(t.Context(), "log", "")
		all := strings.Fields(string(data))
		slices.Sort(all)
		if n := len(all); n != 600 || len(slices.Compact(all)) != 600 {
			t.Errorf("%d entries, want 600, each once", n)
		}
	})
}
