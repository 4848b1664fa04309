package durable

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// session is a browser session on this node: the actor that owns its document.
//
// Its fields belong to its lock. Whoever changes what has to be done calls kick, which starts run, the only goroutine
// that talks to the bucket for this session: it reads, writes one batch after the other, and ends when there is nothing
// to do. So an idle session costs no goroutine, and after a while no memory for its document either.
//
// shown is what the session's pages see: the durable document with all batches of the queue applied, up to the first
// gated one, which nobody sees before it is durable. It is computed again whenever the document was read; what then
// differs is told to the handles that it concerns.
type session struct {
	store *Store
	ids   []string // storage ids, newest secret first
	from  []string // of the session this one was renewed from
	hash  string
	name  string // names its batches in documents
	refs  int    // belongs to the store's lock

	mu      sync.Mutex
	key     string    // of the object
	doc     *document // as the bucket has confirmed it; nil: not in memory
	version string    // of doc; empty: there is no object yet
	seen    string    // the generation that was seen in the bucket; empty: none yet
	shown   *document // doc with what is applied; nil: not in memory
	err     error     // the session is over
	broken  error     // the document cannot be used; writes are refused
	handles map[*handle]struct{}
	queue   []*batch // to be written, in order; the first may be under way
	pending int      // bytes in it
	waiters []*waiter

	running    bool
	stale      bool      // the document must be read before the next write, or because another node wrote it
	looks      int       // reads and writes begun: each shows the newest document
	wrote      time.Time // when the last write was sent
	retry      time.Time // not before
	attempts   int       // failures in a row
	failing    time.Time // since when; zero: it works
	trouble    bool      // it has been failing for a while
	unwritable bool      // writes are refused for good, and reads may not be
	pins       int       // mounts under way, which need the document
	used       time.Time // when something was last asked of it
	renewAt    time.Time // when what expires is to be renewed
	memo       *memo     // of the document that has left memory; nil: it was not there, or is
	timer      *time.Timer
	due        time.Time // when the timer fires
	cancel     func()    // of the bus subscription
}

// waiter waits for the document, no older than its asking.
type waiter struct {
	need int // the number of the read or write that is new enough
	done chan error
}

func newSession(st *Store, id live.StashSession) *session {
	s := &session{store: st, ids: id.IDs, from: id.From, hash: hashOf(id.IDs[0]), key: st.key(id.IDs[0]), handles: map[*handle]struct{}{}}
	// One store may know a session by two ids, each of which has an actor with batches of its own.
	s.name = st.incarnation + s.hash[:4]
	if id.New {
		// Nobody else knows the id yet.
		s.doc = newDocument(st.options.Clock())
		s.refresh()
	}
	return s
}

// open returns the batch that takes new entries. The lock is held.
func (s *session) open() *batch {
	if n := len(s.queue); n > 0 {
		if b := s.queue[n-1]; !b.sent && !b.gated && !b.ending {
			return b
		}
	}
	return s.append(&batch{})
}

// append puts a batch at the end of the queue. The lock is held.
func (s *session) append(b *batch) *batch {
	b.seq, b.since, b.done, b.acks = s.store.seq.Add(1), time.Now(), make(chan struct{}), map[*handle]uint64{}
	s.queue = append(s.queue, b)
	if len(s.queue) == 1 {
		s.store.mark(s, true)
	}
	return b
}

// take puts a handle's entries into a batch, and shows them where nothing gated is before them. The lock is held.
func (s *session) take(b *batch, h *handle, entries []entry) {
	h.n++
	b.acks[h] = h.n
	before := b.cost
	b.add(entries)
	s.count(b.cost - before)
	if s.doc == nil {
		s.memo.take(entries)
		return
	}
	if s.gate() {
		return
	}
	if s.shown == s.doc {
		s.shown = s.doc.next(s.store.options.Clock())
	}
	s.shown.revision = s.doc.revision + uint64(len(s.queue))
	for i := range entries {
		e := &entries[i]
		if e.kind == reset {
			s.refresh()
			return
		}
		if err := e.apply(s.shown); err != nil {
			s.store.log.Warn("update left out", "session", s.hash, "err", err)
		}
		if e.kind > update {
			continue
		}
		for other := range s.handles {
			if other != h && other.concerns(e.ref) {
				other.given = b // what it shows then is not durable yet
				other.changed(e.ref)
			}
		}
	}
}

