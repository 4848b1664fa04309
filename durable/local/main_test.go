package local

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(killVariable) != "" {
		killed()
		os.Exit(0)
	}
	if dir := os.Getenv(countVariable); dir != "" {
		count(dir)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
