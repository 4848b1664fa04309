package durable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// A session's document moves to another key when the app's secret was rotated, and when the session was renewed. A move
// is three conditional writes, each of which may be the last before a crash:
//
//  1. the old document is frozen: its contents are final, and it names the new key;
//  2. the new one is created with these contents, if it is not there yet;
//  3. the old one becomes a tombstone that names the new key.
//
// Whoever meets a frozen document of a rotation finishes the move. That of a renewal is finished only by who presents
// the new session: a holder of the old one, who may have stolen it before the login, is not led to the new.

// errAgain means that the document changed meanwhile: it is to be read again.
var errAgain = errors.New("the document changed while it was being moved")

// follow says what a document that was read means for the session: it is returned its key when it is alive, and another
// key when it was moved there.
func (s *session) follow(key string, d *document, version string) (next string, err error) {
	now := s.store.options.Clock()
	switch {
	case d.state == alive && s.expired(d):
		s.log("a session has expired")
		if _, err := s.store.write(key, d.bury(now), version); err != nil {
			if conflict(err) || missing(err) {
				return key, errAgain // it was renewed elsewhere, perhaps
			}
			return key, err
		}
		return key, live.ErrSessionEnded
	case d.state == alive:
		return key, nil
	case d.renewed || d.to == "":
		return key, live.ErrSessionEnded
	case d.state == frozen && !s.expired(d):
		_, _, err := s.arrive(key, d, version)
		return d.to, err
	}
	return d.to, nil
}

func (s *session) expired(d *document) bool {
	return d.expires != 0 && d.expires < s.store.options.Clock().Unix()
}

// inherit looks for the session's document under its older storage ids and under those of the session it was renewed
// from, and moves it to key. It returns nil when there is none; then the ids of the latter are over all the same.
func (s *session) inherit(key string, from []string) (*document, string, error) {
	if key != s.store.key(s.ids[0]) {
		return nil, "", live.ErrSessionEnded // where it was moved to, it is gone
	}
	for _, id := range s.ids[1:] {
		d, version, err := s.moveFrom(s.store.key(id), key, false)
		if d != nil || err != nil {
			return d, version, err
		}
	}
	var unused []string
	for _, id := range from {
		d, version, err := s.moveFrom(s.store.key(id), key, true)
		if errors.Is(err, live.ErrSessionEnded) {
			continue // the renewed session starts empty
		}
		if d != nil || err != nil {
			return d, version, err
		}
		unused = append(unused, id)
	}
	for _, id := range unused {
		// Whoever else holds it cannot store what would come over later.
		tomb := newDocument(s.store.options.Clock()).bury(s.store.options.Clock())
		tomb.renewed = true
		if _, err := s.store.write(s.store.key(id), tomb, ""); err != nil {
			if conflict(err) {
				err = errAgain
			}
			return nil, "", err
		}
	}
	return nil, "", nil
}

// moveFrom moves what lies under the key old, if it may come here.
func (s *session) moveFrom(old, key string, renewed bool) (*document, string, error) {
	at := old
	for range 8 { // it may have been moved, or be on its way, to another of the older ids
		d, version, err := s.store.read(at, "")
		switch {
		case missing(err) && at == old:
			return nil, "", nil
		case missing(err):
			return nil, "", live.ErrSessionEnded
		case err != nil:
			return nil, "", err
		case d.state == frozen && d.to == key && !s.expired(d):
			return s.arrive(at, d, version)
		case d.state == dead && d.to == key:
			return s.arrived(key)
		}
		next, err := s.follow(at, d, version)
		switch {
		case err != nil:
			return nil, "", err
		case next == at:
			return s.move(at, d, version, key, renewed)
		case next == key:
			return s.arrived(key)
		}
		at = next
	}
	return nil, "", fmt.Errorf("session %s was moved in a circle", s.hash)
}

// arrived reads a document that somebody has moved since it was looked for under its new key.
func (s *session) arrived(key string) (*document, string, error) {
	d, version, err := s.store.read(key, "")
	switch {
	case missing(err):
		return nil, "", live.ErrSessionEnded // it was there, and is gone
	case err != nil:
		return nil, "", err
	case d.state != alive:
		return nil, "", errAgain
	}
	return d, version, nil
}

// move takes a document that was read from its key to another one.
func (s *session) move(old string, d *document, version, key string, renewed bool) (_ *document, _ string, err error) {
	s.log("a document is moved")
	d = d.next(s.store.options.Clock())
	d.state, d.to, d.renewed = frozen, key, renewed
	if version, err = s.store.write(old, d, version); err != nil {
		if conflict(err) || missing(err) {
			err = errAgain
		}
		return nil, "", err
	}
	return s.arrive(old, d, version)
}

// arrive does what is left of a move once the old document is frozen, and returns the new document.
func (s *session) arrive(old string, d *document, version string) (*document, string, error) {
	now := s.store.options.Clock()
	fresh := d.next(now)
	fresh.state, fresh.to, fresh.renewed = alive, "", false
	fresh.expires = now.Add(s.store.options.TTL).Unix()
	at, err := s.store.write(d.to, fresh, "")
	if conflict(err) {
		// Somebody else was first, or our own answer was lost.
		fresh, at, err = s.store.read(d.to, "")
	}
	if err != nil {
		return nil, "", err
	}
	tomb := d.bury(now)
	if _, err := s.store.write(old, tomb, version); err != nil {
		s.log("the old document of a move stays frozen", "err", err)
	}
	if fresh.state != alive {
		return nil, "", live.ErrSessionEnded
	}
	return fresh, at, nil
}

// buryFrozen makes tombstones of what moves that were interrupted have left of a session that is over: once its own is
// removed, nothing else would tell that it is.
func (s *session) buryFrozen(ctx context.Context, id live.StashSession) error {
	for i, old := range slices.Concat(id.IDs[1:], id.From) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		key := s.store.key(old)
		d, version, err := s.store.read(key, "")
		switch {
		case missing(err):
			continue
		case err != nil:
			return err
		case d.state != frozen, i >= len(id.IDs)-1 && d.to != s.store.key(id.IDs[0]):
			continue
		}
		if _, err := s.store.write(key, d.bury(s.store.options.Clock()), version); err != nil && !conflict(err) && !missing(err) {
			return err
		}
	}
	return nil
}

func (s *session) log(what string, args ...any) {
	s.store.log.Debug(what, append([]any{"session", s.hash}, args...)...)
}

// tombstoneAge is how long a tombstone stays: longer than any write may be under way.
const tombstoneAge = 48 * time.Hour
