package replay_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// soak multiplies the counts of what is random.
var soak = flag.Int("soak", 1, "multiply the counts of random tests by `n`")

func TestMain(m *testing.M) {
	if recordsUntilKilled() {
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
