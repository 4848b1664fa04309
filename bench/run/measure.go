package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/bench/load"
)

// clients is how many send events at once.
const clients = 50

// event is an event of a page and what it may cost.
type event struct {
	page, name string
	cpu        func(floor, table float64) float64 // table: one rendering of the table
	why        string
	bytes      func() float64
}

var events = []event{
	{"counter", "inc", func(f, _ float64) float64 { return 1.5 * f }, "1.5 × floor", constant(30)},
	{"dash", "tick", func(f, t float64) float64 { return 1.15 * (f + t) }, "1.15 × (floor + one rendering)", constant(130)},
	{"dash", "sort", func(f, t float64) float64 { return 1.5 * (f + t) }, "1.5 × (floor + one rendering)", constant(2100)},
	{"dash", "prepend", func(f, t float64) float64 { return 1.2 * (f + t) }, "1.2 × (floor + one rendering)",
		func() float64 { return 1.15 * rowsAsJSON() }},
	{"memo", "prepend", func(f, _ float64) float64 { return 2 * f }, "2 × floor", func() float64 { return 1.15 * rowsAsJSON() }},
	{"children", "tick", func(f, _ float64) float64 { return 3 * f }, "3 × floor", constant(130)},
}

func constant(v float64) func() float64 { return func() float64 { return v } }

// each measures fresh servers of each kind, in turns, and returns the least of each: what else runs on the machine only
// adds to it. A short run whose figures are not good enough yet may have been disturbed, and goes on for longer.
func (b *bench) each(name string, measure func(p *process) (float64, error), enough func(live, floor float64) bool) (live, floor float64, err error) {
	live, floor = math.Inf(1), math.Inf(1)
	for round := 0; round < b.rounds || round < b.most && !enough(live, floor); round++ {
		for _, isLive := range []bool{true, false} {
			profile, best := "", &floor
			if isLive {
				best = &live
				if b.profile != "" && round == 0 {
					profile = filepath.Join(b.profile, name+".prof")
				}
			}
			p, err := b.start(isLive, profile)
			if err != nil {
				return 0, 0, err
			}
			v, err := measure(p)
			if err := errors.Join(err, p.stop()); err != nil {
				return 0, 0, fmt.Errorf("%s: %w", filepath.Base(p.cmd.Path), err)
			}
			*best = min(*best, v)
		}
	}
	return live, floor, nil
}

// event measures the CPU and the bytes of an event.
func (b *bench) event(e event) error {
	var bytes [2]float64
	table := math.Inf(1)
	live, floor, err := b.each(e.page+"-"+e.name, func(p *process) (float64, error) {
		if p.Live && e.page == "dash" {
			table = min(table, renderCost(b.seconds/3))
		}
		cs, err := load.Open(b.ctx, p.Server, e.page, clients)
		if err != nil {
			return 0, err
		}
		defer closeAll(cs)
		if _, _, err := load.Loop(b.ctx, cs, e.name, 300*time.Millisecond); err != nil { // warm up
			return 0, err
		}
		start, err := p.cpu()
		if err != nil {
			return 0, err
		}
		var events, received int64
		used := 0.0
		for used < b.seconds {
			n, size, err := load.Loop(b.ctx, cs, e.name, time.Duration(b.seconds*float64(time.Second)/2))
			if err != nil {
				return 0, err
			}
			now, err := p.cpu()
			if err != nil {
				return 0, err
			}
			events, received, used = events+n, received+size, now-start
		}
		bytes[kind(p.Live)] = float64(received) / float64(events)
		return used / float64(events) * 1e6, nil
	}, func(live, floor float64) bool { return live <= b.slack*e.cpu(floor, table) })
	if err != nil {
		return err
	}
	name := e.page + " " + e.name
	if !math.IsInf(table, 1) {
		b.row("one rendering of the table, us", table, 0, 0, "")
	}
	b.cpu(name+", CPU per event, us", live, floor, e.cpu(floor, table), e.why)
	b.row(name+", bytes per event", bytes[0], bytes[1], e.bytes(), "")
	return nil
}

// viewers is how many look at the page that all share.
const viewers = 1000

// broadcast measures what it costs to show a change of one table to all its viewers.
func (b *bench) broadcast() error {
	limit := func(floor float64) float64 { return 2 * floor }
	live, floor, err := b.each("board-publish", func(p *process) (float64, error) {
		cs, err := load.Open(b.ctx, p.Server, "board", viewers)
		if err != nil {
			return 0, err
		}
		defer closeAll(cs)
		if err := load.Broadcast(b.ctx, p.Server, cs, 20); err != nil { // warm up
			return 0, err
		}
		start, err := p.cpu()
		if err != nil {
			return 0, err
		}
		published, used := 0, 0.0
		for used < b.seconds {
			const n = 20
			if err := load.Broadcast(b.ctx, p.Server, cs, n); err != nil {
				return 0, err
			}
			now, err := p.cpu()
			if err != nil {
				return 0, err
			}
			published, used = published+n, now-start
		}
		return used / float64(published) / viewers * 1e6, nil
	}, func(live, floor float64) bool { return live <= b.slack*limit(floor) })
	if err != nil {
		return err
	}
	b.cpu(fmt.Sprintf("board, %d viewers, CPU per publish and viewer, us", viewers), live, floor, limit(floor), "2 × floor")
	return nil
}

