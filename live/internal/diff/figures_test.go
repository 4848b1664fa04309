package diff_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/bench/workloads"
	"github.com/livelong-dev/livelong/live/internal/diff"
)

// TestPatchBytes holds the patches of the workloads to their sizes.
func TestPatchBytes(t *testing.T) {
	limits := map[string]int{
		workloads.StaticNumber: 25,
		workloads.TableCells:   120,
		workloads.ListOneItem:  50,
		workloads.TableSorted:  4 * 500,
	}
	for _, w := range workloads.All() {
		r := render(t, w)
		limit, ok := limits[w.Name]
		if strings.Contains(w.Name, "rows-on-top") {
			limit, ok = 11*freshRows(t, r)/10, true
		}
		t.Logf("%-24s %6d B of HTML, patch %5d B, at most %d", w.Name, len(r.newHTML), len(r.patch), limit)
		if ok && len(r.patch) > limit {
			t.Errorf("%s: a patch of %d bytes, at most %d", w.Name, len(r.patch), limit)
		}
		c := newChecker()
		if err := c.check(string(r.oldHTML), string(r.newHTML)); err != nil {
			t.Errorf("%s: %v", w.Name, err)
		}
		if err := diff.CheckNesting(r.newHTML); err != nil {
			t.Errorf("%s: %v", w.Name, err)
		}
	}
}

// freshRows returns the size of the ten new rows as JSON.
func freshRows(t *testing.T, r *rendered) int {
	t.Helper()
	html := string(r.newHTML)
	body := html[strings.Index(html, "<tbody"):]
	body = body[strings.Index(body, ">")+1:]
	rows := strings.SplitAfterN(body, "</tr>", 11)
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(strings.Join(rows[:10], "")); err != nil {
		t.Fatal(err)
	}
	return b.Len() - 1
}

// TestNoAllocations holds parsing and comparing to none once warm.
func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, w := range workloads.All() {
		r := render(t, w)
		var p diff.Parser
		var d diff.Differ
		var full, lockstep diff.Tree
		var patch []byte
		turn := func() {
			if p.Parse(&full, r.newHTML, nil, &r.key) != nil || p.Parse(&lockstep, r.newHTML, &r.old, &r.key) != nil {
				t.Fatal("parse failed")
			}
			patch = d.Append(patch[:0], &r.old, &lockstep)
		}
		if n := testing.AllocsPerRun(5, turn); n != 0 {
			t.Errorf("%s: %v allocations for each turn", w.Name, n)
		}
		if len(patch) != len(r.patch) {
			t.Errorf("%s: patches of %d and %d bytes", w.Name, len(patch), len(r.patch))
		}
	}
	// Values that need decoding, names that need adjusting.
	var p diff.Parser
	var d diff.Differ
	var a, b diff.Tree
	var patch []byte
	key := diff.NewKey([16]byte{})
	view := []byte(`<svg viewbox="0 &amp; 1"><g>&mdash;</g></svg><textarea></textarea><p ID="&#34;">&lt;&nbsp;</p>`)
	next := []byte(`<svg viewbox="1 &amp; 2"><g>&mdash;&hellip;</g></svg><textarea>&amp;</textarea><p ID="&#39;">&gt;&copy;&#8364;</p>`)
	turn := func() {
		if p.Parse(&a, view, nil, &key) != nil || p.Parse(&b, next, &a, &key) != nil {
			t.Fatal("parse failed")
		}
		patch = d.Append(patch[:0], &a, &b)
	}
	if n := testing.AllocsPerRun(5, turn); n != 0 {
		t.Errorf("decoding: %v allocations for each turn", n)
	}
}
