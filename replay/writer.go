package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"
)

// WriterOptions are options of [OpenWriter]. The zero value means the defaults.
type WriterOptions struct {
	// RetryAttempts is how often a request that failed is made again before its recording is dropped. Default 3; a
	// negative number means never.
	RetryAttempts int
	// RetryDelay is the time before the first of them; it doubles each time, up to a minute. Default 1 second.
	RetryDelay time.Duration
	// RequestTimeout ends a request that hangs. Default 30 seconds.
	RequestTimeout time.Duration
	// Parallel is how many requests are made at once, of all recordings. Default 8.
	Parallel int
	// MaxPending is how many bytes of one recording, and MaxPendingAll of all of them, may wait for the archive. A recording
	// that is beyond is dropped. Default 4 MiB and 64 MiB.
	MaxPending, MaxPendingAll int
	Logger                    *slog.Logger // default slog.Default()
}

func (o WriterOptions) withDefaults() WriterOptions {
	or := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	or(&o.RetryAttempts, 3)
	or(&o.Parallel, 8)
	or(&o.MaxPending, 4<<20)
	or(&o.MaxPendingAll, 64<<20)
	if o.RetryDelay <= 0 {
		o.RetryDelay = time.Second
	}
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// WriterStats count what became of recordings.
type WriterStats struct {
	Running   int // recordings that have begun, and neither finished nor were dropped
	Pending   int // bytes that wait for the archive
	Saved     int
	Dropped   int // because the archive did not take them, or not fast enough
	Discarded int
	Retries   int // requests that were made again
}

// Writer puts recordings into an archive. What is slow, full or dead there is waited for in the background, and in the end
// given up: nothing that is given to a writer ever waits. Its methods may be called from any goroutine.
type Writer struct {
	catalog *Catalog
	o       WriterOptions
	ctx     context.Context // ends when Close gives up
	cancel  context.CancelFunc
	slots   chan struct{}
	work    sync.WaitGroup // goroutines of outputs
	beating sync.WaitGroup // the goroutine that says that the process is alive
	beatEnd chan struct{}

	beatOnce sync.Once

	mu      sync.Mutex
	closed  bool
	stats   WriterStats
	trouble bool // the last thing that ended did so by being dropped
}

// OpenWriter returns a writer into a catalog's archive. It starts nothing before there is something to write; Close waits
// for that.
func OpenWriter(c *Catalog, o WriterOptions) *Writer {
	o = o.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	return &Writer{catalog: c, o: o, ctx: ctx, cancel: cancel, slots: make(chan struct{}, max(1, o.Parallel)), beatEnd: make(chan struct{})}
}

// Stats returns the counts at this moment.
func (w *Writer) Stats() WriterStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Close waits until all that was given to outputs is written or dropped. When ctx ends before, the rest is dropped, and its
// error returned. Outputs take nothing afterwards. It is called once.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	stop := context.AfterFunc(ctx, w.cancel)
	w.work.Wait()
	close(w.beatEnd)
	w.beating.Wait()
	_ = w.request(w.catalog.leave) // what it would have said becomes old by itself
	stop()
	w.cancel()
	return ctx.Err()
}

// beat says that the process is alive, from the first recording on.
func (w *Writer) beat() {
	w.beating.Go(func() {
		t := time.NewTicker(w.catalog.beatEvery())
		defer t.Stop()
		for {
			select {
			case <-w.beatEnd:
				return
			case <-t.C:
			}
			if w.Stats().Running == 0 {
				continue
			}
			if err := w.request(w.catalog.Beat); err != nil && w.ctx.Err() == nil {
				w.o.Logger.Warn("replay: other processes may take this one for dead", "err", err)
			}
		}
	})
}

// Output is one recording's way to the archive. Its methods do not block, and may be called from any goroutine.
type Output struct {
	w    *Writer
	id   string
	gone chan struct{} // closed when it is dropped

	mu      sync.Mutex
	queue   []job
	running bool // a goroutine works on the queue
	ended   bool // Finish or Discard was called
	dropped bool
	pending int

	// Of the goroutine.
	summary Summary // as it was at the beginning
	sealer  *Sealer
	begun   bool
}

