package s3_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/livelong-dev/livelong/durable/s3"
)

func TestFakeSays(t *testing.T) {
	client, name := fake(t, nil)
	says(t, client, name)
}

// says logs what docs/buckets.md says about a store: its answers, and what goes beyond the contract.
func says(t *testing.T, client *awss3.Client, name string) {
	t.Helper()
	put := func(key, contents, ifMatch, ifNoneMatch string) (string, int) {
		in := awss3.PutObjectInput{Bucket: &name, Key: aws.String("says/" + key), Body: bytes.NewReader([]byte(contents))}
		if ifMatch != "" {
			in.IfMatch = &ifMatch
		}
		if ifNoneMatch != "" {
			in.IfNoneMatch = &ifNoneMatch
		}
		out, err := client.PutObject(t.Context(), &in)
		if err != nil {
			return "", answer(err)
		}
		t.Cleanup(func() {
			client.DeleteObject(context.Background(), &awss3.DeleteObjectInput{Bucket: &name, Key: in.Key})
		})
		return *out.ETag, 200
	}
	one, created := put("a", "same", "", "*")
	_, again := put("a", "other", "", "*")
	two, swapped := put("a", "same", one, "")
	_, stale := put("a", "other", `"0123456789abcdef0123456789abcdef"`, "")
	_, missing := put("b", "x", one, "")
	_, below := put("a/b", "x", "", "")
	_, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &name, Key: aws.String("says/a"), IfNoneMatch: &two})
	now, clock := s3.New(client, name, s3.Options{}).Now(t.Context())
	t.Logf("create %d, again %d; swap %d, stale %d, without object %d; unchanged %d; equal ETags %t; a/b beside a %d; clock late by %v, %v",
		created, again, swapped, stale, missing, answer(err), one == two, below, time.Since(now).Round(100*time.Millisecond), clock)
	if created != 200 || swapped != 200 || again != 412 || stale != 412 || answer(err) != 304 || clock != nil || time.Since(now).Abs() > time.Minute {
		t.Error("the store does not do what docs/buckets.md says")
	}
}

// answer returns the status of an error's answer.
func answer(err error) int {
	var r *smithyhttp.ResponseError
	if errors.As(err, &r) {
		return r.HTTPStatusCode()
	}
	return 0
}
