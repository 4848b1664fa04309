package replay

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// splice is a step from the end of a text towards its beginning: keep some bytes, remove some, put others in their place.
// Counting from the end makes typing, which goes on before the same few bytes, a run of equal steps.
type splice struct {
	keep, remove int
	insert       []byte
	same         bool // the text that was inserted last in the entry is inserted again
}

// text is bytes in an entry: whole, or as steps from the last bytes of the same slot. No steps mean that they are the same.
type text struct {
	whole []byte // nil: steps
	steps []splice
}

// maxSplices is how many steps a text may have, and maxList how many elements any list of an entry.
const (
	maxSplices = 1000
	maxList    = 10_000
)

// diffScratch holds what finding steps needs again and again.
type diffScratch struct {
	table []int32 // by hash: the first place of a block, or 0
	next  []int32 // by place: the next one with that hash
	found []match
}

// match is a run of bytes that two texts share.
type match struct{ a, b, n int }

// diff returns a text that makes next of last, which refers to next. Its steps are appended to steps.
func (s *diffScratch) diff(steps []splice, last, next []byte) text {
	suffix, limit := 0, min(len(last), len(next))
	for suffix+8 <= limit && binary.LittleEndian.Uint64(last[len(last)-suffix-8:]) == binary.LittleEndian.Uint64(next[len(next)-suffix-8:]) {
		suffix += 8
	}
	for suffix < limit && last[len(last)-suffix-1] == next[len(next)-suffix-1] {
		suffix++
	}
	if suffix == len(last) && suffix == len(next) {
		return text{steps: steps[len(steps):]}
	}
	for suffix > 0 && !utf8.RuneStart(next[len(next)-suffix]) { // steps stay between characters, so that JSON can hold them
		suffix--
	}
	limit -= suffix
	prefix := 0
	for prefix+8 <= limit && binary.LittleEndian.Uint64(last[prefix:]) == binary.LittleEndian.Uint64(next[prefix:]) {
		prefix += 8
	}
	for prefix < limit && last[prefix] == next[prefix] {
		prefix++
	}
	for prefix > 0 && (prefix < len(next) && !utf8.RuneStart(next[prefix]) || prefix < len(last) && !utf8.RuneStart(last[prefix])) {
		prefix--
	}
	a, b := last[prefix:len(last)-suffix], next[prefix:len(next)-suffix]
	s.found = s.found[:0]
	if len(a) > 64 && len(b) > 64 && len(a) <= 1<<20 && len(b) <= 1<<20 {
		s.match(a, b)
	}
	start, cost, keep := len(steps), 0, suffix
	endA, endB := len(a), len(b)
	for i := len(s.found) - 1; i >= -1; i-- {
		m := match{0, 0, 0}
		if i >= 0 {
			m = s.found[i]
		}
		insert := b[m.b+m.n : endB]
		steps = append(steps, splice{keep: keep, remove: endA - m.a - m.n, insert: insert})
		cost += len(insert) + 6
		keep, endA, endB = m.n, m.a, m.b
	}
	if cost >= len(next) || len(steps)-start > maxSplices {
		return text{whole: next}
	}
	return text{steps: steps[start:]}
}

// Of blocks of blockBytes that both texts have, runs of at least minMatch bytes are kept. The text repeats itself where it
// holds a list, so of the runs that begin within lookAhead bytes the longest is taken, or the first of goodMatch bytes.
const (
	blockBytes = 8
	minMatch   = 24
	lookAhead  = 64
	goodMatch  = 512
	maxTries   = 8 // places of one block that are looked at
)

// match finds runs of bytes that come in both a and b, in the same order, greedily and in about linear time.
func (s *diffScratch) match(a, b []byte) {
	bits := 6
	for 1<<bits < len(a)/blockBytes*2 {
		bits++
	}
	if blocks := len(a)/blockBytes + 1; len(s.table) < 1<<bits || len(s.next) < blocks {
		s.table, s.next = make([]int32, 1<<bits), make([]int32, max(blocks, 1<<(bits-1)))
	}
	table := s.table[:1<<bits]
	clear(table)
	slot := func(p []byte) uint64 { return binary.LittleEndian.Uint64(p) * 0x9e3779b97f4a7c15 >> (64 - bits) }
	for k := len(a)/blockBytes - 1; k >= 0; k-- { // places are blocks counted from 1, ascending in each chain
		h := slot(a[k*blockBytes:])
		s.next[k] = table[h]
		table[h] = int32(k + 1)
	}
	var at, best match // at is the end of the last run
	until := 0
	for j := 0; j+blockBytes <= len(b) || best.n > 0; j++ {
		if j+blockBytes <= len(b) {
			h := slot(b[j:])
			for table[h] != 0 && int(table[h]-1)*blockBytes < at.a {
				table[h] = s.next[table[h]-1] // runs come in order, so that these are never needed again
			}
			place := table[h]
			for try := 0; place != 0 && try < maxTries && best.n < goodMatch; try++ {
				if m := extend(a, b, at, int(place-1)*blockBytes, j); m.n > best.n {
					if best.n == 0 {
						until = j + lookAhead
					}
					best = m
				}
				place = s.next[place-1]
			}
		}
		if best.n >= goodMatch || best.n > 0 && (j >= until || j+blockBytes > len(b)) {
			s.found = append(s.found, best)
			at = match{a: best.a + best.n, b: best.b + best.n}
			j = at.b - 1
			best = match{}
		}
	}
}

