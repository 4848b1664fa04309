//go:build s3server

package s3_test

import (
	"os"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/s3"
)

// server is a bucket of the store that the SDK's variables and S3_BUCKET name. make test-s3 sets them.
func server(t testing.TB, o s3.Options) *s3.Bucket {
	t.Helper()
	name := os.Getenv("S3_BUCKET")
	if name == "" {
		t.Fatal("S3_BUCKET is not set; run make test-s3")
	}
	client, err := s3.NewClient(t.Context(), s3.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c, ok := client.Options().HTTPClient.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	})
	return s3.New(client, name, o)
}

func TestServer(t *testing.T) {
	for _, prefix := range []string{"", "some/app-"} {
		t.Run("prefix="+prefix, func(t *testing.T) {
			durabletest.TestBucket(t, func(t *testing.T) durable.Bucket { return server(t, s3.Options{Prefix: prefix}) })
		})
	}
}

// TestServerSays logs what docs/buckets.md says about stores beyond the contract.
func TestServerSays(t *testing.T) {
	b := server(t, s3.Options{Prefix: "says/"})
	one, err := b.Put(t.Context(), "a", []byte("same"), "")
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Put(t.Context(), "a", []byte("same"), one)
	if err != nil {
		t.Fatal(err)
	}
	_, missing := b.Put(t.Context(), "b", nil, one)
	if err := b.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	now, err := b.Now(t.Context())
	if err != nil || time.Since(now).Abs() > time.Minute {
		t.Errorf("clock: %v %v", now, err)
	}
	t.Logf("ETags of equal contents are equal: %t; a version without object: %v; clock differs by %v", one == two, missing, time.Since(now))
}

func BenchmarkServerPut(b *testing.B) {
	bucket, version := server(b, s3.Options{Prefix: "bench/"}), ""
	data := make([]byte, 4096)
	bucket.Delete(b.Context(), "a")
	b.ReportAllocs()
	for b.Loop() {
		data[0]++
		var err error
		if version, err = bucket.Put(b.Context(), "a", data, version); err != nil {
			b.Fatal(err)
		}
	}
	if err := bucket.Delete(b.Context(), "a"); err != nil {
		b.Fatal(err)
	}
}
