package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/bench/load"
)

// process is a server that runs as a child.
type process struct {
	load.Server
	cmd  *exec.Cmd
	done chan error
}

// build compiles a command into dir.
func build(ctx context.Context, dir, pkg string) (string, error) {
	out := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", pkg, err)
	}
	return out, nil
}

// start starts a server on a free port and waits until it answers.
func start(ctx context.Context, binary string, live bool, args ...string) (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	p := &process{Server: load.Server{Base: "http://127.0.0.1:" + strconv.Itoa(port), Live: live}, done: make(chan error, 1)}
	p.cmd = exec.CommandContext(ctx, binary, append([]string{strconv.Itoa(port)}, args...)...)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.done <- p.cmd.Wait() }()
	for range 200 {
		select {
		case err := <-p.done:
			return nil, fmt.Errorf("%s ended: %w", binary, err)
		case <-time.After(20 * time.Millisecond):
		}
		if conn, err := net.Dial("tcp", strings.TrimPrefix(p.Base, "http://")); err == nil {
			conn.Close()
			return p, nil
		}
	}
	p.stop()
	return nil, fmt.Errorf("%s does not answer", binary)
}

func (p *process) stop() {
	p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// cpu returns the CPU seconds the server has used, all threads, in user and system mode.
func (p *process) cpu() (float64, error) {
	// schedstat counts nanoseconds, where stat counts ticks of 10 ms; it is there per thread.
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var ns float64
	for _, file := range threads {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if f := strings.Fields(string(b)); len(f) > 0 {
			n, _ := strconv.ParseFloat(f[0], 64)
			ns += n
		}
	}
	if ns > 0 {
		return ns / 1e9, nil
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100, nil
}

// rss returns the server's resident memory in KiB.
func (p *process) rss() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(b), "VmRSS:")
	if !ok {
		return 0, fmt.Errorf("no VmRSS in the status of process %d", p.cmd.Process.Pid)
	}
	return strconv.ParseFloat(strings.Fields(rest)[0], 64)
}

// get asks the server for something of its own.
func (p *process) get(path string) (string, error) {
	res, err := http.Get(p.Base + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}
