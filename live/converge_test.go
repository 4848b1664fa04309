package live_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// lagging makes what a stash has taken durable a while later, and now and then refuses a write.
type lagging struct {
	live.Stash
	rand *rand.Rand
	mu   sync.Mutex
	owed map[string]uint64 // writes that are not durable, by page
}

type laggingHandle struct {
	live.StashHandle
	s     *lagging
	a     live.Attachment
	mu    sync.Mutex
	n     uint64
	saved uint64
	own   map[live.StoredKey]uint64
	held  []live.StoredValue // of keys whose own write is not durable
}

func (l *lagging) Attach(ctx context.Context, a live.Attachment) (live.StashHandle, error) {
	h, err := l.Stash.Attach(ctx, a)
	if err != nil {
		return nil, err
	}
	return &laggingHandle{StashHandle: h, s: l, a: a, own: map[live.StoredKey]uint64{}}, nil
}

func (h *laggingHandle) Take() live.StashNews {
	h.mu.Lock()
	defer h.mu.Unlock()
	news := h.StashHandle.Take()
	for _, v := range append(h.held, news.Values...) {
		h.held = slices.DeleteFunc(h.held, func(o live.StoredValue) bool { return o.StoredKey == v.StoredKey })
		h.held = append(h.held, v)
	}
	values := slices.Clone(h.held)
	mine := func(v live.StoredValue) bool { return h.own[v.StoredKey] > h.saved }
	h.held = slices.DeleteFunc(h.held, func(v live.StoredValue) bool { return !mine(v) })
	news.Values, news.Saved = slices.DeleteFunc(values, mine), h.saved
	return news
}

func (h *laggingHandle) Write(ops []live.StashOp) (uint64, error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.s.rand.IntN(10) == 0 {
		time.AfterFunc(time.Second, h.a.Notify)
		return 0, live.Errorf("It is full.")
	}
	h.mu.Lock()
	h.n++
	n := h.n
	for _, op := range ops {
		h.own[op.StoredKey] = n
	}
	h.mu.Unlock()
	h.s.owed[h.a.Page]++
	time.AfterFunc(time.Duration(h.s.rand.IntN(300))*time.Millisecond, func() {
		h.s.mu.Lock()
		h.s.owed[h.a.Page]--
		h.s.mu.Unlock()
		h.mu.Lock()
		h.saved++
		h.mu.Unlock()
		h.a.Notify()
	})
	_, err := h.StashHandle.Write(ops)
	return n, err
}

// calm takes note of the errors that the pages show.
func calm(tabs []*livetest.Page) {
	for _, p := range tabs {
		for p.Error() != "" {
		}
	}
}

func TestTabsConverge(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 1))
				s := &lagging{Stash: live.NewMemory(1 << 20), rand: rand.New(rand.NewPCG(seed, 2)), owed: map[string]uint64{}}
				script := &script{do: func(_ context.Context, _ *live.Socket, k *keeper, what string) error {
					k.M = len(what)
					return nil
				}}
				b := livetest.NewBrowser(t, newKeepers(script, s, func(o *live.Options) { o.Silence = time.Hour }))
				tabs := []*livetest.Page{b.Open("/keeper"), b.Open("/keeper"), b.Open("/keeper")}
				count := 7
				for range 60 {
					p := tabs[r.IntN(len(tabs))]
					switch what := []string{"count", "count", "tag", "set M", "theme", "drop", "a", "bb", "ccc"}[r.IntN(9)]; what {
					case "drop":
						p.Drop()
						p.Sleep(time.Duration(r.IntN(100)) * time.Second) // sometimes for longer than it is kept
						p.Connect()
					case "count":
						count++
						do(p, what)
					default:
						do(p, what)
					}
					p.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
					calm(tabs)
					s.mu.Lock()
					owed := uint64(0)
					for _, n := range s.owed {
						owed += n
					}
					s.mu.Unlock()
					marks := []string{tabs[0].Saved(), tabs[1].Saved(), tabs[2].Saved()}
					if owed > 0 && !slices.ContainsFunc(marks, func(m string) bool { return m != "saved" }) {
						t.Errorf("all tabs are saved, and %d writes are not durable", owed)
					}
				}
				tabs[0].Sleep(time.Minute)
				calm(tabs)
				want := b.Load("/keeper").Text("[data-live] p")
				for i, p := range tabs {
					shows(t, p, fmt.Sprint("N=", count))
					if got := p.Text("[data-live] p"); got != want || p.Saved() != "saved" {
						t.Errorf("tab %d is %s and shows\n%s, a new one\n%s", i, p.Saved(), got, want)
					}
				}
			})
		})
	}
}
