package local

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNotWritable is run as another user, if this one is root, for whom every directory is writable.
func TestNotWritable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if os.Geteuid() == 0 {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		runtime.LockOSThread() // not unlocked: the thread ends with the test's goroutine
		if err := unix.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer unix.Setfsuid(0)
	}
	for _, b := range []*Bucket{Dir(dir), Dir(dir + "/new")} {
		_, put := b.Put(t.Context(), "a", nil, "")
		for _, err := range []error{b.Open(t.Context()), put} {
			if !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v", b.dir, err)
			}
		}
	}
}
