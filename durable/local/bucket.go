// Package local is a [durable.Bucket] in a directory of this machine, which several processes may share. It is the
// embedded default: it needs no server.
//
// A write is on disk before it is acknowledged, and a crash or a power failure at any time leaves either the old object or
// the new one. Objects can be read by the directory's owner only.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/livelong-dev/livelong/durable"
)

// Options are options of [Open].
type Options struct {
	// AllowNetwork allows a directory on a network file system or one in user space. It is refused by default, for locks
	// and fsync mean less there: on NFS, SMB and FUSE acknowledged writes may be lost. Only those who know that theirs
	// keeps both should set it, and then only one process should use the directory.
	AllowNetwork bool
}

// Bucket keeps objects in a directory. Its methods block for as long as the disk takes; an fsync that has begun is not
// interrupted when a context ends. Once the system has reported that an fsync failed, all of them return that error: what
// was written before it may be lost, and only a new process reads what is really on the disk.
type Bucket struct {
	dir string
	o   Options

	mu     sync.Mutex // held while opening
	root   atomic.Pointer[os.Root]
	broken atomic.Pointer[error] // the first failed fsync
	synced sync.Map              // directories whose entries in their parents are on disk
	locks  [stripes]chan struct{}

	step       func(name string) error                // tests: called at each step of a write; an error is the step's
	fileSystem func(dir string) (net string, e error) // the name of the network file system of dir, empty for others
}

// Dir returns a bucket in a directory, which is created at the first request if it does not exist. What is wrong with it
// is said then, or by [Bucket.Open].
func Dir(dir string) *Bucket { return newBucket(dir, Options{}) }

// Open returns a bucket in a directory that has been created and tried out.
func Open(ctx context.Context, dir string, o Options) (*Bucket, error) {
	b := newBucket(dir, o)
	if err := b.Open(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

func newBucket(dir string, o Options) *Bucket {
	b := &Bucket{dir: filepath.Clean(dir), o: o, fileSystem: networkFileSystem}
	if dir == "" {
		b.dir = "" // refused when opened
	}
	for i := range b.locks {
		b.locks[i] = make(chan struct{}, 1)
	}
	return b
}

// CommitEvery returns 0: writes cost no money, and are grouped while one is under way.
func (b *Bucket) CommitEvery() time.Duration { return 0 }

// Now returns this machine's time, which is that of its disk.
func (b *Bucket) Now(ctx context.Context) (time.Time, error) { return time.Now(), ctx.Err() }

// Open creates the directory if need be, and tries to lock, write and sync in it. It matches fs.ErrPermission or
// fs.ErrInvalid if the directory cannot be used; durable.Open calls it.
func (b *Bucket) Open(ctx context.Context) error {
	root, err := b.ready(ctx)
	if err != nil {
		return err
	}
	held, err := b.lock(ctx, root, "probe", true)
	if err != nil {
		return err
	}
	defer held.unlock()
	name, err := b.writeTemp(root, []byte("probe"))
	if err != nil {
		return err
	}
	if err := root.Remove(name); err != nil {
		return b.failed("remove a file", err)
	}
	return b.syncDir(root, ".")
}

// ready returns the opened directory.
func (b *Bucket) ready(ctx context.Context) (*os.Root, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := b.broken.Load(); err != nil {
		return nil, *err
	}
	if root := b.root.Load(); root != nil {
		return root, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if root := b.root.Load(); root != nil {
		return root, nil
	}
	root, err := b.open()
	if err == nil {
		b.root.Store(root)
	}
	return root, err
}

func (b *Bucket) open() (_ *os.Root, err error) {
	if b.dir == "" {
		return nil, fmt.Errorf("local bucket: no directory was named: %w", fs.ErrInvalid)
	}
	info, err := os.Lstat(b.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := b.create(b.dir); err != nil {
			return nil, b.failed("create the directory", err)
		}
	case err != nil:
		return nil, b.failed("look for the directory", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, fmt.Errorf("local bucket %s: it is a symbolic link; name the directory that it leads to: %w", b.dir, fs.ErrInvalid)
	case !info.IsDir():
		return nil, fmt.Errorf("local bucket %s: it is a file; name a directory: %w", b.dir, fs.ErrInvalid)
	}
	if !b.o.AllowNetwork {
		switch network, err := b.fileSystem(b.dir); {
		case err != nil:
			return nil, b.failed("ask what file system it is on", err)
		case network != "":
			return nil, fmt.Errorf("local bucket %s: it is on a network file system (%s), where acknowledged writes may be lost; use a directory on a disk of this machine, an S3 bucket, or Options.AllowNetwork: %w", b.dir, network, fs.ErrInvalid)
		}
	}
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, b.failed("open the directory", err)
	}
	defer func() {
		if err != nil {
			root.Close()
		}
	}()
	for _, name := range []string{tempDir, lockDir} {
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, b.failed("create a directory", err)
		}
	}
	if err := b.sweep(root); err != nil {
		return nil, b.failed("remove left-over files", err)
	}
	return root, nil
}

// create makes a directory and those above it, and syncs each into its parent.
func (b *Bucket) create(dir string) error {
	parent := filepath.Dir(dir)
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := b.create(parent); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	} else if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncDirectory(f)
}

func (b *Bucket) Get(ctx context.Context, key, known string) ([]byte, string, error) {
	if err := durable.CheckKey(key); err != nil {
		return nil, "", err
	}
	root, err := b.ready(ctx)
	if err != nil {
		return nil, "", err
	}
	// A write is visible from its rename, and safe from the sync after it: reading waits for that.
	held, err := b.lock(ctx, root, key, false)
	if err != nil {
		return nil, "", err
	}
	defer held.unlock()
	return b.read(root, key, known)
}

func (b *Bucket) Put(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
	if err := durable.CheckKey(key); err != nil {
		return "", err
	}
	root, err := b.ready(ctx)
	if err != nil {
		return "", err
	}
	held, err := b.lock(ctx, root, key, true)
	if err != nil {
		return "", err
	}
	defer held.unlock()
	head, err := b.readHeader(root, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if head.version != ifVersion {
		return "", fmt.Errorf("put %s: %w", key, durable.ErrConflict)
	}
	next := nextHeader(head, key, data)
	if err := b.replace(ctx, root, held, key, next.encode(data)); err != nil {
		return "", err
	}
	return next.version, nil
}

// replace writes an object's file. The key is locked.
func (b *Bucket) replace(ctx context.Context, root *os.Root, held *lock, key string, contents []byte) error {
	temp, err := b.writeTemp(root, contents)
	if err != nil {
		return err
	}
	name := fileName(key)
	dir := path.Dir(name)
	err = b.makeDir(root, dir)
	if err == nil {
		err = ctx.Err() // the last moment at which nothing was done
	}
	if err == nil {
		err = b.at("mark")
	}
	if err == nil {
		err = b.mark(held, dir)
	}
	if err == nil {
		if err = b.at("rename"); err == nil {
			err = root.Rename(temp, name)
		}
		err = b.failed("rename", err)
	}
	if err != nil {
		root.Remove(temp)
		return err
	}
	if err := b.at("syncDirectory"); err != nil {
		return b.fsyncFailed(err)
	}
	if err := b.syncDir(root, dir); err != nil {
		return err
	}
	if err := b.at("unmark"); err != nil {
		return err
	}
	return b.mark(held, "")
}

// Delete removes an object.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := durable.CheckKey(key); err != nil {
		return err
	}
	root, err := b.ready(ctx)
	if err != nil {
		return err
	}
	held, err := b.lock(ctx, root, key, true)
	if err != nil {
		return err
	}
	defer held.unlock()
	name := fileName(key)
	if _, err := root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := b.mark(held, path.Dir(name)); err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b.failed("remove", err)
	}
	if err := b.syncDir(root, path.Dir(name)); err != nil {
		return err
	}
	return b.mark(held, "")
}

