package durabletest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/livelong-dev/livelong/durable"
)

func (s *suite) endedContext() {
	version := s.put("a", []byte("one"), "")
	canceled, cancel := context.WithCancel(s.Context())
	cancel()
	late, cancel := context.WithDeadline(s.Context(), time.Unix(1, 0))
	defer cancel()
	for _, ctx := range []context.Context{canceled, late} {
		_, _, get := s.b.Get(ctx, s.prefix+"a", "")
		_, put := s.b.Put(ctx, s.prefix+"a", []byte("two"), "no-such-version")
		_, create := s.b.Put(ctx, s.prefix+"b", []byte("two"), "")
		del := s.b.Delete(ctx, s.prefix+"a")
		_, list := s.b.List(ctx, s.prefix, "", 10)
		for what, err := range map[string]error{"get": get, "put": put, "create": create, "delete": del, "list": list} {
			if !errors.Is(err, ctx.Err()) {
				s.Errorf("%s: got %v, want an error that matches %v", what, err, ctx.Err())
			}
		}
	}
	s.holds(s.b, "a", []byte("one"), version)
}

func (s *suite) twoHandles() {
	a, b := s.b, s.open(s.T)
	version := ""
	for i := range 20 {
		data := []byte(strconv.Itoa(i))
		next, err := a.Put(s.Context(), s.prefix+"k", data, version)
		if err != nil {
			s.Fatal(err)
		}
		s.holds(b, "k", data, next)
		if version != "" {
			s.refused(b.Put(s.Context(), s.prefix+"k", []byte("stale"), version))
		}
		if got, v, err := b.Get(s.Context(), s.prefix+"k", next); err != nil || got != nil || v != next {
			s.Fatalf("the other handle's version is known: %s, %q, %v", short(got), v, err)
		}
		if keys, err := b.List(s.Context(), s.prefix, "", 2); err != nil || !slices.Equal(keys, []string{s.prefix + "k"}) {
			s.Fatalf("list: %v %v", keys, err)
		}
		version, a, b = next, b, a
	}
	if err := a.Delete(s.Context(), s.prefix+"k"); err != nil {
		s.Fatal(err)
	}
	s.gone(b, "k", "")
	if keys, err := b.List(s.Context(), s.prefix, "", 2); err != nil || len(keys) != 0 {
		s.Fatalf("list: %v %v", keys, err)
	}
}

// createRace has 64 goroutines with two handles create one object.
func (s *suite) createRace() {
	handles := []durable.Bucket{s.b, s.open(s.T)}
	for round := range 5 {
		key := fmt.Sprintf("round-%d", round)
		var won atomic.Int64
		var winner, version atomic.Value
		s.parallel(64, 64, func(i int) {
			data := []byte(strconv.Itoa(i))
			v, err := handles[i%2].Put(s.Context(), s.prefix+key, data, "")
			switch {
			case err == nil:
				won.Add(1)
				winner.Store(data)
				version.Store(v)
			case !errors.Is(err, fs.ErrExist):
				s.Errorf("got %v, want an error that matches fs.ErrExist", err)
			}
		})
		if n := won.Load(); n != 1 {
			s.Fatalf("%d of 64 creators won, want 1", n)
		}
		s.holds(s.b, key, winner.Load().([]byte), version.Load().(string))
	}
}

// swapRace has 16 goroutines with two handles add 1 to a counter, 50 times each.
func (s *suite) swapRace() {
	handles := []durable.Bucket{s.b, s.open(s.T)}
	version := s.put("counter", []byte("0"), "")
	s.parallel(16, 16, func(i int) {
		b, value, known := handles[i%2], 0, version
		for range 50 {
			for swapped := false; !swapped; {
				if s.Context().Err() != nil || s.Failed() {
					return
				}
				data, v, err := b.Get(s.Context(), s.prefix+"counter", known)
				if err != nil {
					s.Errorf("get: %v", err)
					return
				}
				if known = v; data != nil {
					value, _ = strconv.Atoi(string(data))
				}
				v, err = b.Put(s.Context(), s.prefix+"counter", []byte(strconv.Itoa(value+1)), known)
				switch {
				case err == nil:
					value, known, swapped = value+1, v, true
				case !errors.Is(err, fs.ErrExist):
					s.Errorf("got %v, want an error that matches fs.ErrExist", err)
					return
				}
			}
		}
	})
	data, _, err := s.b.Get(s.Context(), s.prefix+"counter", "")
	if err != nil || string(data) != "800" {
		s.Errorf("16 goroutines added 1 50 times, and the sum is %s, %v", data, err)
	}
}