// kind is the index of a kind's figures.
func kind(live bool) int {
	if live {
		return 0
	}
	return 1
}

// firstLoad measures loading a page and connecting its socket.
func (b *bench) firstLoad(page string) error {
	limit := func(floor float64) float64 { return 1.6 * floor }
	var size [2]float64
	answer := 0
	live, floor, err := b.each(page+"-load", func(p *process) (float64, error) {
		one := func() error {
			c := load.New(p.Server, page)
			defer c.Close()
			if err := c.Load(b.ctx); err != nil {
				return err
			}
			n, err := c.Connect(b.ctx)
			if err != nil {
				return err
			}
			size[kind(p.Live)] = float64(c.Bytes())
			answer = max(answer, n)
			return nil
		}
		for range 50 {
			if err := one(); err != nil {
				return 0, err
			}
		}
		start, err := p.cpu()
		if err != nil {
			return 0, err
		}
		for range b.loads {
			if err := one(); err != nil {
				return 0, err
			}
		}
		end, err := p.cpu()
		return (end - start) / float64(b.loads) * 1000, err
	}, func(live, floor float64) bool { return live <= b.slack*limit(floor) })
	if err != nil {
		return err
	}
	b.cpu(page+", 1,000 first loads, CPU-s", live, floor, limit(floor), "1.6 × floor")
	b.row(page+", first load, bytes without the script", size[0], size[1], 1.1*size[1], "1.1 × floor")
	b.row(page+", answer to the join, bytes", float64(answer), 0, 199, "")
	return nil
}

// idle is what a connection costs a server that has nothing to do, in KiB.
type idle struct {
	atOnce, later, collected float64
	usedLater, usedCollected float64 // after an event
	goroutines               float64
}

// memory measures idle connections to servers of both kinds at once: memory does not care.
func (b *bench) memory(page string) error {
	var figures [2]idle
	var errs [2]error
	var wg sync.WaitGroup
	for i, isLive := range []bool{true, false} {
		wg.Go(func() { figures[i], errs[i] = b.idleConnections(page, isLive) })
	}
	wg.Wait()
	if err := errors.Join(errs[0], errs[1]); err != nil {
		return err
	}
	live, floor := figures[0], figures[1]
	settled, collected, why, beside := 24.0, 20.0, "", ""
	if page == "dash" {
		b.row("dash, the state of a page, KiB", b.state, 0, 0, "")
		// Uncollected, a page is as large as the collector's pace allows: up to twice what lives. The floor's is too.
		settled, collected, why, beside = floor.later, b.state+24, "state + 24", "floor"
	}
	wait := fmt.Sprintf("%.0f s later", b.wait.Seconds())
	b.row(page+", goroutines per idle connection", live.goroutines, 0, 1, "")
	b.row(page+", KiB per connection, at once", live.atOnce, floor.atOnce, 0, "")
	b.row(page+", KiB per connection, "+wait, live.later, floor.later, settled, beside)
	b.row(page+", KiB per connection, collected", live.collected, floor.collected, collected, why)
	if b.used {
		b.row(page+", KiB, an event and "+wait, live.usedLater, floor.usedLater, 0, "")
		b.row(page+", KiB, an event, collected", live.usedCollected, floor.usedCollected, 0, "")
	}
	return nil
}

func (b *bench) idleConnections(page string, isLive bool) (f idle, err error) {
	n := b.idle[page]
	p, err := b.start(isLive, "")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	warm, err := load.Open(b.ctx, p.Server, page, 20)
	if err != nil {
		return f, err
	}
	defer closeAll(warm)
	goroutines, err := p.goroutines()
	if err != nil {
		return f, err
	}
	base, err := p.rss()
	if err != nil {
		return f, err
	}
	cs, err := load.Open(b.ctx, p.Server, page, n)
	if err != nil {
		return f, err
	}
	defer closeAll(cs)
	perConnection := func(to *float64) func() error {
		return func() error {
			kib, err := p.rss()
			*to = (kib - base) / float64(n)
			return err
		}
	}
	settle := func() error { return sleep(b.ctx, b.wait) }
	steps := []func() error{perConnection(&f.atOnce), settle, perConnection(&f.later), func() error {
		now, err := p.goroutines()
		f.goroutines = math.Round(100*float64(now-goroutines)/float64(n)) / 100
		return err
	}, p.collect, perConnection(&f.collected)}
	if b.used {
		steps = append(steps, func() error { return b.use(page, cs) }, settle, perConnection(&f.usedLater),
			p.collect, perConnection(&f.usedCollected))
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return f, err
		}
	}
	return f, nil
}

// use lets each client send one event and confirm its answer as a browser does.
func (b *bench) use(page string, cs []*load.Client) error {
	event := "inc"
	if page == "dash" {
		event = "tick"
	}
	for _, c := range cs {
		if err := c.Event(b.ctx, event); err != nil {
			return err
		}
	}
	if err := sleep(b.ctx, time.Second); err != nil {
		return err
	}
	for _, c := range cs {
		if err := c.Confirm(b.ctx); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func closeAll(cs []*load.Client) {
	for _, c := range cs {
		c.Close()
	}
}