// job is a chunk, or the end.
type job struct {
	chunk   *Chunk
	known   *Summary
	finish  *Summary
	discard bool
	call    func()
	then    func() // once it is done, or given up
}

// Begin returns the output of a new recording; s says what lists show of it while it is running, and need have no more
// than an ID. Nothing is written before the first chunk. An id that is none, or a closed writer, is an error.
func (w *Writer) Begin(s Summary) (*Output, error) {
	sealer, err := NewSealer(s.ID)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errors.New("begin a recording: the writer is closed")
	}
	w.stats.Running++
	return &Output{w: w, id: s.ID, summary: s, sealer: sealer, gone: make(chan struct{})}, nil
}

// Write hands over a chunk, which may be nil: then there is nothing to do. It reports whether the recording goes on; if it
// was dropped, the recorder should stop and free what it holds.
func (o *Output) Write(c *Chunk) bool {
	if c == nil {
		return !o.Dropped()
	}
	return o.add(job{chunk: c}, c.Bytes())
}

// describe replaces what was given to Begin: more is known of the recording now.
func (o *Output) describe(s Summary) bool {
	s.ID = o.id
	return o.add(job{known: &s}, 0)
}

// Finish hands over the summary, which makes the recording a finished one once everything before it is written. The output
// fills in the segments, the bytes, the hash and the codec.
func (o *Output) Finish(s Summary) bool {
	return o.finishThen(s, nil)
}

// finishThen is Finish, and calls f once the summary is written, or given up.
func (o *Output) finishThen(s Summary, f func()) bool {
	s.ID = o.id
	return o.add(job{finish: &s, then: f}, 0)
}

// Discard ends the recording and removes what was written of it.
func (o *Output) Discard() { o.discardThen(nil) }

func (o *Output) discardThen(f func()) bool { return o.add(job{discard: true, then: f}, 0) }

// Then calls f, from a goroutine of the writer, once everything before is in the archive. f must not block. It is not called
// when the recording is dropped before.
func (o *Output) Then(f func()) bool { return o.add(job{call: f}, 0) }

// Gone is closed when the recording is given up.
func (o *Output) Gone() <-chan struct{} { return o.gone }

// Dropped reports whether the recording was given up.
func (o *Output) Dropped() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

func (o *Output) add(j job, size int) bool {
	w := o.w
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dropped || o.ended {
		return false
	}
	o.ended = j.finish != nil || j.discard
	w.mu.Lock()
	closed, full := w.closed && !o.running, o.pending+size > w.o.MaxPending || w.stats.Pending+size > w.o.MaxPendingAll
	if !closed && !full {
		w.stats.Pending += size
		if !o.running {
			w.work.Add(1)
		}
	}
	w.mu.Unlock()
	if closed || full {
		reason := errors.New("too much of it waits for the archive")
		if closed {
			reason = errors.New("the writer is closed")
		}
		o.drop(reason)
		return false
	}
	o.pending += size
	o.queue = append(o.queue, j)
	if !o.running {
		o.running = true
		go o.run()
	}
	return true
}

// drop gives the recording up, and frees its memory. o.mu is held.
func (o *Output) drop(reason error) {
	if o.dropped {
		return
	}
	o.dropped = true
	close(o.gone)
	w := o.w
	w.mu.Lock()
	w.stats.Pending -= o.pending
	w.stats.Dropped++
	w.stats.Running--
	first := !w.trouble
	w.trouble = true
	w.mu.Unlock()
	o.queue, o.pending = nil, 0
	w.catalog.release(o.id) // what was written of it is finished by a Cleanup
	if first {
		w.o.Logger.Warn("replay: a recording is dropped; further ones are only counted", "recording", o.id, "err", reason)
	}
}

