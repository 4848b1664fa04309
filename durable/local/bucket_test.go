package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
)

var _ interface {
	durable.Bucket
	durable.Pacer
	durable.Timekeeper
	durable.Opener
} = (*Bucket)(nil)

func TestBucket(t *testing.T) {
	dir := t.TempDir()
	durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return Dir(dir) })
	for _, name := range []string{tempDir} {
		if left, err := os.ReadDir(filepath.Join(dir, name)); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v %v", name, left, err)
		}
	}
}

// put writes an object and fails the test if that fails.
func put(t *testing.T, b *Bucket, key, data, ifVersion string) string {
	t.Helper()
	version, err := b.Put(t.Context(), key, []byte(data), ifVersion)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func holds(t *testing.T, b *Bucket, key, data, version string) {
	t.Helper()
	got, v, err := b.Get(t.Context(), key, "")
	if err != nil || string(got) != data || v != version {
		t.Fatalf("%s: got %q, %q, %v; want %q, %q", key, got, v, err, data, version)
	}
}

func TestVersionsNeverRepeat(t *testing.T) {
	b, seen := Dir(t.TempDir()), map[string]bool{}
	for range 3 {
		version := ""
		for range 3 {
			if version = put(t, b, "a", "same", version); seen[version] {
				t.Errorf("%s came back", version)
			}
			seen[version] = true
		}
		if err := b.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSurvivesReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	version := put(t, Dir(dir), "sessions/abc", "x", "")
	holds(t, Dir(dir), "sessions/abc", "x", version)
}

// TestOnlyTheOwnerReads checks the mode of everything that is written.
func TestOnlyTheOwnerReads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	b := Dir(dir)
	version := put(t, b, "sessions/abc", "x", "")
	put(t, b, "sessions/abc", "y", version)
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
		n++
		return nil
	})
	if err != nil || n < 8 {
		t.Errorf("%v, %d files", err, n)
	}
}

func TestRefusedDirectories(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, dir, says string }{
		{"none", "", "no directory"}, {"file", file, "it is a file"}, {"link", link, "symbolic link"}, {"linkWithSlash", link + "/", "symbolic link"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := Dir(tt.dir)
			_, put := b.Put(t.Context(), "a", nil, "")
			_, _, get := b.Get(t.Context(), "a", "")
			_, list := b.List(t.Context(), "", "", 0)
			for _, err := range []error{b.Open(t.Context()), put, get, list, b.Delete(t.Context(), "a")} {
				if !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	b := Dir(filepath.Join(file, "below"))
	if _, _, err := b.Get(t.Context(), "a", ""); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory below a file: %v", err)
	}
}

func TestNetworkFileSystems(t *testing.T) {
	b := Dir(t.TempDir())
	b.fileSystem = func(string) (string, error) { return "NFS", nil }
	if err := b.Open(t.Context()); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "NFS") {
		t.Errorf("%v", err)
	}
	b.o.AllowNetwork = true
	if err := b.Open(t.Context()); err != nil {
		t.Error(err)
	}
	if name, err := networkFileSystem(t.TempDir()); err != nil || name != "" {
		t.Errorf("the tests' directory is on %q, %v", name, err)
	}
}

