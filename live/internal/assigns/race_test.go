//go:build race

package assigns

// The race detector's sync.Pool forgets on purpose.
const raceEnabled = true
