package local

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const errQuota = windows.ERROR_DISK_FULL

// tryLock locks a file, and reports whether it could be. It locks a byte far behind the contents, for locks of Windows
// keep others from reading what is locked.
func tryLock(f *os.File, write bool) (bool, error) {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if write {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 20})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// syncDirectory does nothing: Windows cannot sync a directory, and its file systems keep the order of renames.
func syncDirectory(*os.File) error { return nil }
