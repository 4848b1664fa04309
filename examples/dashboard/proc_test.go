package main

import (
	"errors"
	"strings"
	"testing"
)

const (
	statText = `cpu  100 20 30 800 40 5 5 0 7 0
cpu0 50 10 15 400 20 2 3 0 7 0
cpu1 50 10 15 400 20 3 2 0 0 0
intr 12345 0 0
btime 1700000000
`
	memText   = "MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     400 kB\nHugePages_Total:   0\n"
	loadText  = "0.52 1.38 2.00 3/240 4711\n"
	vmText    = "nr_free_pages 12\npgpgin 2048\npgpgout 512\n"
	netText   = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n  eth0:1000 1 0 0 0 0 0 0 300 1 0 0 0 0 0 0\nwlan0: 10 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"
	nginxText = "42 (nginx: w) (x)) S 1 42 42 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 4 0 777 10000000 250 18446744073709551615 1 1 0 0 0\n"
)

// parsers lists what reads /proc, with a text each understands and what it makes of it.
var parsers = []struct {
	name  string
	text  string
	want  any
	parse func([]byte) (any, error)
}{
	{"stat", statText, cpuTime{System: 40, Busy: 160, Total: 1000, Processors: 2}, func(b []byte) (any, error) { return parseStat(b) }},
	{"meminfo", memText, memory{1000 << 10, 400 << 10}, func(b []byte) (any, error) { return parseMeminfo(b) }},
	{"loadavg", loadText, [3]float64{0.52, 1.38, 2}, func(b []byte) (any, error) { return parseLoad(b) }},
	{"vmstat", vmText, traffic{2 << 20, 512 << 10}, func(b []byte) (any, error) { return parseVMStat(b) }},
	{"net/dev", netText, traffic{1010, 305}, func(b []byte) (any, error) { return parseNetDev(b) }},
	{"pid/stat", nginxText, procStat{PID: 42, Parent: 1, Threads: 4, Name: "nginx: w) (x)", State: 'S', Ticks: 42, Started: 777, Pages: 250},
		func(b []byte) (any, error) { return parsePIDStat(b) }},
}

func TestParse(t *testing.T) {
	for _, p := range parsers {
		t.Run(p.name, func(t *testing.T) {
			got, err := p.parse([]byte(p.text))
			if err != nil || got != p.want {
				t.Errorf("%+v, %v; want %+v", got, err, p.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	bad := map[string][]string{
		"stat":     {"", "cpu", "cpu 1 2 3 4", "cpu0 1 2 3 4", "cpu 1 x 3 4\ncpu0 1 2 3 4", "cpu -1 2 3 4\ncpu0 1", "cpu 0 0 0 0\ncpu0 0 0 0 0"},
		"meminfo":  {"", "MemTotal: 10 kB", "MemTotal: 10 kB\nMemAvailable: 11 kB", "MemTotal:", "MemTotal: many kB"},
		"loadavg":  {"", "1 2", "1 2 x", "NaN 1 1", "-1 1 1", "Inf 1 1", "1e300 1 1"},
		"vmstat":   {"", "pgpgin 1", "pgpgin 1\npgpgout x"},
		"net/dev":  {"", "eth0 1 2 3", "eth0: 1 2 3", "eth0: x 1 0 0 0 0 0 0 300 1", "eth0: 1 1 0 0 0 0 0 0 -1 1"},
		"pid/stat": {"", "42", "42 (a", "42 a) S", ") (", "42 (a) S 1", strings.Replace(nginxText, "42 (", "x (", 1), strings.Replace(nginxText, " 777 ", " -7 ", 1), strings.Replace(nginxText, ") S ", ") SS ", 1), "0" + nginxText[2:]},
	}
	for _, p := range parsers {
		for _, text := range bad[p.name] {
			if got, err := p.parse([]byte(text)); !errors.Is(err, errFormat) {
				t.Errorf("%s %q: %+v, %v", p.name, text, got, err)
			}
		}
	}
}

func TestNamesAreMadeFitToBeShown(t *testing.T) {
	for raw, want := range map[string]string{
		"nginx":                   "nginx",
		"größe":                   "größe",
		"a\x00b\nc\x1b[1m":        "a?b?c?[1m",
		"bad \xff utf":            "bad ? utf",
		strings.Repeat("x", 1000): strings.Repeat("x", maxName),
		"":                        "",
	} {
		if got := printable(raw, maxName); got != want {
			t.Errorf("%q is shown as %q, want %q", raw, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, p := range parsers {
		f.Add([]byte(p.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, p := range parsers {
			_, _ = p.parse(text) // must not panic
		}
		if p, err := parsePIDStat(text); err == nil && (len(p.Name) > 3*maxName || p.PID <= 0) {
			t.Errorf("%+v", p)
		}
	})
}
