package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// handle runs the handler of an event.
func (in *instance) handle(up wire.Up) error {
	if up.Name == wire.Navigation {
		return in.visit(up.Payload.Value, up.N)
	}
	c, e, err := in.handlerOf(up.Name, up.Target)
	if err != nil {
		return &badEvent{err}
	}
	args := eventArgs{value: up.Payload.Value, client: up.Payload.Client}
	if up.Payload.Form != "" {
		form, err := url.ParseQuery(up.Payload.Form)
		if err != nil {
			// The error repeats what was entered.
			return &badEvent{fmt.Errorf("%s: the form is not URL-encoded", up.Name)}
		}
		args.form = form
	}
	args.at = c
	if e.gated && in.stashed != nil {
		return in.gated(e, args)
	}
	return in.runEvent(in.ctx, e, args)
}

// handlerOf finds who handles an event: the nearest view around the element that it comes from.
func (in *instance) handlerOf(name, target string) (at *child, e *event, err error) {
	if target != "" {
		if in.family != nil {
			at = in.family.byID[target]
		}
		if at == nil {
			return nil, nil, fmt.Errorf("%s: the page has no child %q", loggable(name), shorten(target))
		}
	}
	for c := at; ; c = c.owner {
		if e, ok := in.typeAt(c).handlers.events[name]; ok {
			return c, e, nil
		}
		if c == nil {
			break
		}
	}
	if loggable(name) == "" {
		// It may be anything, such as a page token; the log repeats names only.
		return nil, nil, fmt.Errorf("%s handles no event with a name like this", in.typeAt(at).name)
	}
	return nil, nil, fmt.Errorf("%s handles no event %q", in.typeAt(at).name, name)
}

// loggable returns the name of an event, or nothing when no event can be called so.
func loggable(name string) string {
	if !eventName.MatchString(name) {
		return ""
	}
	return name
}

// shorten keeps what a browser sends from filling the log.
func shorten(s string) string { return strings.ToValidUTF8(s[:min(len(s), 100)], "") }

// eventArgs is what an event is decoded from.
type eventArgs struct {
	at     *child // whose handler is called; nil: the page's
	value  json.RawMessage
	form   url.Values
	client map[string]json.RawMessage
}

// badEvent is an event that could not be decoded: nothing was called.
type badEvent struct{ err error }

func (b *badEvent) Error() string { return b.err.Error() }
func (b *badEvent) Unwrap() error { return b.err }

func (in *instance) runEvent(ctx context.Context, e *event, args eventArgs) error {
	view, s := in.viewAt(args.at)
	in.beginChild(args.at)
	err := e.call(view, ctx, s, func(into any) error {
		v := reflect.ValueOf(into).Elem()
		if in.rec != nil {
			in.rec.turn.Form = args.form
		}
		if err := e.payload.Decode(args.value, args.form, args.client, v); err != nil {
			return &badEvent{err}
		}
		if in.rec != nil {
			in.rec.turn.Value = into
		}
		for _, h := range in.hooks {
			if err := h.f(ctx, s, v.Interface()); err != nil {
				return err
			}
		}
		return nil
	})
	return in.deliver(ctx, err)
}

// receive runs the handler of a message.
func (in *instance) receive(m userMessage) error {
	c := m.to
	if c != nil && !in.holds(c) {
		return nil
	}
	in.beginChild(c)
	return in.deliver(in.ctx, in.tell(in.ctx, c, m.value))
}

// tell calls the handler of a message.
func (in *instance) tell(ctx context.Context, c *child, value any) error {
	h, ok := in.typeAt(c).handlers.messages[reflect.TypeOf(value)]
	if !ok {
		return fmt.Errorf("%s has no OnMessage handler for %T", in.typeAt(c).name, value)
	}
	view, s := in.viewAt(c)
	return h.tell(view, ctx, s, value)
}

// levelOf says how loudly an error of the app's own code is logged.
func levelOf(err error) slog.Level {
	if own, ok := errors.AsType[*Error](err); ok && own.Err == nil {
		return slog.LevelInfo // it was meant for the user
	}
	return slog.LevelError
}

// fail logs a handler's error and shows it to the user.
func (in *instance) fail(n int, err error) {
	if redirect, ok := errors.AsType[*redirection](err); ok {
		in.load(redirect.target)
		return
	}
	if _, ok := errors.AsType[*badEvent](err); ok {
		in.log().Warn("event refused", "event", n, "err", err)
		in.showError(n, "This page sent something the server does not understand: "+err.Error())
		return
	}
	in.log().Log(in.ctx, levelOf(err), "handler failed", "event", n, "err", err)
	in.showError(n, in.app.userText(err))
}
