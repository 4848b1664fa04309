package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// childEnv marks a child of the supervisor: its listener is file 3, and file 4 ends with the supervisor.
const childEnv = "LIVELONG_EXAMPLE_CHILD"

// inherited returns the listener that the supervisor has passed on, if this is its child.
func inherited() (l net.Listener, child bool, err error) {
	if os.Getenv(childEnv) == "" {
		return nil, false, nil
	}
	os.Unsetenv(childEnv)
	go func() {
		io.Copy(io.Discard, os.NewFile(4, "supervisor"))
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			self.Signal(syscall.SIGTERM)
		}
	}()
	l, err = net.FileListener(os.NewFile(3, "listener"))
	return l, true, err
}

// supervise runs this program again as a child until ctx ends, and starts it again whenever it dies. The supervisor
// holds the listening socket, so that browsers which come back in between wait instead of failing. A child whose supervisor
// is killed stops in order, and frees the port.
func supervise(ctx context.Context, l *net.TCPListener) error {
	file, err := l.File()
	if err != nil {
		return fmt.Errorf("pass the listener on: %w", err)
	}
	defer file.Close()
	ends, stays, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("tell the server of its end: %w", err)
	}
	defer ends.Close()
	defer stays.Close()
	pause := 100 * time.Millisecond
	for {
		child := exec.CommandContext(ctx, os.Args[0], os.Args[1:]...)
		child.Env = append(os.Environ(), childEnv+"=1")
		child.ExtraFiles = []*os.File{file, ends}
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
		child.WaitDelay = 30 * time.Second
		started := time.Now()
		err := child.Run()
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > 10*time.Second {
			pause = 100 * time.Millisecond
		}
		slog.Warn("the server ended; starting it again", "err", err, "in", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
}
