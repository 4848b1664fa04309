package workloads

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Workload is a page before and after a change.
type Workload struct {
	Name     string
	Old, New templ.Component
}

// The names of the workloads, in the order of All.
const (
	StaticNumber   = "1-static-number"
	TableCells     = "2-table-5-cells"
	TableSorted    = "3a-table-sorted"
	TableRowsOnTop = "3b-table-10-rows-on-top"
	PlainRowsOnTop = "3c-plain-10-rows-on-top"
	FormError      = "4-form-error"
	ListOneItem    = "5-list-1-of-5000"
	TableAllPrices = "6-table-all-prices"
)

// All returns every workload. The pages are the same in every process.
func All() []Workload {
	rows := tableRows(500)
	onTop := withRowsOnTop(rows, 10)
	return []Workload{
		{StaticNumber, Article(42, prose(18)), Article(43, prose(18))},
		{TableCells, KeyedTable(rows), KeyedTable(withCells(rows))},
		{TableSorted, KeyedTable(rows), KeyedTable(byAmount(rows))},
		{TableRowsOnTop, KeyedTable(rows), KeyedTable(onTop)},
		{PlainRowsOnTop, PlainTable(rows), PlainTable(onTop)},
		{FormError, Form(fields(50), true), Form(withError(fields(50), 20), false)},
		{ListOneItem, List(items(5000)), List(withDone(items(5000), 2500))},
		{TableAllPrices, KeyedTable(rows), KeyedTable(withPrices(rows))},
	}
}

// Sink collects a render and keeps its memory: reset B to B[:0] before the next one.
type Sink struct{ B []byte }

func (s *Sink) Write(p []byte) (int, error)       { s.B = append(s.B, p...); return len(p), nil }
func (s *Sink) WriteString(p string) (int, error) { s.B = append(s.B, p...); return len(p), nil }

// HTML renders a component into memory of its own.
func HTML(c templ.Component) []byte {
	var s Sink
	if err := c.Render(context.Background(), &s); err != nil {
		panic(err) // nothing in these pages can fail
	}
	return s.B
}

func prose(n int) []string {
	const lorem = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat."
	paragraphs := make([]string, n)
	for i := range paragraphs {
		paragraphs[i] = fmt.Sprint(i, " ", lorem)
	}
	return paragraphs
}

func tableRows(n int) []Row {
	cities := []string{"Amsterdam", "Berlin", "Chicago", "Denver", "Edinburgh", "Florence", "Geneva", "Hamburg"}
	status := []string{"active", "blocked", "R&D <x>"}
	r := rand.New(rand.NewSource(1))
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{ID: i + 1, Cells: [6]string{
			fmt.Sprint(i + 1),
			fmt.Sprintf("Person %d", r.Intn(10000)),
			fmt.Sprintf("user%d@example.com", r.Intn(10000)),
			cities[r.Intn(len(cities))],
			fmt.Sprintf("$%d.%02d", r.Intn(5000), r.Intn(100)),
			status[r.Intn(len(status))],
		}}
	}
	return rows
}

func withCells(rows []Row) []Row {
	rows = slices.Clone(rows)
	for i, k := range []int{17, 123, 250, 333, 480} {
		rows[k].Cells[i] = fmt.Sprint("changed ", i)
	}
	return rows
}

func byAmount(rows []Row) []Row {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return strings.Compare(a.Cells[4], b.Cells[4]) })
	return rows
}

func withRowsOnTop(rows []Row, n int) []Row {
	var top []Row
	for i := range n {
		r := rows[i*7]
		r.ID = 1000 + i
		r.Cells[0] = fmt.Sprint(1000 + i)
		r.Cells[1] = fmt.Sprint("New person ", i)
		top = append(top, r)
	}
	return append(top, rows...)
}

func withPrices(rows []Row) []Row {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Cells[4] = fmt.Sprintf("$%d.%02d", 7000+i, i%100)
	}
	return rows
}

func fields(n int) []Field {
	fields := make([]Field, n)
	for i := range fields {
		fields[i] = Field{Name: fmt.Sprint("field", i), Label: fmt.Sprint("Field number ", i), Value: fmt.Sprint("value ", i)}
	}
	return fields
}

func withError(fields []Field, i int) []Field {
	fields[i].Value, fields[i].Err = "", "can't be blank"
	return fields
}

func items(n int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{ID: i, Name: fmt.Sprint("Todo item ", i)}
	}
	return items
}

func withDone(items []Item, i int) []Item {
	items[i].Name, items[i].Done = "Renamed", true
	return items
}
