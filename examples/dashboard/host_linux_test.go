package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadHost(t *testing.T) {
	h := newHost()
	h.root = t.TempDir()
	write(t, h.root, "stat", statText)
	write(t, h.root, "meminfo", memText)
	write(t, h.root, "loadavg", "what?")
	write(t, h.root, "net/dev", netText)
	write(t, h.root, "42/stat", nginxText)
	write(t, h.root, "43/stat", "43 (broken")
	write(t, h.root, "self/stat", nginxText)
	write(t, h.root, "99999999999/stat", nginxText)
	r := h.read()
	if r.CPU == nil || r.CPU.Busy != 160 || r.Memory == nil || r.Network == nil {
		t.Errorf("read %+v", r)
	}
	if r.Load != nil || r.Disks != nil {
		t.Errorf("a load %v and disks %v were made up", r.Load, r.Disks)
	}
	if len(r.Processes) != 1 || r.Processes[0].PID != 42 || r.Users[42] == "" {
		t.Errorf("processes %+v of %v", r.Processes, r.Users)
	}
}

func TestReadIsBounded(t *testing.T) {
	h := newHost()
	h.root = t.TempDir()
	write(t, h.root, "vmstat", strings.Repeat("x", 2*maxProcFile))
	if text, err := h.file("vmstat"); err != nil || len(text) != maxProcFile {
		t.Errorf("read %d B, %v", len(text), err)
	}
}

func TestThisHost(t *testing.T) {
	h := newHost()
	r := h.read()
	if r.CPU == nil || r.Memory == nil || r.Load == nil {
		t.Skip("this host hides what it does")
	}
	found := false
	for _, p := range processes(r, h.read()) {
		found = found || p.PID == os.Getpid() && p.Memory > 0 && p.Threads > 0
	}
	if !found {
		t.Error("this process was not found")
	}
}