// gate reports whether a gated batch hides what comes after it. The lock is held.
func (s *session) gate() bool {
	for _, b := range s.queue {
		if b.gated {
			return true
		}
	}
	return false
}

func (s *session) count(bytes int) {
	s.pending += bytes
	s.store.pending.Add(int64(bytes))
	s.store.metrics.Add(MetricPending, int64(bytes))
}

// refresh computes what is shown from the document and the queue, and tells the handles what has changed. Without a
// document in memory that is left for when it is read. The lock is held.
func (s *session) refresh() {
	if s.doc == nil {
		return
	}
	before := s.shown
	s.shown = s.doc
	for i, b := range s.queue {
		if b.gated || b.ending {
			break
		}
		if s.shown == s.doc {
			s.shown = s.doc.next(s.store.options.Clock())
		}
		s.shown.revision = s.doc.revision + uint64(i) + 1
		for j := range b.entries {
			e := &b.entries[j]
			if !s.superseded(e, s.shown) && !e.withdrawn() {
				e.apply(s.shown) // a failing update leaves its key; it is logged when it is written
			}
		}
	}
	for h := range s.handles {
		if s.doc.epoch(h.page) > h.epoch {
			h.fail(live.ErrSuperseded)
		}
	}
	differs := func(r ref) {
		for h := range s.handles {
			if h.concerns(r) {
				h.owe()
				h.changed(r)
			}
		}
	}
	if before == nil {
		// What the pages hold was not remembered, only its names.
		if s.memo != nil {
			for _, v := range s.memo.values {
				differs(v.ref)
			}
			s.memo = nil
		}
		s.shown.each(func(r ref, _ *value) { differs(r) })
		return
	}
	s.shown.each(func(r ref, v *value) {
		if old := before.get(r); old == nil || old != v && string(old.raw) != string(v.raw) {
			differs(r)
		}
	})
	before.each(func(r ref, _ *value) {
		if s.shown.get(r) == nil {
			differs(r)
		}
	})
}

// superseded reports whether the entry's page was mounted again since its instance attached.
func (s *session) superseded(e *entry, d *document) bool {
	return e.h != nil && e.kind != attach && e.kind != touch && d.epoch(e.h.page) > e.h.epoch
}

// renew sees to it that what expires is renewed while the session is in use. The lock is held.
func (s *session) renew() {
	if s.version == "" || s.err != nil || s.doc == nil || len(s.handles) == 0 {
		return
	}
	now, o := s.store.options.Clock(), &s.store.options
	due := time.Unix(s.doc.expires, 0).Add(o.TTL/10 - o.TTL)
	for h := range s.handles {
		if d := s.doc.drafts[h.page]; d != nil {
			if draft := time.Unix(d.expires, 0).Add(o.DraftTTL/10 - o.DraftTTL); draft.Before(due) {
				due = draft
			}
		}
	}
	s.renewAt = due
	if due.Before(now) {
		s.open().add([]entry{{kind: touch}})
		s.kick()
	}
}

// kick starts the actor if it does not run. The lock is held.
func (s *session) kick() {
	s.used = time.Now()
	s.start()
}

func (s *session) start() {
	if s.running {
		return
	}
	if !s.store.begin() {
		s.giveUp(ErrClosed)
		return
	}
	s.running = true
	go s.run()
}

// hurry makes all that waits be written at once.
func (s *session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.queue {
		b.urgent = true
	}
	s.retry = time.Time{}
	s.kick()
}

// shut lets go of those who wait, and of what an idle session holds, when the store is closed and no actor runs any more.
func (s *session) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveUp(ErrClosed)
	if s.timer != nil {
		s.timer.Stop()
	}
	s.giveUp(ErrClosed)
	for h := range s.handles {
		delete(s.handles, h)
	}
	s.listen()
}

// run does what there is to do, and ends.
func (s *session) run() {
	defer s.store.actors.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.step() {
	}
	s.running = false
}

