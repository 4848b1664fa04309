package durable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
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

// interrupted returns a bucket whose n-th write of a document and all later ones fail, as if the process were gone.
func interrupted(b durable.Bucket, n int) durable.Bucket {
	puts := 0
	return durabletest.NewFaulty(b, durabletest.FaultyOptions{
		Before: func(_ context.Context, r durabletest.Request) error {
			if r.Op != durabletest.Put || len(r.Data) < 2 {
				return nil
			}
			if puts++; puts >= n {
				return errors.New("interrupted")
			}
			return nil
		},
	})
}

// A session is renewed when its move to another key is not finished.
func TestRenewalOfAHalfMovedSession(t *testing.T) {
	for step := 2; step <= 3; step++ {
		t.Run(fmt.Sprint("step=", step), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := durabletest.NewMemory()
				old := attach(t, open(t, b), ids("f1"))
				old.write(put(view("a"), `"kept"`))
				old.flush()
				broken := openUnclosed(t, interrupted(b, step))
				if p, err := tryAttach(t, broken, live.Attachment{Session: live.StashSession{IDs: []string{"f0", "f1"}}, View: "view"}); err == nil {
					p.handle.Close()
				}
				broken.Close(t.Context())
				attach(t, open(t, b), live.StashSession{IDs: []string{"s0", "s1"}, From: []string{"f0", "f1"}}).want("a", `"kept"`)
			})
		})
	}
}

// The old document of a move that was interrupted holds what it held. It does not come back after the
// session's end, however late, and does not stay for good.
func TestInterruptedMovesLeaveNothing(t *testing.T) {
	for _, renewed := range []bool{false, true} {
		for n := range 4 {
			logout, step := n < 2, 2+n%2
			t.Run(fmt.Sprintf("renewed=%v,logout=%v,step=%d", renewed, logout, step), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					b := durabletest.NewMemory()
					st := open(t, b)
					old := attach(t, st, ids("old"))
					old.write(put(view("a"), `"secret"`))
					old.flush()
					old.handle.Close()
					moved := live.StashSession{IDs: []string{"new", "old"}}
					if renewed {
						moved = live.StashSession{IDs: []string{"new"}, From: []string{"old"}}
					}
					broken := openUnclosed(t, interrupted(b, step))
					if p, err := tryAttach(t, broken, live.Attachment{Session: moved, View: "view"}); err == nil {
						p.handle.Close()
					}
					broken.Close(t.Context())

					if logout {
						p := attach(t, open(t, b), moved)
						p.want("a", `"secret"`)
						p.handle.Close()
						if err := open(t, b).End(t.Context(), moved); err != nil {
							t.Fatal(err)
						}
					}
					later := func(d time.Duration) {
						time.Sleep(d)
						sweeper := open(t, b)
						for range 2 {
							if _, _, err := sweeper.Sweep(t.Context(), ""); err != nil {
								t.Error(err)
							}
						}
					}
					if !logout {
						later(31 * 24 * time.Hour)
					}
					later(72 * time.Hour)
					if p, err := tryAttach(t, open(t, b), live.Attachment{Session: moved, View: "view"}); err == nil {
						p.want("a", "")
						p.handle.Close()
					}
					later(100 * 24 * time.Hour)
					later(72 * time.Hour)
					later(72 * time.Hour)
					if n := b.Len(); n != 0 {
						t.Errorf("%d objects are left for good", n)
					}
				})
			})
		}
	}
}

// Of a session that was renewed before it had stored anything nothing is left either.
func TestRenewedSessionWithoutValuesIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		fresh := live.StashSession{IDs: []string{"new"}, From: []string{"old"}}
		st := open(t, b)
		p := attach(t, st, fresh)
		// Whoever has slipped the browser the old id cannot store for the new session.
		thief, err := tryAttach(t, open(t, b), live.Attachment{Session: ids("old"), View: "view"})
		if !errors.Is(err, live.ErrSessionEnded) {
			t.Errorf("attach to the old session: %v", err)
		}
		if err == nil {
			thief.write(put(view("a"), `"slipped"`))
			thief.flush()
		}
		attach(t, st, fresh).want("a", "")
		p.write(put(view("a"), "1"))
		p.flush()
		p.want("a", "1")
		attach(t, open(t, b), fresh).want("a", "1")
	})
}
