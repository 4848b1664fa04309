package durable_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

// rounds is how often what is random is repeated; `make soak` multiplies it, and the race detector divides it.
func rounds(n int) int { return n * *soak / raced }

// Two tabs change different keys: both survive.
func TestDifferentKeysSurvive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 2 * time.Millisecond
		one, two := open(t, b), open(t, b)
		n := rounds(1000)
		for i := range n {
			s := ids(fmt.Sprint("s", i))
			p, q := attach(t, one, s), attach(t, []*durable.Store{one, two}[i%2], s)
			var wg sync.WaitGroup
			wg.Go(func() { p.write(put(view("a"), strconv.Itoa(i))); p.flush() })
			wg.Go(func() { q.write(put(view("b"), strconv.Itoa(-i))); q.flush() })
			wg.Wait()
			r := attach(t, two, s)
			r.want("a", strconv.Itoa(i))
			r.want("b", strconv.Itoa(-i))
			p.handle.Close()
			q.handle.Close()
			r.handle.Close()
		}
		t.Logf("%d rounds of two tabs and two keys: both survive", n)
	})
}

// 100 writers change 100 keys each, on two nodes.
func TestManyWritersOfManyKeys(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 5 * time.Millisecond
		large := func(o *durable.Options) { o.MaxBytes, o.MaxPending = 2<<20, 2<<20 }
		nodes := []*durable.Store{open(t, b, large), open(t, b, large)}
		var wg sync.WaitGroup
		const writers = 100 / raced
		for i := range writers {
			p := attach(t, nodes[i%2], ids("s"))
			wg.Go(func() {
				for j := range 100 {
					p.write(put(view(fmt.Sprint("w", i, "k", j)), strconv.Itoa(i*j)))
					if j%20 == 0 {
						time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
					}
				}
				p.flush()
			})
		}
		wg.Wait()
		r := attach(t, open(t, b, large), ids("s"))
		for i := range writers {
			for j := range 100 {
				r.want(fmt.Sprint("w", i, "k", j), strconv.Itoa(i*j))
			}
		}
		t.Logf("%d writers of 100 keys each on 2 nodes: all %d values are there", writers, 100*writers)
	})
}

// Several tabs change one key, and everything converges on one written value.
func TestOneKeyConverges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 7 * time.Millisecond
		bus := &bus{subs: map[string]map[int]func([]byte){}}
		n := rounds(100)
		for round := range n {
			one, two := open(t, b), open(t, b)
			one.UseBus(bus)
			two.UseBus(bus)
			s := ids(fmt.Sprint("s", round))
			tabs := []*page{attach(t, one, s), attach(t, one, s), attach(t, two, s)}
			written := map[string]bool{}
			for i := range 20 {
				p := tabs[rand.IntN(len(tabs))]
				value := fmt.Sprint(round*100 + i)
				written[value] = true
				p.take()
				p.write(put(view("k"), value))
				if rand.IntN(3) == 0 {
					time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
				}
			}
			for range 3 {
				for _, p := range tabs {
					p.flush()
				}
				time.Sleep(time.Second)
				synctest.Wait()
			}
			for _, p := range tabs {
				p.take()
			}
			stored := attach(t, open(t, b), s).show("k")
			if !written[stored] {
				t.Fatalf("stored is %q, which nobody wrote", stored)
			}
			for i, p := range tabs {
				if got := p.show("k"); got != stored {
					t.Fatalf("round %d: tab %d shows %s, stored is %s", round, i, got, stored)
				}
			}
		}
		t.Logf("%d rounds of 3 tabs on 2 nodes and one key: all converge on one written value", n)
	})
}

// A=x, B=y, A=x: each step shows the one before, and x is what is left, though A has written it before.
func TestValuesThatComeBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		a, q := attach(t, st, ids("s")), attach(t, st, ids("s"))
		for i, step := range []struct {
			p     *page
			value string
		}{{a, `"x"`}, {q, `"y"`}, {a, `"x"`}, {q, `"y"`}, {a, `"x"`}} {
			step.p.write(put(view("k"), step.value))
			step.p.flush()
			for _, p := range []*page{a, q} {
				p.take()
				if got := p.show("k"); got != step.value {
					t.Fatalf("step %d: shows %s, want %s", i, got, step.value)
				}
			}
		}
		attach(t, open(t, b), ids("s")).want("k", `"x"`)
	})
}

