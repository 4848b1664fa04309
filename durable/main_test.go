package durable_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// soak multiplies the counts of what is random.
var soak = flag.Int("soak", 1, "multiply the counts of random tests by `n`")

func TestMain(m *testing.M) {
	if bucket := os.Getenv(childBucket); bucket != "" {
		if err := child(bucket); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}
