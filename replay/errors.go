package replay

import (
	"errors"
	"fmt"
	"io/fs"
)

var (
	// ErrDamaged means that what is stored is not what was written: it was cut short, changed or mixed up.
	ErrDamaged = errors.New("the recording is damaged")
	// ErrFormat means that another, probably newer build wrote it in a way this one does not read.
	ErrFormat = errors.New("the recording has another format")
	// ErrTooLarge means that an entry is over the limits of a recording, and was left out.
	ErrTooLarge = errors.New("the entry is too large to be recorded")
	// ErrWantKeyframe means that an effect must be a keyframe, with all fields, because something before it was left out.
	ErrWantKeyframe = errors.New("the frame must be a keyframe")
	// ErrRunning means that a recording is still being made, and so cannot be deleted.
	ErrRunning = errors.New("the recording is running")
)

// nameOf returns a constant's name.
func nameOf[K ~uint8](names map[K]string, k K, kind string) string {
	if s, ok := names[k]; ok {
		return s
	}
	return fmt.Sprintf("%s %d", kind, k)
}

// CheckID returns an error that matches fs.ErrInvalid unless id may name a recording: 1 to 64 ASCII letters, digits, '-'
// and '_', so that no id is a path or leads out of one.
func CheckID(id string) error {
	if id == "" || len(id) > 64 {
		return fmt.Errorf("recording id %.80q: want 1 to 64 letters, digits, '-' or '_': %w", id, fs.ErrInvalid)
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return fmt.Errorf("recording id %.80q: %q is not allowed: %w", id, c, fs.ErrInvalid)
		}
	}
	return nil
}
