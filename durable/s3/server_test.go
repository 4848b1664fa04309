//go:build s3server

package s3_test

import (
	"os"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/s3"
)

// serverClient is a client of the store that the SDK's variables name, and the bucket that S3_BUCKET names. make test-s3
// sets them.
func serverClient(t testing.TB) (*awss3.Client, string) {
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
	return client, name
}

func server(t testing.TB, o s3.Options) *s3.Bucket {
	client, name := serverClient(t)
	return s3.New(client, name, o)
}

func TestServer(t *testing.T) {
	for _, prefix := range []string{"", "some/app-"} {
		t.Run("prefix="+prefix, func(t *testing.T) {
			durabletest.TestBucket(t, func(t *testing.T) durable.Bucket { return server(t, s3.Options{Prefix: prefix}) })
		})
	}
}

func TestServerSays(t *testing.T) {
	client, name := serverClient(t)
	says(t, client, name)
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
