//go:build race

package live_test

// raced is how much slower the race detector makes these tests: they are repeated less often under it.
const raced = 10
