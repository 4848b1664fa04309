package live

import (
	"reflect"
	"time"
)

// dropsEvery is the time whose dropped messages are logged by one line.
const dropsEvery = 10 * time.Second

var missedType = reflect.TypeFor[Missed]()

// subscription is a view's to a topic. It is over when the view has ended, or wants no more.
type subscription struct {
	subscriber
	hub   *hub
	times int // that the view has subscribed; guarded by topics.mu

	// Guarded by the instance's mu.
	over    bool
	missed  int // messages dropped since the mailbox was full, of which the gap that waits in it will tell; 0: none does
	dropped int // messages dropped that the log has not told of
	report  *time.Timer
}

// gapMessage stands in a mailbox where messages of a topic would, had there been room.
type gapMessage struct{ sub *subscription }

// begin makes the instance end the subscription when it ends itself; false when it has.
func (s *subscription) begin() bool {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended {
		return false
	}
	if in.subs == nil {
		in.subs = map[*subscription]struct{}{}
	}
	in.subs[s] = struct{}{}
	return true
}

// finish makes what still waits in the mailbox be dropped.
func (s *subscription) finish() {
	in := s.in
	in.mu.Lock()
	delete(in.subs, s)
	s.over = true
	report := s.report
	in.mu.Unlock()
	if report != nil {
		report.Stop()
		s.logDropped()
	}
}

// post puts a message into the mailbox. When that is full, or was and the view has not come to the gap yet, the message is
// dropped: so the gap is where all that is missing would be. It reports whether the instance is scheduled now, to be worked
// for.
func (s *subscription) post(value any) (scheduled bool) {
	in := s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case s.over || in.ended || in.app.hushed:
		return false
	case s.missed > 0:
		s.missed++
		return false
	case !in.full():
		in.queue(userMessage{value, s.child, s})
	default:
		s.missed = 1
		in.queue(gapMessage{s})
	}
	if in.scheduled || in.parked {
		return false
	}
	in.schedule()
	return true
}

// open returns what the view is told of the gap, if it wants to know.
func (m gapMessage) open() message {
	s := m.sub
	missed := Missed{s.hub.name, s.missed}
	s.missed = 0
	if s.over {
		return nil
	}
	if s.in.typeAt(s.child).handlers.messages[missedType] != nil {
		return userMessage{missed, s.child, nil}
	}
	if s.dropped += missed.Count; s.report == nil {
		s.report = time.AfterFunc(dropsEvery, s.logDropped)
	}
	return nil
}

// logDropped logs what was dropped since the last time.
func (s *subscription) logDropped() {
	s.in.mu.Lock()
	n := s.dropped
	s.dropped, s.report = 0, nil
	s.in.mu.Unlock()
	if n > 0 {
		s.in.log().Warn("messages of a topic were dropped: the mailbox was full", "topic", s.hub.name, "count", n, "limit", s.in.app.options.Mailbox)
	}
}
