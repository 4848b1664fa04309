package durable

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	sweepPage    = 1000 // keys listed at once
	sweepReaders = 8    // documents looked at at once
)

// sweepLoop removes dead sessions, one page of the bucket's listing each round, and renews what live pages hold.
func (st *Store) sweepLoop() {
	renew := time.NewTicker(st.renewEvery())
	defer renew.Stop()
	var round <-chan time.Time
	if every := st.options.SweepEvery; every > 0 {
		tick := time.NewTicker(every)
		defer tick.Stop()
		round = tick.C
	}
	after := ""
	for {
		select {
		case <-renew.C:
			st.renewAll()
			continue
		case <-round:
		case <-st.stop:
			return
		}
		ctx, cancel := context.WithTimeout(st.ctx, st.renewEvery())
		next, _, err := st.sweep(ctx, after)
		cancel()
		if err != nil && st.ctx.Err() == nil {
			st.log.Warn("sweep", "err", err)
		}
		after = next // what cannot be read does not keep it from the rest
	}
}

// renewEvery is the time between two looks at what live pages hold: well within the tenth of its time at which it is due.
func (st *Store) renewEvery() time.Duration {
	shortest := max(min(st.options.TTL, st.options.DraftTTL)/20, time.Millisecond)
	if st.options.SweepEvery > 0 {
		return min(shortest, st.options.SweepEvery)
	}
	return shortest
}

// renewAll lets the sessions with live pages renew what would expire.
func (st *Store) renewAll() {
	st.mu.Lock()
	all := make([]*session, 0, len(st.sessions))
	for _, s := range st.sessions {
		all = append(all, s)
	}
	st.mu.Unlock()
	now := st.options.Clock()
	for _, s := range all {
		s.mu.Lock()
		if len(s.handles) > 0 && s.err == nil && s.seen != "" && !now.Before(s.renewAt) {
			s.stale = true // read, and then renewed
			s.start()
		}
		s.mu.Unlock()
	}
}

// Sweep looks at up to 1,000 objects after a key and removes the dead among them: an expired session, and what a move
// that was interrupted has left, becomes a tombstone, which no writer revives, and a tombstone that is old enough is deleted. It returns the key to go on from,
// empty at the end of the bucket, and how many objects it deleted. A store does this by itself; see
// [Options.SweepEvery].
func (st *Store) Sweep(ctx context.Context, after string) (next string, deleted int, err error) {
	return st.sweep(ctx, after)
}

func (st *Store) sweep(ctx context.Context, after string) (next string, deleted int, err error) {
	var listed []string
	err = st.request(func(ctx context.Context) (err error) {
		listed, err = st.options.Bucket.List(ctx, st.options.Prefix+"/", after, sweepPage)
		return err
	})
	if err != nil {
		return after, 0, fmt.Errorf("list sessions: %w", err)
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		errs    []error
		readers = make(chan struct{}, sweepReaders)
	)
	for _, key := range listed {
		if ctx.Err() != nil {
			break
		}
		readers <- struct{}{}
		wg.Go(func() {
			defer func() { <-readers }()
			gone, err := st.inspect(key)
			mu.Lock()
			defer mu.Unlock()
			if gone {
				deleted++
			}
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	st.metrics.Add(MetricSwept, int64(deleted))
	if len(errs) > 3 {
		errs = append(errs[:3], fmt.Errorf("and %d more", len(errs)-3))
	}
	if len(listed) == sweepPage {
		next = listed[len(listed)-1]
	}
	return next, deleted, errors.Join(errors.Join(errs...), ctx.Err())
}

// inspect removes one session if it is dead.
func (st *Store) inspect(key string) (gone bool, err error) {
	d, version, err := st.read(key, "")
	switch {
	case missing(err):
		return false, nil
	case err != nil:
		return false, err
	}
	now := st.options.Clock()
	switch {
	case d.state == dead && now.Unix()-d.written > int64(tombstoneAge.Seconds()):
		err := st.request(func(ctx context.Context) error { return st.options.Bucket.Delete(ctx, key) })
		return err == nil, st.hush(key, err)
	case d.state == alive && d.expires < now.Unix():
	case d.state == frozen && d.expires < now.Unix():
	case d.state == frozen:
		// Its move may be under way, or was interrupted before its last step.
		if _, _, err := st.read(d.to, ""); err != nil {
			if missing(err) {
				err = nil
			}
			return false, err
		}
	default:
		return false, nil
	}
	_, err = st.write(key, d.bury(now), version)
	if conflict(err) || missing(err) {
		err = nil // somebody is there
	}
	return false, err
}
