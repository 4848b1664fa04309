package replay_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
)

// flushed is how often the process that is killed hands over what it has recorded.
const flushed = 20 * time.Millisecond

// recordUntilKilled is that process: it records turns for ever, and prints the time of each.
func recordUntilKilled(dir string) {
	r, err := replay.Open(replay.Options{Archive: local.Dir(dir), FlushEvery: flushed, Build: "test", MaxEvents: 1 << 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
	view, desk := app.ViewType("replay_test.Desk"), &Desk{}
	markup, _ := view.Render(desk, "", "")
	request, _ := http.NewRequest(http.MethodGet, "/", nil)
	at, _ := url.Parse("/")
	begin := time.Now()
	key := [16]byte{1}
	rec := r.Record(live.RecordStart{View: view, Attached: begin, Route: "GET /{$}", URL: at, Request: request, Session: "s", Key: key,
		Frame: live.RecordedFrame{View: desk, HTML: markup, Hash: live.Hash(markup, key)}})
	out := bufio.NewWriter(os.Stdout)
	for i := 1; ; i++ {
		desk.Count = i
		markup, _ := view.Render(desk, "", "")
		rec.Turn(&live.RecordedTurn{Kind: live.TurnEvent, Name: "Add", Value: &Add{By: i}, URL: at})
		rec.Frame(&live.RecordedFrame{View: desk, Changed: []int{0}, Patch: fmt.Appendf(nil, `[1,0,"%d"]`, i), HTML: markup, Hash: live.Hash(markup, key)})
		fmt.Fprintln(out, time.Since(begin).Milliseconds())
		out.Flush() // the pipe slows it down to what the test reads
	}
}

// Killed at any moment, a process loses the recordings of its last interval, and nothing else: what was handed over is read,
// frame by frame, as far as it goes, and whoever cleans up later finishes it.
func TestKilledWhileRecording(t *testing.T) {
	var worst int64
	frames := 0
	kills := 8 * *soak
	for range kills {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "REPLAY_RECORD_TO="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It is killed some time after three segments have reached the archive.
		var last int64
		lines := bufio.NewScanner(out)
		bucket := local.Dir(dir)
		for n, left := 1, -1; left != 0 && lines.Scan(); n++ {
			if left > 0 {
				left--
			} else if n%100 == 0 {
				if keys, err := bucket.List(t.Context(), "segments/", "", 3); err != nil || len(keys) == 3 {
					left = 1 + rand.IntN(5000)
				}
			}
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatalf("the process says %q", lines.Text())
			}
		}
		cmd.Process.Kill()
		for lines.Scan() { // what it had said when it died
			fmt.Sscan(lines.Text(), &last)
		}
		cmd.Wait()

		ctx := context.Background()
		catalog := replay.NewCatalog(local.Dir(dir), replay.CatalogOptions{Logger: quiet, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		if _, err := catalog.Cleanup(ctx, replay.Retention{}); err != nil {
			t.Fatal(err)
		}
		all, err := catalog.Summaries(ctx)
		if err != nil || len(all) != 1 || all[0].Exit != replay.ExitUnknown {
			t.Fatalf("%+v, %v", all, err)
		}
		rec, err := catalog.Get(ctx, all[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
		live.Handle(app, "GET /{$}", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
		for n := 1; n <= all[0].Frames; n += 1 + rand.IntN(100) {
			if s, err := rec.Screen(ctx, app, n); err != nil || s.Verdict != replay.Verified {
				t.Fatalf("frame %d of %d: %+v, %v", n, all[0].Frames, s, err)
			}
			frames++
		}
		lost := last - all[0].Milliseconds
		worst = max(worst, lost)
	}
	t.Logf("%d processes killed, %d frames looked at; at most %d ms of a recording were lost, with an interval of %v", kills, frames, worst, flushed)
	if worst > 3_000 { // a disk may keep a segment waiting
		t.Errorf("%d ms were lost", worst)
	}
}

// recordsUntilKilled reports whether this process is the one that is to be killed.
func recordsUntilKilled() bool {
	dir := os.Getenv("REPLAY_RECORD_TO")
	if strings.TrimSpace(dir) == "" {
		return false
	}
	recordUntilKilled(dir)
	return true
}
