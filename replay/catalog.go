package replay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// CatalogOptions are options of [NewCatalog]. The zero value means the defaults.
type CatalogOptions struct {
	// Node names this process among those that share the archive: 1 to 64 letters, digits, '-' and '_'. Default: random.
	Node string
	// NodeTimeout is how long after its last [Catalog.Beat] a process is taken for dead; what it was recording is then
	// finished from its segments. Clocks of the processes should agree to a fraction of it. Default 5 minutes.
	NodeTimeout time.Duration
	Now         func() time.Time // default time.Now
	Logger      *slog.Logger     // default slog.Default()
}

// Catalog knows which recordings an archive holds. Several processes may use one archive, with a catalog each. Its methods
// may be called from any goroutine, and block for as long as the archive does.
type Catalog struct {
	archive Archive
	indexer Indexer // nil: there are pages
	index   index
	o       CatalogOptions

	mu      sync.Mutex
	active  map[string]bool // what this process is recording
	unpaged int             // saved since the index was compacted
	idle    map[string]bool // assets that nothing referred to at the last cleanup
	beaten  time.Time       // when Beat was last done

	// busy reports whether this process has pages that may still become recordings; nil: no.
	busy func() bool

	beats chan struct{} // held by who calls Beat because it is due
}

// NewCatalog returns a catalog of an archive, which must not be nil. It starts nothing.
func NewCatalog(a Archive, o CatalogOptions) *Catalog {
	if o.Node == "" {
		o.Node = rand.Text()
	}
	if o.NodeTimeout <= 0 {
		o.NodeTimeout = 5 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	indexer, _ := a.(Indexer)
	return &Catalog{
		archive: a, indexer: indexer, index: index{archive: a}, o: o, active: map[string]bool{}, idle: map[string]bool{},
		beats: make(chan struct{}, 1),
	}
}

// NewID returns a random id for a recording.
func NewID() string { return strings.ToLower(rand.Text()) }

// Query finds finished recordings. One whose summary is damaged is among them, with [Summary.Damage] set, unless the
// archive is an [Indexer].
func (c *Catalog) Query(ctx context.Context, q Query) (Result, error) {
	if c.indexer != nil {
		return c.indexer.Query(ctx, q)
	}
	f, err := c.index.load(ctx)
	if err != nil {
		return Result{}, err
	}
	return q.choose(f.all), nil
}

// Summaries returns those of all finished recordings, the newest first. None of the recordings is opened.
func (c *Catalog) Summaries(ctx context.Context) ([]Summary, error) {
	r, err := c.Query(ctx, Query{Limit: -1})
	return r.Summaries, err
}

// List opens all finished recordings, one after the other, the newest first; who needs no more than what lists show takes
// Summaries. One that cannot be opened comes as an error, and the others go on; one that was deleted meanwhile is left out.
func (c *Catalog) List(ctx context.Context) iter.Seq2[*Recording, error] {
	return func(yield func(*Recording, error) bool) {
		all, err := c.Summaries(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range all {
			r, err := c.Get(ctx, all[i].ID)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !yield(r, err) || ctx.Err() != nil {
				return
			}
		}
	}
}

// Get opens a recording, finished or not; see [ReadRecording].
func (c *Catalog) Get(ctx context.Context, id string) (*Recording, error) {
	return ReadRecording(ctx, c.archive, id)
}

// Save writes a recording's summary, which makes it a finished one. One that is there already is replaced.
func (c *Catalog) Save(ctx context.Context, s Summary) error {
	s.Node = ""
	data, err := encodeSummary(summaryMagic, &s)
	if err != nil {
		return err
	}
	if c.indexer != nil {
		if err := c.indexer.PutSummary(ctx, SummaryKey(s.ID), data, s); err != nil {
			return fmt.Errorf("save the summary of %s: %w", s.ID, err)
		}
		return nil
	}
	_, err = c.archive.Put(ctx, SummaryKey(s.ID), data, "")
	if errors.Is(err, fs.ErrExist) {
		if err = put(ctx, c.archive, SummaryKey(s.ID), data); err == nil {
			err = c.index.unpage(ctx, s.ID)
		}
	}
	if err != nil {
		return fmt.Errorf("save the summary of %s: %w", s.ID, err)
	}
	c.mu.Lock()
	c.unpaged++
	due := c.unpaged >= minUnpaged
	if due {
		c.unpaged = 0
	}
	c.mu.Unlock()
	if due { // the recording is saved, whatever becomes of this
		if err := c.Compact(ctx); err != nil {
			c.o.Logger.Warn("replay: the index could not be compacted", "err", err)
		}
	}
	return nil
}

// Compact writes index pages if there is enough for them. Save and Cleanup call it. An [Indexer] needs none.
func (c *Catalog) Compact(ctx context.Context) error {
	if c.indexer != nil {
		return nil
	}
	return c.index.compact(ctx, minUnpaged)
}

// Begin says that this process has begun a recording: it is a running one from now on, and so nobody deletes it. The
// summary is what is known of it; others see it in lists.
func (c *Catalog) Begin(ctx context.Context, s Summary) error {
	c.mu.Lock()
	c.active[s.ID] = true
	c.mu.Unlock()
	s.Node = c.o.Node
	data, err := encodeSummary(runningMagic, &s)
	if err != nil {
		c.release(s.ID)
		return err
	}
	if err := c.beatIfDue(ctx); err != nil { // whoever sees the recording must see that it is alive
		return fmt.Errorf("begin recording %s: %w", s.ID, err)
	}
	if err := put(ctx, c.archive, c.runningKey(s.ID, c.o.Node), data); err != nil {
		return fmt.Errorf("begin recording %s: %w", s.ID, err)
	}
	return nil
}

// End says that this process records no more under an id, and deletes what Begin wrote. If that fails, a later Cleanup
// does it.
func (c *Catalog) End(ctx context.Context, id string) error {
	c.release(id)
	return c.archive.Delete(ctx, c.runningKey(id, c.o.Node))
}

// release is End without the archive.
func (c *Catalog) release(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.active, id)
}

func (c *Catalog) runningKey(id, node string) string { return runningPrefix + id + "." + node }

func parseRunningKey(key string) (id, node string, ok bool) {
	id, node, ok = strings.Cut(strings.TrimPrefix(key, runningPrefix), ".")
	return id, node, ok && CheckID(id) == nil && CheckID(node) == nil
}

type beat struct {
	At int64 `json:"at"` // Unix milliseconds
}

// Beat says that this process is alive. A [Writer] calls it often enough while it has recordings.
func (c *Catalog) Beat(ctx context.Context) error {
	now := c.o.Now()
	data, err := json.Marshal(beat{now.UnixMilli()})
	if err != nil {
		return err
	}
	if err := put(ctx, c.archive, nodePrefix+c.o.Node, wrap(nodeMagic, data)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beaten = now
	return nil
}

// beatEvery is how often a process says that it is alive.
func (c *Catalog) beatEvery() time.Duration { return c.o.NodeTimeout / 5 }

// beatIfDue is Beat for those that need it to have been called lately. Of several at once one does it.
func (c *Catalog) beatIfDue(ctx context.Context) error {
	select {
	case c.beats <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.beats }()
	c.mu.Lock()
	due := c.beaten.IsZero() || c.o.Now().Sub(c.beaten) >= c.beatEvery()
	c.mu.Unlock()
	if !due {
		return nil
	}
	return c.Beat(ctx)
}

// leave says that this process records no more: what it has left need not be waited for.
func (c *Catalog) leave(ctx context.Context) error {
	c.mu.Lock()
	never := c.beaten.IsZero()
	c.beaten = time.Time{}
	c.mu.Unlock()
	if never {
		return nil
	}
	return c.archive.Delete(ctx, nodePrefix+c.o.Node)
}

// alive returns the processes that have said so lately. This one is always among them.
func (c *Catalog) alive(ctx context.Context) (map[string]bool, error) {
	nodes := map[string]bool{c.o.Node: true}
	err := listAll(ctx, c.archive, nodePrefix, func(key string) error {
		data, _, err := c.archive.Get(ctx, key, "")
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		var b beat
		if data, err = unwrap(nodeMagic, data, 1024); err == nil {
			err = json.Unmarshal(data, &b)
		}
		node := strings.TrimPrefix(key, nodePrefix)
		age := c.o.Now().Sub(time.UnixMilli(b.At))
		switch {
		case err == nil && age < c.o.NodeTimeout:
			nodes[node] = true
		case node != c.o.Node && (err != nil || age > 24*time.Hour):
			return c.archive.Delete(ctx, key)
		}
		return nil
	})
	return nodes, err
}

// marker is an object that says that a recording is running.
type marker struct {
	id, node string
	live     bool // its process is alive, and still at it as far as is known
}

func (c *Catalog) markers(ctx context.Context) (map[string]marker, error) {
	nodes, err := c.alive(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]marker{}
	err = listAll(ctx, c.archive, runningPrefix, func(key string) error {
		if id, node, ok := parseRunningKey(key); ok {
			c.mu.Lock()
			live := nodes[node] && (node != c.o.Node || c.active[id])
			c.mu.Unlock()
			all[key] = marker{id, node, live}
		}
		return nil
	})
	return all, err
}

// Running returns what is known of recordings that are being made by any process that is alive, the newest first; the
// summaries are as they were when the recordings began.
func (c *Catalog) Running(ctx context.Context) ([]Summary, error) {
	all, err := c.markers(ctx)
	if err != nil {
		return nil, err
	}
	var list []Summary
	for _, key := range slices.Sorted(maps.Keys(all)) {
		m := all[key]
		if !m.live {
			continue
		}
		data, _, err := c.archive.Get(ctx, key, "")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		s, err := decodeSummary(runningMagic, data)
		if err != nil {
			s = Summary{Damage: err.Error()}
		}
		s.ID, s.Node = m.id, m.node
		list = append(list, s)
	}
	slices.SortFunc(list, newestFirst)
	return list, nil
}