// 1,000 writes a second into one session over a bucket with 100 ms latency.
func TestGroupCommit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 100 * time.Millisecond
		p := attach(t, open(t, b), ids("s"))
		before := b.Counts()
		var late time.Duration
		var wg sync.WaitGroup
		const seconds = 10
		for i := range seconds * 1000 {
			p.write(put(view(fmt.Sprint("k", i%50)), strconv.Itoa(i)))
			n, at := p.n, time.Now()
			wg.Go(func() {
				for p.take().Saved < n {
					time.Sleep(time.Millisecond)
				}
				p.mu.Lock()
				late = max(late, time.Since(at))
				p.mu.Unlock()
			})
			time.Sleep(time.Millisecond)
		}
		puts := b.Counts().Sub(before).Puts
		p.flush()
		wg.Wait()
		perSecond := float64(puts) / seconds
		t.Logf("1,000 writes/s, 100 ms per request: %.1f PUT/s, acknowledged within %v", perSecond, late)
		if perSecond > 11 || late > 250*time.Millisecond {
			t.Errorf("want at most 11 PUT/s and 250 ms")
		}
	})
}

// What a visit costs.
func TestLittleIO(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		st := open(t, b)
		p := attach(t, st, ids("s"))
		for i := range 20 {
			p.write(put(view(fmt.Sprint("k", i)), "0"))
		}
		p.flush()
		cost := func(what string, f func(), want durabletest.Counts) {
			t.Helper()
			before := b.Counts()
			f()
			synctest.Wait()
			got := b.Counts().Sub(before)
			t.Logf("%s: %d GET, %d PUT", what, got.Gets, got.Puts)
			if got.Gets > want.Gets || got.Puts > want.Puts || got.Lists+got.Deletes > 0 {
				t.Errorf("%s: %+v, want at most %d GET, %d PUT", what, got, want.Gets, want.Puts)
			}
		}
		cost("a visit of a known session", func() { attach(t, st, ids("s")).handle.Close() }, durabletest.Counts{Gets: 1})
		cold := open(t, b)
		cost("the same on a cold node", func() { attach(t, cold, ids("s")).handle.Close() }, durabletest.Counts{Gets: 1})
		cost("a visitor without a cookie", func() { attach(t, st, live.StashSession{IDs: []string{"new"}, New: true}).handle.Close() }, durabletest.Counts{})
		cost("a known session without stored values", func() { attach(t, st, ids("none")).handle.Close() }, durabletest.Counts{Gets: 1})
		cost("one of 20 keys", func() { p.write(put(view("k3"), "1")); p.flush() }, durabletest.Counts{Puts: 1})
	})
}

// Ten minutes of typing into one stored field on a store whose requests cost money.
func TestRequestsWhileTyping(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 30 * time.Millisecond
		st := open(t, b, func(o *durable.Options) { o.CommitEvery = 250 * time.Millisecond })
		p := attach(t, st, ids("s"))
		p.write(put(view("text"), `""`))
		p.flush()
		text := ""
		before, worst := b.Counts(), 0
		for range 600 {
			second := b.Counts()
			for range 5 {
				text += "x"
				if len(text) > 2000 {
					text = ""
				}
				p.write(put(view("text"), strconv.Quote(text)))
				time.Sleep(200 * time.Millisecond)
			}
			worst = max(worst, b.Counts().Sub(second).Puts)
		}
		typing := b.Counts().Sub(before)
		p.flush()
		time.Sleep(time.Second)
		idle := b.Counts()
		time.Sleep(10 * time.Minute)
		rest := b.Counts().Sub(idle)
		t.Logf("typing for 10 minutes at 5 keys/s: %.2f PUT/s, at most %d in a second, %d GET; idle: %d PUT, %d GET",
			float64(typing.Puts)/600, worst, typing.Gets, rest.Puts, rest.Gets)
		if float64(typing.Puts)/600 > 4 || typing.Gets > 0 || rest.Puts+rest.Gets > 0 {
			t.Error("want at most 4 PUT/s, no GET, and nothing when idle")
		}
	})
}

// A live page never expires, a dead one does, and no late write revives it.
func TestExpiry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		short := func(o *durable.Options) {
			o.TTL, o.DraftTTL, o.SweepEvery = 10*24*time.Hour, 24*time.Hour, time.Hour
		}
		st := open(t, b, short)
		p := attach(t, st, ids("live"))
		p.write(put(view("a"), "1"), put(draft("d"), "1"))
		dead := attach(t, st, ids("dead"))
		dead.write(put(view("a"), "1"))
		p.flush()
		dead.flush()
		dead.handle.Close()
		before := b.Counts()
		time.Sleep(9 * 24 * time.Hour)
		if puts := b.Counts().Sub(before).Puts; puts > 9*12 {
			t.Errorf("a live page was renewed %d times in 9 days", puts)
		}
		time.Sleep(21 * 24 * time.Hour)
		fresh := open(t, b, short)
		back, err := tryAttach(t, fresh, live.Attachment{Session: ids("live"), View: "view", Page: p.id, Back: true})
		if err != nil {
			t.Fatal(err)
		}
		back.want("a", "1")
		back.want("draft.d", "1")
		if n := b.Len(); n != 1 {
			t.Errorf("%d objects are left, want the live one", n)
		}
		// A node that still has the dead session in memory cannot bring it back.
		late := attach(t, fresh, ids("late"))
		late.write(put(view("a"), "1"))
		late.flush()
		if err := st.End(t.Context(), ids("late")); err != nil {
			t.Fatal(err)
		}
		late.tryWrite(put(view("a"), "2"))
		time.Sleep(time.Minute)
		if _, err := tryAttach(t, st, live.Attachment{Session: ids("late"), View: "view"}); err == nil {
			t.Error("a late write revived a dead session")
		}
	})
}

