// Package s3 is a [durable.Bucket] in Amazon S3 or a store that speaks its protocol, by the AWS SDK. The store must honour
// If-None-Match and If-Match of PutObject; see docs/buckets.md. Only programs that import this package link the SDK.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/livelong-dev/livelong/durable"
)

// MaxBytes is the size of the largest object that is read or written: documents are small, and what a bucket holds is not
// trusted to be one.
const MaxBytes = 16 << 20

// Options are options of [New].
type Options struct {
	// Prefix stands before all keys in the bucket, as in "app/"; it is no part of what List returns. Defaults to none.
	Prefix string
	// CommitEvery is the least time between two writes of one session. Defaults to 250 ms; negative is 0.
	CommitEvery time.Duration
}

// Bucket keeps objects in a bucket of S3. Versions are ETags, which come back when equal contents are written again.
//
// Its requests last until their contexts end. Errors carry the store's code, and errors.As finds the SDK's types in them.
type Bucket struct {
	client *awss3.Client
	name   string
	o      Options
}

// New returns a bucket. It makes no request. See [NewClient] for a client; with any other, the client's retries are not
// used for writes, and checksums are added only where S3 requires them, which other stores understand too.
func New(client *awss3.Client, bucket string, o Options) *Bucket {
	if o.CommitEvery == 0 {
		o.CommitEvery = 250 * time.Millisecond
	}
	return &Bucket{client: client, name: bucket, o: o}
}

// CommitEvery returns the least time between two writes of one session: each costs money.
func (b *Bucket) CommitEvery() time.Duration { return max(b.o.CommitEvery, 0) }

// plain makes requests that stores other than S3 understand.
func plain(o *awss3.Options) {
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	o.DisableLogOutputChecksumValidationSkipped = true
}

// once makes a request without retries: one would find a write that was done, and whose answer was lost, in its way, and
// report a conflict with itself.
func once(o *awss3.Options) { o.Retryer = aws.NopRetryer{} }

func (b *Bucket) Get(ctx context.Context, key, known string) ([]byte, string, error) {
	if err := check(ctx, key); err != nil {
		return nil, "", err
	}
	in := awss3.GetObjectInput{Bucket: &b.name, Key: b.key(key)}
	if known != "" {
		in.IfNoneMatch = &known
	}
	out, err := b.client.GetObject(ctx, &in, plain)
	if known != "" && status(err) == 304 {
		return nil, known, nil
	}
	if err != nil {
		return nil, "", b.failed(ctx, "get", key, err)
	}
	defer out.Body.Close()
	version := aws.ToString(out.ETag)
	if version == "" {
		return nil, "", b.failed(ctx, "get", key, errNoETag)
	}
	if version == known { // the store does not know conditions of reads
		return nil, known, nil
	}
	length := aws.ToInt64(out.ContentLength)
	if length > MaxBytes {
		return nil, "", b.failed(ctx, "get", key, errTooLarge)
	}
	data := bytes.NewBuffer(make([]byte, 0, max(length, 0)+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(out.Body, MaxBytes+1)); err != nil {
		return nil, "", b.failed(ctx, "get", key, err)
	}
	if data.Len() > MaxBytes {
		return nil, "", b.failed(ctx, "get", key, errTooLarge)
	}
	return data.Bytes(), version, nil
}

func (b *Bucket) Put(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
	if err := check(ctx, key); err != nil {
		return "", err
	}
	if len(data) > MaxBytes {
		return "", b.failed(ctx, "put", key, errTooLarge)
	}
	in := awss3.PutObjectInput{
		Bucket: &b.name, Key: b.key(key), Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		ContentType: aws.String("application/octet-stream"),
	}
	if ifVersion == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &ifVersion
	}
	out, err := b.client.PutObject(ctx, &in, plain, once)
	if err != nil {
		return "", b.failed(ctx, "put", key, err)
	}
	if aws.ToString(out.ETag) == "" {
		return "", b.failed(ctx, "put", key, errNoETag)
	}
	return *out.ETag, nil
}

// Delete removes an object. In a bucket with versioning its earlier contents stay until a lifecycle rule removes them.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	_, err := b.client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &b.name, Key: b.key(key)}, plain)
	if err != nil && kind(err, "delete") != errMissing {
		return b.failed(ctx, "delete", key, err)
	}
	return nil
}

// List makes one request for each 1,000 keys. Objects whose names are no keys are left out.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 1000
	}
	in := awss3.ListObjectsV2Input{Bucket: &b.name, Prefix: b.key(prefix)}
	if after != "" {
		in.StartAfter = b.key(after)
	}
	var keys []string
	for last := after; ; {
		in.MaxKeys = aws.Int32(int32(min(limit-len(keys), 1000)))
		out, err := b.client.ListObjectsV2(ctx, &in, plain)
		if err != nil {
			return nil, b.failed(ctx, "list", prefix, err)
		}
		for _, o := range out.Contents {
			key, ok := strings.CutPrefix(aws.ToString(o.Key), b.o.Prefix)
			if !ok || !strings.HasPrefix(key, prefix) || key <= last && last != "" {
				// As in directory buckets. Pages would leave keys out.
				return nil, b.failed(ctx, "list", prefix, errUnordered)
			}
			if last = key; durable.CheckKey(key) == nil && len(keys) < limit {
				keys = append(keys, key)
			}
		}
		if len(keys) == limit || !aws.ToBool(out.IsTruncated) {
			return keys, nil
		}
		if aws.ToString(out.NextContinuationToken) == "" {
			return nil, b.failed(ctx, "list", prefix, errors.New("a page is cut short, and the store does not say how to go on"))
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}

// Now returns the store's time, to a second or two, from the head of its answer to a List of one key.
func (b *Bucket) Now(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	in := awss3.ListObjectsV2Input{Bucket: &b.name, Prefix: b.key(""), MaxKeys: aws.Int32(1)}
	out, err := b.client.ListObjectsV2(ctx, &in, plain)
	if err != nil {
		return time.Time{}, b.failed(ctx, "ask for the time", "", err)
	}
	now, ok := middleware.GetServerTime(out.ResultMetadata)
	if !ok || now.IsZero() {
		return time.Time{}, b.failed(ctx, "ask for the time", "", errors.New("the answer has no date"))
	}
	return now, nil
}

func (b *Bucket) key(key string) *string { return aws.String(b.o.Prefix + key) }

func check(ctx context.Context, key string) error {
	if err := durable.CheckKey(key); err != nil {
		return err
	}
	return ctx.Err()
}

var (
	errNoETag    = errors.New("the answer has no ETag")
	errTooLarge  = fmt.Errorf("the object has over %d bytes", MaxBytes)
	errUnordered = errors.New("the store does not list keys in the order of their bytes; see docs/buckets.md")
)
