//go:build unix && !race

package live_test

import (
	"fmt"
	"math"
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/testviews/cells"
	"github.com/livelong-dev/livelong/live/livetest"
)

// What a cell costs that changes in a table of 500 rows: on a page that renders all of them, one with memos, and one whose
// rows are children. CPU of this thread, the least of many batches in turns.
func TestFiguresOfACell(t *testing.T) {
	const rows, batches, size = 500, 40, 50
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer debug.SetGCPercent(debug.SetGCPercent(1000))
	type way struct {
		name   string
		update func(name, target, value string) int
		least  float64
		frame  int
	}
	open := func(handle func(*live.App)) func(name, target, value string) int {
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
		handle(app)
		livetest.Open(t, app, "/")
		live.StopChecking(app)
		return live.Updates(app)
	}
	ways := []*way{
		{name: "plain", update: open(func(a *live.App) {
			live.Handle(a, "GET /{$}", func(*http.Request) (*cells.Plain, error) { return cells.NewPlain(rows), nil })
		})},
		{name: "memos", update: open(func(a *live.App) {
			live.Handle(a, "GET /{$}", func(*http.Request) (*cells.Memos, error) { return cells.NewMemos(rows), nil })
		})},
		{name: "children", update: open(func(a *live.App) {
			live.Handle(a, "GET /{$}", func(*http.Request) (*cells.Children, error) { return cells.NewChildren(rows), nil })
		})},
	}
	plain, memos, child := ways[0], ways[1], ways[2]
	n := 0
	// What else the machine does only adds to a figure: where they are not good enough, there is another round.
	for round := 0; round == 0 || round < 5 && child.least > plain.least/50; round++ {
		for range batches {
			for _, w := range ways {
				w.least = leastOf(w.least, cpuOf(t, func() {
					for range size {
						n++
						target := ""
						if w == child {
							target = fmt.Sprint(n * 7 % rows)
						}
						w.frame = w.update("Set", target, fmt.Sprintf(`{"Row":%d,"Price":"%d"}`, n*7%rows, n))
					}
				})/size)
			}
		}
	}
	for _, w := range ways {
		t.Logf("%-10s %7.1f µs, a frame of %d bytes", w.name, w.least/1e3, w.frame)
	}
	t.Logf("a child: 1/%.0f of the plain page; memos: 1/%.1f", plain.least/child.least, plain.least/memos.least)
	if child.least > plain.least/50 {
		t.Errorf("a child's update costs 1/%.0f of the plain page's, at most 1/50", plain.least/child.least)
	}
}

func leastOf(least, now float64) float64 {
	if least == 0 {
		return now
	}
	return math.Min(least, now)
}

// cpuOf returns the CPU time of this thread that f takes, in nanoseconds.
func cpuOf(t *testing.T, f func()) float64 {
	t.Helper()
	now := func() float64 {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
			t.Fatal(err)
		}
		return float64(ts.Nano())
	}
	start := now()
	f()
	return now() - start
}
