package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Gated marks an event whose changes nobody may see before they are durable: an order, a payment, a vote. Listed as
// live.On(f, live.Gated).
//
// Before the handler runs, what is unsaved is handed to the [Stash]. After it, stored fields that it changed are
// written alone, and the instance waits until they are durable: meanwhile it handles no other message and sends
// nothing, and other tabs keep the values they have. A [Topic.Publish] with the handler's context is held back, too;
// with another context it is not, and neither is a [Socket.Send] to another instance.
//
// When the write is refused or takes longer than [Options.GateTimeout], the page is mounted afresh with what is stored,
// and the user is told. A write that has taken too long may still be stored: the page shows it when it comes.
//
// A page whose stored values cannot be read refuses such an event without calling its handler.
func Gated(h *Handler) { h.gated = true }

// gate holds back what a gated event publishes.
type gate struct {
	mu     sync.Mutex
	state  gateState
	held   []func(context.Context) error
	failed error // a Socket.Stash of the handler's
}

type gateState uint8

const (
	gateShut gateState = iota
	gateOpen
	gateGone
)

type gateKey struct{}

// hold keeps a publication until the gate opens; false when it is open.
func (g *gate) hold(publish func(context.Context) error) (held bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch g.state {
	case gateShut:
		g.held = append(g.held, publish)
		return true, nil
	case gateGone:
		return true, errors.New("the event's changes were not stored")
	}
	return false, nil
}

// set opens the gate, or drops what it holds for good.
func (g *gate) set(s gateState) []func(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := g.held
	g.state, g.held = s, nil
	return held
}

// ungated is a gated event whose changes cannot be stored.
type ungated struct{ err error }

func (u *ungated) Error() string { return "gated event: " + u.err.Error() }
func (u *ungated) Unwrap() error { return u.err }

// unrendered is a gated event, or a reset, after which the view does not render.
type unrendered struct{ err error }

func (u *unrendered) Error() string { return u.err.Error() }
func (u *unrendered) Unwrap() error { return u.err }

// gated runs the handler of a gated event and commits what it has changed. An *ungated or *unrendered error ends the
// instance; any other is the handler's own.
func (in *instance) gated(e *event, args eventArgs) error {
	if !in.writable() {
		return Errorf("Nothing can be saved at the moment, so this was not done.")
	}
	if err := in.flush(); err != nil {
		return &unrendered{err}
	}
	g := &gate{}
	in.stashed.gate = g
	ctx := context.WithValue(in.ctx, gateKey{}, g)
	defer func() { in.stashed.gate = nil; g.set(gateGone) }()
	handled := in.runEvent(ctx, e, args)
	if err := in.commit(in.ctx); err != nil {
		return err
	}
	for _, publish := range g.set(gateOpen) {
		if err := publish(in.ctx); err != nil {
			in.log().Error("publish after a gated event", "event", e.name, "err", err)
		}
	}
	return handled
}

// commit writes what is unsaved, alone, and waits until it is durable.
func (in *instance) commit(ctx context.Context) error {
	if in.note() {
		in.dirty = true
	}
	if err := in.stashed.gate.failed; err != nil {
		return &ungated{err}
	}
	ops, err := in.operations()
	if err != nil {
		return &ungated{err}
	}
	if len(ops) == 0 {
		return nil
	}
	before := in.putBack
	if err := in.prove(); err != nil {
		return &unrendered{err}
	}
	if in.putBack != before {
		return ErrHalt // what ops would write is not there any more, and the user knows
	}
	ctx, cancel := context.WithTimeout(ctx, in.app.options.GateTimeout)
	defer cancel()
	n, err := in.stashed.handle.Commit(ctx, ops)
	if err != nil {
		in.stashed.gate.failed = err
		return &ungated{err}
	}
	in.handedOver(ops, n)
	in.stashed.refused = false
	in.hearLater()
	return nil
}

// errUnavailable is what asks for durability on a page that writes nothing.
var errUnavailable = &Error{Text: "Nothing can be saved on this page at the moment."}

// Stash makes the changes so far durable, and waits until they are or ctx ends. They are stored without it, too, soon
// after the handler has returned: it is for those who must know. It fails when the view does not render what it holds,
// and in Mount: a page that no browser has connected stores nothing.
func (s *Socket) Stash(ctx context.Context) error {
	in := s.in
	switch {
	case in.stashed == nil:
		return nil
	case in.mounting:
		return errors.New("stash: in Mount, before a browser has come for the page")
	case !in.writable():
		return errUnavailable
	case in.stashed.gate != nil:
		return in.commit(ctx)
	}
	if in.note() {
		in.dirty = true
	}
	if in.stashed.unsaved() {
		before := in.putBack
		if err := in.prove(); err != nil {
			return fmt.Errorf("stash: %w", err)
		}
		if in.putBack != before {
			return errors.New("stash: a child does not render, and was put back")
		}
		in.beginChild(in.only) // it renders as it is: should it panic yet, this is what it is put back to
	}
	if err := in.handOver(); err != nil {
		return fmt.Errorf("stash: %w", err)
	}
	return in.settle(ctx)
}

// settle waits until all that was handed over is durable.
func (in *instance) settle(ctx context.Context) error {
	err := in.stashed.err
	if err == nil {
		err = in.stashed.handle.Flush(ctx)
		in.take()
		in.hearLater()
	}
	if err != nil {
		return fmt.Errorf("stash: %w", err)
	}
	return nil
}

// ResetStored forgets what is stored for the view, in the browser session and for the page, waits until that is
// durable or ctx ends, and sets the stored fields to their defaults, as the route's factory makes them. Shared fields
// keep their values. After a view has crashed twice, and so shows defaults that are not saved, it is what lets it go on.
// It fails when the stored values cannot be read.
func (s *Socket) ResetStored(ctx context.Context) error {
	in := s.in
	st := in.stashed
	switch {
	case st == nil:
		return nil
	case in.mounting:
		return errors.New("reset stored fields: in Mount, before a browser has come for the page")
	case st.handle == nil:
		return errUnavailable
	case in.stashed.gate != nil:
		return errors.New("reset stored fields: in a gated event")
	}
	fresh, err := in.fresh()
	if err != nil {
		return fmt.Errorf("reset stored fields: %w", err)
	}
	n, err := st.handle.Write([]StashOp{{Reset: true, Version: in.typ.storedVersion}})
	if err != nil {
		return fmt.Errorf("reset stored fields: %w", err)
	}
	st.written = n
	if err := in.settle(ctx); err != nil {
		return err
	}
	for i := range st.slots {
		slot := &st.slots[i]
		shared := slot.f.Scope == ScopeShared
		if !shared {
			in.adopt(in.asDefault(i, fresh))
			slot.write = n
		}
		if !shared || in.defaults {
			slot.update, slot.unsaved = nil, false
		}
	}
	in.defaults, st.rest = false, nil
	in.hearLater()
	return nil
}
