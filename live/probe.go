package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/probe"
)

func init() {
	probe.Check = func(app any, report func(error)) { app.(*App).report = report }
	probe.Instances = func(app any) int {
		r := &app.(*App).registry
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.instances)
	}
	probe.Inject = func(app any, i probe.Injection) ([]byte, error) { return app.(*App).inject(i) }
}

// injectMessage is a turn of a recording, taken again.
type injectMessage struct {
	probe.Injection
	done chan<- injected
}

// injectTimeout is how long a turn may take that is taken again.
const injectTimeout = time.Minute

type injected struct {
	markup []byte
	err    error
}

// inject lets the instance that a browser is attached to take a turn.
func (a *App) inject(i probe.Injection) ([]byte, error) {
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
		return nil, errors.New("no page is connected")
	}
	done := make(chan injected, 1)
	if err := one.post1(injectMessage{i, done}); err != nil {
		return nil, err
	}
	select {
	case result := <-done:
		return result.markup, result.err
	case <-time.After(injectTimeout):
		return nil, errors.New("the handler does not return")
	}
}

// takeAgain does what a recorded turn did.
func (in *instance) takeAgain(m injectMessage) error {
	for name, raw := range m.Fields {
		i, ok := in.typ.assigns.Lookup(name)
		if !ok {
			return fmt.Errorf("%v has no field %s any more", in.typ.typ, name)
		}
		if err := in.typ.assigns.DecodeField(raw, in.value, i); err != nil {
			return fmt.Errorf("%v: field %s: %w", in.typ.typ, name, err)
		}
	}
	var h *Handler
	if m.Event != "" {
		e, ok := in.typ.handlers.events[m.Event]
		if !ok {
			return fmt.Errorf("%v handles no event %s any more", in.typ.typ, m.Event)
		}
		h = &e.Handler
	} else if m.Message != "" {
		for t, known := range in.typ.handlers.messages {
			if t.String() == m.Message {
				h = known
			}
		}
		if h == nil {
			return fmt.Errorf("%v handles no message %s any more", in.typ.typ, m.Message)
		}
	}
	if h == nil {
		return nil
	}
	return h.call(in.view, in.ctx, &in.socket, func(into any) error {
		if len(m.Value) == 0 {
			return nil
		}
		v := reflect.ValueOf(into).Elem()
		typ, err := assigns.Of(v.Type())
		if err == nil {
			err = typ.Decode(m.Value, v)
		} else {
			err = json.Unmarshal(m.Value, into)
		}
		if err != nil {
			return fmt.Errorf("%s%s: %w", m.Event, m.Message, err)
		}
		return nil
	})
}

// answer says what the instance renders after the turn.
func (m injectMessage) answer(in *instance) {
	in.mu.Lock()
	ended := in.ended
	in.mu.Unlock()
	if ended {
		m.done <- injected{err: errors.New("the page has crashed, or was left")}
		return
	}
	var out sink
	err := in.typ.render(in.view, in.env, &out)
	m.done <- injected{out.b, err}
}
