package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// column is one of the table's. Its key stands in URLs and in what is stored.
type column struct {
	Key, Title string
	Number     bool // shown at the right, and sorted from the top down at first
	text       func(Process) string
	compare    func(a, b Process) int
}

// nameKey is the column that heads a row and is always shown.
const nameKey = "name"

var columns = [...]column{
	{nameKey, "Name", false, func(p Process) string { return p.Name }, func(a, b Process) int { return cmp.Compare(a.Name, b.Name) }},
	{"cpu", "CPU %", true, func(p Process) string { return tenth(p.CPU) }, func(a, b Process) int { return cmp.Compare(a.CPU, b.CPU) }},
	{"memory", "Memory", true, func(p Process) string { return size(p.Memory) }, func(a, b Process) int { return cmp.Compare(a.Memory, b.Memory) }},
	{"threads", "Threads", true, func(p Process) string { return strconv.Itoa(p.Threads) }, func(a, b Process) int { return cmp.Compare(a.Threads, b.Threads) }},
	{"state", "State", false, func(p Process) string { return p.State }, func(a, b Process) int { return cmp.Compare(a.State, b.State) }},
	{"user", "User", false, func(p Process) string { return p.User }, func(a, b Process) int { return cmp.Compare(a.User, b.User) }},
	{"pid", "PID", true, func(p Process) string { return strconv.Itoa(p.PID) }, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) }},
	{"parent", "Parent", true, func(p Process) string { return strconv.Itoa(p.Parent) }, func(a, b Process) int { return cmp.Compare(a.Parent, b.Parent) }},
}

// columnOf finds a column by what a URL says; the CPU's is the default.
func columnOf(key string) column {
	for _, c := range columns {
		if c.Key == key {
			return c
		}
	}
	return columnOf("cpu")
}

// arrange copies the processes that match a filter, sorted. Equal ones are in the order of their ids, so that rows do
// not dance, after them the kernel's own, which have no memory.
func arrange(all []Process, filter, sort, dir string) []Process {
	filter = strings.ToLower(strings.TrimSpace(filter))
	rows := make([]Process, 0, len(all))
	for _, p := range all {
		if filter == "" || matches(p, filter) {
			rows = append(rows, p)
		}
	}
	compare, sign := columnOf(sort).compare, 1
	if dir != "asc" {
		sign = -1
	}
	slices.SortFunc(rows, func(a, b Process) int {
		return cmp.Or(sign*compare(a, b), cmp.Compare(b.hasMemory(), a.hasMemory()), cmp.Compare(a.PID, b.PID))
	})
	return rows
}

func (p Process) hasMemory() int { return int(min(p.Memory, 1)) }

func matches(p Process, filter string) bool {
	return strings.Contains(strings.ToLower(p.Name), filter) || strings.Contains(strings.ToLower(p.User), filter) ||
		strings.HasPrefix(p.State, filter) || strconv.Itoa(p.PID) == filter
}
