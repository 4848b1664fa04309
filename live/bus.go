package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
)

// Bus carries messages between the nodes of an app. Its methods are called by many goroutines at once.
type Bus interface {
	// Publish hands data to the subscribers of a topic on every node, this one included. It may block.
	Publish(ctx context.Context, topic string, data []byte) error
	// Subscribe calls f, one message after the other, for what is published on a topic from now on. f does not block.
	Subscribe(topic string, f func(data []byte)) (cancel func(), err error)
}

// Topic is a subject that views subscribe to, with messages of type M. M must be encodable as JSON; every subscriber on
// a node receives the same decoded value and must not change what it points to.
type Topic[M any] struct{ name string }

// NewTopic returns the topic of this name. Topics of one name in several places are the same and must agree on M.
func NewTopic[M any](name string) Topic[M] { return Topic[M]{name} }

// Subscribe makes the instance receive the topic's messages, by its [OnMessage] handler for M, until cancel is called
// or the instance ends. A message that finds the mailbox full is dropped and logged.
func (t Topic[M]) Subscribe(s *Socket) (cancel func(), err error) {
	return s.in.app.topics.subscribe(subscriber{s.in, s.child}, t.name, reflect.TypeFor[M](), func(data []byte) (any, error) {
		var m M
		err := json.Unmarshal(data, &m)
		return m, err
	})
}

// Publish sends m to the topic's subscribers on every node. Any goroutine may call it, and it may block for as long as
// the app's [Bus] does. With the context of a [Gated] event's handler it returns at once, and m is sent when the event's
// changes are durable, or never.
func (t Topic[M]) Publish(ctx context.Context, a *App, m M) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("publish on %s: %w", t.name, err)
	}
	publish := func(ctx context.Context) error {
		if err := a.topics.bus.Publish(ctx, t.name, data); err != nil {
			return fmt.Errorf("publish on %s: %w", t.name, err)
		}
		return nil
	}
	if g, ok := ctx.Value(gateKey{}).(*gate); ok {
		if held, err := g.hold(publish); held {
			return err
		}
	}
	return publish(ctx)
}

// topics fans messages of the bus out to the instances of this node: each is decoded once.
type topics struct {
	app  *App
	bus  Bus
	mu   sync.Mutex
	hubs map[string]*hub

	watching sync.Once // see App.watchDismissals
	watch    func()    // ends it
}

// hub is a topic with subscribers on this node.
type hub struct {
	typ    reflect.Type
	decode func([]byte) (any, error)
	mu     sync.Mutex
	subs   map[subscriber]int // how often each subscribed
	cancel func()
}

// subscriber is a view of an instance: the page's, or a child.
type subscriber struct {
	in    *instance
	child *child
}

func (t *topics) init(a *App, b Bus) {
	if b == nil {
		b = &localBus{subs: map[string]map[*localSub]struct{}{}}
	}
	t.app, t.bus, t.hubs = a, b, map[string]*hub{}
}

func (t *topics) subscribe(sub subscriber, name string, typ reflect.Type, decode func([]byte) (any, error)) (func(), error) {
	in := sub.in
	if at := in.typeAt(sub.child); at.handlers.messages[typ] == nil {
		return nil, fmt.Errorf("subscribe to %s: %s has no OnMessage handler for %v", name, at.name, typ)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hubs[name]
	if h == nil {
		h = &hub{typ: typ, decode: decode, subs: map[subscriber]int{}}
		cancel, err := t.bus.Subscribe(name, func(data []byte) { t.deliver(h, name, data) })
		if err != nil {
			return nil, fmt.Errorf("subscribe to %s: %w", name, err)
		}
		h.cancel = cancel
		t.hubs[name] = h
	}
	if h.typ != typ {
		return nil, fmt.Errorf("subscribe to %s: its messages are %v here and %v elsewhere", name, typ, h.typ)
	}
	h.mu.Lock()
	h.subs[sub]++
	h.mu.Unlock()
	cancel := sync.OnceFunc(func() { t.unsubscribe(sub, name, h) })
	in.mu.Lock()
	ended := in.ended
	in.cancels = append(in.cancels, cancel)
	in.mu.Unlock()
	if ended {
		go cancel()
		return nil, ErrEnded
	}
	return cancel, nil
}

func (t *topics) unsubscribe(sub subscriber, name string, h *hub) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h.mu.Lock()
	if h.subs[sub]--; h.subs[sub] <= 0 {
		delete(h.subs, sub)
	}
	empty := len(h.subs) == 0
	h.mu.Unlock()
	if empty && t.hubs[name] == h {
		delete(t.hubs, name)
		h.cancel()
	}
}

func (t *topics) deliver(h *hub, name string, data []byte) {
	m, err := h.decode(data)
	if err != nil {
		t.app.log.Error("a topic's message cannot be decoded", "topic", name, "type", h.typ.String(), "err", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for sub := range h.subs {
		if err := sub.in.post1(userMessage{m, sub.child}); errors.Is(err, ErrMailboxFull) {
			sub.in.log().Warn("a topic's message was dropped: the mailbox is full", "topic", name, "limit", t.app.options.Mailbox)
		}
	}
}

// stop ends what is still subscribed.
func (t *topics) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, h := range t.hubs {
		h.cancel()
		delete(t.hubs, name)
	}
	if t.watch != nil {
		t.watch()
		t.watch = nil
	}
}

// localBus reaches this process only.
type localBus struct {
	mu   sync.Mutex
	subs map[string]map[*localSub]struct{}
}

type localSub struct {
	mu sync.Mutex // one message after the other
	f  func([]byte)
}

// Publish implements [Bus].
func (b *localBus) Publish(_ context.Context, topic string, data []byte) error {
	b.mu.Lock()
	subs := make([]*localSub, 0, len(b.subs[topic]))
	for s := range b.subs[topic] {
		subs = append(subs, s)
	}
	b.mu.Unlock()
	for _, s := range subs {
		s.mu.Lock()
		s.f(data)
		s.mu.Unlock()
	}
	return nil
}

// Subscribe implements [Bus].
func (b *localBus) Subscribe(topic string, f func([]byte)) (func(), error) {
	s := &localSub{f: f}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs[topic] == nil {
		b.subs[topic] = map[*localSub]struct{}{}
	}
	b.subs[topic][s] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs[topic], s)
		if len(b.subs[topic]) == 0 {
			delete(b.subs, topic)
		}
	}, nil
}
