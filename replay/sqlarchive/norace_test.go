//go:build !race

package sqlarchive_test

const raceEnabled = false
