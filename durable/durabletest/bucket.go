package durabletest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/livelong-dev/livelong/durable"
)

// TestBucket checks that a bucket keeps the contract of [durable.Bucket]. It is called by the tests of packages that
// implement one.
//
// Open returns a handle on the store under test; it is called several times, and every handle must reach the same store.
// The store may hold other objects: TestBucket writes below a prefix of its own, and deletes what it wrote. It uses up
// to 64 goroutines, and about 10,000 requests; a store that needs over a millisecond for each is asked for fewer.
func TestBucket(t *testing.T, open func(t *testing.T) durable.Bucket) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"missingObject", (*suite).missing},
		{"createReadReplaceDelete", (*suite).cycle},
		{"conditionalGet", (*suite).conditionalGet},
		{"staleVersionWritesNothing", (*suite).stale},
		{"versionWithoutObject", (*suite).versionWithoutObject},
		{"contents", (*suite).contents},
		{"contentsBelongToTheCaller", (*suite).ownership},
		{"keys", (*suite).keys},
		{"badKeys", (*suite).badKeys},
		{"endedContext", (*suite).endedContext},
		{"twoHandles", (*suite).twoHandles},
		{"createRace", (*suite).createRace},
		{"swapRace", (*suite).swapRace},
		{"readRace", (*suite).readRace},
		{"listOrder", (*suite).listOrder},
		{"listPages", (*suite).listPages},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, b: open(t), open: open, prefix: "durabletest-" + strings.ToLower(rand.Text()) + "/"}
			t.Cleanup(s.clean)
			test.run(s)
		})
	}
}

// suite is one subtest: a handle, and the prefix that it writes below.
type suite struct {
	*testing.T
	b      durable.Bucket
	open   func(*testing.T) durable.Bucket
	prefix string
}

// clean deletes what was written. The test's own context has ended by then.
func (s *suite) clean() {
	ctx := context.Background()
	for {
		keys, err := s.b.List(ctx, s.prefix, "", 1000)
		if err != nil {
			s.Errorf("list what to delete: %v", err)
			return
		}
		s.parallel(len(keys), 16, func(i int) {
			if err := s.b.Delete(ctx, keys[i]); err != nil {
				s.Errorf("delete: %v", err)
			}
		})
		if len(keys) < 1000 || s.Failed() {
			return
		}
	}
}

// parallel calls f for 0 to n-1 from some goroutines, and waits for them.
func (s *suite) parallel(n, goroutines int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, goroutines) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// put writes an object and fails the test if that fails.
func (s *suite) put(key string, data []byte, ifVersion string) string {
	s.Helper()
	version, err := s.b.Put(s.Context(), s.prefix+key, data, ifVersion)
	if err != nil {
		s.Fatalf("put %s at version %q: %v", key, ifVersion, err)
	}
	if version == "" {
		s.Fatalf("put %s: the new version is empty", key)
	}
	return version
}

// holds checks an object's contents and version.
func (s *suite) holds(b durable.Bucket, key string, data []byte, version string) {
	s.Helper()
	got, v, err := b.Get(s.Context(), s.prefix+key, "")
	switch {
	case err != nil:
		s.Fatalf("get %s: %v", key, err)
	case got == nil:
		s.Fatalf("get %s: nil data, though no version was known", key)
	case !bytes.Equal(got, data):
		s.Fatalf("get %s: %s, want %s", key, short(got), short(data))
	case v != version:
		s.Fatalf("get %s: version %q, want %q, which Put returned", key, v, version)
	}
}

func short(data []byte) string {
	if len(data) <= 40 {
		return fmt.Sprintf("%q", data)
	}
	return fmt.Sprintf("%q... of %d bytes", data[:40], len(data))
}

// refused checks that a Put was refused because of the version.
func (s *suite) refused(version string, err error) {
	s.Helper()
	if version != "" || !errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		s.Fatalf("put: got %q, %v, want no version and an error that matches fs.ErrExist", version, err)
	}
}

// refusedWithoutObject checks that a Put was refused whose version nothing has.
func (s *suite) refusedWithoutObject(version string, err error) {
	s.Helper()
	if version != "" || errors.Is(err, fs.ErrExist) == errors.Is(err, fs.ErrNotExist) {
		s.Fatalf("put at a version without an object: got %q, %v, want an error that matches fs.ErrNotExist or fs.ErrExist", version, err)
	}
}

func (s *suite) gone(b durable.Bucket, key, known string) {
	s.Helper()
	data, version, err := b.Get(s.Context(), s.prefix+key, known)
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || data != nil || version != "" {
		s.Fatalf("get %s, which is not there: %s, %q, %v; want nil, no version, fs.ErrNotExist", key, short(data), version, err)
	}
}

func (s *suite) missing() {
	s.gone(s.b, "none", "")
	version := s.put("some", []byte("x"), "")
	s.gone(s.b, "none", version)
	s.gone(s.b, "som", "")
	s.gone(s.b, "some-more", "")
	for range 2 {
		if err := s.b.Delete(s.Context(), s.prefix+"none"); err != nil {
			s.Errorf("delete what is not there: %v", err)
		}
	}
	s.holds(s.b, "some", []byte("x"), version)
}

