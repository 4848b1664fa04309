package main

import (
	"slices"
	"testing"
	"time"
)

// hostAt makes up a host that does the same every second: one of its two processors is busy, half of that with nginx.
func hostAt(second int) reading {
	n := uint64(second)
	return reading{
		At:      time.Unix(int64(second), 0),
		CPU:     &cpuTime{System: 10 * n, Busy: 100 * n, Total: 200 * n, Processors: 2},
		Memory:  &memory{Total: 8e9, Available: 6e9},
		Load:    &[3]float64{0.5, 0.25, 0.125},
		Network: &traffic{In: 2000 * n, Out: 500 * n},
		Disks:   &traffic{In: 0, Out: 4096 * n},
		Processes: []procStat{
			{PID: 1, Name: "init", State: 'S', Threads: 1, Ticks: 7, Pages: 10},
			{PID: 42, Parent: 1, Name: "nginx", State: 'R', Threads: 4, Ticks: 50 * n, Started: 3, Pages: 1000},
			{PID: 99, Parent: 1, Name: "postgres", State: 'D', Threads: 2, Ticks: 10 * n, Started: 5, Pages: 500},
		},
		Users: map[int]string{1: "root", 42: "www-data", 99: "postgres"},
		Go:    goRuntime{Goroutines: 12, Heap: 3 << 20, Allocated: n << 20},
	}
}

func TestMeasures(t *testing.T) {
	var got []string
	for _, m := range measures(hostAt(1), hostAt(2)) {
		got = append(got, m.Name+": "+m.Value+" ("+m.Detail+")")
	}
	want := []string{
		"CPU: 50.0 % (2 cores, 5.0 % in the kernel)",
		"Memory: 25.0 % (2.00 GB of 8.00 GB)",
		"Load: 0.50 (0.25 in 5 min, 0.12 in 15)",
		"Network: 2.50 kB/s (in 2.00 kB, out 500 B)",
		"Disks: 4.10 kB/s (read 0 B, written 4.10 kB)",
		"Heap: 3.15 MB (of this server)",
		"Allocations: 1.05 MB/s (by this server)",
		"Goroutines: 12 (of this server, one per viewer)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("measures\n%q, want\n%q", got, want)
	}
}

func TestMeasuresOfWhatCanBeRead(t *testing.T) {
	alone := reading{At: time.Unix(1, 0), Go: goRuntime{Goroutines: 1}}
	var got []string
	for _, m := range measures(alone, alone) {
		got = append(got, m.Name)
	}
	if want := []string{"Heap", "Allocations", "Goroutines"}; !slices.Equal(got, want) {
		t.Errorf("measures %q, want %q", got, want)
	}
	if rows := processes(alone, alone); len(rows) != 0 {
		t.Errorf("processes %v", rows)
	}
}

func TestCountersThatRanBackwards(t *testing.T) {
	for _, m := range measures(hostAt(5), hostAt(2)) {
		if m.Bar < 0 || m.Name == "CPU" && m.Bar != 0 || m.Name == "Network" && m.Bar != 0 {
			t.Errorf("%+v", m)
		}
	}
	for _, p := range processes(hostAt(5), hostAt(2)) {
		if p.CPU < 0 || p.CPU > 1000 {
			t.Errorf("%+v", p)
		}
	}
}

func TestProcesses(t *testing.T) {
	before, now := hostAt(1), hostAt(2)
	got := processes(before, now)
	if want := (Process{PID: 42, Parent: 1, Name: "nginx", User: "www-data", State: "running", CPU: 500, Memory: 1000 * pageSize, Threads: 4}); got[1] != want {
		t.Errorf("%+v, want %+v", got[1], want)
	}
	before.Processes[1].Started-- // another process had the id
	before.Processes[1].Ticks = 1e6
	if got := processes(before, now)[1].CPU; got != 1000 {
		t.Errorf("a new process had %d tenths of a percent, want 1000: its ticks so far", got)
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 9994: "9.99 kB", 9996: "10.0 kB", 99_949: "99.9 kB", 99_960: "100 kB",
		999_499: "999 kB", 999_500: "1.00 MB", 25.3e9: "25.3 GB", 1 << 63: "9.22 EB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %q, want %q", bytes, got, want)
		}
	}
}
