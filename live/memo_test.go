package live_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/testviews/board"
	"github.com/livelong-dev/livelong/live/livetest"
)

func tableApp(t *testing.T, runs *int, n int) *live.App {
	t.Helper()
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*board.Table, error) { return board.NewTable(runs, n), nil })
	return app
}

func TestMemosRunWhenTheirVersionChanges(t *testing.T) {
	runs := 0
	app := tableApp(t, &runs, 100)
	page := livetest.Open(t, app, "/")
	live.StopChecking(app)
	ran := func(want int, what string, f func()) {
		t.Helper()
		runs = 0
		f()
		if runs != want {
			t.Errorf("%s: %d rows ran, want %d", what, runs, want)
		}
	}
	page.Push("Set", board.Set{At: 1, To: 1})
	ran(1, "a row", func() { page.Push("Set", board.Set{At: 50, To: 7}) })
	ran(0, "a child in a memo", func() { page.PushTo(`[live-key="50"] button`, "Tick", nil) })
	ran(0, "swapped rows", func() { page.Push("Swap", board.Swap{From: 3, To: 5}) })
	ran(0, "rows swapped far away", func() { page.Push("Swap", board.Swap{From: 3, To: 90}) })
	ran(1, "an inserted row", func() { page.Push("Insert", board.Insert{At: 20, ID: 1000}) })
	ran(0, "a removed row", func() { page.Push("Remove", board.Remove{At: 10}) })
	if got := page.Text(`section[live-key="50"]`); got != "71" {
		t.Error(got)
	}
}

// What is put together of old and new parts is what the view renders as a whole: livetest compares after each event.
func TestRandomTables(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		page := livetest.Open(t, tableApp(t, nil, 1+r.IntN(40)), "/")
		for range 100 {
			n := r.IntN(60)
			switch r.IntN(8) {
			case 0:
				page.Push("Swap", board.Swap{From: n, To: r.IntN(60)})
			case 1:
				page.Push("Insert", board.Insert{At: n, ID: 100 + r.IntN(100)})
			case 2:
				page.Push("Remove", board.Remove{At: n})
			case 3:
				page.Drop()
				page.Connect()
			case 4, 5:
				page.Push("Set", board.Set{At: n, To: r.IntN(1000)})
			default:
				if id := fmt.Sprint(n); page.Has(`[live-key="` + id + `"] button`) {
					page.PushAt(id, "Tick", nil)
				}
			}
		}
		page.Close()
	}
}

func TestMemosThatAreWrong(t *testing.T) {
	for how, want := range map[string]string{"": "renders other HTML the second time", "doubled": "live.Memo: the key a comes twice in board.Table"} {
		var logs bytes.Buffer
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.NewTextHandler(&logs, nil))})
		live.Handle(app, "GET /{$}", func(*http.Request) (*board.Table, error) { return board.NewTable(nil, 10), nil })
		page := livetest.Open(t, app, "/")
		live.Report(app, func(err error) { logs.WriteString(err.Error()) })
		page.Push("Break", board.Break{How: how})
		if how != "" {
			page.Await("the page afresh", func() bool { return page.Error() != "" })
		}
		if all := logs.String(); !strings.Contains(all, want) {
			t.Errorf("nothing says %q: %s", want, all)
		}
	}
}
