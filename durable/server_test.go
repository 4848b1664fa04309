//go:build s3server

package durable_test

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/s3"
)

// server returns the name of a bucket for openBucket: a prefix of its own in the store that the SDK's variables name, in the
// bucket that S3_BUCKET names. make test-s3 sets them. What is written there is deleted when the test ends.
func server(t *testing.T) (name string, b durable.Bucket) {
	t.Helper()
	bucket := os.Getenv("S3_BUCKET")
	if bucket == "" {
		t.Fatal("S3_BUCKET is not set; run make test-s3")
	}
	client, err := s3.NewClient(t.Context(), s3.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	prefix := "durable-" + strings.ToLower(rand.Text()) + "/"
	b = s3.New(client, bucket, s3.Options{Prefix: prefix, CommitEvery: -1})
	t.Cleanup(func() { cleanUp(t, client, b) })
	return "s3:" + bucket + "/" + prefix, b
}

// cleanUp deletes what was written.
func cleanUp(t *testing.T, client *awss3.Client, b durable.Bucket) {
	for {
		keys, err := b.List(context.Background(), "", "", 0)
		if err != nil {
			t.Errorf("clean up: %v", err)
		}
		for _, key := range keys {
			if err := b.Delete(context.Background(), key); err != nil {
				t.Errorf("clean up: %v", err)
				keys = nil
				break
			}
		}
		if len(keys) == 0 {
			break
		}
	}
	if c, ok := client.Options().HTTPClient.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func TestServerKill(t *testing.T) {
	name, _ := server(t)
	kill(t, name, rounds(60))
}

// Three nodes without a coordinator are linearizable per key on a real store, in real time; without write ids they are not,
// and the histories show it.
func TestServerLinearizable(t *testing.T) {
	base := mathrand.Uint64N(1 << 40)
	t.Logf("seeds from %d", base)
	run := func(what string, n int, adjust func(*durable.Store)) (bad int) {
		operations := 0
		for i := range n {
			t.Run(what, func(t *testing.T) {
				_, b := server(t)
				ops := history(t, base+uint64(i), b, func(time.Duration) {}, adjust)
				operations += len(ops)
				if !porcupine.CheckOperations(register, ops) {
					bad++
				}
			})
		}
		t.Logf("%s: %d histories of 3 nodes, %d operations: %d bad", what, n, operations, bad)
		return bad
	}
	if run("with write ids", rounds(20), func(*durable.Store) {}) > 0 {
		t.Error("not linearizable")
	}
	if run("control without write ids", 20, (*durable.Store).ForgetWriteIDs) == 0 {
		t.Error("no history of the control is bad: the check would find nothing")
	}
}
