package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// childEnv marks a child of the supervisor: its listener is file 3.
const childEnv = "LIVELONG_EXAMPLE_CHILD"

// inherited returns the listener that the supervisor has passed on, if this is its child.
func inherited() (l net.Listener, child bool, err error) {
	if os.Getenv(childEnv) == "" {
		return nil, false, nil
	}
	os.Unsetenv(childEnv)
	l, err = net.FileListener(os.NewFile(3, "listener"))
	return l, true, err
}

// supervise runs this program again as a child until ctx ends, and starts it again whenever it dies. The supervisor
// holds the listening socket, so that browsers which come back in between wait instead of failing.
func supervise(ctx context.Context, l *net.TCPListener) error {
	file, err := l.File()
	if err != nil {
		return fmt.Errorf("pass the listener on: %w", err)
	}
	defer file.Close()
	pause := 100 * time.Millisecond
	for {
		child := exec.CommandContext(ctx, os.Args[0], os.Args[1:]...)
		child.Env = append(os.Environ(), childEnv+"=1")
		child.ExtraFiles = []*os.File{file}
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