// 100,000 dead sessions are swept with bounded listing.
func TestSweepOfManyDeadSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		now := time.Now()
		clock := func() time.Time { return now }
		st := open(t, b, func(o *durable.Options) { o.Clock = clock })
		one := attach(t, st, ids("one"))
		one.write(put(view("a"), "1"))
		one.flush()
		one.handle.Close()
		data, _, err := b.Get(t.Context(), "sessions/one", "")
		if err != nil {
			t.Fatal(err)
		}
		const n = 100_000 / raced
		for i := range n {
			if _, err := b.Put(t.Context(), fmt.Sprintf("sessions/dead%06d", i), data, ""); err != nil {
				t.Fatal(err)
			}
		}
		round := func() (deleted, lists int) {
			before, after := b.Counts(), ""
			for {
				next, d, err := st.Sweep(t.Context(), after)
				if err != nil {
					t.Fatal(err)
				}
				deleted += d
				if next == "" {
					break
				}
				after = next
			}
			c := b.Counts().Sub(before)
			if c.Listed > 1000*c.Lists {
				t.Errorf("%d keys in %d lists", c.Listed, c.Lists)
			}
			return deleted, c.Lists
		}
		now = now.Add(31 * 24 * time.Hour)
		if deleted, _ := round(); deleted != 0 {
			t.Errorf("%d fresh tombstones were deleted", deleted)
		}
		if deleted, _ := round(); deleted != 0 {
			t.Errorf("%d fresh tombstones were deleted", deleted)
		}
		now = now.Add(72 * time.Hour)
		deleted, lists := round()
		t.Logf("%d dead sessions deleted with %d lists of at most 1,000 keys; %d objects left", deleted, lists, b.Len())
		if b.Len() != 0 {
			t.Errorf("%d objects are left", b.Len())
		}
	})
}

// The id that a session is stored under is in no log and no error.
func TestStorageIDsAreNotLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		var mu sync.Mutex
		logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
		b := durabletest.NewMemory()
		st := openUnclosed(t, b, func(o *durable.Options) { o.Logger = logger })
		const secret = "the-storage-id-of-a-session"
		p := attach(t, st, ids(secret))
		p.write(put(view("a"), "1"))
		p.flush()
		var errs []string
		if _, err := b.Put(t.Context(), "sessions/"+secret, []byte("garbled"), mustVersion(t, b, "sessions/"+secret)); err != nil {
			t.Fatal(err)
		}
		if _, err := tryAttach(t, st, live.Attachment{Session: ids(secret), View: "view"}); err != nil {
			errs = append(errs, err.Error())
		}
		if err := p.tryWrite(put(view("a"), "2")); err != nil {
			errs = append(errs, err.Error())
		}
		if err := st.Close(context.Background()); err != nil {
			errs = append(errs, err.Error())
		}
		mu.Lock()
		defer mu.Unlock()
		if len(errs) < 2 || log.Len() == 0 {
			t.Errorf("errors %q, log %q", errs, log.String())
		}
		if all := log.String() + strings.Join(errs, "\n"); strings.Contains(all, secret) {
			t.Errorf("the storage id is told:\n%s", all)
		}
	})
}

func mustVersion(t *testing.T, b durable.Bucket, key string) string {
	t.Helper()
	_, version, err := b.Get(t.Context(), key, "")
	if err != nil {
		t.Fatal(err)
	}
	return version
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// bus is a bus between the stores of a test.
type bus struct {
	mu   sync.Mutex
	next int
	subs map[string]map[int]func([]byte)
}

func (b *bus) Publish(_ context.Context, topic string, data []byte) error {
	b.mu.Lock()
	var all []func([]byte)
	for _, f := range b.subs[topic] {
		all = append(all, f)
	}
	b.mu.Unlock()
	for _, f := range all {
		f(data)
	}
	return nil
}

func (b *bus) Subscribe(topic string, f func([]byte)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs[topic] == nil {
		b.subs[topic] = map[int]func([]byte){}
	}
	b.next++
	id := b.next
	b.subs[topic][id] = f
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs[topic], id)
	}, nil
}