// extend returns the run of equal bytes around a[i] and b[j], between characters and behind at; empty if it is too short.
func extend(a, b []byte, at match, i, j int) match {
	n, limit := 0, min(len(a)-i, len(b)-j)
	for n+8 <= limit && binary.LittleEndian.Uint64(a[i+n:]) == binary.LittleEndian.Uint64(b[j+n:]) {
		n += 8
	}
	for n < limit && a[i+n] == b[j+n] {
		n++
	}
	if n < blockBytes {
		return match{}
	}
	for i > at.a && j > at.b && a[i-1] == b[j-1] {
		i, j, n = i-1, j-1, n+1
	}
	for n > 0 && !utf8.RuneStart(b[j]) {
		i, j, n = i+1, j+1, n-1
	}
	for n > 0 && (j+n < len(b) && !utf8.RuneStart(b[j+n]) || i+n < len(a) && !utf8.RuneStart(a[i+n])) {
		n--
	}
	if n < minMatch {
		return match{}
	}
	return match{i, j, n}
}

// inserted resolves what is inserted again, in the order in which an entry's texts are written and read.
type inserted struct{ last []byte }

// mark replaces texts that are equal to the one inserted before by a reference to it.
func (r *inserted) mark(t text) {
	for i := range t.steps {
		s := &t.steps[i]
		if len(s.insert) == 0 {
			continue
		}
		if string(s.insert) == string(r.last) {
			s.same, s.insert = true, nil
		} else {
			r.last = s.insert
		}
	}
}

// apply returns the bytes that a text makes of the last ones of its slot, at most limit.
func (r *inserted) apply(last []byte, t text, limit int) ([]byte, error) {
	if t.whole != nil {
		if len(t.whole) > limit {
			return nil, fmt.Errorf("%w: a text of %d bytes, at most %d are allowed", ErrDamaged, len(t.whole), limit)
		}
		return t.whole, nil
	}
	if len(t.steps) == 0 {
		return last, nil
	}
	left, size := len(last), len(last)
	for i := range t.steps {
		s := &t.steps[i]
		if s.same {
			s.insert, s.same = r.last, false
		} else if len(s.insert) > 0 {
			r.last = s.insert
		}
		if s.keep < 0 || s.remove < 0 || s.keep > left || s.remove > left-s.keep {
			return nil, fmt.Errorf("%w: a step keeps %d and removes %d bytes where %d are left", ErrDamaged, s.keep, s.remove, left)
		}
		left -= s.keep + s.remove
		size += len(s.insert) - s.remove
		if size > limit+len(last) {
			break
		}
	}
	if size > limit {
		return nil, fmt.Errorf("%w: a text becomes longer than %d bytes", ErrDamaged, limit)
	}
	next := make([]byte, size)
	from, to := len(last), size
	for _, s := range t.steps {
		to -= s.keep
		copy(next[to:], last[from-s.keep:from])
		from -= s.keep + s.remove
		to -= len(s.insert)
		copy(next[to:], s.insert)
	}
	copy(next, last[:from])
	return next, nil
}

// MarshalJSON writes a string, or the steps as one flat array: keep, remove, insert, keep, …, where null inserts what was
// inserted last in the entry.
func (t text) MarshalJSON() ([]byte, error) {
	if t.whole != nil {
		return raw(t.whole).MarshalJSON()
	}
	dst := []byte{'['}
	for i, s := range t.steps {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fmt.Appendf(dst, "%d,%d,", s.keep, s.remove)
		if s.same {
			dst = append(dst, "null"...)
			continue
		}
		insert, err := raw(s.insert).MarshalJSON()
		if err != nil {
			return nil, err
		}
		dst = append(dst, insert...)
	}
	return append(dst, ']'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '[' {
		var r raw
		err := r.UnmarshalJSON(data)
		if t.whole = r; t.whole == nil {
			t.whole = []byte{}
		}
		return err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	return t.fromList(len(list), func(i int, v any) error {
		if r, ok := v.(*raw); ok {
			return r.UnmarshalJSON(list[i])
		}
		return json.Unmarshal(list[i], v)
	}, func(i int) bool { return string(list[i]) == "null" })
}

// UnmarshalCBOR implements cbor.Unmarshaler.
func (t *text) UnmarshalCBOR(data []byte) error {
	if len(data) == 0 || data[0]>>5 == cborBytes {
		err := cborDecoding.Unmarshal(data, &t.whole)
		if t.whole == nil {
			t.whole = []byte{}
		}
		return err
	}
	var list []cbor.RawMessage
	if err := cborDecoding.Unmarshal(data, &list); err != nil {
		return err
	}
	return t.fromList(len(list), func(i int, v any) error { return cborDecoding.Unmarshal(list[i], v) },
		func(i int) bool { return len(list[i]) == 1 && list[i][0] == cborNull })
}

func (t *text) fromList(n int, decode func(i int, v any) error, null func(i int) bool) error {
	if n%3 != 0 || n > 3*maxSplices {
		return fmt.Errorf("%d elements of steps, want a multiple of 3 up to %d", n, 3*maxSplices)
	}
	t.steps = make([]splice, n/3)
	for i := range t.steps {
		s := &t.steps[i]
		if err := decode(3*i, &s.keep); err != nil {
			return err
		}
		if err := decode(3*i+1, &s.remove); err != nil {
			return err
		}
		if s.same = null(3*i + 2); s.same {
			continue
		}
		if err := decode(3*i+2, (*raw)(&s.insert)); err != nil {
			return err
		}
	}
	return nil
}