func TestOpenTriesTheDirectory(t *testing.T) {
	b, err := Open(t.Context(), filepath.Join(t.TempDir(), "new"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := b.List(t.Context(), "", "", 0); err != nil || len(keys) != 0 {
		t.Errorf("%v %v", keys, err)
	}
	for _, step := range []string{"create", "write", "sync"} {
		b := Dir(t.TempDir())
		b.step = fail(step, syscall.EIO)
		if err := b.Open(t.Context()); !errors.Is(err, syscall.EIO) && !strings.Contains(fmt.Sprint(err), "fsync failed") {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// fail returns an error for one step.
func fail(step string, err error) func(string) error {
	return func(s string) error {
		if s == step {
			return err
		}
		return nil
	}
}

// TestFullDisk: nothing is lost, the error says so, and writes go on once there is room.
func TestFullDisk(t *testing.T) {
	for _, step := range []string{"create", "write", "sync", "rename"} {
		for _, cause := range []error{syscall.ENOSPC, errQuota} {
			b := Dir(t.TempDir())
			version := put(t, b, "a", "old", "")
			b.step = fail(step, &fs.PathError{Op: "write", Path: "x", Err: cause})
			_, err := b.Put(t.Context(), "a", []byte("new"), version)
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), "disk is full") {
				t.Errorf("%s: %v", step, err)
			}
			holds(t, b, "a", "old", version)
			if left, err := os.ReadDir(filepath.Join(b.dir, tempDir)); err != nil || len(left) > 0 {
				t.Errorf("%s: left behind: %v %v", step, left, err)
			}
			b.step = nil
			holds(t, b, "a", "new", put(t, b, "a", "new", version))
		}
	}
}

// TestFailedFsync: nothing is acknowledged any more, not even by reading; only opening again reads what is there.
func TestFailedFsync(t *testing.T) {
	for _, step := range []string{"sync", "syncDirectory"} {
		b := Dir(t.TempDir())
		version := put(t, b, "a", "old", "")
		b.step = fail(step, syscall.EIO)
		_, first := b.Put(t.Context(), "a", []byte("new"), version)
		b.step = nil
		_, put := b.Put(t.Context(), "b", nil, "")
		_, _, get := b.Get(t.Context(), "a", "")
		_, list := b.List(t.Context(), "", "", 0)
		for _, err := range []error{first, put, get, list, b.Delete(t.Context(), "a"), b.Open(t.Context())} {
			if err == nil || !strings.Contains(err.Error(), "fsync failed") {
				t.Errorf("%s: %v", step, err)
			}
			if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v says what became of the object", step, err)
			}
		}
		if data, _, err := Dir(b.dir).Get(t.Context(), "a", ""); err != nil || string(data) != "old" && string(data) != "new" {
			t.Errorf("%s: %q %v", step, data, err)
		}
	}
}

// TestErrorsOfTheSystem: whatever the system says, it is not taken for an answer about the object.
func TestErrorsOfTheSystem(t *testing.T) {
	for _, cause := range []error{syscall.ENOENT, syscall.EEXIST, syscall.ENOTEMPTY, syscall.EIO, syscall.EMFILE, syscall.EROFS, syscall.EACCES} {
		for _, step := range []string{"create", "write", "rename"} {
			b := Dir(t.TempDir())
			b.step = fail(step, cause)
			_, err := b.Put(t.Context(), "a", nil, "")
			refused := cause == syscall.EROFS || cause == syscall.EACCES
			if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) != refused {
				t.Errorf("%s, %v: %v", step, cause, err)
			}
		}
	}
}

func TestSteps(t *testing.T) {
	b := Dir(t.TempDir())
	var steps []string
	b.step = func(s string) error { steps = append(steps, s); return nil }
	put(t, b, "a", "x", "")
	if !slices.Equal(steps, allSteps) {
		t.Errorf("%q", steps)
	}
}

func TestLeftOverFilesAreSwept(t *testing.T) {
	b := Dir(t.TempDir())
	put(t, b, "a", "x", "")
	temp := func(name string) string { return filepath.Join(b.dir, tempDir, name) }
	old, young := temp("1-"+rand.Text()), temp("1-"+rand.Text())
	others := []string{temp("notes.txt"), temp("1-x"), temp("2024-BACKUP")} // of someone who has named the wrong directory
	ages := map[string]time.Duration{old: tempAge + time.Minute, young: tempAge - time.Minute}
	for _, path := range others {
		ages[path] = tempAge + time.Minute
	}
	for path, age := range ages {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := Dir(b.dir).List(t.Context(), "", "", 0); err != nil || !slices.Equal(keys, []string{"a"}) {
		t.Errorf("%v %v", keys, err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("old: %v", err)
	}
	for _, path := range append(others, young) {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestDamagedFiles: a damaged object is neither missing nor empty, and cannot be overwritten by accident.
func TestDamagedFiles(t *testing.T) {
	b := Dir(t.TempDir())
	version := put(t, b, "key", "contents", "")
	path := filepath.Join(b.dir, filepath.FromSlash(fileName("key")))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(good)
	flipped[len(flipped)-1] ^= 1
	for name, file := range map[string]string{
		"empty": "", "cut": string(good[:len(good)-1]), "longer": string(good) + "x", "flipped": string(flipped), "header": string(good[:10]),
		"other": "hello\n", "newer": strings.Replace(string(good), "livelong 1", "livelong 2", 1), "huge": "livelong 1 1-a 999999999999 00000000 key\n",
		"anotherKey": strings.Replace(string(good), " key\n", " Key\n", 1),
	} {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := b.Get(t.Context(), "key", "")
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: get: %v", name, err)
		}
		if _, err := b.Put(t.Context(), "key", nil, ""); err == nil {
			t.Errorf("%s: overwritten", name)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	holds(t, b, "key", "contents", version)
}

// TestForeignFilesAreNoKeys: what someone else leaves in the directory is not listed.
func TestForeignFilesAreNoKeys(t *testing.T) {
	b := Dir(t.TempDir())
	put(t, b, "sessions/abc", "x", "")
	for _, name := range []string{".DS_Store", "notes.txt", "se/.nfs0001", "se/sessions+/README"} {
		if err := os.WriteFile(filepath.Join(b.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := b.List(t.Context(), "", "", 0); err != nil || !slices.Equal(keys, []string{"sessions/abc"}) {
		t.Errorf("%v %v", keys, err)
	}
}

// TestLockedByAnotherProcess: a request waits for the lock until its context ends. Another handle stands for another
// process, for flock locks belong to the open file.
func TestLockedByAnotherProcess(t *testing.T) {
	b := Dir(t.TempDir())
	version := put(t, b, "a", "x", "")
	other := Dir(b.dir)
	root, err := other.ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held, err := other.lock(t.Context(), root, "a", true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := b.Put(ctx, "a", nil, version); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("put: %v", err)
	}
	if _, _, err := b.Get(ctx, "a", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("get: %v", err)
	}
	held.unlock()
	holds(t, b, "a", "x", version)
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(nextHeader(header{}, "a/b", []byte("x")).encode([]byte("x")))
	f.Add([]byte("livelong 1 1-a 5 00000000 key\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		h, n, err := decodeHeader(file)
		if err != nil {
			return
		}
		if h.version == "" || h.length < 0 || n > len(file) || durable.CheckKey(h.key) != nil {
			t.Errorf("%+v %d", h, n)
		}
		if again, _, err := decodeHeader(h.encode(nil)); err != nil || again != h {
			t.Errorf("%+v became %+v, %v", h, again, err)
		}
	})
}

// FuzzFileNames: two keys never share a file, and List finds each.
func FuzzFileNames(f *testing.F) {
	for _, keys := range [][2]string{{"a/b", "a-b"}, {"ab/c", "ab"}, {"tmp", "lock"}, {"a", "a/a"}} {
		f.Add(keys[0], keys[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if durable.CheckKey(a) != nil || durable.CheckKey(b) != nil || a == b {
			return
		}
		if fileName(a) == fileName(b) {
			t.Fatalf("%q and %q share %q", a, b, fileName(a))
		}
		for _, name := range []string{fileName(a), fileName(b)} {
			if !filepath.IsLocal(name) || strings.HasPrefix(name, tempDir+"/") || strings.HasPrefix(name, lockDir+"/") {
				t.Fatalf("%q", name)
			}
		}
	})
}
