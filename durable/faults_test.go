package durable_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

// operation is one step of a history on one key, whose value is a number.
type operation struct {
	kind string // put, add, read
	n    int
}

// register is what porcupine checks histories against.
var register = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		switch op := input.(operation); op.kind {
		case "put":
			return true, op.n
		case "add":
			return true, state.(int) + op.n
		default:
			return output.(int) == state.(int), state
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " → ", output) },
}

// virtual is a bucket for histories in virtual time.
func virtual() durable.Bucket {
	b := durabletest.NewMemory()
	b.Latency = 4 * time.Millisecond
	return b
}

// history lets three nodes without a coordinator work on one key under faults, while a fourth reads. They pause between
// steps, in virtual time.
func history(t *testing.T, seed uint64, b durable.Bucket, pause func(time.Duration), adjust func(*durable.Store)) []porcupine.Operation {
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	var ops []porcupine.Operation
	record := func(client int, op operation, f func() int) {
		call := time.Now().UnixNano()
		out := f()
		mu.Lock()
		ops = append(ops, porcupine.Operation{ClientId: client, Input: op, Call: call, Output: out, Return: time.Now().UnixNano()})
		mu.Unlock()
	}
	read := func(st *durable.Store) int {
		p := attach(t, st, ids("s"))
		defer p.handle.Close()
		n, _ := strconv.Atoi(p.show("k"))
		return n
	}
	var clients, reader sync.WaitGroup
	var faulty []*durabletest.Faulty
	for client := range 3 {
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{Seed: seed*10 + uint64(client) + 1, MaxDelay: 60 * time.Millisecond})
		faulty = append(faulty, f)
		st := open(t, f)
		adjust(st)
		p := attach(t, st, ids("s"))
		f.SetRates(map[durabletest.Fault]float64{durabletest.NotSent: .05, durabletest.AnswerLost: .05, durabletest.Late: .05, durabletest.Unavailable: .05})
		own := rand.New(rand.NewPCG(random.Uint64(), 2))
		clients.Go(func() {
			for i := range 12 {
				switch own.IntN(3) {
				case 0:
					op := operation{"put", 1000*(client+1) + 10*i}
					record(client, op, func() int { p.write(put(view("k"), strconv.Itoa(op.n))); p.flush(); return 0 })
				case 1:
					record(client, operation{"add", 1}, func() int { p.write(add(view("k"), 1)); p.flush(); return 0 })
				default:
					record(client, operation{"read", 0}, func() int { return read(st) })
				}
				pause(time.Duration(own.IntN(8)) * time.Millisecond)
			}
		})
	}
	stop := make(chan struct{})
	watcher := open(t, b)
	reader.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			record(3, operation{"read", 0}, func() int { return read(watcher) })
			pause(5 * time.Millisecond)
		}
	})
	clients.Wait()
	for _, f := range faulty {
		f.SetRates(nil)
		if err := f.Settle(t.Context()); err != nil {
			t.Error(err)
		}
	}
	pause(100 * time.Millisecond)
	close(stop)
	reader.Wait()
	record(3, operation{"read", 0}, func() int { return read(watcher) })
	return ops
}

// Three nodes without a coordinator are linearizable per key, whatever the network does.
func TestLinearizable(t *testing.T) {
	n, bad, operations := rounds(100), 0, 0
	base := rand.Uint64N(1 << 40)
	t.Logf("seeds from %d", base)
	for i := range n {
		bubble(t, func(t *testing.T) {
			ops := history(t, base+uint64(i), virtual(), time.Sleep, func(*durable.Store) {})
			operations += len(ops)
			if !porcupine.CheckOperations(register, ops) {
				bad++
				t.Errorf("seed %d: not linearizable: %v", base+uint64(i), ops)
			}
		})
	}
	t.Logf("%d histories of 3 nodes, %d operations: %d bad", n, operations, bad)
}

// The control: without write ids, a write whose answer is lost is done twice, and the histories show it.
func TestWithoutWriteIDsHistoriesAreBad(t *testing.T) {
	bad := 0
	n := 100 / raced
	for i := range n {
		bubble(t, func(t *testing.T) {
			if !porcupine.CheckOperations(register, history(t, uint64(i), virtual(), time.Sleep, (*durable.Store).ForgetWriteIDs)) {
				bad++
			}
		})
	}
	t.Logf("control without write ids: %d of %d histories are bad", bad, n)
	if bad == 0 {
		t.Error("no history is bad: the check would find nothing")
	}
}

