package main

import (
	"bytes"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	maxProcesses = 10_000
	maxProcFile  = 1 << 20
	maxUsers     = 10_000
)

var pageSize = uint64(os.Getpagesize())

// host reads Linux's /proc.
type host struct {
	root  string
	users map[uint32]string // what is known of user ids
}

func newHost() *host { return &host{root: "/proc", users: map[uint32]string{}} }

// label says what is measured.
func (h *host) label() string {
	release, _ := h.file("sys/kernel/osrelease")
	version, _, _ := bytes.Cut(bytes.TrimSpace(release), []byte("-"))
	return "Linux " + printable(string(version), maxName)
}

// read takes a reading.
func (h *host) read() reading {
	r := reading{At: time.Now(), Go: readRuntime(), Users: map[int]string{}}
	r.CPU = parsed(h, "stat", parseStat)
	r.Memory = parsed(h, "meminfo", parseMeminfo)
	r.Load = parsed(h, "loadavg", parseLoad)
	r.Network = parsed(h, "net/dev", parseNetDev)
	r.Disks = parsed(h, "vmstat", parseVMStat)
	for _, pid := range h.pids() {
		text, err := h.file(pid + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		if p, err := parsePIDStat(text); err == nil {
			r.Processes = append(r.Processes, p)
			r.Users[p.PID] = h.owner(pid)
		}
	}
	return r
}

// parsed is a file's content; nil when there is none, or none that is understood: containers hide some.
func parsed[T any](h *host, name string, parse func([]byte) (T, error)) *T {
	text, err := h.file(name)
	if err != nil {
		return nil
	}
	value, err := parse(text)
	if err != nil {
		return nil
	}
	return &value
}

func (h *host) file(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(h.root, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxProcFile))
}

// pids lists the processes' directories.
func (h *host) pids() []string {
	dir, err := os.Open(h.root)
	if err != nil {
		return nil
	}
	defer dir.Close()
	var pids []string
	for len(pids) < maxProcesses {
		names, err := dir.Readdirnames(256)
		for _, name := range names {
			if _, err := strconv.ParseUint(name, 10, 31); err == nil {
				pids = append(pids, name)
			}
		}
		if err != nil {
			break
		}
	}
	return pids[:min(len(pids), maxProcesses)]
}

// owner names the user a process belongs to.
func (h *host) owner(pid string) string {
	info, err := os.Stat(filepath.Join(h.root, pid))
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	name, ok := h.users[stat.Uid]
	if !ok {
		name = strconv.FormatUint(uint64(stat.Uid), 10)
		if u, err := user.LookupId(name); err == nil {
			name = printable(u.Username, maxName)
		}
		if len(h.users) < maxUsers {
			h.users[stat.Uid] = name
		}
	}
	return name
}
