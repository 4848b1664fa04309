package live

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime/debug"
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

// Missed tells a view that messages of a topic have found its mailbox full and were dropped. A view that lists a handler for
// it by [OnMessage] is called where they would have been: all that was published before them has been handled, and none of
// what was published later. So it may load afresh what it knows by the topic's messages. Without such a handler it is
// logged, once for all messages of ten seconds.
type Missed struct {
	Topic string
	Count int // of messages, at least 1
}

// Subscribe makes the view receive the topic's messages, by its [OnMessage] handler for M, until cancel is called or the view
// ends: the page's with its instance, a [Child] with the turn that takes it away. The messages arrive in the order in which
// the [Bus] delivers them; those that still wait when a handler calls cancel are not handled any more. A view that
// subscribes again receives each message once all the same, until all is cancelled. cancel may be called by any goroutine.
//
// A message that finds the mailbox full, see [Options.Mailbox], is dropped, and so are the topic's next ones until what waits
// before them is handled: then the view is told by [Missed]. A page that no browser has come for yet is ended instead;
// its browser mounts it afresh.
//
// It fails when the bus does, when the view has no handler for M, when the topic is used with another type on this node, and
// with [ErrEnded].
func (t Topic[M]) Subscribe(s *Socket) (cancel func(), err error) {
	return s.in.app.topics.subscribe(s, t.name, reflect.TypeFor[M](), func(data []byte) (any, error) {
		var m M
		err := json.Unmarshal(data, &m)
		return m, err
	})
}

// Publish sends m to the topic's subscribers on every node. Any goroutine may call it, and it may block for as long as
// the app's [Bus] does, but never for a page: one whose mailbox is full misses the message, see [Topic.Subscribe]. It fails
// when m cannot be encoded and when the bus does. After [App.Shutdown] it reaches other nodes only.
//
// With the context of a [Gated] event's handler it returns at once, and m is sent when the event's changes are durable, or
// never.
func (t Topic[M]) Publish(ctx context.Context, a *App, m M) error {
	if _, ok := any(m).(immutable); ok && a.topics.local && a.report == nil {
		return hold(ctx, func(context.Context) error { a.topics.hand(t.name, reflect.TypeFor[M](), m); return nil })
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("publish on %s: %w", t.name, err)
	}
	return hold(ctx, func(ctx context.Context) error {
		if err := a.topics.bus.Publish(ctx, t.name, data); err != nil {
			return fmt.Errorf("publish on %s: %w", t.name, err)
		}
		return nil
	})
}

// immutable is a message that need not be encoded to be everybody's.
type immutable interface{ immutable() }

// hold publishes, or has the event's gate do it, when the context is that of one.
func hold(ctx context.Context, publish func(context.Context) error) error {
	if g, ok := ctx.Value(gateKey{}).(*gate); ok {
		if held, err := g.hold(publish); held {
			return err
		}
	}
	return publish(ctx)
}

// topics fans messages of the bus out to the instances of this node: each is decoded once.
type topics struct {
	app   *App
	bus   Bus
	local bool       // it reaches this process only
	mu    sync.Mutex // taken before a hub's, and that before an instance's
	hubs  map[string]*hub

	watching sync.Once // see App.watchDismissals
	watch    func()    // ends it
}

// hub is a topic with subscribers on this node.
type hub struct {
	name   string
	typ    reflect.Type
	decode func([]byte) (any, error)
	mu     sync.Mutex
	subs   map[subscriber]*subscription
	cancel func()
}

// subscriber is a view of an instance: the page's, or a child.
type subscriber struct {
	in    *instance
	child *child
}

func (t *topics) init(a *App, b Bus) {
	if t.local = b == nil; t.local {
		b = &localBus{subs: map[string]map[*localSub]struct{}{}}
	}
	t.app, t.bus, t.hubs = a, b, map[string]*hub{}
}

func (t *topics) subscribe(s *Socket, name string, typ reflect.Type, decode func([]byte) (any, error)) (func(), error) {
	at := subscriber{s.in, s.child}
	if typed := at.in.typeAt(at.child); typed.handlers.messages[typ] == nil {
		return nil, fmt.Errorf("subscribe to %s: %s has no OnMessage handler for %v", name, typed.name, typ)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.hubs[name]
	if h == nil {
		h = &hub{name: name, typ: typ, decode: decode, subs: map[subscriber]*subscription{}}
		cancel, err := t.bus.Subscribe(name, func(data []byte) { t.deliver(h, data) })
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
	sub := h.subs[at]
	if sub == nil {
		sub = &subscription{subscriber: at, hub: h}
		h.subs[at] = sub
	}
	sub.times++
	h.mu.Unlock()
	if !sub.begin() {
		t.remove(sub)
		return nil, ErrEnded
	}
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if sub.times--; sub.times == 0 {
			t.remove(sub)
		}
	}), nil
}

// end ends a subscription, however often the view has subscribed.
func (t *topics) end(sub *subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(sub)
}

// remove is end for a caller that holds mu.
func (t *topics) remove(sub *subscription) {
	h := sub.hub
	h.mu.Lock()
	if h.subs[sub.subscriber] == sub {
		delete(h.subs, sub.subscriber)
	}
	empty := len(h.subs) == 0
	h.mu.Unlock()
	sub.finish()
	if empty && t.hubs[h.name] == h {
		delete(t.hubs, h.name)
		h.cancel()
	}
}

func (t *topics) deliver(h *hub, data []byte) {
	m, err := decodeGuarded(h.decode, data)
	if err != nil {
		t.app.log.Error("a topic's message cannot be decoded", "topic", h.name, "type", h.typ.String(), "err", err)
		return
	}
	h.hand(m)
}

// hand is deliver for a message that was published in this process.
func (t *topics) hand(name string, typ reflect.Type, m any) {
	t.mu.Lock()
	h := t.hubs[name]
	t.mu.Unlock()
	if h != nil && h.typ == typ {
		h.hand(m)
	}
}

func (h *hub) hand(m any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &crowd{}
	defer c.start()
	for _, sub := range h.subs {
		if sub.post(m) {
			c.instances = append(c.instances, sub.in)
		}
	}
}

// decodeGuarded calls decode, which may be the app's own code, in a goroutine of the bus. A panic is an error.
func decodeGuarded(decode func([]byte) (any, error), data []byte) (m any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	return decode(data)
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
