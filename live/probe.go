package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/probe"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

func init() {
	probe.Check = func(app any, report func(error)) { app.(*App).report = report }
	probe.Instances = func(app any) int {
		r := &app.(*App).registry
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.instances)
	}
	probe.Inject = func(app any, i probe.Injection) (probe.Injected, error) { return app.(*App).inject(i) }
	probe.Send = func(ctx context.Context, app any, s probe.Sending) (int, error) { return app.(*App).sendAs(ctx, s) }
	probe.Hush = func(app any) { app.(*App).hushed = true }
}

// fromApp reports whether a message is one that the app's code sends.
func fromApp(m message) bool {
	switch m := m.(type) {
	case userMessage, asyncMessage, gapMessage:
		return true
	case timerMessage:
		return fromApp(m.t.message)
	}
	return false
}

// injectMessage is a turn of a recording, taken again.
type injectMessage struct {
	probe.Injection
	result *probe.Injected
	cannot *error // why the turn cannot be taken
	done   chan struct{}
}

// injectTimeout is how long a turn may take that is taken again.
const injectTimeout = time.Minute

// inject lets the instance that a browser is attached to take a turn.
func (a *App) inject(i probe.Injection) (probe.Injected, error) {
	r := &a.registry
	r.mu.Lock()
	var one *instance
	for _, in := range r.instances {
		in.mu.Lock()
		if in.conn != nil {
			one = in
		}
		in.mu.Unlock()
	}
	r.mu.Unlock()
	if one == nil {
		return probe.Injected{}, errors.New("no page is connected")
	}
	m := injectMessage{i, new(probe.Injected), new(error), make(chan struct{})}
	if err := one.post1(m); err != nil {
		return probe.Injected{}, err
	}
	select {
	case <-m.done:
		return *m.result, *m.cannot
	case <-time.After(injectTimeout):
		return probe.Injected{}, fmt.Errorf("the handler has not returned within %v", injectTimeout)
	}
}

// takeAgain does what a recorded turn did, and returns the handler's error.
func (in *instance) takeAgain(m injectMessage) error {
	in.env, in.stale = &env{nonce: m.Nonce, locale: m.Locale}, true
	c, h, err := in.handlerAgain(m)
	if err == nil {
		err = in.setAgain(m.Fields)
	}
	if err != nil {
		*m.cannot = err
		return nil
	}
	if h == nil {
		return nil
	}
	view, s := in.viewAt(c)
	in.beginChild(c)
	err = in.deliver(in.ctx, h.call(view, in.ctx, s, func(into any) error {
		if err := decodeAgain(m.Value, into); err != nil {
			*m.cannot = fmt.Errorf("%s%s has other fields now: %w", m.Event, m.Message, err)
			return ErrHalt
		}
		if m.Event == "" {
			return nil
		}
		for _, hook := range in.hooks {
			if err := hook.f(in.ctx, s, reflect.ValueOf(into).Elem().Interface()); err != nil {
				return err
			}
		}
		return nil
	}))
	if !errors.Is(err, ErrHalt) {
		m.result.Failed = err
	}
	return err
}

// handlerAgain returns the handler of a recorded event or message, and the child whose it is; nil for neither.
func (in *instance) handlerAgain(m injectMessage) (*child, *Handler, error) {
	var at *child
	if m.Child != "" {
		if in.family != nil {
			at = in.family.byID[m.Child]
		}
		if at == nil {
			return nil, nil, fmt.Errorf("the page has no child %s any more", m.Child)
		}
	}
	if m.Event != "" {
		c, e, err := in.handlerOf(m.Event, m.Child)
		if err != nil {
			return nil, nil, fmt.Errorf("%v handles no event %s any more: list it with live.Was(%q)", in.typeAt(at).typ, m.Event, m.Event)
		}
		return c, &e.Handler, nil
	}
	for t, known := range in.typeAt(at).handlers.messages {
		if t.String() == m.Message {
			return at, known, nil
		}
	}
	if m.Message != "" {
		return nil, nil, fmt.Errorf("%v handles no message %s any more", in.typeAt(at).typ, m.Message)
	}
	return nil, nil, nil
}

