package replay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Retention says which finished recordings are kept. Zero values mean no bound.
type Retention struct {
	MaxRecordings int
	MaxAge        time.Duration // since the recording's end
	MaxBytes      int64         // of segments, all recordings together
}

// Cleaned is what [Catalog.Cleanup] did.
type Cleaned struct {
	Deleted   int // recordings over the bounds
	Finished  int // recordings of dead processes that have a summary now
	Discarded int // recordings of dead processes that had nothing in them
	Assets    int // assets that no recording uses
}

// Cleanup deletes the oldest recordings until all bounds are kept. Running ones are neither deleted nor counted. It also
// finishes what dead processes have left, compacts the index, and deletes assets that nothing has used since the last
// Cleanup. Errors of single recordings do not keep the others from being dealt with; they are returned joined.
func (c *Catalog) Cleanup(ctx context.Context, keep Retention) (Cleaned, error) {
	var done Cleaned
	running, err := c.salvage(ctx, &done)
	all, err2 := c.Summaries(ctx)
	if err = errors.Join(err, err2); err2 != nil {
		return done, err
	}
	now := c.o.Now()
	var bytes int64
	kept := 0
	used := map[string]bool{}
	for i := range all { // the newest first
		s := &all[i]
		if running[s.ID] {
			continue
		}
		over := keep.MaxRecordings > 0 && kept >= keep.MaxRecordings || keep.MaxAge > 0 && now.Sub(s.End()) > keep.MaxAge && s.Damage == "" ||
			keep.MaxBytes > 0 && bytes+s.Bytes > keep.MaxBytes
		if !over {
			kept++
			bytes += s.Bytes
			for _, a := range s.Assets {
				used[a] = true
			}
			continue
		}
		if keep.MaxBytes > 0 && bytes+s.Bytes > keep.MaxBytes {
			bytes = keep.MaxBytes // older ones are not kept in its place
		}
		if e := c.remove(ctx, s.ID); e != nil {
			err = errors.Join(err, e)
			continue
		}
		done.Deleted++
	}
	if len(running) == 0 && err == nil && (c.busy == nil || !c.busy()) { // a running one may use assets that it has not named yet
		err = c.sweepAssets(ctx, used, &done)
	}
	return done, errors.Join(err, c.Compact(ctx))
}

