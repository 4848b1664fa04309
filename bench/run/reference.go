package main

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/livelong-dev/livelong/bench/floor/views"
	"github.com/livelong-dev/livelong/bench/pages"
)

// discard is a sink that costs nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error)       { return len(p), nil }
func (discard) WriteString(s string) (int, error) { return len(s), nil }

// renderCost returns the microseconds of CPU that templ needs to render the dash page's table, its garbage included: with
// the states of as many pages in memory as the server under load has, and counting all threads. It renders for so many
// seconds of CPU.
func renderCost(seconds float64) float64 {
	states := make([]*pages.Dash, clients)
	for i := range states {
		states[i] = pages.NewDash()
	}
	n := 0
	start := processCPU()
	for processCPU()-start < seconds*1e6 {
		for _, d := range states {
			// What renders into a sink that never fails does not fail.
			_ = views.Table(d.Rows).Render(context.Background(), discard{})
			n++
		}
	}
	return (processCPU() - start) / float64(n)
}

// processCPU returns the microseconds of CPU this process has used.
func processCPU() float64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now); err != nil {
		panic(err) // every Linux has this clock
	}
	return float64(now.Nano()) / 1000
}

// rowsAsJSON returns the mean size of the ten rows of a prepend as one JSON string of HTML.
func rowsAsJSON() float64 {
	d := pages.NewDash()
	total := 0
	const rounds = 50
	for range rounds {
		d.Prepend()
		var html, encoded strings.Builder
		for i := range 10 {
			_ = views.Row(&d.Rows[i]).Render(context.Background(), &html) // a Builder never fails
		}
		enc := json.NewEncoder(&encoded)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(html.String())      // a string always encodes
		total += len(encoded.String()) - 1 // without the newline
	}
	return float64(total) / rounds
}

// stateSize returns the KiB of a dash page's state. Nothing else in this process may allocate or be freed meanwhile.
func stateSize() float64 {
	const n = 100
	kept := make([]*pages.Dash, n)
	before := heapInUse()
	for i := range kept {
		kept[i] = pages.NewDash()
	}
	after := heapInUse()
	runtime.KeepAlive(kept)
	return float64(after-before) / n / 1024
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