// 60 seconds without the bucket at 200 live pages.
func TestOutage(t *testing.T) {
	for _, how := range []durabletest.Fault{durabletest.Unavailable, durabletest.Hang} {
		t.Run(how.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := durabletest.NewMemory()
				b.Latency = 20 * time.Millisecond
				f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
				st := open(t, f)
				var all []*page
				for i := range 200 {
					p := attach(t, st, ids(fmt.Sprint("s", i)))
					p.write(put(view("k"), "0"))
					all = append(all, p)
				}
				for _, p := range all {
					p.flush()
				}
				f.Partition(how)
				refused := 0
				for second := range 60 {
					for i, p := range all {
						for j := range 5 {
							if p.tryWrite(put(view("k"), strconv.Itoa(1000*second+j)), add(view("n"), 1)) != nil {
								refused++
							}
						}
						if p.take(); p.saved == p.n {
							t.Fatalf("page %d is marked saved during the outage", i)
						}
					}
					time.Sleep(time.Second)
				}
				for i, p := range all {
					if p.take(); !p.trouble {
						t.Fatalf("page %d is not told of the outage", i)
					}
				}
				if _, err := tryAttach(t, st, live.Attachment{Session: ids("s0"), View: "view"}); err == nil || errors.Is(err, live.ErrSessionEnded) {
					t.Errorf("a mount during the outage: %v", err)
				}
				f.Partition(durabletest.None)
				back := time.Now()
				for _, p := range all {
					p.flush()
					if p.take(); p.saved != p.n || p.trouble {
						t.Fatalf("saved %d of %d after the outage", p.saved, p.n)
					}
				}
				took := time.Since(back)
				t.Logf("60 s outage (%v), 200 pages: %d writes refused, all durable %v after it", how, refused, took)
				if took > 30*time.Second || refused > 0 {
					t.Errorf("want all durable within 30 s, none refused")
				}
				for i := range all {
					r := attach(t, open(t, b), ids(fmt.Sprint("s", i)))
					r.want("k", "59004")
					r.want("n", "300")
				}
			})
		})
	}
}

// What waits for the bucket is bounded: beyond, writes are refused and what was taken before is kept.
func TestPendingIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{})
		st := open(t, f, func(o *durable.Options) { o.MaxPending = 10_000 })
		p := attach(t, st, ids("s"))
		f.Partition(durabletest.Unavailable)
		var refused error
		taken := 0
		for i := range 1000 {
			if refused = p.tryWrite(add(view(fmt.Sprint("k", i)), i)); refused != nil {
				break
			}
			taken++
		}
		if !errors.Is(refused, durable.ErrPending) {
			t.Fatalf("%d writes were taken, then %v", taken, refused)
		}
		f.Partition(durabletest.None)
		p.flush()
		r := attach(t, st, ids("s"))
		for i := range taken {
			r.want(fmt.Sprint("k", i), strconv.Itoa(i))
		}
		p.write(put(view("more"), "1"))
	})
}

// 1,000 sessions with changes are written before the store is closed.
func TestCloseWritesEverything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 50 * time.Millisecond
		st := openUnclosed(t, b, func(o *durable.Options) { o.CommitEvery = time.Minute })
		for i := range 1000 {
			p := attach(t, st, live.StashSession{IDs: []string{fmt.Sprint("s", i)}, New: true})
			p.write(put(view("a"), "0"))
			p.write(put(view("a"), strconv.Itoa(i)))
			p.handle.Close()
		}
		began := time.Now()
		if err := st.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Logf("1,000 dirty sessions at 50 ms per request: closed in %v", time.Since(began))
		fresh := open(t, b)
		for i := range 1000 {
			attach(t, fresh, ids(fmt.Sprint("s", i))).want("a", strconv.Itoa(i))
		}
		if _, err := tryAttach(t, st, live.Attachment{Session: ids("s1"), View: "view"}); !errors.Is(err, durable.ErrClosed) {
			t.Errorf("a mount after Close: %v", err)
		}
	})
}

// A store that cannot write everything in time says which sessions it lost.
func TestCloseReportsWhatIsNotSaved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{})
		st := openUnclosed(t, f)
		for i := range 3 {
			p := attach(t, st, ids(fmt.Sprint("s", i)))
			if i > 0 {
				f.Partition(durabletest.Hang)
			}
			p.write(put(view("a"), "1"))
			if i == 0 {
				p.flush()
				attach(t, st, ids("s1"))
				attach(t, st, ids("s2"))
			}
			if i == 1 {
				f.Partition(durabletest.None)
			}
			if i == 2 {
				f.Partition(durabletest.Hang)
			}
			synctest.Wait()
		}
		began := time.Now()
		err := st.Close(context.Background())
		if err == nil || time.Since(began) > 21*time.Second {
			t.Errorf("closed after %v: %v", time.Since(began), err)
		}
		t.Log(err)
	})
}

