package durable_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

// commit hands over a gated change with a deadline.
func (p *page) commit(d time.Duration, ops ...live.StashOp) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	_, err := p.handle.Commit(ctx, ops)
	return err
}

// Whatever becomes of a gated change that was not answered, it was seen by nobody before, and both nodes agree on it.
func TestGatedUnderFaults(t *testing.T) {
	for _, fault := range []durabletest.Fault{durabletest.NotSent, durabletest.AnswerLost, durabletest.Unavailable, durabletest.Late, durabletest.Held, durabletest.Hang} {
		t.Run(fault.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := durabletest.NewMemory()
				b.Latency = 10 * time.Millisecond
				f := durabletest.NewFaulty(b, durabletest.FaultyOptions{MaxDelay: 10 * time.Second})
				st := open(t, f)
				p, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
				p.write(put(view("a"), "0"))
				p.flush()
				q.take()
				f.Next(durabletest.Put, fault)
				f.Next(durabletest.Get, durabletest.Unavailable)
				err := p.commit(30*time.Second, put(view("a"), "1"))
				if err != nil {
					t.Errorf("commit: %v", err)
				}
				q.take()
				q.want("a", "1")
				f.Settle(t.Context())
				time.Sleep(time.Minute)
				attach(t, open(t, b), ids("s")).want("a", "1")
			})
		})
	}
}

// Past its deadline, a gated change that cannot have been sent is gone; one that may have landed is decided by the
// bucket, and mounts wait for that.
func TestGatedPastItsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 10 * time.Millisecond
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		st := open(t, f)
		p, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
		p.write(put(view("a"), "0"))
		p.flush()

		// The answer is lost, and the bucket is away until the deadline has passed.
		f.Next(durabletest.Put, durabletest.AnswerLost)
		done := make(chan error)
		go func() { done <- p.commit(time.Second, put(view("a"), "1")) }()
		synctest.Wait()
		time.Sleep(5 * time.Millisecond)
		f.Partition(durabletest.Unavailable)
		if err := <-done; !errors.Is(err, durable.ErrUnknown) {
			t.Errorf("commit: %v", err)
		}
		q.take()
		q.want("a", "0")
		q.write(put(view("b"), "1"))
		f.Partition(durabletest.None)
		late := attach(t, st, ids("s"))
		late.want("a", "1") // it had landed
		late.want("b", "1")

		// It was never done: mounts find the value before.
		f.Partition(durabletest.Unavailable)
		if err := p.commit(time.Second, put(view("a"), "2")); err == nil {
			t.Error("committed without a bucket")
		}
		f.Partition(durabletest.None)
		attach(t, st, ids("s")).want("a", "1")
		time.Sleep(time.Minute)
		attach(t, open(t, b), ids("s")).want("a", "1")

		// It waits behind an earlier write, so it was never sent, and never will be.
		f.Partition(durabletest.Hang)
		q.write(put(view("b"), "2"))
		synctest.Wait()
		if err := p.commit(time.Second, put(view("a"), "3")); err == nil || errors.Is(err, durable.ErrUnknown) {
			t.Errorf("commit behind a write that hangs: %v", err)
		}
		f.Partition(durabletest.None)
		q.flush()
		r := attach(t, open(t, b), ids("s"))
		r.want("a", "1")
		r.want("b", "2")
	})
}

// A gated change of an instance that was mounted again elsewhere is refused.
func TestGatedOfASupersededInstance(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		one, two := open(t, b), open(t, b)
		zombie := attach(t, one, ids("s"))
		zombie.write(put(view("a"), "0"))
		zombie.flush()
		if _, err := tryAttach(t, two, live.Attachment{Session: ids("s"), View: "view", Page: zombie.id, Back: true}); err != nil {
			t.Fatal(err)
		}
		if err := zombie.commit(time.Second, put(view("a"), "1")); !errors.Is(err, live.ErrSuperseded) {
			t.Errorf("commit: %v", err)
		}
		attach(t, two, ids("s")).want("a", "0")
	})
}

// An instance left behind never changes a draft after its page was mounted elsewhere, whatever the network does.
func TestZombiesUnderFaults(t *testing.T) {
	n := rounds(200)
	for i := range n {
		bubble(t, func(t *testing.T) {
			b := durabletest.NewMemory()
			b.Latency = 3 * time.Millisecond
			f := durabletest.NewFaulty(b, durabletest.FaultyOptions{Seed: uint64(i + 1), MaxDelay: 50 * time.Millisecond})
			one, two := open(t, f), open(t, b)
			zombie := attach(t, one, ids("s"))
			zombie.write(put(draft("d"), `"first"`))
			zombie.flush()
			f.SetRates(map[durabletest.Fault]float64{durabletest.NotSent: .1, durabletest.AnswerLost: .1, durabletest.Late: .2, durabletest.Unavailable: .1})
			stop := make(chan struct{})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for j := 0; ; j++ {
					select {
					case <-stop:
						return
					default:
					}
					zombie.tryWrite(put(draft("d"), `"zombie"`), put(view("a"), "1"))
					time.Sleep(time.Millisecond)
				}
			}()
			time.Sleep(time.Duration(i%20) * time.Millisecond)
			p, err := tryAttach(t, two, live.Attachment{Session: ids("s"), View: "view", Page: zombie.id, Back: true})
			if err != nil {
				t.Fatal(err)
			}
			found := p.show("draft.d")
			for j := range 20 {
				time.Sleep(5 * time.Millisecond)
				if j == 10 {
					p.write(put(draft("d"), `"mine"`))
					found = `"mine"`
				}
				p.take()
				if got := p.show("draft.d"); got != found {
					t.Fatalf("round %d: the draft changed from %s to %s", i, found, got)
				}
			}
			close(stop)
			<-ended
			p.flush()
			f.SetRates(nil)
			f.Settle(t.Context())
			time.Sleep(time.Minute)
			back, err := tryAttach(t, open(t, b), live.Attachment{Session: ids("s"), View: "view", Page: zombie.id, Back: true})
			if err != nil {
				t.Fatal(err)
			}
			back.want("draft.d", `"mine"`)
		})
	}
	t.Logf("%d rounds of an instance left behind under faults: no draft changed", n)
}
