package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/livelong-dev/livelong/durable"
)

// failure is an error of a request. It matches only what it means: errors of the system below may well be called
// "does not exist" or "permission denied", as of a file with credentials or a firewall, and say nothing about an object.
type failure struct {
	text  string
	means error // nil if it is not known what became of the request
	cause error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.means }

// As lets errors.As find the SDK's types.
func (f *failure) As(target any) bool { return errors.As(f.cause, target) }

func (b *Bucket) failed(ctx context.Context, op, key string, cause error) error {
	f := &failure{means: kind(cause, op), cause: cause}
	text := cause.Error()
	if answer := status(cause); answer > 0 {
		text = fmt.Sprintf("the store answers %d %s", answer, code(cause))
		var api smithy.APIError
		if errors.As(cause, &api) && api.ErrorMessage() != "" {
			text += ": " + api.ErrorMessage()
		}
	} else if f.means == nil {
		f.means = ctx.Err()
	}
	if f.means != nil {
		text = f.means.Error() + ": " + text
	}
	f.text = fmt.Sprintf("%s %q in bucket %s: %s", op, b.o.Prefix+key, b.name, text)
	return f
}

// errMissing is the meaning of an answer that there is no object.
var errMissing = fs.ErrNotExist

// passing are codes of answers 400 and 403 which say that this request went wrong, not that such requests are refused.
var passing = []string{
	"RequestTimeout", "RequestTimeTooSkewed", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "ExpiredToken",
	"TokenRefreshRequired", "InternalError", "SlowDown", "ServiceUnavailable", "ThrottlingException", "Throttling", "RequestThrottled",
}

// kind returns what an error of a request means by the contract of durable.Bucket, or nil.
func kind(err error, op string) error {
	answer, code := status(err), code(err)
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errUnordered):
		return fs.ErrInvalid
	case answer == 0 || slices.Contains(passing, code):
		return nil
	case (answer == 412 || answer == 409) && op == "put":
		return durable.ErrConflict
	case answer == 404 && code == "NoSuchKey":
		return errMissing
	case answer == 404 && code == "NoSuchBucket":
		return fs.ErrInvalid
	case answer == 404, answer == 408, answer == 425, answer == 429:
		return nil // a 404 without a code of S3 is that of something else in between
	case answer == 401, answer == 403:
		return fs.ErrPermission
	case answer >= 300 && answer < 500, answer == 501:
		return fs.ErrInvalid
	}
	return nil
}

// status returns the HTTP status of the answer that an error is about, or 0.
func status(err error) int {
	var r *smithyhttp.ResponseError
	if !errors.As(err, &r) {
		return 0
	}
	if s := r.HTTPStatusCode(); s >= 300 {
		return s
	}
	return 0 // the answer could not be read
}

// code returns the store's name of an error.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
