package main

import (
	"fmt"
	"runtime/metrics"
	"strconv"
	"time"
)

// reading is what the host's counters stood at. What could not be read is nil.
type reading struct {
	At        time.Time
	CPU       *cpuTime
	Memory    *memory
	Load      *[3]float64
	Network   *traffic
	Disks     *traffic
	Processes []procStat
	Users     map[int]string // by process id
	Go        goRuntime
}

// goRuntime is what Go's runtime tells of this very process.
type goRuntime struct{ Goroutines, Heap, Allocated uint64 }

func readRuntime() goRuntime {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	value := func(i int) uint64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0 // a Go that has given this figure up
		}
		return samples[i].Value.Uint64()
	}
	return goRuntime{value(0), value(1), value(2)}
}

// measure is a figure of the present second.
type measure struct {
	Name, Value, Detail string
	Bar                 int // its height
	Top                 int // the height of a full scale; 0: as high as the highest bar needs
}

// measures compares two readings.
func measures(before, now reading) []measure {
	var all []measure
	seconds := now.At.Sub(before.At).Seconds()
	if c, b := now.CPU, before.CPU; c != nil && b != nil {
		busy, system := share(c.Busy-b.Busy, c.Total-b.Total), share(c.System-b.System, c.Total-b.Total)
		all = append(all, measure{"CPU", percent(busy), fmt.Sprintf("%d cores, %s in the kernel", c.Processors, percent(system)), busy, 1000})
	}
	if m := now.Memory; m != nil {
		used := share(m.Total-m.Available, m.Total)
		all = append(all, measure{"Memory", percent(used), size(m.Total-m.Available) + " of " + size(m.Total), used, 1000})
	}
	if l := now.Load; l != nil {
		all = append(all, measure{"Load", decimal(l[0]), fmt.Sprintf("%s in 5 min, %s in 15", decimal(l[1]), decimal(l[2])), int(l[0] * 100), 0})
	}
	if n, b := now.Network, before.Network; n != nil && b != nil {
		in, out := rate(b.In, n.In, seconds), rate(b.Out, n.Out, seconds)
		all = append(all, measure{"Network", size(in+out) + "/s", "in " + size(in) + ", out " + size(out), scaled(in + out), 0})
	}
	if d, b := now.Disks, before.Disks; d != nil && b != nil {
		in, out := rate(b.In, d.In, seconds), rate(b.Out, d.Out, seconds)
		all = append(all, measure{"Disks", size(in+out) + "/s", "read " + size(in) + ", written " + size(out), scaled(in + out), 0})
	}
	g := now.Go
	allocated := rate(before.Go.Allocated, g.Allocated, seconds)
	return append(all,
		measure{"Heap", size(g.Heap), "of this server", scaled(g.Heap), 0},
		measure{"Allocations", size(allocated) + "/s", "by this server", scaled(allocated), 0},
		measure{"Goroutines", strconv.FormatUint(g.Goroutines, 10), "of this server, one per viewer", int(g.Goroutines), 0},
	)
}

// processes compares the processor time of two readings.
func processes(before, now reading) []Process {
	type id struct {
		pid     int
		started uint64
	}
	ticks := make(map[id]uint64, len(before.Processes))
	for _, p := range before.Processes {
		ticks[id{p.PID, p.Started}] = p.Ticks
	}
	var each uint64 // what one processor has spent between the readings
	if now.CPU != nil && before.CPU != nil {
		each = (now.CPU.Total - before.CPU.Total) / uint64(now.CPU.Processors)
	}
	all := make([]Process, 0, len(now.Processes))
	for _, p := range now.Processes {
		cpu := share(p.Ticks-min(p.Ticks, ticks[id{p.PID, p.Started}]), each)
		all = append(all, Process{
			PID: p.PID, Parent: p.Parent, Name: p.Name, User: now.Users[p.PID], State: stateName(p.State),
			CPU: cpu, Memory: p.Pages * pageSize, Threads: p.Threads,
		})
	}
	return all
}

// share is a part of a whole in tenths of a percent; 0 where there is no whole or counters ran backwards.
func share(part, whole uint64) int {
	if whole == 0 || whole > 1<<53 || part > 1<<53 {
		return 0
	}
	return int(part * 1000 / whole)
}

// rate is the growth of a counter per second.
func rate(before, now uint64, seconds float64) uint64 {
	if now < before || seconds <= 0 {
		return 0
	}
	return uint64(float64(now-before) / seconds)
}

// scaled makes a height of bytes: in KiB, so that drawings have few digits.
func scaled(bytes uint64) int { return int(bytes >> 10) }

func percent(tenths int) string { return tenth(tenths) + " %" }

// tenth writes tenths as a decimal.
func tenth(n int) string { return strconv.Itoa(n/10) + "." + strconv.Itoa(n%10) }

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// size writes bytes with three digits, so that it changes only when it matters.
func size(bytes uint64) string {
	if bytes < 1000 {
		return strconv.FormatUint(bytes, 10) + " B"
	}
	f, unit := float64(bytes), -1
	for f >= 999.5 && unit < 5 {
		f, unit = f/1000, unit+1
	}
	digits := 0
	switch {
	case f < 9.995:
		digits = 2
	case f < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + " " + string("kMGTPE"[unit]) + "B"
}
