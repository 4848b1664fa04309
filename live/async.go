package live

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"time"
)

// Result is the field of a view for something that takes a while: a query, a call to another service. [Async] fills it in.
// Its zero value is one that nobody has asked for.
//
//	type Orders struct{ List live.Result[[]Order] }
//
//	func (o *Orders) Mount(ctx context.Context, s *live.Socket) error {
//		live.Async(s, &o.List, func(ctx context.Context) ([]Order, error) { return o.db.Orders(ctx) })
//		return nil
//	}
//
//	templ (o Orders) Render() {
//		if o.List.Loading { <p>Loading…</p> }
//		if o.List.Error != "" { <p role="alert">{ o.List.Error }</p> }
//		for _, order := range o.List.Value { … }
//	}
type Result[T any] struct {
	Loading bool   // the function is running
	Ready   bool   // Value is what it has returned last
	Error   string // why the last one failed, for the user; empty: it did not
	Value   T      // stays while it is loaded again, and when that fails
}

// AsyncOption adjusts [Async].
type AsyncOption func(*asyncOptions)

type asyncOptions struct {
	timeout time.Duration
	failure string
	reset   bool
}

// AsyncTimeout ends the function's context after d. Default: 1 minute; 0 or less: never.
func AsyncTimeout(d time.Duration) AsyncOption { return func(o *asyncOptions) { o.timeout = d } }

// AsyncFailure is what the user reads when the function fails with an error that is no [Error], or panics.
func AsyncFailure(text string) AsyncOption { return func(o *asyncOptions) { o.failure = text } }

// AsyncReset takes the value away until the new one is there.
func AsyncReset() AsyncOption { return func(o *asyncOptions) { o.reset = true } }

// defaultAsyncTimeout is how long a function may run that has no timeout of its own.
const defaultAsyncTimeout = time.Minute

// Async runs f in a goroutine of its own and puts what it returns into a field of the view, in a later turn; until then the
// field is Loading. f's context ends with the instance, after a timeout, and when the field is loaded anew before f is
// done: then its result is thrown away, as it is when it comes after the timeout. An error, or a panic, is logged, and fails the field only. f must not touch the
// view.
//
// It panics when field is none of the view's.
func Async[T any](s *Socket, field *Result[T], f func(ctx context.Context) (T, error), options ...AsyncOption) {
	in := s.in
	if !in.owns(reflect.ValueOf(field)) {
		panic(fmt.Sprintf("live.Async: the %T is no field of %v", field, in.typ.typ))
	}
	o := asyncOptions{timeout: defaultAsyncTimeout, failure: generalText}
	for _, option := range options {
		option(&o)
	}
	if o.reset {
		*field = Result[T]{}
	}
	field.Loading, field.Error = true, ""
	ctx, cancel := context.WithCancel(in.ctx)
	job := in.startJob(s.child, field, cancel)
	done := func(value T, err error) {
		in.post1(asyncMessage{job, reflect.TypeFor[T]().String(), func() error {
			if err == nil {
				*field = Result[T]{Ready: true, Value: value}
				return nil
			}
			field.Loading, field.Error = false, o.failure
			if own, ok := errors.AsType[*Error](err); ok {
				field.Error = own.Text
			} else if in.app.options.Dev {
				field.Error = err.Error()
			}
			return err
		}})
	}
	if o.timeout > 0 {
		// It fails the field even when f does not notice.
		stop := time.AfterFunc(o.timeout, func() {
			var none T
			done(none, fmt.Errorf("not done after %v: %w", o.timeout, context.DeadlineExceeded))
			cancel()
		})
		context.AfterFunc(ctx, func() { stop.Stop() })
	}
	go func() {
		defer cancel()
		var none T
		err := errors.New("the function has ended its goroutine")
		value := none
		defer func() { done(value, err) }()
		value, err = guarded(ctx, f)
	}()
}

// abandon notes that nobody loads the field any more.
func (r *Result[T]) abandon() { r.Loading = false }

// guarded calls f. A panic is an error with its stack.
func guarded[T any](ctx context.Context, f func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
		}
	}()
	return f(ctx)
}

// job is one run of a function for a field.
type job struct {
	child  *child // whose socket started it; nil: the page's
	field  any    // the pointer to the field
	cancel context.CancelFunc
}

// asyncMessage brings the result of a job.
type asyncMessage struct {
	job  *job
	name string
	take func() error
}

// startJob notes that a field is being loaded, and ends what was loading it before.
func (in *instance) startJob(c *child, field any, cancel context.CancelFunc) *job {
	if old := in.jobs[field]; old != nil {
		old.cancel()
	}
	if in.jobs == nil {
		in.jobs = map[any]*job{}
	}
	j := &job{c, field, cancel}
	in.jobs[field] = j
	return j
}

// finishJob takes a result over, unless its field is being loaded anew.
func (in *instance) finishJob(m asyncMessage) {
	if in.jobs[m.job.field] != m.job {
		return
	}
	delete(in.jobs, m.job.field)
	c, field := in.fieldOfChild(reflect.ValueOf(m.job.field))
	if c != nil {
		in.beginResult(c, field, m.job.field)
		in.loaded = c
	}
	err := m.take()
	if c != nil {
		in.keepResult(c, field)
	}
	if err == nil {
		return
	}
	in.failTurn(err)
	about := []any{"type", m.name, "err", err}
	if p, ok := errors.AsType[*panicked](err); ok {
		about = append(about, "stack", string(p.stack))
	}
	in.log().Log(in.ctx, levelOf(err), "an asynchronous function failed", about...)
}

// fieldOfChild returns the child, and which of its fields, that a pointer points into; nil when it is the page's.
func (in *instance) fieldOfChild(p reflect.Value) (c *child, field int) {
	if in.family == nil {
		return nil, 0
	}
	if c = in.family.at(p); c != nil {
		for i, f := range c.typ.assigns.Fields() {
			if within(p, c.value.FieldByIndex(f.Index)) {
				return c, i
			}
		}
	}
	return nil, 0
}

// beginResult notes how a child is without a result that is about to come: it may be what the child cannot render.
func (in *instance) beginResult(c *child, field int, result any) {
	if c.without == nil {
		if c.without = c.before.clone(); c.without == nil {
			c.without = c.snapshot()
		}
		if c.without == nil {
			return // a field that cannot be encoded
		}
		in.touched = append(in.touched, c)
	}
	if slices.Contains(c.without.results, field) {
		return // what is there now may be such a result
	}
	if r, ok := result.(interface{ abandon() }); ok {
		r.abandon() // nobody loads it again
	}
	if raw, err := c.typ.assigns.EncodeField(nil, c.value, field); err == nil {
		c.without.fields[field] = raw
		c.without.results = append(c.without.results, field)
	}
}

// keepResult puts a result into what the child is put back to when a handler of it panics.
func (in *instance) keepResult(c *child, field int) {
	if c.before == nil {
		return
	}
	if raw, err := c.typ.assigns.EncodeField(nil, c.value, field); err == nil {
		c.before.fields[field] = raw
	}
}
