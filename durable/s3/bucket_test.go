package s3_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/s3"
)

var _ interface {
	durable.Bucket
	durable.Pacer
	durable.Timekeeper
} = (*s3.Bucket)(nil)

// TestBucket runs the suite against gofakes3 as it is: it honours conditions of PutObject, under a lock.
func TestBucket(t *testing.T) {
	client, name := fake(t, nil)
	durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return s3.New(client, name, s3.Options{Prefix: "some/app-"}) })
}

const controlVariable = "S3_CONTROL"

// TestStoreWithoutConditions runs the suite in a process of its own against a store that ignores If-Match and
// If-None-Match, which must be found.
func TestStoreWithoutConditions(t *testing.T) {
	tests := []string{"staleVersionWritesNothing", "createRace", "swapRace", "versionWithoutObject"}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestControl$/^("+strings.Join(tests, "|")+")$")
	cmd.Env = append(os.Environ(), controlVariable+"=1")
	out, err := cmd.CombinedOutput()
	for _, name := range tests {
		if err == nil || !regexp.MustCompile(`--- FAIL: TestControl/`+name+`\b`).Match(out) {
			t.Errorf("%s does not find a store without conditions: %v\n%.1000s", name, err, out)
		}
	}
}

func TestControl(t *testing.T) {
	if os.Getenv(controlVariable) == "" {
		return // it is run by TestStoreWithoutConditions
	}
	client, name := fake(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Match")
			r.Header.Del("If-None-Match")
			h.ServeHTTP(w, r)
		})
	})
	durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return s3.New(client, name, s3.Options{}) })
}

// TestOnlyThisPackageLinksTheSDK: programs with another bucket do not.
func TestOnlyThisPackageLinksTheSDK(t *testing.T) {
	const module = "github.com/livelong-dev/livelong/"
	out, err := exec.Command("go", "list", "-deps", module+"durable", module+"durable/local", module+"durable/durabletest").Output()
	if err != nil || !strings.Contains(string(out), module+"durable/local") {
		t.Fatalf("%v %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "/aws/") || strings.Contains(line, "smithy") {
			t.Errorf("%s is linked", strings.TrimSpace(line))
		}
	}
}

func TestCommitEvery(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{0: 250 * time.Millisecond, time.Second: time.Second, -1: 0} {
		if got := s3.New(nil, "b", s3.Options{CommitEvery: given}).CommitEvery(); got != want {
			t.Errorf("%v: %v, want %v", given, got, want)
		}
	}
}

// TestForeignObjects: names that are no keys are left out, and do not end a list early.
func TestForeignObjects(t *testing.T) {
	client, name := fake(t, nil)
	b := s3.New(client, name, s3.Options{Prefix: "p/"})
	for _, key := range []string{"p/a", "p/a b", "p/b/.hidden", "p/c", "q"} {
		if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &name, Key: &key, Body: bytes.NewReader(nil)}); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int][]string{1: {"a"}, 2: {"a", "c"}, 3: {"a", "c"}, 0: {"a", "c"}} {
		if keys, err := b.List(t.Context(), "", "", limit); err != nil || !slices.Equal(keys, want) {
			t.Errorf("limit %d: %q %v", limit, keys, err)
		}
	}
}

// TestSize: objects of up to MaxBytes are written and read, larger ones are neither.
func TestSize(t *testing.T) {
	client, name := fake(t, nil)
	b := s3.New(client, name, s3.Options{})
	data := make([]byte, s3.MaxBytes+1)
	if _, err := b.Put(t.Context(), "large", data, ""); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("put: %v", err)
	}
	if _, err := b.Put(t.Context(), "largest", data[1:], ""); err != nil {
		t.Error(err)
	}
	if got, _, err := b.Get(t.Context(), "largest", ""); err != nil || len(got) != s3.MaxBytes {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	in := awss3.PutObjectInput{Bucket: &name, Key: aws.String("large"), Body: bytes.NewReader(data)}
	if _, err := client.PutObject(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Get(t.Context(), "large", ""); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("get: %v", err)
	}
}
