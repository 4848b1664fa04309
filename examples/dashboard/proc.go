package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// The texts of Linux's /proc, as proc(5) describes them. Lines and fields that are not known are passed over: kernels
// add some.

var errFormat = errors.New("not in the format of proc(5)")

// cpuTime is the time all processors have spent since the system was started, in ticks.
type cpuTime struct {
	System, Busy, Total uint64
	Processors          int
}

// parseStat reads /proc/stat.
func parseStat(text []byte) (cpuTime, error) {
	var c cpuTime
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "cpu") {
			continue
		}
		if fields[0] != "cpu" {
			c.Processors++
			continue
		}
		// user nice system idle iowait irq softirq steal; what follows is counted in user and nice already.
		var ticks [8]uint64
		for i := range min(len(ticks), len(fields)-1) {
			n, err := strconv.ParseUint(fields[i+1], 10, 64)
			if err != nil {
				return cpuTime{}, fmt.Errorf("cpu time: %w", errFormat)
			}
			ticks[i] = n
			c.Total += n
		}
		c.Busy = c.Total - ticks[3] - ticks[4]
		c.System = ticks[2] + ticks[5] + ticks[6]
	}
	if c.Total == 0 || c.Processors == 0 {
		return cpuTime{}, fmt.Errorf("cpu time: %w", errFormat)
	}
	return c, nil
}

// memory is the system's, in bytes.
type memory struct{ Total, Available uint64 }

// parseMeminfo reads /proc/meminfo.
func parseMeminfo(text []byte) (memory, error) {
	values := counters(text)
	available, ok := values["MemAvailable:"]
	m := memory{Total: values["MemTotal:"] << 10, Available: available << 10}
	if !ok || m.Total == 0 || m.Available > m.Total {
		return memory{}, fmt.Errorf("memory: %w", errFormat)
	}
	return m, nil
}

// traffic is what has come in and gone out since the system was started, in bytes.
type traffic struct{ In, Out uint64 }

// parseVMStat reads what /proc/vmstat tells of disks: all of them together, each block once.
func parseVMStat(text []byte) (traffic, error) {
	values := counters(text)
	in, ok := values["pgpgin"]
	out, ok2 := values["pgpgout"]
	if !ok || !ok2 {
		return traffic{}, fmt.Errorf("disks: %w", errFormat)
	}
	return traffic{in << 10, out << 10}, nil
}

// counters reads lines of a name and a number.
func counters(text []byte) map[string]uint64 {
	values := map[string]uint64{}
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(fields[1], 10, 64); err == nil {
			values[fields[0]] = n
		}
	}
	return values
}

// parseNetDev reads /proc/net/dev: all interfaces but the one to oneself.
func parseNetDev(text []byte) (traffic, error) {
	var t traffic
	found := false
	for line := range bytes.Lines(text) {
		name, rest, ok := strings.Cut(string(line), ":")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 9 {
			continue
		}
		in, err := strconv.ParseUint(fields[0], 10, 64)
		out, err2 := strconv.ParseUint(fields[8], 10, 64)
		if err != nil || err2 != nil {
			return traffic{}, fmt.Errorf("network: %w", errFormat)
		}
		found = true
		if strings.TrimSpace(name) != "lo" {
			t.In, t.Out = t.In+in, t.Out+out
		}
	}
	if !found {
		return traffic{}, fmt.Errorf("network: %w", errFormat)
	}
	return t, nil
}

// parseLoad reads /proc/loadavg: the mean number of processes that run or want to, over 1, 5 and 15 minutes.
func parseLoad(text []byte) (load [3]float64, err error) {
	fields := strings.Fields(string(text))
	if len(fields) < len(load) {
		return load, fmt.Errorf("load: %w", errFormat)
	}
	for i := range load {
		n, err := strconv.ParseFloat(fields[i], 64)
		if err != nil || !(n >= 0 && n < 1e6) {
			return [3]float64{}, fmt.Errorf("load: %w", errFormat)
		}
		load[i] = n
	}
	return load, nil
}

// procStat is what /proc/PID/stat tells of a process.
type procStat struct {
	PID, Parent, Threads int
	Name                 string
	State                byte
	Ticks                uint64 // processor time so far
	Started              uint64 // in ticks; with PID it names a process for good
	Pages                uint64 // resident
}

// maxName is the most bytes of a process's name; the kernel cuts most of them at 15.
const maxName = 64

// parsePIDStat reads /proc/PID/stat. The name is whatever the process calls itself, brackets and all.
func parsePIDStat(text []byte) (procStat, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return procStat{}, fmt.Errorf("process: %w", errFormat)
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 22 || len(fields[0]) != 1 {
		return procStat{}, fmt.Errorf("process: %w", errFormat)
	}
	failed := false
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 63)
		failed = failed || err != nil
		return n
	}
	p := procStat{
		Name: printable(string(text[open+1:end]), maxName), State: fields[0][0],
		PID: int(number(string(text[:open]))), Parent: int(number(fields[1])), Threads: int(number(fields[17])),
		Ticks: number(fields[11]) + number(fields[12]), Started: number(fields[19]), Pages: number(fields[21]),
	}
	if failed || p.PID == 0 {
		return procStat{}, fmt.Errorf("process: %w", errFormat)
	}
	return p, nil
}

// printable makes text fit to be shown, and cuts it after so many bytes.
func printable(text string, most int) string {
	text = strings.ToValidUTF8(text[:min(len(text), most)], "?")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// stateName says what a process does, by its letter.
func stateName(letter byte) string {
	switch letter {
	case 'R':
		return "running"
	case 'S':
		return "sleeping"
	case 'D':
		return "waiting"
	case 'I':
		return "idle"
	case 'T', 't':
		return "stopped"
	case 'Z':
		return "zombie"
	}
	return "ending"
}
