package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
)

const countVariable = "LOCAL_COUNT" // the directory in which a child process counts

const counts = 100 // of each process

// count is a child process: it adds 1 to an object, over and over.
func count(dir string) {
	b, ctx := Dir(dir), context.Background()
	for done := 0; done < counts; {
		data, version, err := b.Get(ctx, "shared/counter", "")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			panic(err)
		}
		n, _ := strconv.Atoi(string(data))
		_, err = b.Put(ctx, "shared/counter", []byte(strconv.Itoa(n+1)), version)
		switch {
		case err == nil:
			done++
		case !errors.Is(err, fs.ErrExist):
			panic(err)
		}
	}
}

// TestProcessesShareADirectory has three processes, which all create the directory, add to one counter.
func TestProcessesShareADirectory(t *testing.T) {
	dir := t.TempDir() + "/new"
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), countVariable+"="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
	if data, _, err := Dir(dir).Get(t.Context(), "shared/counter", ""); err != nil || string(data) != strconv.Itoa(3*counts) {
		t.Errorf("three processes counted to %s, %v", data, err)
	}
}

// BenchmarkPut is one goroutine that replaces an object of 4 KiB: two fsyncs each.
func BenchmarkPut(b *testing.B) {
	bucket, data, version := Dir(b.TempDir()), make([]byte, 4096), ""
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if version, err = bucket.Put(b.Context(), "sessions/abcdef", data, version); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPutParallel is 16 goroutines with an object each, whose fsyncs the file system may group.
func BenchmarkPutParallel(b *testing.B) {
	bucket, data := Dir(b.TempDir()), make([]byte, 4096)
	b.ReportAllocs()
	b.SetParallelism(8)
	var mu sync.Mutex
	next := 0
	b.RunParallel(func(pb *testing.PB) {
		mu.Lock()
		next++
		key, version := "sessions/k"+strconv.Itoa(next), ""
		mu.Unlock()
		for pb.Next() {
			var err error
			if version, err = bucket.Put(b.Context(), key, data, version); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkFloor is what the system needs for the same: write and sync a file, rename it, sync the directory.
func BenchmarkFloor(b *testing.B) {
	dir, data := b.TempDir(), make([]byte, 4096)
	for b.Loop() {
		f, err := os.Create(dir + "/temp")
		if err != nil {
			b.Fatal(err)
		}
		f.Write(data)
		f.Sync()
		f.Close()
		os.Rename(dir+"/temp", dir+"/file")
		d, _ := os.Open(dir)
		if err := d.Sync(); err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}

func BenchmarkGet(b *testing.B) {
	bucket := Dir(b.TempDir())
	version, err := bucket.Put(b.Context(), "sessions/abcdef", make([]byte, 4096), "")
	if err != nil {
		b.Fatal(err)
	}
	for _, known := range []string{"", version} {
		b.Run("known="+strconv.FormatBool(known != ""), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := bucket.Get(b.Context(), "sessions/abcdef", known); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
