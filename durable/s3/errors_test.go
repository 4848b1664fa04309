package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	smithy "github.com/aws/smithy-go"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/s3"
)

// meanings are what errors may say about an object or a request.
var meanings = []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid}

// means checks that an error says one thing and nothing else; nil is that it says nothing.
func means(t *testing.T, what string, err, want error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %v", what, want)
	}
	if want == durable.ErrConflict && !errors.Is(err, durable.ErrConflict) {
		t.Errorf("%s: got %v, want ErrConflict", what, err)
	}
	for _, m := range meanings {
		if errors.Is(err, m) != (want != nil && errors.Is(want, m)) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
}

// TestAnswers checks what each answer of a store means.
func TestAnswers(t *testing.T) {
	conflict := durable.ErrConflict
	for _, tt := range []struct {
		status         int
		code           string
		get, put, list error
	}{
		{412, "PreconditionFailed", fs.ErrInvalid, conflict, fs.ErrInvalid},
		{409, "ConditionalRequestConflict", fs.ErrInvalid, conflict, fs.ErrInvalid},
		{409, "OperationAborted", fs.ErrInvalid, conflict, fs.ErrInvalid},
		{404, "NoSuchKey", fs.ErrNotExist, fs.ErrNotExist, fs.ErrNotExist},
		{404, "NoSuchBucket", fs.ErrInvalid, fs.ErrInvalid, fs.ErrInvalid},
		{404, "", nil, nil, nil},
		{403, "AccessDenied", fs.ErrPermission, fs.ErrPermission, fs.ErrPermission},
		{403, "SignatureDoesNotMatch", fs.ErrPermission, fs.ErrPermission, fs.ErrPermission},
		{403, "RequestTimeTooSkewed", nil, nil, nil},
		{401, "", fs.ErrPermission, fs.ErrPermission, fs.ErrPermission},
		{400, "InvalidArgument", fs.ErrInvalid, fs.ErrInvalid, fs.ErrInvalid},
		{400, "EntityTooLarge", fs.ErrInvalid, fs.ErrInvalid, fs.ErrInvalid},
		{400, "RequestTimeout", nil, nil, nil},
		{400, "IncompleteBody", nil, nil, nil},
		{400, "ExpiredToken", nil, nil, nil},
		{405, "MethodNotAllowed", fs.ErrInvalid, fs.ErrInvalid, fs.ErrInvalid},
		{301, "PermanentRedirect", fs.ErrInvalid, fs.ErrInvalid, fs.ErrInvalid},
		{501, "NotImplemented", fs.ErrInvalid, fs.ErrInvalid, fs.ErrInvalid},
		{408, "", nil, nil, nil},
		{429, "", nil, nil, nil},
		{500, "InternalError", nil, nil, nil},
		{502, "", nil, nil, nil},
		{503, "SlowDown", nil, nil, nil},
		{504, "", nil, nil, nil},
	} {
		t.Run(fmt.Sprintf("%d%s", tt.status, tt.code), func(t *testing.T) {
			var puts atomic.Int64
			b := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					puts.Add(1)
				}
				w.WriteHeader(tt.status)
				if tt.code == "" {
					fmt.Fprint(w, "<html>no store</html>")
					return
				}
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as said</Message></Error>", tt.code)
			})
			_, _, get := b.Get(t.Context(), "a", "")
			_, put := b.Put(t.Context(), "a", nil, "")
			_, list := b.List(t.Context(), "", "", 0)
			means(t, "get", get, tt.get)
			means(t, "put", put, tt.put)
			means(t, "list", list, tt.list)
			if del := b.Delete(t.Context(), "a"); tt.code == "NoSuchKey" {
				if del != nil {
					t.Errorf("delete: %v", del)
				}
			} else {
				means(t, "delete", del, tt.list)
			}
			if n := puts.Load(); n != 1 {
				t.Errorf("one Put made %d requests", n)
			}
			var api smithy.APIError
			if !errors.As(put, &api) || tt.code != "" && (api.ErrorCode() != tt.code || !strings.Contains(put.Error(), tt.code)) {
				t.Errorf("the store's code is lost: %v", put)
			}
		})
	}
}

