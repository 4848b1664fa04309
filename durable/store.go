package durable

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// Store keeps the stored fields of views in a bucket. It is a [live.Stash].
type Store struct {
	options     Options
	log         *slog.Logger
	metrics     Metrics
	envelope    envelope
	incarnation string // random; begins the names of its sessions' batches in documents
	seq         atomic.Uint64
	pending     atomic.Int64 // bytes that are not durable
	requests    chan struct{}
	bus         live.Bus
	forgetful   bool // see export_test.go

	ctx    context.Context // of requests; ends when Close gives up
	cancel context.CancelFunc
	actors sync.WaitGroup // running actors, and the sweep

	mu       sync.Mutex
	sessions map[string]*session // by storage id
	closing  bool
	closed   bool
	dirty    map[*session]struct{} // with batches that are not durable
	clean    chan struct{}         // closed when dirty is empty; nil when nobody waits
	stop     chan struct{}         // ends the sweep
}

var (
	_ live.Stash   = (*Store)(nil)
	_ live.BusUser = (*Store)(nil)
)

// maxRequests bounds the requests to the bucket that are under way at once: after an outage all sessions write.
const maxRequests = 256

// Open checks that the bucket keeps its conditions and that this machine's clock agrees with it, and returns a store on
// it. The error names what the bucket did not keep. Close ends it.
func Open(o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("durable.Open: %w", err)
	}
	st := &Store{
		options: o, log: o.Logger, metrics: o.Metrics, incarnation: random(), requests: make(chan struct{}, maxRequests),
		sessions: map[string]*session{}, dirty: map[*session]struct{}{}, stop: make(chan struct{}),
	}
	if st.envelope, err = newEnvelope(o.EncryptionKeys); err != nil {
		return nil, fmt.Errorf("durable.Open: %w", err)
	}
	st.envelope.required = o.RequireEncryption
	st.ctx, st.cancel = context.WithCancel(context.Background())
	if err := st.probe(); err != nil {
		st.cancel()
		return nil, fmt.Errorf("durable.Open: %w", err)
	}
	st.actors.Go(st.sweepLoop)
	return st, nil
}

// UseBus implements [live.BusUser]: what becomes durable here is made known to other nodes.
func (st *Store) UseBus(b live.Bus) { st.bus = b }

// Attach implements [live.Stash].
func (st *Store) Attach(ctx context.Context, a live.Attachment) (live.StashHandle, error) {
	if len(a.Session.IDs) == 0 {
		return nil, errors.New("attach: no storage id")
	}
	if err := CheckKey(a.Session.IDs[0]); err != nil {
		return nil, fmt.Errorf("attach: storage id: %w", err)
	}
	s, err := st.acquire(a.Session)
	if err != nil {
		return nil, err
	}
	h, err := s.attach(ctx, a)
	if err != nil {
		st.release(s)
		return nil, fmt.Errorf("session %s: %w", s.hash, err)
	}
	return h, nil
}

// End implements [live.Stash].
func (st *Store) End(ctx context.Context, id live.StashSession) error {
	s, err := st.acquire(id)
	if err != nil {
		return err
	}
	defer st.release(s)
	if err := s.end(ctx); err != nil && !errors.Is(err, live.ErrSessionEnded) {
		return fmt.Errorf("end session %s: %w", s.hash, err)
	}
	if err := s.buryFrozen(ctx, id); err != nil {
		return fmt.Errorf("end session %s: %w", s.hash, err)
	}
	return nil
}

// acquire returns a session that stays in memory until it is released.
func (st *Store) acquire(id live.StashSession) (*session, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closing {
		return nil, ErrClosed
	}
	s := st.sessions[id.IDs[0]]
	if s == nil {
		s = newSession(st, id)
		st.sessions[id.IDs[0]] = s
		st.metrics.Add(MetricSessions, 1)
	}
	s.refs++
	return s, nil
}

// release lets go of a session. It leaves memory once it was idle for a while.
func (st *Store) release(s *session) {
	st.mu.Lock()
	s.refs--
	st.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kick()
}

// forget removes a session that nobody uses from memory. It reports whether it did; the session's lock is held.
func (st *Store) forget(s *session) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if s.refs > 0 {
		return false
	}
	if st.sessions[s.ids[0]] == s {
		delete(st.sessions, s.ids[0])
		st.metrics.Add(MetricSessions, -1)
	}
	return true
}

// mark notes whether a session has batches that are not durable. The session's lock is held.
func (st *Store) mark(s *session, dirty bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if dirty {
		st.dirty[s] = struct{}{}
		return
	}
	delete(st.dirty, s)
	if len(st.dirty) == 0 && st.clean != nil {
		close(st.clean)
		st.clean = nil
	}
}

