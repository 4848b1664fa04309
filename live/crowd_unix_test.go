//go:build unix

package live_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// crowd is healthy pages beside slow ones.
type crowd struct {
	t       *testing.T
	app     *live.App
	mu      sync.Mutex
	sockets []*live.Socket // of the slow pages
	next    int
	healthy []*tab
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{t: t}
	body := strings.Repeat(`<li class="row"><b>a name</b> and some text</li>`, 220) // 10 KB
	k := &kit{note: func(_ *live.Socket, p *puppet, n Note) error { p.Text = n.Text; return nil }}
	k.mount = func(_ context.Context, s *live.Socket, p *puppet) error {
		p.Body = body
		if strings.HasPrefix(s.URL().Path, "/second") {
			c.mu.Lock()
			c.sockets = append(c.sockets, s)
			c.mu.Unlock()
		}
		return nil
	}
	c.app = newPuppets(k, func(o *live.Options) {
		o.Silence, o.WriteTimeout, o.IdleAfter = time.Hour, time.Hour, time.Hour // whatever else runs on this machine
		o.Events, o.Burst = 1e6, 1e6
	})
	for range 20 {
		p := newTab(t, livetest.NewBrowser(t, c.app), "/puppet") // of its own, or it would hear what others store
		live.StopChecking(c.app)
		p.join()
		c.healthy = append(c.healthy, p)
	}
	return c
}

// change changes a slow page.
func (c *crowd) change(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sockets) > 0 {
		c.next++
		c.sockets[c.next%len(c.sockets)].Send(Note{text})
	}
}

// work lets the healthy pages do events one after the other, during which the server changes as many slow pages. It
// returns the CPU of the process per event, and how long an answer takes.
func (c *crowd) work(events int) (cpu, median, p99 time.Duration) {
	took := make([][]time.Duration, len(c.healthy))
	before := processTime(c.t)
	var wg sync.WaitGroup
	for i, p := range c.healthy {
		wg.Go(func() {
			for n := range events {
				c.change(fmt.Sprint("change ", i, n))
				start := time.Now()
				p.pull(Pull{By: 1})
				p.answer(p.n)
				took[i] = append(took[i], time.Since(start))
				if n%10 == 0 {
					p.send(fmt.Sprintf("[%d]", p.k))
				}
			}
		})
	}
	wg.Wait()
	cpu = (processTime(c.t) - before) / time.Duration(events*len(c.healthy))
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	return cpu, all[len(all)/2], all[len(all)*99/100]
}

func processTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func memoryInUse() int {
	for range 3 { // pools are emptied by the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// A thousand pages whose browsers do not read cost no more than their trees and what is kept for them, and do not slow
// down those that do.
func TestSlowBrowsersBesideHealthyOnes(t *testing.T) {
	const (
		slow   = 1000 / raced
		frames = 16
		size   = 1000
		budget = frames*(size+100) + 24<<10 // what is kept, and two stacks, a timer, a frame under way
	)
	c := newCrowd(t)
	c.work(20)
	best := func() (cpu, median, p99 time.Duration) {
		cpu, median, p99 = c.work(200 / raced)
		for range 3 {
			x, y, z := c.work(200 / raced)
			cpu, median, p99 = min(cpu, x), min(median, y), min(p99, z)
		}
		return cpu, median, p99
	}
	cpu0, median0, p0 := best()

	var tabs []*tab
	for range slow {
		p := newTab(t, livetest.NewBrowser(t, c.app), "/second")
		p.join()
		p.pull(Pull{By: 1}) // so that there is a tree
		p.answer(1)
		p.send("[1]")
		tabs = append(tabs, p)
	}
	idle := memoryInUse()
	// They read for a while, confirm nothing, and then stop.
	for i, p := range tabs {
		for p.k < frames {
			c.sockets[i].Send(Note{strings.Repeat(string(rune('a'+p.k)), size)})
			p.read()
		}
	}
	for range 10 * slow {
		c.change(strings.Repeat("z", size))
	}
	each := (memoryInUse() - idle) / slow
	kept, waiting := live.Kept(c.app)
	t.Logf("%d slow pages of 10 KB: %d B each beside an idle one, of which at most %d B kept and %d B waiting; budget %d B", slow, each, kept, waiting, budget)
	if each > budget {
		t.Errorf("%d B for a slow page beside an idle one, want at most %d B", each, budget)
	}

	cpu, median, p99 := best()
	t.Logf("an event of a healthy page: CPU %v, answered in %v (p99 %v); without slow pages %v, %v (%v): ratios %.2f, %.2f (%.2f)",
		cpu, median, p99, cpu0, median0, p0, ratio(cpu, cpu0), ratio(median, median0), ratio(p99, p0))
	if raced == 1 && ratio(cpu, cpu0) > 2 {
		t.Errorf("beside slow pages an event costs %v CPU, want at most twice the %v without", cpu, cpu0)
	}
	for _, p := range slices.Concat(tabs, c.healthy) {
		p.drop()
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
