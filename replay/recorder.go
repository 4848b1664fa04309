package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// Options are options of [Open]. The zero value of each field but Archive means its default.
type Options struct {
	// Archive is where recordings are kept: any durable.Bucket, or one of sqlarchive. Required.
	Archive Archive
	// Codec is the encoding of what is written: CBOR, the default, or JSON. Both are read.
	Codec Codec

	// MaxEvents ends a recording, visibly, after so many turns, or lines of logs; the page goes on. One on which nobody has done
	// anything by then is thrown away, and begun anew. Default 10,000.
	MaxEvents int
	// Retention of finished recordings: their number, 1,000 by default; the time since their end, 7 days; and their bytes,
	// without a bound. A negative number means none.
	MaxRecordings int
	MaxAge        time.Duration
	MaxBytes      int64
	// CleanupEvery is the time between two cleanups. Default 1 hour.
	CleanupEvery time.Duration

	// FlushEvery is how often what was recorded goes to the archive, and so what a crash loses at most. Default 5 s.
	FlushEvery time.Duration
	// RetryAttempts and RetryDelay are those of [WriterOptions]: 3, and 1 s, growing.
	RetryAttempts int
	RetryDelay    time.Duration

	// Sample is the part of the pages that is recorded, decided when a page begins. Default 1; negative: none but those of
	// [Recorder.Attach].
	Sample float64
	// Keep decides at the end of a recording whether it is kept: those with errors, slow ones, marked ones. Default: all.
	// It is called by a goroutine of the recorder. When it panics, the recording is kept.
	Keep func(Summary) bool

	// Rules and Sanitizer say what is taken out before anything is kept; see [Redactor]. HashKey keys the hashes of
	// record:"hash": give one, so that those of several processes are equal.
	Rules     Rules
	Sanitizer Sanitizer
	HashKey   []byte

	// User labels a recording: the name of the account, never a secret. It is called by the page's goroutine.
	User func(*http.Request) string
	// Session gives what of the app's own session a recording shows. Likewise.
	Session func(*http.Request) map[string]string

	// Build names the program's version. Default: the revision that Go has built in.
	Build  string
	Logger *slog.Logger // default slog.Default()
	// Now is the clock of ages. Default time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	or := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	or(&o.MaxEvents, 10_000)
	or(&o.MaxRecordings, 1_000)
	if o.MaxAge == 0 {
		o.MaxAge = 7 * 24 * time.Hour
	}
	if o.CleanupEvery <= 0 {
		o.CleanupEvery = time.Hour
	}
	if o.FlushEvery <= 0 {
		o.FlushEvery = 5 * time.Second
	}
	if o.Sample == 0 {
		o.Sample = 1
	}
	if o.Build == "" {
		o.Build = builtFrom()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// builtFrom returns the revision that the program was built from, cut at 12 characters; "(devel)" without one.
func builtFrom() string {
	revision, dirty := "", ""
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+"
		}
	}
	if revision == "" {
		return info.Main.Version
	}
	return revision + dirty
}

// Recorder records the pages of an app, as its [live.Options] say, and keeps the recordings. It embeds the catalog of its
// archive, with which they are listed, opened and deleted. Its methods may be called from any goroutine.
type Recorder struct {
	*Catalog
	o        Options
	redactor *Redactor
	writer   *Writer
	shells   shells

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // the flusher, and what takes do in the background

	mu     sync.Mutex
	takes  map[string]*take
	closed bool
}

// Open returns a recorder. It looks at nothing in the archive yet. Close stops what it starts.
func Open(o Options) (*Recorder, error) {
	if o.Archive == nil {
		return nil, errors.New("replay.Open: Options.Archive is missing: give a bucket, such as local.Dir of durable/local")
	}
	o = o.withDefaults()
	if _, err := NewEncoder(EncoderOptions{Codec: o.Codec}); err != nil {
		return nil, fmt.Errorf("replay.Open: %w", err)
	}
	catalog := NewCatalog(o.Archive, CatalogOptions{Now: o.Now, Logger: o.Logger})
	r := &Recorder{
		Catalog: catalog, o: o, takes: map[string]*take{},
		redactor: NewRedactor(RedactorOptions{Rules: o.Rules, HashKey: o.HashKey, Sanitizer: o.Sanitizer}),
		writer:   OpenWriter(catalog, WriterOptions{RetryAttempts: o.RetryAttempts, RetryDelay: o.RetryDelay, Logger: o.Logger}),
	}
	catalog.busy = r.busy
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.work.Go(r.flush)
	r.work.Go(r.keepHouse)
	return r, nil
}

// Close ends the recordings that are still running, as interrupted by the end of the server, and waits until everything is
// written, or ctx ends. It must be called after the app was shut down.
func (r *Recorder) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	takes := r.running()
	r.mu.Unlock()
	r.cancel()
	for _, t := range takes {
		t.End(live.RecordedEnd{Reason: live.EndShutdown})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.work.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return r.writer.Close(ctx)
}

// Stats count what became of recordings.
func (r *Recorder) Stats() WriterStats { return r.writer.Stats() }

// Attach records the instance, whatever Sample says. It must be called in Mount, or before.
func (r *Recorder) Attach(s *live.Socket) { s.Record(attached{r}) }

// attached is the recorder of an instance that asked for it.
type attached struct{ r *Recorder }

func (a attached) Record(start live.RecordStart) live.Recording { return a.r.record(start) }

// Record implements [live.Recorder].
func (r *Recorder) Record(start live.RecordStart) live.Recording {
	if r.o.Sample < 1 && rand.Float64() >= r.o.Sample {
		return nil
	}
	return r.record(start)
}

