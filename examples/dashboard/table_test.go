package main

import (
	"slices"
	"testing"
)

func pids(rows []Process) (ids []int) {
	for _, p := range rows {
		ids = append(ids, p.PID)
	}
	return ids
}

func TestArrange(t *testing.T) {
	all := []Process{
		{PID: 3, Name: "nginx", User: "www-data", State: "sleeping", CPU: 10, Memory: 300},
		{PID: 1, Name: "init", User: "root", State: "sleeping", CPU: 0, Memory: 100},
		{PID: 20, Name: "NGINX-2", User: "root", State: "running", CPU: 10, Memory: 200},
		{PID: 2, Name: "kworker", User: "root", State: "idle", CPU: 0, Memory: 0},
	}
	before := slices.Clone(all)
	for _, c := range []struct {
		name, filter, sort, dir string
		want                    []int
	}{
		{"equal rows by id", "", "cpu", "desc", []int{3, 20, 1, 2}},
		{"the other way, equal rows by id still", "", "cpu", "asc", []int{1, 2, 3, 20}},
		{"numbers as numbers", "", "pid", "desc", []int{20, 3, 2, 1}},
		{"the kernel's own behind their equals", "", "state", "desc", []int{1, 3, 20, 2}},
		{"texts", "", "user", "asc", []int{1, 20, 2, 3}},
		{"an unknown column is the CPU's", "", "nonsense", "desc", []int{3, 20, 1, 2}},
		{"an unknown direction is down", "", "memory", "sideways", []int{3, 20, 1, 2}},
		{"a name, whatever its case", " Nginx ", "pid", "asc", []int{3, 20}},
		{"a user", "www", "pid", "asc", []int{3}},
		{"a state", "run", "pid", "asc", []int{20}},
		{"an id, not a part of one", "2", "pid", "asc", []int{2, 20}}, // 20 by its name
		{"nothing", "nobody", "pid", "asc", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pids(arrange(all, c.filter, c.sort, c.dir)); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
	if !slices.Equal(all, before) {
		t.Error("the sample was changed, which others see")
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		top  int
		bars []int
		want int
	}{{1000, []int{5000}, 1000}, {0, []int{0, 0}, 1}, {0, []int{1, 2, 1}, 2}, {0, []int{3}, 5}, {0, []int{7, 101, 9}, 200}, {0, []int{5000, 5001}, 10_000}, {0, []int{1 << 52}, 5e15}} {
		if got := scale(c.top, c.bars); got != c.want {
			t.Errorf("scale(%d, %v) = %d, want %d", c.top, c.bars, got, c.want)
		}
	}
}

func TestSyntheticRowsAreTheSameAgain(t *testing.T) {
	one, two := newSynthetic(250), newSynthetic(250)
	before := slices.Clone(one.rows)
	one.step()
	two.step()
	if !slices.Equal(one.rows, two.rows) {
		t.Error("two of one size differ")
	}
	changed := 0
	for i := range before {
		if before[i] != one.rows[i] {
			changed++
		}
	}
	if changed == 0 || changed > 4 {
		t.Errorf("%d rows changed, want one in a hundred and a new one", changed)
	}
}
