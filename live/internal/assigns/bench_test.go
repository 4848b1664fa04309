package assigns

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

type benchRow struct {
	ID                                int
	Name, City, Country, Phone, State string
}

type benchView struct {
	Title string
	Page  int
	Rows  []benchRow
}

func benchRows(n int) []benchRow {
	rows := make([]benchRow, n)
	for i := range rows {
		rows[i] = benchRow{i, fmt.Sprintf("Customer %d", i), "Amsterdam", "NL", fmt.Sprintf("+31 20 %06d", i), "active"}
	}
	return rows
}

// 500 rows of an int and five short strings are compared within 25 us, without allocating.
func TestComparingIsCheap(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("times mean nothing here")
	}
	a, v := of(t, &benchView{Title: "Customers", Rows: benchRows(500)})
	m := a.Mark(nil, v)
	if n := testing.AllocsPerRun(10, func() { a.Changed(m, v) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	best := time.Hour
	for range 200 { // the best of many: other work shares the machine
		start := time.Now()
		a.Changed(m, v)
		best = min(best, time.Since(start))
	}
	t.Logf("500 rows: %v", best)
	if best > 25*time.Microsecond {
		t.Errorf("500 rows took %v", best)
	}
}

func BenchmarkChanged(b *testing.B) {
	byName := map[string]benchRow{}
	counts := map[string]int{}
	pointers := map[int]*benchRow{}
	rows := benchRows(500)
	for i := range rows {
		byName[rows[i].Name] = rows[i]
		counts[rows[i].Name] = i
		pointers[i] = &rows[i]
	}
	for name, view := range map[string]any{
		"small": &struct {
			Count, Page int
			Note        string
		}{1, 2, "a note"},
		"500rows":             &benchView{Title: "Customers", Rows: rows},
		"500ints":             &struct{ X []int }{make([]int, 500)},
		"64KiB":               &struct{ X []byte }{make([]byte, 64<<10)},
		"500times":            &struct{ X []time.Time }{make([]time.Time, 500)},
		"map500stringInt":     &struct{ X map[string]int }{counts},
		"map500intPointerRow": &struct{ X map[int]*benchRow }{pointers},
		"map500stringRow":     &struct{ X map[string]benchRow }{byName},
	} {
		b.Run(name, func(b *testing.B) {
			v := reflect.ValueOf(view)
			t, err := Of(v.Type().Elem())
			if err != nil {
				b.Fatal(err)
			}
			m := t.Mark(nil, v)
			b.ReportAllocs()
			for b.Loop() {
				if t.Changed(m, v) {
					b.Fatal("changed")
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	v := reflect.ValueOf(&benchView{Title: "Customers", Rows: benchRows(500)})
	t, _ := Of(v.Type().Elem())
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = t.AppendObject(dst[:0], v)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDecode(b *testing.B) {
	v := reflect.ValueOf(&benchView{Title: "Customers", Rows: benchRows(500)})
	t, _ := Of(v.Type().Elem())
	data, _ := t.Encode(v)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := t.Decode(data, v); err != nil {
			b.Fatal(err)
		}
	}
}

var sink uint64

// Which hash is the faster one, by length.
func BenchmarkText(b *testing.B) {
	for _, n := range []int{2, 6, 12, 16, 24, 32, 48, 64, 96, 128, 1024} {
		s := strings.Repeat("x", n)
		b.Run(fmt.Sprintf("%d/ours", n), func(b *testing.B) {
			h := key0
			for b.Loop() {
				h = text(h, unsafe.Pointer(unsafe.StringData(s)), uintptr(n))
			}
			sink = h
		})
		b.Run(fmt.Sprintf("%d/maphash", n), func(b *testing.B) {
			h := key0
			for b.Loop() {
				h = word(h, maphash.String(seed, s))
			}
			sink = h
		})
	}
}