func (r *Recorder) record(start live.RecordStart) live.Recording {
	t := r.begin(start)
	if t == nil {
		return nil
	}
	p := &page{r: r, start: start}
	p.start.Frame = live.RecordedFrame{}
	p.take.Store(t)
	return p
}

// begin begins a take; nil when it cannot be.
func (r *Recorder) begin(start live.RecordStart) (t *take) {
	defer func() {
		if v := recover(); v != nil {
			r.o.Logger.Error("replay: a page is not recorded: a method of the app has panicked", "view", start.View.Name(), "err", fmt.Sprint(v))
			t = nil
		}
	}()
	t, err := r.newTake(start)
	if err != nil {
		r.o.Logger.Error("replay: a page is not recorded", "view", start.View.Name(), "err", err)
		return nil
	}
	return t
}

// guarded calls one of the app's functions. One that panics is logged: no page and no other recording suffers from it.
func (r *Recorder) guarded(name string, f func()) {
	defer func() {
		if v := recover(); v != nil {
			r.o.Logger.Error("replay: panic in Options."+name, "err", fmt.Sprint(v))
		}
	}()
	f()
}

// keeps reports whether a recording is to be kept. When that cannot be told, it is.
func (r *Recorder) keeps(s Summary) bool {
	keep := true
	if r.o.Keep != nil {
		r.guarded("Keep", func() { keep = r.o.Keep(s) })
	}
	return keep
}

// busy reports whether there is a page on which somebody may still do something.
func (r *Recorder) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.takes) > 0
}

// running returns the takes. r.mu is held.
func (r *Recorder) running() []*take {
	takes := make([]*take, 0, len(r.takes))
	for _, t := range r.takes {
		takes = append(takes, t)
	}
	return takes
}

// takeOf returns a recording that this process is making; nil when it is not.
func (r *Recorder) takeOf(id string) *take {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.takes[id]
}

// Active returns what is known of the recordings that are being made now, the newest first: by this process as they are,
// by others as they were when they began. Pages on which nobody has done anything yet are not among them.
func (r *Recorder) Active(ctx context.Context) ([]Summary, error) {
	r.mu.Lock()
	takes := r.running()
	r.mu.Unlock()
	var all []Summary
	mine := map[string]bool{}
	for _, t := range takes {
		mine[t.id] = true
		if s, shown := t.glance(); shown {
			all = append(all, s)
		}
	}
	others, err := r.Running(ctx)
	for _, s := range others {
		if !mine[s.ID] {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, newestFirst)
	return all, err
}

// Get opens a recording, as [Catalog.Get] does. Of one that this process is making, what was taken down so far is handed
// over first, so that it can be seen at once.
func (r *Recorder) Get(ctx context.Context, id string) (*Recording, error) {
	if t := r.takeOf(id); t != nil {
		t.flush(true)
		done := make(chan struct{})
		if t.output.Then(func() { close(done) }) {
			select {
			case <-done:
			case <-ctx.Done():
				return nil, fmt.Errorf("open recording %s: %w", id, ctx.Err())
			case <-t.output.Gone():
			}
		}
	}
	return r.Catalog.Get(ctx, id)
}

// Mark keeps the recording that the method of a view belongs to which was called with ctx: see [Options.Keep].
func Mark(ctx context.Context) {
	if t := takeIn(ctx); t != nil {
		t.mark()
	}
}

// Watch calls f, from a goroutine of the recorder, each time there is something new of a recording that this process is
// making, until stop is called; what is new has been given to the archive by then, so it can be read at once. f must not
// block. It reports false when this process is not making it: then its segments appear as the other one flushes them.
func (r *Recorder) Watch(id string, f func()) (stop func(), ok bool) {
	t := r.takeOf(id)
	if t == nil {
		return func() {}, false
	}
	return t.watch(f), true
}

// handOver gives what this process has recorded of a page to the archive, and waits a little until it is there.
func (r *Recorder) handOver(ctx context.Context, id string) {
	t := r.takeOf(id)
	if t == nil {
		return
	}
	done := make(chan struct{})
	t.flush(true)
	if !t.output.Then(func() { close(done) }) {
		return
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// flush hands over what was recorded, again and again.
func (r *Recorder) flush() {
	tick := time.NewTicker(r.o.FlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			return
		}
		r.mu.Lock()
		takes := r.running()
		r.mu.Unlock()
		for _, t := range takes {
			t.flush(false)
		}
	}
}

// keepHouse cleans up, again and again, and in between finishes what dead processes have left: whoever looks for what
// happened before a crash does not wait for the next cleanup.
func (r *Recorder) keepHouse() {
	tick, soon := time.NewTicker(r.o.CleanupEvery), time.NewTicker(r.Catalog.o.NodeTimeout)
	defer tick.Stop()
	defer soon.Stop()
	for {
		var err error
		select {
		case <-tick.C:
			_, err = r.Cleanup(r.ctx, r.retention())
		case <-soon.C:
			_, err = r.Salvage(r.ctx)
		case <-r.ctx.Done():
			return
		}
		if err != nil && r.ctx.Err() == nil {
			r.o.Logger.Warn("replay: recordings could not be cleaned up", "err", err)
		}
	}
}

func (r *Recorder) retention() Retention {
	return Retention{MaxRecordings: max(0, r.o.MaxRecordings), MaxAge: max(0, r.o.MaxAge), MaxBytes: max(0, r.o.MaxBytes)}
}
