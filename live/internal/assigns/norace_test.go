//go:build !race

package assigns

const raceEnabled = false