// setAgain sets fields, and the page's URL with them, without asking anything of the view.
func (in *instance) setAgain(fields map[string][]byte) error {
	for name, raw := range fields {
		i, ok := in.typ.assigns.Lookup(name)
		if !ok {
			return fmt.Errorf("%v has no field %s any more", in.typ.typ, name)
		}
		if err := in.typ.decodeField(raw, in.value, i); err != nil {
			return fmt.Errorf("%v: field %s: %w", in.typ.typ, name, err)
		}
	}
	if u, _ := in.writeQuery(); u != nil {
		if to := in.app.find(in.request, u); to.route == in.route && to.err == nil {
			in.moveTo(to.request)
			in.tellURL(&course{url: u, mode: wire.Replace})
		}
	}
	return nil
}

// decodeAgain fills in an event or message.
func decodeAgain(value []byte, into any) error {
	if len(value) == 0 {
		return nil
	}
	v := reflect.ValueOf(into).Elem()
	if v.Kind() == reflect.Struct {
		if typ, err := assigns.Of(v.Type()); err == nil {
			return typ.Decode(value, v)
		}
	}
	return json.Unmarshal(value, into)
}

// answer says what the instance renders after the turn.
func (m injectMessage) answer(in *instance) {
	defer close(m.done)
	in.mu.Lock()
	ended := in.ended
	in.mu.Unlock()
	switch {
	case in.crashedBy.Err != nil:
		m.result.Crashed = in.crashedBy.Err
	case ended:
		*m.cannot = cmp.Or(*m.cannot, errors.New("the page was left"))
	default:
		var out sink
		err := in.prove() // which puts children back, and gives new ones their ids
		if err == nil {
			err = in.typ.render(in.view, in.env, &out)
		}
		m.result.Markup, m.result.Crashed = out.b, err
	}
}

// sentMessage is a message of a test.
type sentMessage struct {
	probe.Sending
	in   *instance
	done chan sent
}

// sent is what became of a sentMessage.
type sent struct {
	frames int
	err    error
}

// sendAs sends a message to the instance that a browser holds the secret of.
func (a *App) sendAs(ctx context.Context, s probe.Sending) (frames int, err error) {
	session, _ := a.sessionOf(s.Request)
	id, _, ok := a.openSecret(s.Secret, session)
	a.registry.mu.Lock()
	in := a.registry.instances[id]
	a.registry.mu.Unlock()
	if !ok || in == nil {
		return 0, errors.New("the app has no such page")
	}
	m := sentMessage{s, in, make(chan sent, 1)}
	if err := in.post1(m); err != nil {
		return 0, err
	}
	select {
	case end := <-m.done:
		return end.frames, end.err
	case <-in.ctx.Done():
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// open returns the message for the view's handler.
func (m sentMessage) open() message {
	var c *child
	if m.Child != "" {
		if m.in.family != nil {
			c = m.in.family.byID[m.Child]
		}
		if c == nil {
			m.done <- sent{err: fmt.Errorf("the page has no child %q", m.Child)}
			return nil
		}
	}
	if typ := m.in.typeAt(c); typ.handlers.messages[reflect.TypeOf(m.Value)] == nil {
		m.done <- sent{err: fmt.Errorf("%s has no OnMessage handler for %T", typ.name, m.Value)}
		return nil
	}
	m.in.sent = append(m.in.sent, m.done)
	return userMessage{m.Value, c, nil}
}

// answerSent tells tests that what they have sent is handled and shown. The caller holds mu.
func (in *instance) answerSent() {
	for _, done := range in.sent {
		end := sent{}
		if in.conn != nil && !in.ended {
			end.frames = in.count
		}
		done <- end
	}
	in.sent = nil
}
