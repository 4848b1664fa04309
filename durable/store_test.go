package durable_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

func TestValuesComeBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 30 * time.Millisecond
		st := open(t, b)
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"), put(shared("s"), `"x"`), put(draft("d"), "2"))
		p.flush()
		if p.saved != p.n {
			t.Errorf("saved %d of %d", p.saved, p.n)
		}

		again := open(t, b)
		q := attach(t, again, ids("s"))
		q.want("a", "1")
		q.want("shared.s", `"x"`)
		q.want("draft.d", "")
		back, err := tryAttach(t, again, live.Attachment{Session: ids("s"), View: "view", Page: p.id, Back: true})
		if err != nil {
			t.Fatal(err)
		}
		back.want("a", "1")
		back.want("draft.d", "2")
		other, err := tryAttach(t, again, live.Attachment{Session: ids("s"), View: "other"})
		if err != nil {
			t.Fatal(err)
		}
		other.want("a", "")
		other.want("shared.s", `"x"`)
	})
}

func TestTabsSeeEachOtherAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = time.Second
		st := open(t, b)
		p, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
		p.write(put(view("a"), "1"))
		if !q.told.Load() || p.told.Load() {
			t.Errorf("told: the other tab %v, the writer %v", q.told.Load(), p.told.Load())
		}
		q.take()
		q.want("a", "1")
		if q.saved != 0 || p.take().Saved != 0 {
			t.Error("saved before it was")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if p.take(); p.saved != 1 {
			t.Errorf("saved %d, want 1", p.saved)
		}
	})
}

func TestUpdatesAreCountedOnEachNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 10 * time.Millisecond
		one, two := open(t, b), open(t, b)
		tabs := []*page{attach(t, one, ids("s")), attach(t, one, ids("s")), attach(t, two, ids("s"))}
		for range 100 {
			for _, p := range tabs {
				p.write(add(view("n"), 1))
			}
			time.Sleep(3 * time.Millisecond)
		}
		for _, p := range tabs {
			p.flush()
		}
		attach(t, open(t, b), ids("s")).want("n", "300")
	})
}

func TestSupersededInstanceWritesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 10 * time.Millisecond
		one, two := open(t, b), open(t, b)
		zombie := attach(t, one, ids("s"))
		zombie.write(put(draft("d"), `"old"`))
		zombie.flush()
		p, err := tryAttach(t, two, live.Attachment{Session: ids("s"), View: "view", Page: zombie.id, Back: true})
		if err != nil {
			t.Fatal(err)
		}
		p.want("draft.d", `"old"`)
		zombie.write(put(draft("d"), `"zombie"`), put(view("a"), "1"))
		time.Sleep(time.Second)
		synctest.Wait()
		if news := zombie.take(); !errors.Is(news.Err, live.ErrSuperseded) {
			t.Errorf("the zombie is told %v", news.Err)
		}
		if err := zombie.tryWrite(put(view("a"), "1")); !errors.Is(err, live.ErrSuperseded) {
			t.Errorf("the zombie's next write: %v", err)
		}
		p.write(put(draft("e"), "1"))
		p.flush()
		back, err := tryAttach(t, open(t, b), live.Attachment{Session: ids("s"), View: "view", Page: zombie.id, Back: true})
		if err != nil {
			t.Fatal(err)
		}
		back.want("draft.d", `"old"`)
		back.want("draft.e", "1")
		back.want("a", "")
	})
}

// A page that is mounted twice at once, as by a browser that gave up waiting and tried again, has one instance afterwards.
func TestMountedTwiceAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 10 * time.Millisecond
		st := open(t, b)
		first := attach(t, st, ids("s"))
		first.write(put(draft("d"), `"first"`))
		first.flush()
		first.write(put(view("a"), "1"))
		both := make(chan *page)
		for range 2 {
			go func() {
				p, err := tryAttach(t, st, live.Attachment{Session: ids("s"), View: "view", Page: first.id, Back: true})
				if err != nil {
					t.Error(err)
				}
				both <- p
			}()
		}
		synctest.Wait()
		first.write(put(view("a"), "2")) // while this is under way, both mounts get into one batch
		p, q := <-both, <-both
		time.Sleep(time.Second)
		if p.take(); p.err == nil {
			p, q = q, p
		}
		if q.take(); !errors.Is(p.take().Err, live.ErrSuperseded) || q.err != nil {
			t.Errorf("the instances are told %v and %v", p.err, q.err)
		}
		if !errors.Is(first.take().Err, live.ErrSuperseded) {
			t.Errorf("the instance before is told %v", first.err)
		}
		q.write(put(draft("d"), `"mine"`))
		q.flush()
	})
}