// answering is a bucket whose store is a handler, with a client that does not wait between its tries.
func answering(t *testing.T, h http.HandlerFunc) *s3.Bucket {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return s3.New(quick(newClient(t, server.URL)), "bucket", s3.Options{})
}

func quick(c *awss3.Client) *awss3.Client {
	o := c.Options()
	o.Retryer = noDelay{o.Retryer}
	return awss3.New(o)
}

// noDelay is a retryer that does not wait.
type noDelay struct{ aws.Retryer }

func (noDelay) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// TestLostAnswers: of a request without a whole answer nothing is known.
func TestLostAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Header().Set("ETag", `"x"`)
			fmt.Fprint(w, "<")
			panic(http.ErrAbortHandler)
		},
		"noETag":   func(w http.ResponseWriter, r *http.Request) {},
		"notXML":   func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>welcome to the hotel</html>") },
		"teapotic": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(599) },
	} {
		t.Run(name, func(t *testing.T) {
			b := answering(t, h)
			_, _, err := b.Get(t.Context(), "a", "")
			means(t, "get", err, nil)
			if name != "cut" { // the answer to a PutObject is its head
				_, err = b.Put(t.Context(), "a", nil, "")
				means(t, "put", err, nil)
			}
			if name != "noETag" {
				_, err = b.List(t.Context(), "", "", 0)
				if name != "notXML" {
					means(t, "list", err, nil)
				}
			}
		})
	}
}

// TestErrorsBelowTheStore: what the system says of sockets and files is not what the store says of objects.
func TestErrorsBelowTheStore(t *testing.T) {
	for _, cause := range []error{syscall.EACCES, syscall.EPERM, syscall.ENOENT, syscall.EEXIST, syscall.EINVAL, syscall.ECONNREFUSED, os.ErrDeadlineExceeded, context.DeadlineExceeded} {
		client := newClient(t, "http://store.invalid")
		o := client.Options()
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: cause}
		}}}
		b := s3.New(quick(awss3.New(o)), "bucket", s3.Options{})
		_, _, get := b.Get(t.Context(), "a", "")
		_, put := b.Put(t.Context(), "a", nil, "")
		_, list := b.List(t.Context(), "", "", 0)
		for what, err := range map[string]error{"get": get, "put": put, "list": list, "delete": b.Delete(t.Context(), "a")} {
			means(t, what, err, nil)
		}
		var op *net.OpError
		if !errors.As(get, &op) || errors.Is(get, context.DeadlineExceeded) {
			t.Errorf("%v", get)
		}
	}
}

// TestUnreadableCredentials: a file that does not exist is no object that does not exist.
func TestUnreadableCredentials(t *testing.T) {
	o := newClient(t, "http://store.invalid").Options()
	o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, &fs.PathError{Op: "open", Path: "token", Err: fs.ErrNotExist}
	})
	_, _, err := s3.New(quick(awss3.New(o)), "bucket", s3.Options{}).Get(t.Context(), "a", "")
	means(t, "get", err, nil)
}

// TestContexts: a request to a store that never answers ends with its context.
func TestContexts(t *testing.T) {
	entered := make(chan struct{}, 10)
	b := answering(t, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	})
	for what, do := range map[string]func(context.Context) error{
		"get":    func(ctx context.Context) error { _, _, err := b.Get(ctx, "a", ""); return err },
		"put":    func(ctx context.Context) error { _, err := b.Put(ctx, "a", nil, ""); return err },
		"delete": func(ctx context.Context) error { return b.Delete(ctx, "a") },
		"list":   func(ctx context.Context) error { _, err := b.List(ctx, "", "", 0); return err },
		"now":    func(ctx context.Context) error { _, err := b.Now(ctx); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-entered
			cancel()
		}()
		if err := do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestUnorderedLists: a store whose pages would leave out keys is refused.
func TestUnorderedLists(t *testing.T) {
	b := answering(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<ListBucketResult><Contents><Key>b</Key></Contents><Contents><Key>a</Key></Contents></ListBucketResult>")
	})
	_, err := b.List(t.Context(), "", "", 0)
	means(t, "list", err, fs.ErrInvalid)
}
