package local

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"time"
)

// stripes is the number of lock files. Keys share them by hash: requests for two keys wait for one another in 1 of 256
// cases, and the number of files is bounded.
const stripes = 256

func stripe(key string) int {
	h := fnv.New32a()
	io.WriteString(h, key)
	return int(h.Sum32() % stripes)
}

func lockFile(key string) string { return fmt.Sprintf("%s/%02x", lockDir, stripe(key)) }

// lock locks a key against other goroutines, and other processes; shared with their readers if it is not to be written.
// It waits until ctx ends.
func (b *Bucket) lock(ctx context.Context, root *os.Root, key string, write bool) (*lock, error) {
	own := b.locks[stripe(key)]
	select {
	case own <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := b.lockFile(ctx, root, key, write)
	if err != nil {
		<-own
		return nil, err
	}
	return &lock{file: f, own: own}, nil
}

// lock is a locked key.
type lock struct {
	file *os.File
	own  chan struct{}
}

func (l *lock) unlock() {
	l.file.Close() // which unlocks it
	<-l.own
}

func (b *Bucket) lockFile(ctx context.Context, root *os.Root, key string, write bool) (_ *os.File, err error) {
	f, err := root.OpenFile(lockFile(key), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, b.failed("open a lock", err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	// Another process is asked again and again: a system call that waits for the lock could not be ended with ctx.
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 2*time.Millisecond) {
		locked, err := tryLock(f, write)
		if err != nil {
			return nil, b.failed("lock", err)
		}
		if locked {
			break
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		}
	}
	if err := b.broken.Load(); err != nil {
		return nil, *err // while this request waited
	}
	return f, b.finish(root, f)
}

// A lock file's contents are the directory that a write is about to change, behind a byte 1, or a byte 0 once the change
// is on disk. So whoever locks after a process that was killed between the two makes the change durable before he shows
// it to anyone. Nothing needs to be on disk of this: after a power failure all that is seen is.
const maxMark = 4096

// mark says that a directory is about to change; no directory means that it has.
func (b *Bucket) mark(l *lock, dir string) error {
	line := []byte{0}
	if dir != "" {
		line = []byte("\x01" + dir + "\n")
	}
	if _, err := l.file.WriteAt(line, 0); err != nil {
		return b.failed("mark a lock", err)
	}
	return nil
}

// finish syncs what the lock's last holder changed, if he was killed before he did.
func (b *Bucket) finish(root *os.Root, f *os.File) error {
	var buf [maxMark]byte
	n, err := f.ReadAt(buf[:1], 0)
	if n == 0 || buf[0] == 0 {
		if err == io.EOF {
			err = nil
		}
		return b.failed("read a lock", err)
	}
	if n, err = f.ReadAt(buf[:], 0); err != nil && err != io.EOF {
		return b.failed("read a lock", err)
	}
	dir, _, whole := strings.Cut(string(buf[1:n]), "\n")
	if whole { // or else he was killed while marking, before any change
		if err := b.at("finish"); err != nil {
			return err
		}
		if err := b.syncDir(root, dir); err != nil && !errors.Is(err, errNoDir) {
			return err
		}
	}
	// Readers may do this at once with others: each has synced before.
	if _, err := f.WriteAt([]byte{0}, 0); err != nil {
		return b.failed("mark a lock", err)
	}
	return nil
}