// A mount that was given up because it could not be written in time does not replace, later, the one that was done instead.
func TestAbandonedMount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		one, two := open(t, f), open(t, b)
		first := attach(t, one, ids("s"))
		first.write(put(draft("d"), `"first"`))
		first.flush()
		again := live.Attachment{Session: ids("s"), View: "view", Page: first.id, Back: true}
		f.Partition(durabletest.Full)
		if _, err := tryAttach(t, one, again); err == nil {
			t.Fatal("mounted without being written")
		}
		p, err := tryAttach(t, two, again)
		if err != nil {
			t.Fatal(err)
		}
		f.Partition(durabletest.None)
		time.Sleep(time.Minute)
		p.write(put(draft("d"), `"mine"`))
		p.flush()
		if !errors.Is(first.take().Err, live.ErrSuperseded) {
			t.Errorf("the first instance is told %v", first.err)
		}
	})
}

func TestGatedChangesAreHiddenUntilDurable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = time.Second
		st := open(t, b)
		p, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
		p.write(put(view("before"), "1"))
		done := make(chan error)
		go func() {
			_, err := p.handle.Commit(t.Context(), []live.StashOp{put(view("a"), "1")})
			done <- err
		}()
		synctest.Wait()
		q.write(put(view("after"), "1"))
		mounted := make(chan *page)
		go func() {
			late, err := tryAttach(t, st, live.Attachment{Session: ids("s"), View: "view"})
			if err != nil {
				t.Error(err)
			}
			mounted <- late
		}()
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		q.take()
		q.want("a", "")
		select {
		case <-mounted:
			t.Error("mounted before the gated change was durable")
		case <-done:
			t.Error("committed too early")
		default:
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		late := <-mounted
		late.want("a", "1")
		late.want("before", "1")
		late.want("after", "1")
		q.take()
		q.want("a", "1")
	})
}

func TestEndedSessionIsDeadEverywhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		one, two := open(t, b), open(t, b)
		p, q := attach(t, one, ids("s")), attach(t, two, ids("s"))
		p.write(put(view("a"), "1"))
		p.flush()
		q.write(put(view("b"), "1"))
		q.flush()
		if err := one.End(t.Context(), ids("s")); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(p.take().Err, live.ErrSessionEnded) {
			t.Errorf("the page is told %v", p.err)
		}
		q.tryWrite(put(view("b"), "2"))
		time.Sleep(time.Second)
		synctest.Wait()
		if !errors.Is(q.take().Err, live.ErrSessionEnded) {
			t.Errorf("the other node's page is told %v", q.err)
		}
		if _, err := tryAttach(t, open(t, b), live.Attachment{Session: ids("s"), View: "view"}); !errors.Is(err, live.ErrSessionEnded) {
			t.Errorf("attach afterwards: %v", err)
		}
		// A session in which nothing was stored can be ended too.
		if err := one.End(t.Context(), ids("unused")); err != nil {
			t.Fatal(err)
		}
		if _, err := tryAttach(t, two, live.Attachment{Session: ids("unused"), View: "view"}); !errors.Is(err, live.ErrSessionEnded) {
			t.Errorf("attach afterwards: %v", err)
		}
	})
}

func TestResetForgetsTheView(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		p, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
		p.write(put(view("a"), "1"), put(draft("d"), "1"), put(shared("s"), "1"))
		p.flush()
		q.take()
		q.want("a", "1")
		p.write(live.StashOp{Reset: true})
		p.flush()
		q.take()
		q.want("a", "")
		q.want("shared.s", "1")
		attach(t, open(t, b), ids("s")).want("a", "")
	})
}

func TestSecretRotationMovesTheDocument(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		old := attach(t, open(t, b), ids("old"))
		old.write(put(view("a"), "1"))
		old.flush()
		both := live.StashSession{IDs: []string{"new", "old"}}
		p := attach(t, open(t, b), both)
		p.want("a", "1")
		p.write(put(view("a"), "2"))
		p.flush()
		// A node that has only the old secret follows.
		old.write(put(view("b"), "1"))
		old.flush()
		if old.err != nil {
			t.Error(old.err)
		}
		old.want("a", "2")
		q := attach(t, open(t, b), ids("new"))
		q.want("a", "2")
		q.want("b", "1")
	})
}

// Two apps share a store, and only one has the new secret: each takes only its own writes for durable.
func TestOneSessionByTwoIDs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		st := open(t, f)
		p := attach(t, st, ids("old"))
		p.write(put(view("a"), "1"))
		p.flush()
		q := attach(t, st, live.StashSession{IDs: []string{"new", "old"}})
		p.write(put(view("a"), "2"))
		p.flush()
		f.Next(durabletest.Put, durabletest.NotSent)
		f.Next(durabletest.Get, durabletest.Unavailable)
		p.write(put(view("a"), "3"))
		synctest.Wait()
		q.write(put(view("b"), "1"))
		q.flush()
		p.flush()
		fresh := attach(t, open(t, b), ids("new"))
		fresh.want("a", "3")
		fresh.want("b", "1")
	})
}

