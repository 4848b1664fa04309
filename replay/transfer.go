package replay

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Export writes a recording as one file: a tar archive with the objects of FORMAT.md under their keys, the summary first,
// then the segments in their order, then the assets that the summary names. It blocks, and reads one object at a time. A
// recording that has no summary yet gets one of what there is. What is damaged or missing is an error: a copy has no gaps
// that the original has not.
func (c *Catalog) Export(ctx context.Context, id string, w io.Writer) error {
	r, err := c.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := r.export(ctx, w); err != nil {
		return fmt.Errorf("export recording %s: %w", id, err)
	}
	return nil
}

func (r *Recording) export(ctx context.Context, w io.Writer) error {
	s := r.Summary
	if !r.Finished {
		var err error
		if s, err = r.summarize(ctx); err != nil {
			return err
		}
	}
	data, err := encodeSummary(summaryMagic, &s)
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	put := func(key string, data []byte) error {
		h := tar.Header{Typeflag: tar.TypeReg, Name: key, Size: int64(len(data)), Mode: 0o600, Format: tar.FormatPAX}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	}
	if err := put(SummaryKey(s.ID), data); err != nil {
		return err
	}
	for _, ref := range r.list {
		if _, err := r.segment(ctx, ref); err != nil {
			return err
		}
		data, _, err := r.archive.Get(ctx, ref.key, "")
		if err == nil {
			err = put(ref.key, data)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range s.Assets {
		data, err := Asset(ctx, r.archive, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = put(assetPrefix+name, data)
		}
		if err != nil {
			return err
		}
	}
	return t.Close()
}

// maxImported is how many bytes an imported file may have, and maxAssets how many assets.
const (
	maxImported = 512 << 20
	maxAssets   = 1000
)

// Import keeps a recording that Export has written, maybe elsewhere, and returns its summary. Everything is checked as it
// is when a recording is read, and nothing is kept of a file in which anything is wrong: the error then matches [ErrDamaged] or
// [ErrFormat]. A recording that is there already matches fs.ErrExist. It blocks, and holds one object in memory.
func (c *Catalog) Import(ctx context.Context, from io.Reader) (Summary, error) {
	i := importer{c: c, tar: tar.NewReader(&io.LimitedReader{R: from, N: maxImported})}
	err := i.run(ctx)
	if err == nil {
		return i.summary, nil
	}
	if i.begun {
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, c.remove(ctx, i.summary.ID), c.End(ctx, i.summary.ID))
	}
	return Summary{}, fmt.Errorf("import a recording: %w", err)
}

type importer struct {
	c       *Catalog
	tar     *tar.Reader
	summary Summary
	begun   bool
	last    *segment
	bytes   int64
}

func (i *importer) run(ctx context.Context) error {
	key, data, err := i.next()
	if err == io.EOF {
		return fmt.Errorf("%w: it is empty", ErrDamaged)
	}
	if err != nil {
		return err
	}
	if i.summary, err = decodeSummary(summaryMagic, data); err != nil {
		return fmt.Errorf("%.200q: %w", key, err)
	}
	s := &i.summary
	if key != SummaryKey(s.ID) {
		return fmt.Errorf("%w: the summary of %s is named %.200q", ErrDamaged, s.ID, key)
	}
	if _, err := ReadRecording(ctx, i.c.archive, s.ID); !errors.Is(err, fs.ErrNotExist) {
		if err == nil || isDamage(err) {
			err = fmt.Errorf("recording %s: %w", s.ID, fs.ErrExist)
		}
		return err
	}
	i.begun = true
	if err := i.c.Begin(ctx, *s); err != nil {
		return err
	}
	for n := 1; n <= s.Segments; n++ {
		if err := i.segment(ctx, n); err != nil {
			return err
		}
	}
	if last := i.last; last == nil || s.Hash != hex.EncodeToString(last.closing[:]) || s.Bytes != i.bytes {
		return fmt.Errorf("%w: its segments are not those of the summary", ErrDamaged)
	}
	if err := i.keepAssets(ctx); err != nil {
		return err
	}
	if err := i.c.Save(ctx, *s); err != nil {
		return err
	}
	return i.c.End(ctx, s.ID)
}

// next returns the next object of the file; io.EOF at its end.
func (i *importer) next() (key string, data []byte, err error) {
	h, err := i.tar.Next()
	if err == io.EOF {
		return "", nil, err
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if h.Typeflag != tar.TypeReg || CheckKey(h.Name) != nil || h.Size > MaxSegmentBytes {
		return "", nil, fmt.Errorf("%w: there is an entry %.200q of %d bytes", ErrDamaged, h.Name, h.Size)
	}
	if data, err = io.ReadAll(i.tar); err != nil {
		return "", nil, fmt.Errorf("%w: %s: %v", ErrDamaged, h.Name, err)
	}
	return h.Name, data, nil
}

func (i *importer) segment(ctx context.Context, n int) error {
	key, data, err := i.next()
	if err == io.EOF {
		return fmt.Errorf("%w: it ends before segment %d of %d", ErrDamaged, n, i.summary.Segments)
	}
	if err != nil {
		return err
	}
	s, err := openSegment(data)
	if err == nil {
		h := &s.header
		switch {
		case h.ID != i.summary.ID || h.Number != n || key != SegmentKey(h.ID, n, h.Frame):
			err = fmt.Errorf("%w: it is segment %d of %s", ErrDamaged, h.Number, h.ID)
		case i.last != nil && string(h.Previous) != string(i.last.closing[:]):
			err = fmt.Errorf("%w: it does not follow the segment before it", ErrDamaged)
		case i.last == nil && h.Frame != 1 || i.last != nil && h.Frame != i.last.header.Frame+i.last.header.Frames:
			err = fmt.Errorf("%w: its first frame is %d, which does not follow the segment before it", ErrDamaged, h.Frame)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	i.last, i.bytes = s, i.bytes+int64(len(data))
	return putSegment(ctx, i.c.archive, Segment{key, data})
}

func (i *importer) keepAssets(ctx context.Context) error {
	wanted := map[string]bool{}
	for _, name := range i.summary.Assets {
		wanted[name] = true
	}
	for n := 0; ; n++ {
		key, data, err := i.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(key, assetPrefix)
		if !ok || !wanted[name] || n > maxAssets {
			return fmt.Errorf("%w: there is an entry %s, which the summary does not name", ErrDamaged, key)
		}
		kept, err := assetName(data)
		if err != nil {
			return err
		}
		if kept != name {
			return fmt.Errorf("%s: %w", key, ErrDamaged)
		}
		if _, err := PutAsset(ctx, i.c.archive, data); err != nil {
			return err
		}
	}
}