// at is where a test may kill the process, or say that the system failed.
func (b *Bucket) at(step string) error {
	if b.step == nil {
		return nil
	}
	return b.step(step)
}

// failed describes an error of the system. What the system calls "exists" or "does not exist" says nothing about an
// object, so that it is not matched any more.
func (b *Bucket) failed(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, errQuota):
		return fmt.Errorf("local bucket %s: %s: the disk is full; what was acknowledged is safe: %w", b.dir, what, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("local bucket %s: %s: %w: %v", b.dir, what, fs.ErrPermission, err)
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("local bucket %s: %s: %v", b.dir, what, err)
	}
	return fmt.Errorf("local bucket %s: %s: %w", b.dir, what, err)
}

// fsyncFailed ends the bucket. After a failed fsync the system forgets that pages were not written: the next fsync would
// report success, and a read would return them from memory.
func (b *Bucket) fsyncFailed(cause error) error {
	err := fmt.Errorf("local bucket %s: fsync failed, so nothing is acknowledged any more; check the disk, and start the process again: %v", b.dir, cause)
	b.broken.CompareAndSwap(nil, &err)
	return *b.broken.Load()
}

// errNoDir means that a directory was removed by someone else: buckets remove none.
var errNoDir = errors.New("local bucket: a directory has vanished")

// syncDir syncs a directory.
func (b *Bucket) syncDir(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoDir
	}
	if err != nil {
		return b.failed("open a directory to sync it", err)
	}
	defer f.Close()
	if err := syncDirectory(f); err != nil {
		return b.fsyncFailed(err)
	}
	return nil
}

// makeDir makes a directory and those above it whose entries may not be on disk yet.
func (b *Bucket) makeDir(root *os.Root, dir string) error {
	if _, ok := b.synced.Load(dir); ok || dir == "." {
		return nil
	}
	if err := b.makeDir(root, path.Dir(dir)); err != nil {
		return err
	}
	if err := root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return b.failed("create a directory", err)
	}
	// That it exists does not mean that it is on disk: who made it may have been killed before.
	if err := b.syncDir(root, path.Dir(dir)); err != nil {
		return err
	}
	b.synced.Store(dir, struct{}{})
	return nil
}
