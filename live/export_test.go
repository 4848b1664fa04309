package live

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Trees returns how many instances keep the tree they have sent. Nothing of the app may be running.
func Trees(a *App) int {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	n := 0
	for _, in := range a.registry.instances {
		in.mu.Lock()
		if in.tree != nil {
			n++
		}
		in.mu.Unlock()
	}
	return n
}

// Report lets report hear what is wrong with renderings, instead of the test.
func Report(a *App, report func(error)) { a.report = report }

// StopChecking turns off what livetest asks of each rendering, for views that are wrong on purpose.
func StopChecking(a *App) { a.report = nil }

// NewMemory returns the stash of an app that has none, with room for a number of bytes.
func NewMemory(limit int) Stash { return newMemory(limit) }

// LastSession returns the one session that a memory holds.
func LastSession(s Stash) StashSession {
	m := s.(*memory)
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.sessions {
		return StashSession{IDs: []string{id}}
	}
	return StashSession{}
}

// Deploy makes this build's client another one, until restore is called.
func Deploy(version string) (restore func()) {
	before := clientVersion
	clientVersion = version
	return func() { clientVersion = before }
}

// Kept returns the most bytes of unconfirmed frames that an instance keeps, and the most bytes that wait to be written.
func Kept(a *App) (kept, waiting int) {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	for _, in := range a.registry.instances {
		in.mu.Lock()
		var own, frames int
		for _, f := range in.kept {
			own += len(f)
		}
		for _, f := range in.frames {
			frames += len(f)
		}
		in.mu.Unlock()
		kept, waiting = max(kept, own), max(waiting, frames)
	}
	return kept, waiting
}

// Instances returns how many places the instances have in the registry, those of pages left included.
func Instances(a *App) int {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	return len(a.registry.instances)
}

// Updates lets the one instance of an app take events and make their frames, whose size it returns, on this goroutine and
// without a browser: what an update costs, but for the socket.
func Updates(a *App) func(name, target, value string) (frame int) {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	for _, in := range a.registry.instances {
		n := in.received
		return func(name, target, value string) int {
			n++
			in.turn(eventMessage{up: wire.Up{Kind: wire.Event, N: n, Name: name, Target: target, Payload: wire.Payload{Value: []byte(value)}}})
			in.update()
			frame := in.frames[len(in.frames)-1]
			in.frames, in.kept, in.keptBytes = nil, nil, 0
			return len(frame)
		}
	}
	return nil
}

// Sources is what sends messages to the views of one page.
type Sources struct{ Timers, Subscriptions, Functions int }

// SourcesOf returns what an instance has that has not ended. Nothing of it may be running.
func SourcesOf(s *Socket) Sources {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return Sources{len(s.in.timers), len(s.in.subs), len(s.in.jobs)}
}

// Ticking returns a function that reports how many of the instance's timers would still fire.
func Ticking(s *Socket) func() int {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	var all []*time.Timer
	for t := range s.in.timers {
		all = append(all, t.t)
	}
	return func() int {
		n := 0
		for _, t := range all {
			if t.Stop() {
				n++
			}
		}
		return n
	}
}

// Hubs returns how many topics have subscribers on an app's node.
func Hubs(a *App) int {
	a.topics.mu.Lock()
	defer a.topics.mu.Unlock()
	return len(a.topics.hubs)
}

// Waiting returns the most messages that wait in an instance's mailbox.
func Waiting(a *App) (most int) {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	for _, in := range a.registry.instances {
		in.mu.Lock()
		most = max(most, len(in.mailbox))
		in.mu.Unlock()
	}
	return most
}

// Regions returns how many renderings of a value are kept.
func Regions[T any](s Shared[T]) int {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return len(s.c.regions)
}

// Proved compares what the one instance of an app has sent with a rendering that shares nothing, and returns that. Nothing of
// the app may be running.
func Proved(a *App) (markup []byte, err error) {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	for _, in := range a.registry.instances {
		in.mu.Lock() // after whoever ran last, and before who comes next
		defer in.mu.Unlock()
		var out sink
		if err := in.typ.render(in.view, in.env, &out); err != nil {
			return nil, err
		}
		tree, key := parseView(out.b, in.page.key)
		switch {
		case tree == nil:
			return nil, errors.New("not well formed")
		case in.tree == nil:
			if in.hasTag && in.tag != tree.Tag(key) {
				return out.b, errors.New("the tag of the tree that was dropped is that of another one")
			}
		case !bytes.Equal(wholeHTML(in.tree), out.b):
			return out.b, fmt.Errorf("the tree is\n%s", wholeHTML(in.tree))
		case in.tree.Tag(&in.key) != tree.Tag(key):
			return out.b, errors.New("the tree has another tag")
		case in.tree.Shape() != tree.Shape():
			return out.b, errors.New("the tree has another shape")
		}
		return out.b, nil
	}
	return nil, errors.New("no instance")
}

// Resync makes the one instance of an app send its HTML whole, from now on each time if always is set, as a browser may ask.
func Resync(a *App, always bool) {
	kind := wire.Resync
	if always {
		kind = wire.HTML
	}
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	for _, in := range a.registry.instances {
		in.post1(controlMessage{kind})
	}
}