// step does the next thing, releasing the lock while it talks to the bucket, and reports whether there may be more.
func (s *session) step() bool {
	if s.store.ctx.Err() != nil {
		s.giveUp(ErrClosed)
		return false
	}
	if s.err != nil {
		s.over(s.err)
		s.rest()
		return false
	}
	now := time.Now()
	var b *batch
	if len(s.queue) > 0 {
		b = s.queue[0]
	}
	asked := len(s.waiters) > 0 && !s.gate()
	if s.stale || asked || b != nil && s.doc == nil {
		// What is due is written first: a write proves that the document is the newest.
		if s.stale || s.doc == nil || b == nil || !s.ready(b, now) {
			if s.retry.After(now) && !(asked && s.unwritable) {
				s.arm(s.retry)
				return false
			}
			s.load()
			return true
		}
	}
	switch {
	case b == nil:
		s.rest()
		return false
	case !s.ready(b, now):
		s.arm(s.dueTime(b))
		return false
	}
	s.commit(b)
	return true
}

func (s *session) ready(b *batch, now time.Time) bool { return !s.dueTime(b).After(now) }

// dueTime is when a batch may be sent.
func (s *session) dueTime(b *batch) time.Time {
	due := s.retry
	if !b.urgent {
		if paced := s.wrote.Add(s.store.options.CommitEvery); paced.After(due) && !s.wrote.IsZero() {
			due = paced
		}
	}
	return due
}

// rest puts an idle session to sleep: its document leaves memory, and when nobody uses it, it does. The lock is held.
func (s *session) rest() {
	now := time.Now()
	idle := s.used.Add(s.store.options.IdleAfter)
	if idle.After(now) && !s.store.isClosing() {
		s.arm(idle)
		return
	}
	if len(s.handles) == 0 && s.store.forget(s) {
		if s.timer != nil {
			s.timer.Stop()
		}
		return
	}
	for h := range s.handles {
		if len(h.news) > 0 {
			s.arm(now.Add(s.store.options.IdleAfter))
			return
		}
	}
	if s.pins > 0 {
		return // whoever holds one kicks
	}
	if s.version != "" && s.doc != nil {
		s.memo = newMemo(s.shown, s.store.options.Clock(), s.store.options.DraftTTL)
		s.doc, s.shown, s.version = nil, nil, ""
	}
}

// arm makes the actor run again, at t or before. The lock is held.
func (s *session) arm(t time.Time) {
	if !s.due.IsZero() && !t.Before(s.due) {
		return
	}
	s.due = t
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Until(t), s.fire)
	} else {
		s.timer.Reset(time.Until(t))
	}
}

func (s *session) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = time.Time{}
	if s.store.ctx.Err() == nil {
		s.start()
	}
}

// over ends the session on this node: nothing is written any more. The lock is held.
func (s *session) over(err error) {
	if s.err == nil {
		s.err = err
		s.store.metrics.Add(MetricEnded, 1)
	}
	s.giveUp(s.err)
	for h := range s.handles {
		h.fail(s.err)
	}
}

// giveUp refuses all that waits. The lock is held.
func (s *session) giveUp(err error) {
	for _, w := range s.waiters {
		w.done <- err
	}
	s.waiters = nil
	if errors.Is(err, ErrClosed) {
		// What is not durable stays known as such, see Store.Close.
		for _, b := range s.queue {
			if !b.left {
				b.left, b.err = true, ErrClosed
				close(b.done)
			}
		}
		return
	}
	for len(s.queue) > 0 {
		s.finish(s.queue[0], err)
	}
}

// finish takes a batch off the queue, as durable or refused. The lock is held.
func (s *session) finish(b *batch, err error) {
	for i := range s.queue {
		if s.queue[i] == b {
			s.queue = append(s.queue[:i:i], s.queue[i+1:]...)
			break
		}
	}
	for h := range s.handles {
		if h.given == b {
			h.given = nil
			h.tell()
		}
	}
	s.count(-b.cost)
	b.err = err
	close(b.done)
	if len(s.queue) == 0 {
		s.queue = nil
		s.store.mark(s, false)
	}
}

// backoff is the full jitter between two attempts: up to 10 ms, doubled with each failure, 2 s at most.
func (s *session) backoff() time.Duration {
	limit := 2 * time.Second
	if s.attempts < 8 {
		limit = min(limit, 10*time.Millisecond<<s.attempts)
	}
	return time.Duration(rand.Int64N(int64(limit)) + 1)
}
