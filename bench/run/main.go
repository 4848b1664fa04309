// Command run measures the pages of the performance comparison, built with package live, beside the same pages written
// by hand, and prints each figure with the most it may be. It exits with 1 when one is more. See docs/PERFORMANCE.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	ci := flag.Bool("ci", false, "a short run, CPU gated at 1.25 × each row")
	rows := flag.String("rows", "", "measure only what this `regexp` matches: \"dash tick\", \"counter load\", \"dash memory\"")
	profile := flag.String("profile", "", "write the live server's CPU profiles to this `directory`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := run(ctx, *ci, *rows, *profile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if len(failed) > 0 {
		fmt.Println("\nover the limit:")
		for _, name := range failed {
			fmt.Println("  " + name)
		}
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	report
	ctx         context.Context
	live, floor string  // the binaries
	profile     string  // a directory; empty: none
	rounds      int     // of each kind
	most        int     // rounds while a figure is over its limit
	seconds     float64 // of CPU that a round uses at least
	loads       int
	idle        map[string]int // connections by page; none: not measured
	wait        time.Duration  // after which memory is measured again
	used        bool           // memory is measured after an event too
	state       float64        // KiB of a dash page's state
}

func run(ctx context.Context, ci bool, rows, profile string) (failed []string, err error) {
	only, err := regexp.Compile(rows)
	if err != nil {
		return nil, err
	}
	if err := raiseFileLimit(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "livelong-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, report: report{slack: 1}, profile: profile, rounds: 3, seconds: 6, loads: 4000,
		idle: map[string]int{"counter": 2000, "dash": 300}, wait: 20 * time.Second, used: true, state: stateSize()}
	if ci {
		b.most = 12
		b.slack, b.seconds, b.loads, b.idle, b.used = 1.25, 0.7, 2000, map[string]int{"counter": 1000}, false
	}
	if b.live, err = build(ctx, dir, "./bench/server"); err != nil {
		return nil, err
	}
	if b.floor, err = build(ctx, dir, "./bench/floor"); err != nil {
		return nil, err
	}
	fmt.Printf("%s, %d CPUs, %s\n\n", runtime.Version(), runtime.NumCPU(), time.Now().Format(time.DateTime))
	b.head()
	for _, e := range events {
		if only.MatchString(e.page + " " + e.name) {
			if err := b.event(e); err != nil {
				return nil, fmt.Errorf("%s %s: %w", e.page, e.name, err)
			}
		}
	}
	if only.MatchString("board publish") {
		if err := b.broadcast(); err != nil {
			return nil, fmt.Errorf("board publish: %w", err)
		}
	}
	for _, page := range []string{"counter", "dash"} {
		if only.MatchString(page + " load") {
			if err := b.firstLoad(page); err != nil {
				return nil, fmt.Errorf("%s load: %w", page, err)
			}
		}
	}
	for _, page := range []string{"counter", "dash"} {
		if b.idle[page] > 0 && only.MatchString(page+" memory") {
			if err := b.memory(page); err != nil {
				return nil, fmt.Errorf("%s memory: %w", page, err)
			}
		}
	}
	return b.failed, nil
}

// raiseFileLimit allows as many connections as the system does; the servers inherit it.
func raiseFileLimit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}