// run works on the queue until it is empty.
func (o *Output) run() {
	defer o.w.work.Done()
	for {
		o.mu.Lock()
		if len(o.queue) == 0 {
			o.running = false
			o.mu.Unlock()
			return
		}
		j := o.queue[0]
		o.queue = o.queue[1:]
		o.mu.Unlock()
		err := o.do(j)
		size := 0
		if j.chunk != nil {
			size = j.chunk.Bytes()
		}
		o.mu.Lock()
		if err != nil {
			o.drop(err)
		} else if !o.dropped {
			o.pending -= size
			o.done(j, size)
		}
		o.mu.Unlock()
		if j.then != nil {
			j.then()
		}
	}
}

// done counts. o.mu is held.
func (o *Output) done(j job, size int) {
	w := o.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Pending -= size
	switch {
	case j.chunk != nil, j.call != nil, j.known != nil:
		return
	case j.discard:
		w.stats.Discarded++
	default:
		w.stats.Saved++
		w.trouble = false
	}
	w.stats.Running--
}

// do is one job, with its retries.
func (o *Output) do(j job) error {
	c := o.w.catalog
	switch {
	case j.call != nil:
		j.call()
		return nil
	case j.known != nil:
		if o.summary = *j.known; o.begun {
			return o.try(func(ctx context.Context) error { return c.Begin(ctx, o.summary) })
		}
		return nil
	case j.chunk != nil:
		if !o.begun {
			o.w.beatOnce.Do(o.w.beat)
			if err := o.try(func(ctx context.Context) error { return c.Begin(ctx, o.summary) }); err != nil {
				return err
			}
			o.begun = true
		}
		seg, err := o.sealer.Seal(j.chunk)
		if err != nil {
			return err
		}
		return o.try(func(ctx context.Context) error { return putSegment(ctx, c.archive, seg) })
	case j.discard:
		if !o.begun {
			c.release(o.id)
			return nil
		}
		return o.try(func(ctx context.Context) error {
			return errors.Join(c.remove(ctx, o.id), c.End(ctx, o.id))
		})
	}
	s := *j.finish
	s.Segments, s.Bytes, s.Hash = o.sealer.number, o.sealer.bytes, ""
	if s.Segments > 0 {
		s.Hash = fmt.Sprintf("%x", o.sealer.previous)
		s.Codec = o.sealer.codec
	}
	if err := o.try(func(ctx context.Context) error { return c.Save(ctx, s) }); err != nil {
		return err
	}
	if o.begun {
		_ = o.try(func(ctx context.Context) error { return c.End(ctx, o.id) }) // a Cleanup does it otherwise
	}
	return nil
}

// putSegment writes a segment. One that is there already may be what an attempt has written that seemed to fail.
func putSegment(ctx context.Context, a Archive, seg Segment) error {
	_, err := a.Put(ctx, seg.Key, seg.Data, "")
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	data, _, err2 := a.Get(ctx, seg.Key, "")
	switch {
	case err2 != nil:
		return err2
	case !bytes.Equal(data, seg.Data):
		return fmt.Errorf("%s: another recording has this id: %w", seg.Key, fs.ErrInvalid)
	}
	return nil
}

// try makes a request until it succeeds, is refused for good, or has failed too often.
func (o *Output) try(request func(context.Context) error) error {
	w := o.w
	delay := w.o.RetryDelay
	for attempt := 0; ; attempt++ {
		err := w.request(request)
		if err == nil || w.ctx.Err() != nil || attempt >= w.o.RetryAttempts || o.Dropped() ||
			errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrTooLarge) {
			return err
		}
		t := time.NewTimer(delay)
		select {
		case <-t.C:
		case <-w.ctx.Done():
			t.Stop()
			return err
		}
		delay = min(2*delay, time.Minute)
		w.mu.Lock()
		w.stats.Retries++
		w.mu.Unlock()
	}
}

// request makes one request when there is a slot.
func (w *Writer) request(f func(context.Context) error) error {
	select {
	case w.slots <- struct{}{}:
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	defer func() { <-w.slots }()
	ctx, cancel := context.WithTimeout(w.ctx, w.o.RequestTimeout)
	defer cancel()
	return f(ctx)
}