// Somebody else moves the document just after it was not found where it belongs.
func TestMovedMeanwhile(t *testing.T) {
	for name, s := range map[string]live.StashSession{
		"rotated": {IDs: []string{"new", "old"}},
		"renewed": {IDs: []string{"new"}, From: []string{"old"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := durabletest.NewMemory()
				old := attach(t, open(t, b), ids("old"))
				old.write(put(view("a"), "1"))
				old.flush()
				var once sync.Once
				f := durabletest.NewFaulty(b, durabletest.FaultyOptions{After: func(_ context.Context, r durabletest.Request, _ error) error {
					if r.Op == durabletest.Get && r.Key == "sessions/new" {
						once.Do(func() { attach(t, open(t, b), s) })
					}
					return nil
				}})
				attach(t, open(t, f), s).want("a", "1")
			})
		})
	}
}

func TestRenewalMovesTheDocumentOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		old := attach(t, st, ids("old"))
		old.write(put(view("a"), "1"))
		old.flush()
		fresh := live.StashSession{IDs: []string{"new"}, From: []string{"old"}}
		p := attach(t, open(t, b), fresh)
		p.want("a", "1")
		// Whoever holds the old id gets nothing any more.
		if _, err := tryAttach(t, open(t, b), live.Attachment{Session: ids("old"), View: "view"}); !errors.Is(err, live.ErrSessionEnded) {
			t.Errorf("attach to the old session: %v", err)
		}
		old.tryWrite(put(view("a"), `"stolen"`))
		time.Sleep(time.Second)
		synctest.Wait()
		if !errors.Is(old.take().Err, live.ErrSessionEnded) {
			t.Errorf("the old session's page is told %v", old.err)
		}
		attach(t, open(t, b), fresh).want("a", "1")
	})
}

func TestIdleSessionsLeaveMemory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"))
		p.flush()
		time.Sleep(10 * time.Minute)
		other := attach(t, open(t, b), ids("s"))
		other.write(put(view("a"), "2"), put(view("b"), "1"))
		other.flush()
		// The document of a page that is still open has left memory; it is read again when it is needed.
		p.write(put(view("c"), "1"))
		p.flush()
		p.want("a", "2")
		p.want("b", "1")
		p.handle.Close()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := st.Sessions(); n != 0 {
			t.Errorf("%d sessions in memory", n)
		}
	})
}

func TestOnePageKeepsWhatItHolds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		p := attach(t, st, live.StashSession{IDs: []string{"s"}, New: true})
		if c := b.Counts(); c.Gets > 2 {
			t.Errorf("a new session was read: %+v", c)
		}
		p.write(put(view("a"), "1"))
		p.flush()
		data, _, err := b.Get(t.Context(), "sessions/s", "")
		if err != nil || !json.Valid(data[len("livelong-state/1 sha256=")+65:]) {
			t.Errorf("the object: %q, %v", data, err)
		}
	})
}

// A tab that resets what it has just changed shows what is stored then, also if the reset is durable much later.
func TestResetOfWhatIsNotDurable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		st := open(t, durabletest.NewMemory())
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"), put(draft("d"), "1"))
		p.write(live.StashOp{Reset: true})
		p.take() // too early: its own writes are not durable yet
		p.flush()
		p.want("a", "")
		p.want("draft.d", "")
	})
}

func TestTooLargeIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b, func(o *durable.Options) { o.MaxBytes = 4096 })
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"))
		big, _ := json.Marshal(string(make([]byte, 4000)))
		err := p.tryWrite(put(view("b"), string(big)))
		var shown *live.Error
		if !errors.Is(err, durable.ErrTooLarge) || !errors.As(err, &shown) {
			t.Errorf("a large value: %v", err)
		}
		p.write(put(view("a"), "2"))
		p.flush()
		attach(t, open(t, b), ids("s")).want("a", "2")
	})
}

func TestFlushGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = time.Second
		p := attach(t, open(t, b), live.StashSession{IDs: []string{"s"}, New: true})
		p.write(put(view("a"), "1"))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := p.handle.Flush(ctx); !errors.Is(err, durable.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		p.flush()
	})
}

// An update is told which version of the view type wrote the value it changes.
func TestUpdatesKnowTheVersion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		st := open(t, durabletest.NewMemory())
		p, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
		p.write(put(view("n"), "1"))
		var versions []int
		note := func(raw json.RawMessage, version int) (json.RawMessage, error) {
			versions = append(versions, version)
			return raw, nil
		}
		q.write(live.StashOp{StoredKey: view("n"), Version: 2, Update: []live.UpdateFunc{note, note}})
		q.flush()
		if len(versions) < 2 || versions[0] != 0 || versions[1] != 2 {
			t.Errorf("called with versions %v, want 0 and then 2", versions)
		}
	})
}
