// Command run measures the pages of the performance comparison, built with package live, beside the same pages written
// by hand, and prints each figure with the most it may be. It exits with 1 when one is more. See docs/PERFORMANCE.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/livelong-dev/livelong/bench/floor/views"
	"github.com/livelong-dev/livelong/bench/load"
	"github.com/livelong-dev/livelong/bench/pages"
)

const clients = 50

func main() {
	ci := flag.Bool("ci", false, "a short run, CPU gated at 1.25 × each row")
	profile := flag.String("profile", "", "write the live server's CPU profiles to this `directory`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, *ci, *profile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if !ok {
		fmt.Println("some figures are over their limits")
		os.Exit(1)
	}
}

// report collects the rows.
type report struct {
	slack  float64 // factor on limits of CPU rows
	failed bool
}

func (r *report) row(name string, live, floor float64, unit string, limit float64) {
	verdict := "ok"
	if live > limit {
		verdict, r.failed = "OVER", true
	}
	beside := ""
	if floor > 0 {
		beside = fmt.Sprintf("floor %9.2f  ratio %5.2f", floor, live/floor)
	}
	fmt.Printf("%-44s %9.2f %-10s %-32s at most %9.2f  %s\n", name, live, unit, beside, limit, verdict)
}

func run(ctx context.Context, ci bool, profile string) (bool, error) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	dir, err := os.MkdirTemp("", "livelong-bench")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, profile: profile, report: report{slack: 1}, rounds: 3, seconds: 6, loads: 1000, idle: 2000, idleDash: 300, wait: 20 * time.Second}
	if ci {
		b.report.slack, b.seconds, b.loads, b.idle, b.idleDash = 1.25, 1.5, 150, 1000, 0
	}
	if b.live, err = build(ctx, dir, "./bench/server"); err != nil {
		return false, err
	}
	if b.floor, err = build(ctx, dir, "./bench/floor"); err != nil {
		return false, err
	}
	table := renderCost()
	fmt.Printf("%s, %d CPUs; one rendering of the table: %.0f us\n\n", runtime.Version(), runtime.NumCPU(), table)
	for _, e := range []struct {
		page, event string
		limit       func(floor float64) float64
		bytes       float64
	}{
		{"counter", "inc", func(f float64) float64 { return 1.5 * f }, 30},
		{"dash", "tick", func(f float64) float64 { return 1.15 * (f + table) }, 130},
		{"dash", "sort", func(f float64) float64 { return 1.5 * (f + table) }, 2100},
		{"dash", "prepend", func(f float64) float64 { return 1.2 * (f + table) }, 1.15 * rowsAsJSON()},
	} {
		if err := b.event(e.page, e.event, e.limit, e.bytes); err != nil {
			return false, err
		}
	}
	for _, page := range []string{"counter", "dash"} {
		if err := b.firstLoad(page); err != nil {
			return false, err
		}
	}
	if err := b.memory("counter", b.idle, 24, 20); err != nil {
		return false, err
	}
	if b.idleDash > 0 {
		state := stateSize()
		fmt.Printf("the dash page's state: %.1f KiB\n", state)
		if err := b.memory("dash", b.idleDash, state+24, state+24); err != nil {
			return false, err
		}
	}
	return !b.failed, nil
}

type bench struct {
	report
	ctx            context.Context
	live, floor    string // binaries
	profile        string
	rounds         int
	seconds        float64 // of CPU a round shall use at least
	loads          int
	idle, idleDash int
	wait           time.Duration
}

// each calls f for a fresh server of each kind, interleaved, and returns the least of what it returns.
func (b *bench) each(name string, f func(p *process) (float64, error)) (live, floor float64, err error) {
	live, floor = math.Inf(1), math.Inf(1)
	for round := range b.rounds {
		for _, isLive := range []bool{true, false} {
			binary, best := b.floor, &floor
			var args []string
			if isLive {
				binary, best = b.live, &live
				if b.profile != "" && round == 0 {
					args = append(args, filepath.Join(b.profile, name+".prof"))
				}
			}
			p, err := start(b.ctx, binary, isLive, args...)
			if err != nil {
				return 0, 0, err
			}
			v, err := f(p)
			p.stop()
			if err != nil {
				return 0, 0, fmt.Errorf("%s: %w", filepath.Base(binary), err)
			}
			*best = min(*best, v)
		}
	}
	return live, floor, nil
}

