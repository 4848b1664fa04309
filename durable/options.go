package durable

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Options configure a [Store]. The zero value of each field but Bucket means its default.
type Options struct {
	// Bucket is where documents live. Required.
	Bucket Bucket

	// Prefix begins the key of every object, followed by a slash. Defaults to "sessions".
	Prefix string

	// TTL is how long a session is remembered after its last visit. It slides: a visit renews it, with one write per
	// tenth of it at most. Defaults to 30 days.
	TTL time.Duration
	// DraftTTL is how long a page's own fields are remembered after the page was last open. Defaults to 24 h.
	DraftTTL time.Duration

	// CommitEvery is the least time between two writes of one session; what changes meanwhile is written together. The
	// first change after a pause is written at once. Defaults to what the bucket suggests (see [Pacer]), else 0.
	// A negative value means 0 whatever the bucket suggests.
	CommitEvery time.Duration

	// MaxBytes bounds a session's document. A write that would exceed it is refused. Defaults to 256 KiB, at most 2 MiB:
	// an object of more than 4 MiB is not read.
	MaxBytes int

	// MaxPending and MaxPendingTotal bound what is applied and not durable yet, per session and in all, in bytes.
	// Beyond, writes are refused and what was taken before is kept. Default to 1 MiB and 64 MiB.
	MaxPending, MaxPendingTotal int

	// ReadTimeout is how long a mount waits for a document that cannot be read. Defaults to 3 s.
	ReadTimeout time.Duration
	// RequestTimeout bounds one request to the bucket. Defaults to 10 s.
	RequestTimeout time.Duration
	// FlushTimeout is how long Close waits until everything is durable. Defaults to 20 s.
	FlushTimeout time.Duration

	// IdleAfter is the quiet time after which a session's document leaves memory. Defaults to 1 min.
	IdleAfter time.Duration

	// SweepEvery is the time between two rounds of the sweep, each of which looks at no more than 1,000 documents and
	// removes the dead among them. Defaults to 10 min; negative: this node does not sweep.
	SweepEvery time.Duration

	// EncryptionKeys encrypt documents with AES-256-GCM, 32 bytes each, newest first: the first encrypts, all of them
	// decrypt. Without any, documents are plain.
	EncryptionKeys [][]byte
	// RequireEncryption refuses documents that are plain. Without it, those written before there were EncryptionKeys can
	// be read, and so can those that somebody else has put into the bucket: set it once all are encrypted.
	RequireEncryption bool

	// Logger defaults to slog.Default(). Sessions are named by a hash of their storage id.
	Logger *slog.Logger

	// Metrics receives what is counted and measured. nil: nothing is.
	Metrics Metrics

	// Clock tells the time for expiry. Defaults to time.Now.
	Clock func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	if o.Bucket == nil {
		return o, errors.New("no Options.Bucket is given")
	}
	fill(&o.Prefix, "sessions")
	fill(&o.TTL, 30*24*time.Hour)
	fill(&o.DraftTTL, 24*time.Hour)
	if pacer, ok := o.Bucket.(Pacer); ok && o.CommitEvery == 0 {
		o.CommitEvery = pacer.CommitEvery()
	}
	o.CommitEvery = max(o.CommitEvery, 0)
	fill(&o.MaxBytes, 256<<10)
	fill(&o.MaxPending, 1<<20)
	fill(&o.MaxPendingTotal, 64<<20)
	fill(&o.ReadTimeout, 3*time.Second)
	fill(&o.RequestTimeout, 10*time.Second)
	fill(&o.FlushTimeout, 20*time.Second)
	fill(&o.IdleAfter, time.Minute)
	fill(&o.SweepEvery, 10*time.Minute)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"TTL", o.TTL}, {"DraftTTL", o.DraftTTL}, {"IdleAfter", o.IdleAfter}, {"FlushTimeout", o.FlushTimeout},
		{"ReadTimeout", o.ReadTimeout}, {"RequestTimeout", o.RequestTimeout}} {
		if d.d <= 0 {
			return o, fmt.Errorf("bad Options.%s: %v, want a positive duration", d.name, d.d)
		}
	}
	if o.MaxBytes < 0 || o.MaxBytes > maxObject/2 {
		return o, fmt.Errorf("bad Options.MaxBytes: %d, want 1 to %d", o.MaxBytes, maxObject/2)
	}
	if o.MaxPending < 0 || o.MaxPendingTotal < 0 {
		return o, fmt.Errorf("bad Options.MaxPending or MaxPendingTotal: %d, %d, want positive numbers", o.MaxPending, o.MaxPendingTotal)
	}
	if o.RequireEncryption && len(o.EncryptionKeys) == 0 {
		return o, errors.New("bad Options.RequireEncryption: there are no EncryptionKeys")
	}
	if err := CheckKey(o.Prefix); err != nil {
		return o, fmt.Errorf("bad Options.Prefix: %w", err)
	}
	return o, nil
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
