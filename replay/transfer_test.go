package replay_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// exported returns a random session, and the file that it is exported to.
func exported(t testing.TB) (*session, *replaytest.Memory, []byte) {
	t.Helper()
	s := randomSession(t, rand.New(rand.NewPCG(4, 4)), replay.CBOR, 60)
	a := &replaytest.Memory{}
	name, err := replay.PutAsset(t.Context(), a, []byte("main { color: red }"))
	if err != nil {
		t.Fatal(err)
	}
	s.summary.Assets = []string{name}
	s.store(t, a)
	var b bytes.Buffer
	if err := replay.NewCatalog(a, replay.CatalogOptions{}).Export(t.Context(), s.id, &b); err != nil {
		t.Fatal(err)
	}
	return s, a, b.Bytes()
}

func TestExportAndImport(t *testing.T) {
	s, from, file := exported(t)
	to := &replaytest.Memory{}
	c := replay.NewCatalog(to, replay.CatalogOptions{})
	got, err := c.Import(t.Context(), bytes.NewReader(file))
	if err != nil || !reflect.DeepEqual(got, s.summary) {
		t.Fatalf("%+v %v", got, err)
	}
	if a, b := from.Objects(), withoutNodes(to); !reflect.DeepEqual(a, b) {
		t.Errorf("got  %q\nwant %q", to.Keys(), from.Keys())
	}
	s.check(t, rand.New(rand.NewPCG(1, 1)), open(t, to, s.id))
	if _, err := c.Import(t.Context(), bytes.NewReader(file)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("imported twice: %v", err)
	}
	if a, b := from.Objects(), withoutNodes(to); !reflect.DeepEqual(a, b) {
		t.Error("the second import has changed something")
	}
	// One without a summary is exported with one.
	from.Set(replay.SummaryKey(s.id), nil)
	var b bytes.Buffer
	if err := replay.NewCatalog(from, replay.CatalogOptions{}).Export(t.Context(), s.id, &b); err != nil {
		t.Fatal(err)
	}
	if got, err = replay.NewCatalog(&replaytest.Memory{}, replay.CatalogOptions{}).Import(t.Context(), &b); err != nil || got.Hash != s.summary.Hash || got.Events != s.summary.Events {
		t.Errorf("%+v %v", got, err)
	}
	if err := c.Export(t.Context(), "../x", io.Discard); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	to.Set(s.objects[1].Key, nil)
	if err := c.Export(t.Context(), s.id, io.Discard); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with a segment missing: %v", err)
	}
}

// withoutNodes returns all objects but those that say who is alive.
func withoutNodes(a *replaytest.Memory) map[string][]byte {
	all := a.Objects()
	maps.DeleteFunc(all, func(key string, _ []byte) bool { return strings.HasPrefix(key, "nodes/") })
	return all
}

// file is an entry of a tar archive.
type file struct {
	name string
	data []byte
}

func unpack(t testing.TB, data []byte) (files []file) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{h.Name, data})
	}
}

func pack(t testing.TB, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		w.Write(f.data)
	}
	w.Close()
	return b.Bytes()
}

// TestImportRefuses: of a file in which anything is wrong, nothing is kept but assets.
func TestImportRefuses(t *testing.T) {
	_, _, data := exported(t)
	files := unpack(t, data)
	last := len(files) - 2 // the asset is behind it
	flip := func(i int) []file {
		f := slices.Clone(files)
		f[i].data = bytes.Clone(f[i].data)
		f[i].data[len(f[i].data)/2] ^= 4
		return f
	}
	swap := slices.Clone(files)
	swap[1], swap[2] = swap[2], swap[1]
	renamed := slices.Clone(files)
	renamed[1].name = "segments/../../x"
	other := slices.Clone(files)
	other[0].name = "summaries/other"
	for name, c := range map[string][]byte{
		"empty":          {},
		"noTar":          []byte(strings.Repeat("x", 2000)),
		"cut":            data[:len(data)/2],
		"summary":        pack(t, flip(0)),
		"segment":        pack(t, flip(1)),
		"lastSegment":    pack(t, flip(last)),
		"asset":          pack(t, flip(last+1)),
		"noSummary":      pack(t, files[1:]),
		"segmentMissing": pack(t, slices.Delete(slices.Clone(files), 2, 3)),
		"noSegments":     pack(t, files[:1]),
		"swapped":        pack(t, swap),
		"path":           pack(t, renamed),
		"otherName":      pack(t, other),
		"more":           pack(t, append(slices.Clone(files), file{"assets/" + strings.Repeat("a", 64), []byte("x")})),
		"moreSegments":   pack(t, append(slices.Clone(files), files[1])),
	} {
		t.Run(name, func(t *testing.T) {
			a := &replaytest.Memory{}
			_, err := replay.NewCatalog(a, replay.CatalogOptions{}).Import(t.Context(), bytes.NewReader(c))
			if !errors.Is(err, replay.ErrDamaged) {
				t.Errorf("got %v", err)
			}
			for _, key := range a.Keys() {
				if !strings.HasPrefix(key, "assets/") && !strings.HasPrefix(key, "nodes/") {
					t.Errorf("%s is kept", key)
				}
			}
		})
	}
}
