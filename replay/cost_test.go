package replay_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// hanging is an archive that never answers.
type hanging struct{}

func (hanging) Get(ctx context.Context, _, _ string) ([]byte, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}
func (hanging) Put(ctx context.Context, _ string, _ []byte, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}
func (hanging) Delete(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
func (hanging) List(ctx context.Context, _, _ string, _ int) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// recordTurns begins a recording of a desk and returns what one turn of it costs the page: the count, or one cell of rows.
func recordTurns(t testing.TB, archive replay.Archive, limit time.Duration, rows int, change func(*replay.Options)) (turn func(i int), stop func()) {
	o := replay.Options{Archive: archive, Build: "test", MaxEvents: 1 << 30}
	if change != nil {
		change(&o)
	}
	r, err := replay.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
	desk := &Desk{}
	for i := range rows {
		desk.Rows = append(desk.Rows, Row{i, fmt.Sprintf("row %d", i), [2]float64{float64(i) / 3, 0.1}})
	}
	view := app.ViewType("replay_test.Desk")
	markup, err := view.Render(desk, "", "")
	if err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest(http.MethodGet, "/", nil)
	at, _ := url.Parse("/")
	rec := r.Record(live.RecordStart{View: view, Attached: time.Now(), Route: "GET /{$}", URL: at, Request: request, Session: "s",
		Frame: live.RecordedFrame{View: desk, HTML: markup, Hash: 1}})
	if rec == nil {
		t.Fatal("not recorded")
	}
	event := &Add{}
	field := []int{0}
	if rows > 0 {
		for i, f := range view.Fields() {
			if f.Name == "Rows" {
				field = []int{i}
			}
		}
	}
	patch := []byte(`[1,0,"1000"]`)
	told, framed := live.RecordedTurn{}, live.RecordedFrame{}
	turn = func(i int) {
		event.By = i
		desk.Count = i
		if rows > 0 {
			desk.Rows[i%rows].At[0] = float64(i)
		}
		told = live.RecordedTurn{Kind: live.TurnEvent, Name: "Add", Value: event, URL: at}
		rec.Turn(&told)
		framed = live.RecordedFrame{View: desk, Changed: field, Patch: patch, HTML: markup, Hash: uint64(i)}
		rec.Frame(&framed)
	}
	return turn, func() {
		rec.End(live.RecordedEnd{})
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		r.Close(ctx)
	}
}

// The cost of recording is part of each turn: at most 3 us and 0.05 us for each element that is compared, with at most 3
// allocations, whatever the archive does.
func TestCostOfRecording(t *testing.T) {
	for _, tt := range []struct {
		name     string
		limit    time.Duration // for closing
		archive  replay.Archive
		rows     int
		redacted bool
	}{
		{"a number", time.Minute, &replaytest.Memory{}, 0, false},
		{"one cell of 500 rows", time.Minute, &replaytest.Memory{}, 500, false},
		{"a number, hanging archive", time.Second, hanging{}, 0, false},
		{"a number, redacted", time.Minute, &replaytest.Memory{}, 0, true},
		{"one cell of 500 rows, redacted", time.Minute, &replaytest.Memory{}, 500, true},
	} {
		turn, stop := recordTurns(t, tt.archive, tt.limit, tt.rows, func(o *replay.Options) {
			if tt.redacted {
				o.Rules = replay.Rules{Is: []string{"note"}}
			}
		})
		for i := range 100 {
			turn(i)
		}
		const n = 2000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for i := range n {
			turn(i + 100)
		}
		took := time.Since(start) / n
		runtime.ReadMemStats(&after)
		allocs := float64(after.Mallocs-before.Mallocs) / n
		stop()
		bound := 3*time.Microsecond + time.Duration(tt.rows*5+1)*50*time.Nanosecond
		t.Logf("%-32s %8v a turn (bound %v), %.2f allocations", tt.name, took, bound, allocs)
		if tt.redacted || raceEnabled {
			continue // figures for the record
		}
		if took > 10*bound {
			t.Errorf("%s: %v a turn, ten times the bound of %v", tt.name, took, bound)
		}
		if allocs > 3 {
			t.Errorf("%s: %.2f allocations a turn", tt.name, allocs)
		}
	}
}

func BenchmarkTurn(b *testing.B) {
	for _, rows := range []int{0, 500} {
		b.Run(fmt.Sprint(rows, " rows"), func(b *testing.B) {
			turn, stop := recordTurns(b, &replaytest.Memory{}, time.Minute, rows, nil)
			defer stop()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				turn(i)
				i++
			}
		})
	}
}