// readRace reads an object while it is replaced by longer and shorter contents: each must be seen whole.
func (s *suite) readRace() {
	contents := func(i int) []byte {
		return []byte(strings.Repeat(strconv.Itoa(i%10), 1+i*7919%30_000))
	}
	version := s.put("a", contents(0), "")
	var changes atomic.Int64 // seen by the readers
	done := make(chan struct{})
	s.parallel(4, 4, func(g int) {
		if g == 0 {
			defer close(done)
			for i := 1; (i < 60 || changes.Load() < 60) && !s.Failed(); i++ {
				runtime.Gosched() // a bucket in memory may never let the readers run
				v, err := s.b.Put(s.Context(), s.prefix+"a", contents(i), version)
				if err != nil {
					s.Errorf("put: %v", err)
					return
				}
				version = v
			}
			return
		}
		for seen := ""; ; {
			select {
			case <-done:
				return
			default:
			}
			data, v, err := s.b.Get(s.Context(), s.prefix+"a", "")
			if err != nil || len(data) == 0 || strings.Trim(string(data), string(data[:1])) != "" {
				s.Errorf("get: %s, %v", short(data), err)
				return
			}
			if v != seen {
				seen = v
				changes.Add(1)
			}
		}
	})
}

func (s *suite) listOrder() {
	names := []string{
		"a", "a-", "a-b", "a.b", "A", "B/c", "b/c", "b/c2", "b-c", "b.c", "b0", "b_c", "bc", "bC", "c/d/e", "c/d-e", "c/d.e",
		"c/d0", "Z", "z", "0", "00", "1", "10", "2", "-", "--", "_", "ab/cd/ef", "ab/cd-ef", "abc", "abcd/x", "abcd-x",
	}
	var want []string
	s.parallel(len(names), 8, func(i int) {
		if _, err := s.b.Put(s.Context(), s.prefix+names[i], nil, ""); err != nil {
			s.Errorf("put: %v", err)
		}
	})
	for _, name := range names {
		want = append(want, s.prefix+name)
	}
	slices.Sort(want)
	s.lists("", "", 0, want)
	for _, prefix := range []string{"a", "a-", "a.", "ab", "ab/", "ab/c", "abc", "abcd", "b", "b/", "b/c", "c", "c/d", "c/d/", "c/d/e", "c/d/e/", "none", "zz", "-", "."} {
		s.lists(prefix, "", 1000, want)
	}
	for _, after := range append(names, "a/", "b/", "c/d/", "c/d/a", "c/d/z", "b!", "zz", "~", "A0", "ab/cd", "ab/", "ab0") {
		for _, limit := range []int{1, 3, 1000} {
			s.lists("", after, limit, want)
			s.lists("b", after, limit, want)
			s.lists("c/", after, limit, want)
			s.lists("ab", after, limit, want)
		}
	}
	// Without a prefix all keys are listed, and those of this test follow one another.
	keys, err := s.b.List(s.Context(), "", s.prefix, len(want))
	if err != nil || !slices.Equal(keys, want) {
		s.Errorf("without a prefix, after %s: %v, %v", s.prefix, keys, err)
	}
	// What comes after the first key with a prefix may begin before it.
	keys, err = s.b.List(s.Context(), s.prefix, s.prefix[:3], 1)
	if err != nil || !slices.Equal(keys, want[:1]) {
		s.Errorf("after a key before the prefix: %v %v", keys, err)
	}
	if keys, err = s.b.List(s.Context(), s.prefix, "zzz", 10); err != nil || len(keys) != 0 {
		s.Errorf("after a key after the prefix: %v %v", keys, err)
	}
}

// lists compares List with a plain search of all.
func (s *suite) lists(prefix, after string, limit int, all []string) {
	s.Helper()
	if after != "" {
		after = s.prefix + after
	}
	var want []string
	for _, key := range all {
		if strings.HasPrefix(key, s.prefix+prefix) && key > after && (limit <= 0 || len(want) < limit) {
			want = append(want, key)
		}
	}
	got, err := s.b.List(s.Context(), s.prefix+prefix, after, limit)
	if err != nil || !slices.Equal(got, want) {
		s.Errorf("list prefix %q after %q limit %d: %v\n got %q\nwant %q", prefix, after, limit, err, got, want)
	}
}

// listPages lists 2,500 keys, or as many as could be written within some seconds.
func (s *suite) listPages() {
	const most, least = 2500, 300
	all := make([]string, most)
	written := make([]bool, most)
	began := time.Now()
	s.parallel(most, 16, func(i int) {
		if i >= least && time.Since(began) > 4*time.Second || s.Failed() {
			return
		}
		// The keys share no beginning, as the ids of sessions do not.
		all[i] = fmt.Sprintf("%s%07x", s.prefix, i*40503%most*100_003)
		if _, err := s.b.Put(s.Context(), all[i], nil, ""); err != nil {
			s.Errorf("put: %v", err)
		}
		written[i] = true
	})
	n := 0
	for i, key := range all {
		if written[i] {
			all[n] = key
			n++
		}
	}
	all = all[:n]
	slices.Sort(all)
	s.lists("", "", 0, all[:min(n, 1000)])
	s.lists("", "", most+1, all)
	for _, limit := range []int{n / 3, n / 10, n, n - 1} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			keys, err := s.b.List(s.Context(), s.prefix, after, limit)
			if err != nil || len(keys) > limit {
				s.Fatalf("list after %q: %d keys, %v; the limit is %d", after, len(keys), err, limit)
			}
			got = append(got, keys...)
			if len(keys) < limit {
				break
			}
		}
		if !slices.Equal(got, all) {
			s.Errorf("pages of %d: got %d keys, want %d, or their order differs", limit, len(got), n)
		}
	}
}