// begin counts a starting actor; false when the store is closed.
func (st *Store) begin() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return false
	}
	st.actors.Add(1)
	return true
}

func (st *Store) isClosing() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.closing
}

// Sessions returns how many sessions are in memory.
func (st *Store) Sessions() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.sessions)
}

// Close refuses new mounts, writes what is not durable yet, many sessions at once, and waits for it, for
// [Options.FlushTimeout] at most or until ctx ends. The error names, by their hashes, the sessions whose last changes are
// not durable. An app that was given the store with [live.Options] closes it when it stops.
func (st *Store) Close(ctx context.Context) error {
	st.mu.Lock()
	first := !st.closing
	st.closing = true
	waiting := make([]*session, 0, len(st.dirty))
	for s := range st.dirty {
		waiting = append(waiting, s)
	}
	clean := st.clean
	if clean == nil {
		clean = make(chan struct{})
		if len(st.dirty) > 0 {
			st.clean = clean
		} else {
			close(clean)
		}
	}
	st.mu.Unlock()
	if first {
		close(st.stop)
	}
	for _, s := range waiting {
		s.hurry()
	}
	limit := time.NewTimer(st.options.FlushTimeout)
	defer limit.Stop()
	select {
	case <-clean:
	case <-limit.C:
	case <-ctx.Done():
	}
	st.mu.Lock()
	st.closed = true
	left := make([]*session, 0, len(st.sessions))
	for _, s := range st.sessions {
		left = append(left, s)
	}
	st.mu.Unlock()
	st.cancel()
	st.actors.Wait()
	for _, s := range left {
		s.shut()
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.dirty) == 0 {
		return nil
	}
	var lost []error
	for s := range st.dirty {
		lost = append(lost, fmt.Errorf("session %s: its last changes are not saved", s.hash))
	}
	return fmt.Errorf("close the store: %d sessions are not saved: %w", len(lost), errors.Join(lost...))
}

// hashOf names a session in logs and errors: its storage id is not to be found there.
func hashOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:6])
}

func (st *Store) key(id string) string { return st.options.Prefix + "/" + id }

// request does one request to the bucket, in its turn and within its time.
func (st *Store) request(f func(ctx context.Context) error) error {
	select {
	case st.requests <- struct{}{}:
	case <-st.ctx.Done():
		return st.ctx.Err()
	}
	defer func() { <-st.requests }()
	ctx, cancel := context.WithTimeout(st.ctx, st.options.RequestTimeout)
	defer cancel()
	return f(ctx)
}

// read gets an object and unwraps the document in it; nil when it is unchanged since the known version.
func (st *Store) read(key, known string) (d *document, version string, err error) {
	st.metrics.Add(MetricReads, 1)
	err = st.request(func(ctx context.Context) error {
		data, v, err := st.options.Bucket.Get(ctx, key, known)
		if err != nil {
			return err
		}
		version = v
		if data == nil && known != "" && v == known {
			return nil
		}
		d, err = st.decode(key, data)
		return err
	})
	return d, version, st.hush(key, err)
}

func (st *Store) decode(key string, data []byte) (*document, error) {
	plain, err := st.envelope.unwrap(key, data)
	if err == nil {
		var d *document
		if d, err = decodeDocument(plain); err == nil {
			return d, nil
		}
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil, &DocumentError{Session: hashOf(key[len(st.options.Prefix)+1:]), Err: err}
}

// write puts a document under a condition.
func (st *Store) write(key string, d *document, ifVersion string) (version string, err error) {
	st.metrics.Add(MetricWrites, 1)
	data := st.envelope.wrap(key, d.encode())
	err = st.request(func(ctx context.Context) error {
		var err error
		version, err = st.options.Bucket.Put(ctx, key, data, ifVersion)
		return err
	})
	return version, st.hush(key, err)
}

// hushed is an error of a bucket without the storage id in its text: buckets name objects by their keys, and files by
// their paths.
type hushed struct {
	text string
	err  error
}

func (h *hushed) Error() string { return h.text }
func (h *hushed) Unwrap() error { return h.err }

// hush returns an error about an object that can be logged.
func (st *Store) hush(key string, err error) error {
	if err == nil {
		return nil
	}
	id := key[len(st.options.Prefix)+1:]
	if text := strings.ReplaceAll(err.Error(), id, hashOf(id)); text != err.Error() {
		return &hushed{text, err}
	}
	return err
}
