package live_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// C10: a page that a deploy has left behind is told apart, works on, and the log has a line of it.
func TestPageOfAnotherBuild(t *testing.T) {
	var log bytes.Buffer
	outdated := map[bool]int{}
	k := &kit{connected: func(s *live.Socket, _ *puppet) error { outdated[s.Outdated()]++; return nil }}
	node := func() *live.App {
		return newPuppets(k, func(o *live.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	}
	browser := livetest.NewBrowser(t, node())
	page := browser.Open("/puppet")
	page.Push("Pull", Pull{By: 1})
	page.Drop()
	defer live.Deploy("another")()
	browser.Visit(node())
	page.Connect()
	page.Push("Pull", Pull{By: 1})
	if outdated[false] != 1 || outdated[true] != 1 || !strings.Contains(log.String(), "another build") {
		t.Errorf("connected as of this build %d times, of another %d times; log:\n%s", outdated[false], outdated[true], log.String())
	}
	if browser.Open("/puppet"); outdated[false] != 2 {
		t.Error("a page of this build is taken for one of another")
	}
}
