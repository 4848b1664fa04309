//go:build linux && !race

package diff_test

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"text/tabwriter"

	"fmt"

	"github.com/livelong-dev/livelong/bench/workloads"
	"github.com/livelong-dev/livelong/live/internal/diff"
	"golang.org/x/sys/unix"
)

// TestFigures holds the cost of an update to its share of the render and of a full parse: ratios of CPU time on this
// thread, both sides measured in turns in this run, the least of many batches counting.
func TestFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for some seconds")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The collector's share of a batch is chance; templates allocate, the rest does not.
	defer debug.SetGCPercent(debug.SetGCPercent(1000))

	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "workload\tnodes\trender µs\tfull µs\tns/node\tlockstep µs\tdiff µs\tpatch B\t(lockstep+diff)/render\tlockstep/full\t")
	for _, load := range workloads.All() {
		r := render(t, load)
		ns := measure(r)
		update, worst := (ns.lockstep+ns.diff)/ns.render, ns.lockstep/ns.full
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.2f\t%.1f\t%.2f\t%.2f\t%d\t%.1f %%\t%.2f\t\n", load.Name, len(r.new.Nodes),
			ns.render/1e3, ns.full/1e3, ns.full/float64(len(r.new.Nodes)), ns.lockstep/1e3, ns.diff/1e3, len(r.patch), 100*update, worst)
		switch load.Name {
		case workloads.TableCells, workloads.TableRowsOnTop, workloads.FormError, workloads.ListOneItem:
			if update > 0.10 {
				t.Errorf("%s: lockstep and diff cost %.1f %% of the render, at most 10 %%", load.Name, 100*update)
			}
		case workloads.TableSorted, workloads.TableAllPrices:
			if worst > 1.1 {
				t.Errorf("%s: lockstep costs %.2f of a full parse, at most 1.1", load.Name, worst)
			}
		}
	}
	w.Flush()
	t.Logf("\n%s", table.String())
}

type figures struct{ render, full, lockstep, diff float64 } // nanoseconds

// measure runs the steps of an update in turns and returns the least of each.
func measure(r *rendered) figures {
	var (
		p              diff.Parser
		d              diff.Differ
		full, lockstep diff.Tree
		patch          []byte
		sink           workloads.Sink
		least          figures
		ctx            = context.Background()
	)
	steps := []struct {
		run   func()
		least *float64
		times int
	}{
		{run: func() { sink.B = sink.B[:0]; _ = r.New.Render(ctx, &sink) }, least: &least.render},
		{run: func() { _ = p.Parse(&full, r.newHTML, nil, &r.key) }, least: &least.full},
		{run: func() { _ = p.Parse(&lockstep, r.newHTML, &r.old, &r.key) }, least: &least.lockstep},
		{run: func() { patch = d.Append(patch[:0], &r.old, &r.new) }, least: &least.diff},
	}
	const rounds, batch = 50, 200_000 // nanoseconds
	for i := range steps {
		s := &steps[i]
		s.run()
		start := threadTime()
		s.run()
		s.times = int(batch/(threadTime()-start+1)) + 1
		*s.least = math.Inf(1)
	}
	for range rounds {
		for _, s := range steps {
			start := threadTime()
			for range s.times {
				s.run()
			}
			*s.least = min(*s.least, float64(threadTime()-start)/float64(s.times))
		}
	}
	return least
}

// threadTime returns the CPU time this thread has used, in nanoseconds.
func threadTime() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}
