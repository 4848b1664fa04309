package durable

import (
	"errors"
	"fmt"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// troubleAfter is how long the bucket must fail before pages are told.
const troubleAfter = time.Second

// permanentPause is the time between two tries of what the bucket refuses for good: somebody may give the credentials
// back.
const permanentPause = 30 * time.Second

// load reads the document, decides what became of a write without an answer, and satisfies those who wait for it. The
// lock is held, and released meanwhile.
func (s *session) load() {
	s.looks++
	number, known := s.looks, s.version
	if s.doc == nil {
		known = ""
		s.store.metrics.Add(MetricActivations, 1)
	}
	was := s.stale
	s.stale = false
	s.mu.Unlock()
	found, err := s.find(known)
	s.mu.Lock()
	var bad *DocumentError
	switch {
	case errors.Is(err, errAgain):
		s.stale, s.unwritable = true, false
		s.attempts++
		s.retry = time.Now().Add(s.backoff())
		return
	case errors.Is(err, live.ErrSessionEnded):
		s.over(live.ErrSessionEnded)
		return
	case errors.As(err, &bad):
		s.damaged(err)
		return
	case err != nil:
		s.stale, s.unwritable = s.stale || was, false
		s.failed(err)
		if permanent(err) {
			s.satisfy(number, err)
		}
		return
	}
	s.broken = nil
	if found.doc != nil { // else it is unchanged
		if s.seen != "" && found.doc.generation != s.seen {
			s.over(live.ErrSessionEnded)
			return
		}
		if found.version != "" {
			s.seen = found.doc.generation
		}
		s.key, s.doc, s.version = found.key, found.doc, found.version
		s.settle()
		s.refresh()
	} else {
		s.settle()
	}
	if len(s.queue) == 0 || !s.queue[0].sent {
		s.worked() // a bucket that can be read may still refuse to be written
	}
	s.satisfy(number, nil)
	s.renew()
}

// settle decides what became of the first batch, now that the document is known. The lock is held.
func (s *session) settle() {
	if len(s.queue) == 0 || !s.queue[0].sent {
		return
	}
	b := s.queue[0]
	switch {
	case s.doc.has(s.name, b.seq) && !s.store.forgetful:
		s.store.metrics.Add(MetricAdopted, 1)
		s.landed(b)
	case b.abandoned:
		s.finish(b, errors.New("nobody waits for it any more"))
		s.refresh()
	}
}

// satisfy answers those who have waited since before a read or write began. What is gated is decided before. The lock
// is held.
func (s *session) satisfy(number int, err error) {
	if err == nil && s.gate() {
		return
	}
	kept := s.waiters[:0]
	for _, w := range s.waiters {
		if w.need <= number {
			w.done <- err
		} else {
			kept = append(kept, w)
		}
	}
	s.waiters = kept
}

// commit writes one batch. The lock is held, and released meanwhile.
func (s *session) commit(b *batch) {
	now := s.store.options.Clock()
	next := s.build(b, now)
	if next == nil {
		s.finish(b, b.err)
		s.refresh()
		return
	}
	first := !b.sent
	b.sent = true
	s.wrote = time.Now()
	s.looks++
	number, key, version := s.looks, s.key, s.version
	s.mu.Unlock()
	version, err := s.store.write(key, next, version)
	s.mu.Lock()
	switch {
	case err == nil:
		s.worked()
		s.doc, s.version, s.seen = next, version, next.generation
		if first {
			s.store.metrics.Observe(MetricBatch, float64(len(b.entries)))
		}
		if b.ending {
			s.finish(b, nil)
			s.over(live.ErrSessionEnded)
			s.tell()
			return
		}
		s.landed(b)
		s.refresh()
		s.satisfy(number, nil) // nobody else has written before ours was done
		s.tell()
	case conflict(err) || missing(err):
		s.store.metrics.Add(MetricConflicts, 1)
		s.stale = true
		s.attempts++
		s.retry = time.Now().Add(s.backoff())
	case s.store.ctx.Err() != nil:
	default:
		s.stale = true // it may have landed
		s.failed(err)
		s.unwritable = permanent(err)
	}
}

// build returns the document with a batch in it; nil when nothing of the batch is left. The lock is held.
func (s *session) build(b *batch, now time.Time) *document {
	if b.ending {
		return s.doc.bury(now)
	}
	next := s.doc.next(now)
	kept := b.entries[:0]
	for i := range b.entries {
		e := b.entries[i]
		if e.withdrawn() {
			continue
		}
		if s.superseded(&e, next) {
			e.h.fail(live.ErrSuperseded)
			delete(b.acks, e.h)
			b.err = live.ErrSuperseded
			s.store.metrics.Add(MetricRefused, 1)
			continue
		}
		if err := e.apply(next); err != nil {
			// Its page is told what the value is when the rest is durable.
			s.store.log.Warn("update left out", "session", s.hash, "err", err)
		}
		if e.kind == attach {
			e.h.epoch = next.epoch(e.h.page)
		}
		kept = append(kept, e)
	}
	b.entries = kept
	if len(kept) == 0 && len(b.acks) == 0 {
		return nil
	}
	o := &s.store.options
	next.expires = now.Add(o.TTL).Unix()
	for h := range s.handles {
		if next.drafts[h.page] != nil {
			next.page(h.page).expires = now.Add(o.DraftTTL).Unix()
		}
	}
	for _, e := range kept {
		if e.h != nil && next.drafts[e.h.page] != nil {
			next.page(e.h.page).expires = now.Add(o.DraftTTL).Unix()
		}
	}
	next.drop(now, o.DraftTTL, o.MaxBytes)
	next.land(s.name, b.seq, now)
	return next
}

// landed acknowledges a batch. The lock is held.
func (s *session) landed(b *batch) {
	for h, n := range b.acks {
		h.saved = max(h.saved, n)
		h.tell()
		for _, r := range h.missed {
			h.changed(r)
		}
		h.missed = nil
	}
	for _, e := range b.entries {
		if e.h == nil || e.kind > update {
			continue
		}
		if b.gated {
			for h := range s.handles {
				if h.concerns(e.ref) {
					h.changed(e.ref)
				}
			}
		} else {
			e.h.changed(e.ref)
		}
	}
	s.store.metrics.Observe(MetricLatency, time.Since(b.since).Seconds())
	s.finish(b, nil)
}

// worked notes that the bucket has answered. The lock is held.
func (s *session) worked() {
	s.attempts, s.retry, s.failing, s.unwritable = 0, time.Time{}, time.Time{}, false
	if s.trouble {
		s.trouble = false
		s.alarm()
	}
}

// failed notes that the bucket has not answered, or refuses. The lock is held.
func (s *session) failed(err error) {
	now := time.Now()
	s.store.metrics.Add(MetricFailures, 1)
	if s.failing.IsZero() {
		s.failing = now
	}
	s.attempts++
	s.retry = now.Add(s.backoff())
	bad := permanent(err)
	if bad {
		s.retry = now.Add(permanentPause)
		s.store.log.Error("the bucket refuses: check its credentials and permissions", "session", s.hash, "err", err)
	}
	if !s.trouble && (bad || now.Sub(s.failing) >= troubleAfter) {
		s.trouble = true
		s.alarm()
		if !bad {
			s.store.log.Warn("the bucket does not answer", "session", s.hash, "since", s.failing, "err", err)
		}
	}
}

// alarm tells pages with unsaved changes whether there is trouble. The lock is held.
func (s *session) alarm() {
	for h := range s.handles {
		if h.trouble != (s.trouble && h.owes()) {
			h.tell()
		}
	}
}

// damaged refuses what waits: the document is left as it is. The lock is held.
func (s *session) damaged(err error) {
	s.store.log.Error("a document cannot be used; it is left as it is", "session", s.hash, "err", err)
	s.broken, s.trouble = err, true
	for _, b := range s.queue {
		for i := range b.entries {
			if e := &b.entries[i]; e.h != nil && e.kind <= update {
				e.h.missed = append(e.h.missed, e.ref)
			}
		}
	}
	s.giveUp(err)
	s.doc, s.shown, s.version = nil, nil, ""
	for h := range s.handles {
		h.tell()
	}
}

// found is what find has found.
type found struct {
	key     string
	doc     *document // nil: unchanged
	version string    // empty: there is no object
}

// find reads the session's document from where it lies, and brings it to where it belongs. It returns
// [live.ErrSessionEnded] when the session is over.
func (s *session) find(known string) (found, error) {
	s.mu.Lock()
	key, seen, from := s.key, s.seen, s.from
	s.mu.Unlock()
	for range 8 { // a document that was moved names its new key
		d, version, err := s.store.read(key, known)
		switch {
		case missing(err) && seen != "":
			return found{}, live.ErrSessionEnded
		case missing(err):
			d, version, err = s.inherit(key, from)
			if err != nil {
				return found{}, err
			}
			if d == nil {
				d = newDocument(s.store.options.Clock())
			}
			return found{key, d, version}, nil
		case err != nil:
			return found{}, err
		case d == nil:
			return found{key: key, version: version}, nil
		}
		next, err := s.follow(key, d, version)
		if err != nil {
			return found{}, err
		}
		if next == key {
			return found{key, d, version}, nil
		}
		key, known = next, ""
	}
	return found{}, fmt.Errorf("session %s was moved in a circle", s.hash)
}