// Delete deletes recordings. That there is none is no error; one that is running matches [ErrRunning], and an id that is
// none fs.ErrInvalid. All others are deleted all the same.
func (c *Catalog) Delete(ctx context.Context, ids ...string) error {
	running, err := c.markers(ctx)
	if err != nil {
		return err
	}
	live := map[string]bool{}
	for _, m := range running {
		live[m.id] = live[m.id] || m.live
	}
	var errs []error
	for _, id := range ids {
		err := CheckID(id)
		switch {
		case err != nil:
		case live[id]:
			err = fmt.Errorf("delete recording %s: %w", id, ErrRunning)
		default:
			err = c.remove(ctx, id)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Clear deletes all recordings that are not running, and returns how many there were.
func (c *Catalog) Clear(ctx context.Context) (int, error) {
	done, err := c.Cleanup(ctx, Retention{})
	if err != nil {
		return done.Deleted, err
	}
	all, err := c.Summaries(ctx)
	if err != nil {
		return done.Deleted, err
	}
	running, err := c.markers(ctx)
	if err != nil {
		return done.Deleted, err
	}
	live := map[string]bool{}
	for _, m := range running {
		live[m.id] = live[m.id] || m.live
	}
	for i := range all {
		if live[all[i].ID] {
			continue
		}
		if err := c.remove(ctx, all[i].ID); err != nil {
			return done.Deleted, err
		}
		done.Deleted++
	}
	return done.Deleted, c.Compact(ctx)
}

// remove deletes the segments, and the summary last: what is interrupted is still listed, and can be deleted again.
func (c *Catalog) remove(ctx context.Context, id string) error {
	var keys []string
	err := listAll(ctx, c.archive, segmentPrefix+id+".", func(key string) error {
		keys = append(keys, key)
		return nil
	})
	for _, key := range append(keys, SummaryKey(id)) {
		if err != nil {
			break
		}
		err = c.archive.Delete(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("delete recording %s: %w", id, err)
	}
	return nil
}

// salvage finishes the recordings of dead processes, and returns those that are running.
func (c *Catalog) salvage(ctx context.Context, done *Cleaned) (running map[string]bool, err error) {
	all, err := c.markers(ctx)
	if err != nil {
		return nil, err
	}
	running = map[string]bool{}
	for _, m := range all {
		running[m.id] = running[m.id] || m.live
	}
	for id, live := range running {
		if !live {
			delete(running, id)
		}
	}
	for key, m := range all {
		if running[m.id] {
			continue
		}
		e := c.finish(ctx, m.id, key, done)
		if e == nil {
			e = c.archive.Delete(ctx, key)
		}
		err = errors.Join(err, e)
	}
	return running, err
}

// Salvage finishes what dead processes have left, as [Catalog.Cleanup] does first. A [Recorder] calls it every few minutes.
func (c *Catalog) Salvage(ctx context.Context) (Cleaned, error) {
	var done Cleaned
	_, err := c.salvage(ctx, &done)
	return done, err
}

// finish writes the summary of a recording that was left without one, or removes it if nobody did anything in it. What its
// segments do not tell is in the object that said that it was running.
func (c *Catalog) finish(ctx context.Context, id, running string, done *Cleaned) error {
	r, err := ReadRecording(ctx, c.archive, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		done.Discarded++
		return nil // there is no segment
	case err != nil && isDamage(err):
		return nil // its summary is damaged, and is listed as such
	case err != nil:
		return err
	case r.Finished:
		return nil
	}
	s, err := r.summarize(ctx)
	if err != nil {
		return err
	}
	if s.Events == 0 {
		done.Discarded++
		return c.remove(ctx, id)
	}
	data, _, err := c.archive.Get(ctx, running, "")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if known, err := decodeSummary(runningMagic, data); err == nil {
		s.User, s.Browser, s.Session, s.Document, s.Assets = known.User, known.Browser, known.Session, known.Document, known.Assets
	}
	if err := c.Save(ctx, s); err != nil {
		return err
	}
	done.Finished++
	return nil
}

// summarize makes a summary from the segments.
func (r *Recording) summarize(ctx context.Context) (Summary, error) {
	s := Summary{ID: r.Summary.ID, Segments: len(r.list)}
	for x, err := range r.Entries(ctx) {
		if err != nil {
			return s, err
		}
		if s.Count(x); x.Gap != nil && x.Gap.Err != nil {
			s.Entries--
		}
	}
	for _, ref := range r.list {
		seg, err := r.segment(ctx, ref)
		if err != nil && !isDamage(err) {
			return s, err
		}
		s.Hash = ""
		if err == nil {
			s.Bytes += int64(seg.bytes)
			s.Codec = seg.codec
			s.Frames = seg.header.Frame + seg.header.Frames - 1
			s.Hash = hex.EncodeToString(seg.closing[:])
		}
	}
	return s, nil
}

// used notes that an asset is needed again.
func (c *Catalog) used(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.idle, name)
}

// sweepAssets deletes assets that no recording has used at two cleanups in a row.
func (c *Catalog) sweepAssets(ctx context.Context, used map[string]bool, done *Cleaned) error {
	idle := map[string]bool{}
	err := listAll(ctx, c.archive, assetPrefix, func(key string) error {
		name := strings.TrimPrefix(key, assetPrefix)
		if used[name] {
			return nil
		}
		c.mu.Lock()
		before := c.idle[name]
		c.mu.Unlock()
		if !before {
			idle[name] = true
			return nil
		}
		done.Assets++
		return c.archive.Delete(ctx, key)
	})
	c.mu.Lock()
	c.idle = idle
	c.mu.Unlock()
	return err
}
