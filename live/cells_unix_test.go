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
	const rows, batches, size = 500, 300, 20
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
	n := 0
	for range batches {
		for _, w := range ways {
			w.least = cmpMin(w.least, cpuOf(t, func() {
				for range size {
					n++
					target := ""
					if w.name == "children" {
						target = fmt.Sprint(n * 7 % rows)
					}
					w.frame = w.update("Set", target, fmt.Sprintf(`{"Row":%d,"Price":"%d"}`, n*7%rows, n))
				}
			})/size)
		}
	}
	for _, w := range ways {
		t.Logf("%-10s %7.1f µs, a frame of %d bytes", w.name, w.least/1e3, w.frame)
	}
	plain, memos, child := ways[0].least, ways[1].least, ways[2].least
	t.Logf("a child: 1/%.0f of the plain page; memos: 1/%.1f", plain/child, plain/memos)
	if child > plain/50 {
		t.Errorf("a child's update costs 1/%.0f of the plain page's, want at most 1/50", plain/child)
	}
}

func cmpMin(least, now float64) float64 {
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
