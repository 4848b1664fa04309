package replaytest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/durable/s3"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// Every bucket is an archive.
var _ = func(b durable.Bucket) replay.Archive { return b }

func TestLocal(t *testing.T) {
	dir := t.TempDir()
	replaytest.TestArchive(t, func(*testing.T) replay.Archive { return local.Dir(dir) })
}

// TestMemoryIsABucket runs the suite of buckets on the archive in memory, so that what is tested with it holds elsewhere.
func TestMemoryIsABucket(t *testing.T) {
	a := &replaytest.Memory{}
	durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return a })
}

func TestS3(t *testing.T) {
	server := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := s3.NewClient(t.Context(), s3.ClientOptions{Endpoint: server.URL, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	name := "replay"
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	replaytest.TestArchive(t, func(*testing.T) replay.Archive {
		return s3.New(client, name, s3.Options{Prefix: "some/app-"})
	})
}
