package diff_test

import (
	"context"
	"testing"

	"github.com/livelong-dev/livelong/bench/workloads"
	"github.com/livelong-dev/livelong/live/internal/diff"
)

// rendered is a workload ready to be measured.
type rendered struct {
	workloads.Workload
	key      diff.Key
	oldHTML  []byte
	newHTML  []byte
	old, new diff.Tree
	patch    []byte
}

func render(tb testing.TB, w workloads.Workload) *rendered {
	tb.Helper()
	r := &rendered{Workload: w, key: diff.NewKey([16]byte{7}), oldHTML: workloads.HTML(w.Old), newHTML: workloads.HTML(w.New)}
	var p diff.Parser
	var d diff.Differ
	if err := p.Parse(&r.old, r.oldHTML, nil, &r.key); err != nil {
		tb.Fatal(err)
	}
	if err := p.Parse(&r.new, r.newHTML, &r.old, &r.key); err != nil {
		tb.Fatal(err)
	}
	r.patch = d.Append(nil, &r.old, &r.new)
	return r
}

func eachWorkload(b *testing.B, f func(b *testing.B, r *rendered)) {
	for _, w := range workloads.All() {
		b.Run(w.Name, func(b *testing.B) {
			r := render(b, w)
			b.ReportAllocs()
			f(b, r)
		})
	}
}

func BenchmarkRender(b *testing.B) {
	eachWorkload(b, func(b *testing.B, r *rendered) {
		var s workloads.Sink
		b.SetBytes(int64(len(r.newHTML)))
		for b.Loop() {
			s.B = s.B[:0]
			if err := r.New.Render(context.Background(), &s); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTokenizeFull(b *testing.B) {
	eachWorkload(b, func(b *testing.B, r *rendered) {
		var p diff.Parser
		var t diff.Tree
		b.SetBytes(int64(len(r.newHTML)))
		for b.Loop() {
			if err := p.Parse(&t, r.newHTML, nil, &r.key); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(t.Nodes)), "nodes")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(t.Nodes)), "ns/node")
	})
}

func BenchmarkLockstep(b *testing.B) {
	eachWorkload(b, func(b *testing.B, r *rendered) {
		var p diff.Parser
		var t diff.Tree
		b.SetBytes(int64(len(r.newHTML)))
		for b.Loop() {
			if err := p.Parse(&t, r.newHTML, &r.old, &r.key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDiffEncode(b *testing.B) {
	eachWorkload(b, func(b *testing.B, r *rendered) {
		var d diff.Differ
		var patch []byte
		for b.Loop() {
			patch = d.Append(patch[:0], &r.old, &r.new)
		}
		b.ReportMetric(float64(len(patch)), "patchB")
		b.ReportMetric(float64(d.Ops()), "ops")
	})
}

// BenchmarkTotal is a turn's whole cost: render, parse in lockstep, diff, there and back again.
func BenchmarkTotal(b *testing.B) {
	eachWorkload(b, func(b *testing.B, r *rendered) {
		var p diff.Parser
		var d diff.Differ
		var patch []byte
		sinks := [2]workloads.Sink{{B: r.oldHTML}, {}}
		var trees [2]diff.Tree
		if err := p.Parse(&trees[0], r.oldHTML, nil, &r.key); err != nil {
			b.Fatal(err)
		}
		now := 1
		for b.Loop() {
			view := r.New
			if now == 0 {
				view = r.Old
			}
			s := &sinks[now]
			s.B = s.B[:0]
			if err := view.Render(context.Background(), s); err != nil {
				b.Fatal(err)
			}
			if err := p.Parse(&trees[now], s.B, &trees[1-now], &r.key); err != nil {
				b.Fatal(err)
			}
			patch = d.Append(patch[:0], &trees[1-now], &trees[now])
			now = 1 - now
		}
		b.ReportMetric(float64(len(patch)), "patchB")
	})
}