func (s *suite) cycle() {
	one := s.put("a/b", []byte("one"), "")
	s.holds(s.b, "a/b", []byte("one"), one)
	s.refused(s.b.Put(s.Context(), s.prefix+"a/b", []byte("again"), ""))
	s.holds(s.b, "a/b", []byte("one"), one)
	two := s.put("a/b", []byte("two"), one)
	if two == one {
		s.Errorf("two contents have one version, %q", one)
	}
	s.holds(s.b, "a/b", []byte("two"), two)
	if err := s.b.Delete(s.Context(), s.prefix+"a/b"); err != nil {
		s.Fatal(err)
	}
	s.gone(s.b, "a/b", "")
	s.gone(s.b, "a/b", two)
	three := s.put("a/b", []byte("three"), "")
	s.holds(s.b, "a/b", []byte("three"), three)
}

func (s *suite) conditionalGet() {
	one := s.put("a", []byte("one"), "")
	two := s.put("a", []byte("two"), one)
	data, version, err := s.b.Get(s.Context(), s.prefix+"a", two)
	if err != nil || data != nil || version != two {
		s.Errorf("the version is known: got %s, %q, %v; want nil data, %q", short(data), version, err, two)
	}
	data, version, err = s.b.Get(s.Context(), s.prefix+"a", one)
	if err != nil || string(data) != "two" || version != two {
		s.Errorf("an earlier version is known: got %s, %q, %v", short(data), version, err)
	}
	empty := s.put("empty", nil, "")
	if data, version, err = s.b.Get(s.Context(), s.prefix+"empty", empty); err != nil || data != nil || version != empty {
		s.Errorf("the version of an empty object is known: got %v, %q, %v; want nil data", data, version, err)
	}
}

func (s *suite) stale() {
	one := s.put("a", []byte("one"), "")
	two := s.put("a", []byte("two"), one)
	for range 2 {
		s.refused(s.b.Put(s.Context(), s.prefix+"a", []byte("stale"), one))
		s.holds(s.b, "a", []byte("two"), two)
	}
	// The version of another object is none of this one's.
	other := s.put("b", []byte("other"), "")
	s.refused(s.b.Put(s.Context(), s.prefix+"a", []byte("stale"), other))
	s.holds(s.b, "a", []byte("two"), two)
	s.put("a", []byte("three"), two)
}

func (s *suite) versionWithoutObject() {
	one := s.put("a", []byte("one"), "")
	s.refusedWithoutObject(s.b.Put(s.Context(), s.prefix+"b", []byte("x"), one))
	s.gone(s.b, "b", "")
	if err := s.b.Delete(s.Context(), s.prefix+"a"); err != nil {
		s.Fatal(err)
	}
	s.refusedWithoutObject(s.b.Put(s.Context(), s.prefix+"a", []byte("x"), one))
	s.gone(s.b, "a", "")
}

func (s *suite) contents() {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := make([]byte, 1<<20)
	rand.Read(large)
	for name, data := range map[string][]byte{
		"nil": nil, "empty": {}, "nul": {0}, "newlines": []byte("\r\n\n"), "bytes": all, "invalidUTF8": {0xff, 0xfe, 0xc0},
		"xml": []byte(`<?xml version="1.0"?><Error/>`), "json": []byte(`{"a":1}`), "large": large,
	} {
		version := s.put(name, data, "")
		s.holds(s.b, name, data, version)
		// Replaced by something shorter, nothing of it remains.
		version = s.put(name, []byte("short"), version)
		s.holds(s.b, name, []byte("short"), version)
	}
}

func (s *suite) ownership() {
	given := []byte("as it was given")
	want := bytes.Clone(given)
	version := s.put("a", given, "")
	clear(given)
	s.holds(s.b, "a", want, version)
	for range 2 {
		data, _, err := s.b.Get(s.Context(), s.prefix+"a", "")
		if err != nil || !bytes.Equal(data, want) {
			s.Fatalf("%s %v", short(data), err)
		}
		clear(data[:cap(data)])
	}
}

func (s *suite) keys() {
	part := strings.Repeat("x", 128)
	keys := []string{
		"a", "A", "0", "-", "_", "a.b", "a-b", "a_b", "ab", "aB", "AB", "a..b", "a.", "-a", "_a", "--", "a--b",
		"dir/a", "dir/b/c", "dir/b/d.json", "dir.d/a", "dir-d/a", "d/e/e/p/e/r", part, "p/" + part + "/" + part,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
	}
	versions := map[string]string{}
	for _, key := range keys {
		versions[key] = s.put(key, []byte(key), "")
	}
	for _, key := range keys {
		s.holds(s.b, key, []byte(key), versions[key])
	}
	for _, key := range keys {
		if err := s.b.Delete(s.Context(), s.prefix+key); err != nil {
			s.Fatal(err)
		}
		s.gone(s.b, key, "")
	}
}

func (s *suite) badKeys() {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/./b", ".a", "a b", "a\x00b", "a\nb", "a\\b",
		"a%2fb", "a?b", "a#b", "ä", "a\xff", "a:b", "a*", "a+b", "a=b", strings.Repeat("x", 129), strings.Repeat("x/", 256) + "x",
	} {
		// Every bad key is tried by itself, for the prefix would hide a leading slash.
		if _, _, err := s.b.Get(s.Context(), key, ""); !errors.Is(err, fs.ErrInvalid) {
			s.Errorf("get %q: got %v, want fs.ErrInvalid", key, err)
		}
		if _, err := s.b.Put(s.Context(), key, nil, ""); !errors.Is(err, fs.ErrInvalid) {
			s.Errorf("put %q: got %v, want fs.ErrInvalid", key, err)
		}
		if err := s.b.Delete(s.Context(), key); !errors.Is(err, fs.ErrInvalid) {
			s.Errorf("delete %q: got %v, want fs.ErrInvalid", key, err)
		}
	}
}
