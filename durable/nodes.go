package durable

import "context"

// listen subscribes to what other nodes say of the session, while it has handles here. The lock is held.
func (s *session) listen() {
	bus := s.store.bus
	switch {
	case bus == nil:
	case len(s.handles) > 0 && s.cancel == nil:
		cancel, err := bus.Subscribe(topic(s.ids[0]), s.heard)
		if err != nil {
			s.store.log.Warn("changes of other nodes are seen late", "session", s.hash, "err", err)
			return
		}
		s.cancel = cancel
	case len(s.handles) == 0 && s.cancel != nil:
		s.cancel()
		s.cancel = nil
	}
}

func topic(id string) string { return "livelong.state." + hashOf(id) }

// heard is told that a node has written the session's document.
func (s *session) heard(data []byte) {
	if string(data) == s.store.incarnation {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
	s.kick()
}

// tell lets other nodes know that the document was written. The lock is held, and released meanwhile.
func (s *session) tell() {
	bus := s.store.bus
	if bus == nil {
		return
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.store.ctx, s.store.options.RequestTimeout)
	err := bus.Publish(ctx, topic(s.ids[0]), []byte(s.store.incarnation))
	cancel()
	s.mu.Lock()
	if err != nil {
		s.store.log.Warn("other nodes see a change late", "session", s.hash, "err", err)
	}
}
