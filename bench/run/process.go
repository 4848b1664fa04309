package main

import (
	"context"
	"errors"
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

	"golang.org/x/sys/unix"

	"github.com/livelong-dev/livelong/bench/load"
)

// process is a server that runs as a child.
type process struct {
	load.Server
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait, once exited is closed
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
func (b *bench) start(isLive bool, profile string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	binary, args := b.floor, []string{port}
	if isLive {
		binary = b.live
		if profile != "" {
			args = []string{"-cpuprofile", profile, port}
		}
	}
	p := &process{Server: load.Server{Base: "http://127.0.0.1:" + port, Live: isLive}, exited: make(chan struct{})}
	p.cmd = exec.CommandContext(b.ctx, binary, args...)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		p.err = p.cmd.Wait()
	}()
	for range 200 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return p, nil
		}
		select {
		case <-p.exited:
			return nil, fmt.Errorf("%s ended: %v", filepath.Base(binary), p.err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil, errors.Join(fmt.Errorf("%s does not answer", filepath.Base(binary)), p.stop())
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// stop ends the server. It is an error when that has ended before, or does not end.
func (p *process) stop() error {
	name := filepath.Base(p.cmd.Path)
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		<-p.exited
		return fmt.Errorf("%s ended while it was measured: %v", name, p.err)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(30 * time.Second):
	}
	err := p.cmd.Process.Kill()
	<-p.exited
	return errors.Join(fmt.Errorf("%s did not stop", name), err)
}

// cpu returns the seconds of CPU the server has used, all threads, in user and system mode: what /proc/PID/stat counts
// in ticks of 10 ms, here in nanoseconds. See clock_getcpuclockid(3).
func (p *process) cpu() (float64, error) {
	const sched = 2 // the kernel's CPUCLOCK_SCHED
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|sched), &used); err != nil {
		return 0, fmt.Errorf("clock of process %d: %w", p.cmd.Process.Pid, err)
	}
	return float64(used.Nano()) / 1e9, nil
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

// collect makes the server collect its garbage and return memory to the system.
func (p *process) collect() error {
	path := "/__gc"
	if p.Live {
		path += "/"
	}
	_, err := p.get(path)
	return err
}

// goroutines returns how many the server has; 0 for the floor, which does not tell.
func (p *process) goroutines() (int, error) {
	if !p.Live {
		return 0, nil
	}
	s, err := p.get("/__stats/")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(s))
}

// alone makes connections that do not stay.
var alone = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func (p *process) get(path string) (string, error) {
	res, err := alone.Get(p.Base + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return string(body), err
}