// event measures the CPU and the bytes of an event.
func (b *bench) event(page, event string, limit func(floor float64) float64, most float64) error {
	bytes := map[bool]float64{}
	live, floor, err := b.each(page+"-"+event, func(p *process) (float64, error) {
		cs, err := load.Open(b.ctx, p.Server, page, clients)
		if err != nil {
			return 0, err
		}
		defer closeAll(cs)
		if _, _, err := load.Loop(b.ctx, cs, event, 300*time.Millisecond); err != nil { // warm up
			return 0, err
		}
		start, err := p.cpu()
		if err != nil {
			return 0, err
		}
		var events, received int64
		used := 0.0
		for used < b.seconds {
			n, bytes, err := load.Loop(b.ctx, cs, event, time.Duration(b.seconds*float64(time.Second)/2))
			if err != nil {
				return 0, err
			}
			now, err := p.cpu()
			if err != nil {
				return 0, err
			}
			events, received, used = events+n, received+bytes, now-start
		}
		bytes[p.Live] = float64(received) / float64(events)
		return used / float64(events) * 1e6, nil
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", page, event, err)
	}
	b.row(page+" "+event+", CPU per event", live, floor, "us", limit(floor)*b.slack)
	b.row(page+" "+event+", bytes per event", bytes[true], bytes[false], "B", most)
	return nil
}

// firstLoad measures loading a page and connecting its socket.
func (b *bench) firstLoad(page string) error {
	size, answer := map[bool]float64{}, 0
	live, floor, err := b.each(page+"-load", func(p *process) (float64, error) {
		one := func() error {
			c := load.New(p.Server, page)
			defer c.Close()
			if err := c.Load(b.ctx); err != nil {
				return err
			}
			loaded := c.Bytes()
			n, err := c.Connect(b.ctx)
			if err != nil {
				return err
			}
			size[p.Live] = float64(loaded + int64(n))
			answer = max(answer, n)
			return nil
		}
		for range 20 {
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
		return (end - start) / float64(b.loads) * 1e6, err
	})
	if err != nil {
		return fmt.Errorf("load %s: %w", page, err)
	}
	b.row(page+", first load, CPU", live, floor, "us", 1.6*floor*b.slack)
	b.row(page+", first load, bytes without scripts", size[true], size[false], "B", 1.1*size[false])
	b.row(page+", answer to the join", float64(answer), 0, "B", 199)
	return nil
}

// memory measures idle connections.
func (b *bench) memory(page string, n int, settled, collected float64) error {
	var after, later, gc [2]float64 // of live and of the floor, KiB per connection
	for i, isLive := range []bool{true, false} {
		binary := b.floor
		if isLive {
			binary = b.live
		}
		if err := func() error {
			p, err := start(b.ctx, binary, isLive)
			if err != nil {
				return err
			}
			defer p.stop()
			warm, err := load.Open(b.ctx, p.Server, page, 20)
			if err != nil {
				return err
			}
			defer closeAll(warm)
			goroutines := 0
			if isLive {
				if goroutines, err = b.goroutines(p); err != nil {
					return err
				}
			}
			base, err := p.rss()
			if err != nil {
				return err
			}
			cs, err := load.Open(b.ctx, p.Server, page, n)
			if err != nil {
				return err
			}
			defer closeAll(cs)
			for _, at := range []struct {
				to   *float64
				wait time.Duration
				gc   bool
			}{{&after[i], 0, false}, {&later[i], b.wait, false}, {&gc[i], time.Second, true}} {
				if at.gc {
					path := "/__gc"
					if isLive {
						path += "/"
					}
					if _, err := p.get(path); err != nil {
						return err
					}
				}
				select {
				case <-time.After(at.wait):
				case <-b.ctx.Done():
					return b.ctx.Err()
				}
				kib, err := p.rss()
				if err != nil {
					return err
				}
				*at.to = (kib - base) / float64(n)
			}
			if isLive {
				now, err := b.goroutines(p)
				if err != nil {
					return err
				}
				b.row(page+", goroutines per idle connection", float64(now-goroutines)/float64(n), 0, "", 1.01)
			}
			return nil
		}(); err != nil {
			return fmt.Errorf("memory of %s: %w", page, err)
		}
	}
	b.row(page+", memory per connection, at once", after[0], after[1], "KiB", math.Inf(1))
	b.row(page+", memory per connection, 20 s later", later[0], later[1], "KiB", settled)
	b.row(page+", memory per connection, collected", gc[0], gc[1], "KiB", collected)
	return nil
}

func (b *bench) goroutines(p *process) (int, error) {
	s, err := p.get("/__goroutines/")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(s)
}

func closeAll(cs []*load.Client) {
	for _, c := range cs {
		c.Close()
	}
}

// discard is a sink that costs nothing.
type discard struct{ n int }

func (d *discard) Write(p []byte) (int, error)       { d.n += len(p); return len(p), nil }
func (d *discard) WriteString(s string) (int, error) { d.n += len(s); return len(s), nil }

// renderCost returns the microseconds of CPU that templ needs to render the dash page's table, its garbage included: with
// the states of as many pages in memory as the server under load has, and counting all threads.
func renderCost() float64 {
	states := make([]*pages.Dash, clients)
	for i := range states {
		states[i] = pages.NewDash()
	}
	best := math.Inf(1)
	for range 3 {
		const batch = 2000
		start := processCPU()
		for i := range batch {
			views.Table(states[i%clients].Rows).Render(context.Background(), &discard{})
		}
		best = min(best, (processCPU()-start)/batch)
	}
	runtime.KeepAlive(states)
	return best
}

// processCPU returns the microseconds of CPU this process has used.
func processCPU() float64 {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts)
	return float64(ts.Nano()) / 1000
}

// rowsAsJSON returns the mean size of the ten rows of a prepend as one JSON string of HTML.
func rowsAsJSON() float64 {
	d := pages.NewDash()
	total := 0
	const rounds = 50
	for range rounds {
		d.Prepend()
		var w htmlSink
		for i := range 10 {
			views.Row(&d.Rows[i]).Render(context.Background(), &w)
		}
		total += len(w.json())
	}
	return float64(total) / rounds
}

type htmlSink struct{ b []byte }

func (s *htmlSink) Write(p []byte) (int, error) { s.b = append(s.b, p...); return len(p), nil }

func (s *htmlSink) json() []byte {
	var out htmlSink
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.Encode(string(s.b)) // a string always encodes
	return out.b
}

// stateSize returns the KiB of a dash page's state.
func stateSize() float64 {
	const n = 100
	kept := make([]*pages.Dash, n)
	before := heap()
	for i := range kept {
		kept[i] = pages.NewDash()
	}
	after := heap()
	runtime.KeepAlive(kept)
	return float64(after-before) / n / 1024
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
