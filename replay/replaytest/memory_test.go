package replaytest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	a := &replaytest.Memory{}
	replaytest.TestArchive(t, func(*testing.T) replay.Archive { return a })
}
