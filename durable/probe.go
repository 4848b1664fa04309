package durable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// maxSkew is how far this machine's clock may be from the bucket's.
const maxSkew = 5 * time.Minute

// probe checks what the store relies on.
func (st *Store) probe() error {
	if o, ok := st.options.Bucket.(Opener); ok {
		if err := st.request(o.Open); err != nil {
			return fmt.Errorf("open the bucket: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(st.ctx, probeTimeouts*st.options.RequestTimeout)
	defer cancel()
	return st.probeConditions(ctx)
}

// probeTimeouts is how many times the timeout of one request the probe may take, which makes a handful of them.
const probeTimeouts = 6

func (st *Store) probeConditions(ctx context.Context) error {
	b, key := st.options.Bucket, st.options.Prefix+"-probe/"+st.incarnation
	defer b.Delete(context.WithoutCancel(ctx), key)
	first, err := b.Put(ctx, key, []byte("1"), "")
	if err != nil {
		return fmt.Errorf("probe the bucket: write an object: %w", err)
	}
	if _, err := b.Put(ctx, key, []byte("2"), ""); !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("probe the bucket: it ignores the condition that an object must not exist (%w): two servers would overwrite each other's sessions", orDone(err))
	}
	second, err := b.Put(ctx, key, []byte("3"), first)
	if err != nil {
		return fmt.Errorf("probe the bucket: write over version %s: %w", first, err)
	}
	if _, err := b.Put(ctx, key, []byte("4"), first); !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("probe the bucket: it ignores the condition that an object must be at a version (%w): two servers would overwrite each other's sessions", orDone(err))
	}
	data, version, err := b.Get(ctx, key, "")
	if err != nil || string(data) != "3" || version != second {
		return fmt.Errorf("probe the bucket: it returned %q at version %s after a write of \"3\" at %s: %w", data, version, second, orDone(err))
	}
	if _, _, err = b.Get(ctx, key, second); err != nil {
		return fmt.Errorf("probe the bucket: read an object of a known version: %w", err)
	}
	if keeper, ok := b.(Timekeeper); ok {
		theirs, err := keeper.Now(ctx)
		if err != nil {
			return fmt.Errorf("probe the bucket: ask for its time: %w", err)
		}
		if ours := st.options.Clock(); ours.Sub(theirs).Abs() > maxSkew {
			return fmt.Errorf("this machine's clock says %v, the bucket's %v: sessions would expire at the wrong time; set the clock", ours.UTC(), theirs.UTC())
		}
	}
	return nil
}

var errDone = errors.New("the write was done")

func orDone(err error) error {
	if err == nil {
		return errDone
	}
	return err
}