// Whoever waits for the bucket does not wait for longer than there is a store.
func TestCloseLetsNobodyWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{})
		st := openUnclosed(t, f, func(o *durable.Options) { o.ReadTimeout = time.Hour })
		p := attach(t, st, ids("s"))
		f.Partition(durabletest.Unavailable)
		p.write(put(view("a"), "1"))
		flushed, committed, mounted := make(chan error, 1), make(chan error, 1), make(chan error, 1)
		go func() { flushed <- p.handle.Flush(context.Background()) }()
		synctest.Wait()
		go func() { committed <- p.commit(time.Hour, put(view("b"), "1")) }()
		go func() {
			_, err := st.Attach(context.Background(), live.Attachment{Session: ids("s"), View: "view", Page: "p", Notify: func() {}})
			mounted <- err
		}()
		synctest.Wait()
		if err := st.Close(context.Background()); err == nil {
			t.Error("closed, and all was saved")
		}
		began := time.Now()
		for what, c := range map[string]chan error{"flush": flushed, "commit": committed, "mount": mounted} {
			if err := <-c; !errors.Is(err, durable.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("they waited %v longer", waited)
		}
	})
}

// Refused for good: an alarm, and everything is kept until the credentials are back.
func TestWrongCredentials(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		st := open(t, f)
		p := attach(t, st, ids("s"))
		f.Partition(durabletest.Denied)
		before := f.Injected(durabletest.Denied)
		p.write(put(view("a"), "1"))
		time.Sleep(time.Minute)
		if p.take(); !p.trouble || p.saved != 0 {
			t.Errorf("trouble %v, saved %d", p.trouble, p.saved)
		}
		if n := f.Injected(durabletest.Denied) - before; n > 4 {
			t.Errorf("%d tries in a minute", n)
		}
		began := time.Now()
		if _, err := tryAttach(t, st, live.Attachment{Session: ids("other"), View: "view"}); err == nil || time.Since(began) > time.Second {
			t.Errorf("a mount: %v after %v", err, time.Since(began))
		}
		f.Partition(durabletest.None)
		time.Sleep(time.Minute)
		if p.take(); p.trouble || p.saved != p.n {
			t.Errorf("trouble %v, saved %d of %d", p.trouble, p.saved, p.n)
		}
	})
}

// A full disk: the page goes on unsaved, and nothing is lost.
func TestFullDisk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		st := open(t, f)
		p := attach(t, st, ids("s"))
		p.write(put(view("a"), "1"))
		p.flush()
		f.Partition(durabletest.Full)
		p.write(put(view("a"), "2"))
		time.Sleep(5 * time.Second)
		if p.take(); !p.trouble || p.saved == p.n {
			t.Errorf("trouble %v, saved %d of %d", p.trouble, p.saved, p.n)
		}
		attach(t, open(t, b), ids("s")).want("a", "1")
		f.Partition(durabletest.None)
		p.flush()
		attach(t, open(t, b), ids("s")).want("a", "2")
	})
}

// A bucket that ignores conditions is not opened.
func TestBucketWithoutConditionsIsRefused(t *testing.T) {
	for name, b := range map[string]durable.Bucket{
		"create":  careless{durabletest.NewMemory(), true, false},
		"replace": careless{durabletest.NewMemory(), false, true},
	} {
		if _, err := durable.Open(durable.Options{Bucket: b}); err == nil {
			t.Errorf("%s: opened", name)
		} else {
			t.Log(err)
		}
	}
	f := durabletest.NewFaulty(durabletest.NewMemory(), durabletest.FaultyOptions{})
	f.Partition(durabletest.Denied)
	if _, err := durable.Open(durable.Options{Bucket: f}); err == nil {
		t.Error("opened with wrong credentials")
	}
	_, err := durable.Open(durable.Options{Bucket: durabletest.NewMemory(), Clock: func() time.Time { return time.Now().Add(3 * time.Hour) }})
	if err == nil {
		t.Error("opened with a clock three hours off")
	}
	t.Log(err)
}

// careless ignores a kind of condition.
type careless struct {
	*durabletest.Memory
	create, replace bool
}

func (c careless) Put(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
	if c.create && ifVersion == "" || c.replace && ifVersion != "" {
		_, version, err := c.Memory.Get(ctx, key, "")
		if err == nil {
			ifVersion = version
		}
	}
	return c.Memory.Put(ctx, key, data, ifVersion)
}
