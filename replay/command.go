package replay

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrDifferent means that `replay diff` has found a frame that this build renders in another way.
var ErrDifferent = errors.New("this build renders recordings in another way")

// Command gives a program the subcommands of recordings, for args after its own name:
//
//	replay diff DIR [ID …]         render all recordings, or these, with this build; print the first difference of each
//	replay test DIR ID [-frame N]  write a Go test of a recording, and its fixture, into the current directory
//
// It reports whether args are one of them. views is the app; open opens an archive, for example as
// func(dir string) Archive { return local.Dir(dir) }. The error is [ErrDifferent] where diff has found something: for CI.
func Command(ctx context.Context, views ViewTypes, args []string, open func(dir string) Archive, out io.Writer) (handled bool, err error) {
	if len(args) == 0 || args[0] != "replay" {
		return false, nil
	}
	usage := errors.New("want replay diff DIR [ID …] or replay test DIR ID [-frame N] [-package NAME] [-app FUNC]")
	if len(args) < 3 {
		return true, usage
	}
	if _, err := os.Stat(args[2]); err != nil {
		return true, fmt.Errorf("open the recordings: %w", err)
	}
	catalog := NewCatalog(open(args[2]), CatalogOptions{})
	switch args[1] {
	case "diff":
		return true, diffAll(ctx, catalog, views, args[3:], out)
	case "test":
		if len(args) < 4 {
			return true, usage
		}
		flags := flag.NewFlagSet("replay test", flag.ContinueOnError)
		flags.SetOutput(out)
		frame := flags.Int("frame", 0, "the last `frame`; 0: the recording's")
		var o TestOptions
		flags.StringVar(&o.Package, "package", "main", "the test's package `name`")
		flags.StringVar(&o.App, "app", "newApp", "`function` that makes the app: func(*testing.T) *live.App")
		if err := flags.Parse(args[4:]); err != nil {
			return true, err
		}
		return true, writeTest(ctx, catalog, args[3], *frame, o, out)
	}
	return true, usage
}

// diffAll renders recordings with this build.
func diffAll(ctx context.Context, c *Catalog, views ViewTypes, ids []string, out io.Writer) error {
	if len(ids) == 0 {
		all, err := c.Summaries(ctx)
		if err != nil {
			return err
		}
		for _, s := range all {
			ids = append(ids, s.ID)
		}
	}
	frames, different := 0, 0
	for _, id := range ids {
		r, err := c.Get(ctx, id)
		if err != nil {
			return err
		}
		n, found, err := r.Diff(ctx, views)
		frames += n
		if err != nil {
			return fmt.Errorf("recording %s: %w", id, err)
		}
		if found != nil {
			different++
			fmt.Fprintf(out, "%s %s: %s\n", id, r.Summary.View, found)
		}
	}
	fmt.Fprintf(out, "%d recordings, %d frames, %d recordings differ\n", len(ids), frames, different)
	if different > 0 {
		return ErrDifferent
	}
	return nil
}

// FrameDifference is a frame that this build renders in another way, or not at all.
type FrameDifference struct {
	Frame    int
	Verdict  Verdict
	Err      error
	Was, Now string // from a little before they part; empty where nothing was recorded of the HTML
}

func (d *FrameDifference) String() string {
	text := fmt.Sprintf("frame %d: %s", d.Frame, d.Verdict)
	if d.Err != nil {
		text += ": " + d.Err.Error()
	}
	if d.Was != "" || d.Now != "" {
		text += fmt.Sprintf("\n  was …%s\n  now …%s", d.Was, d.Now)
	}
	return text
}

// Diff renders the frames of a recording with this build, until one differs from what was sent, and returns how many it has
// looked at. It blocks.
func (r *Recording) Diff(ctx context.Context, views ViewTypes) (frames int, found *FrameDifference, err error) {
	total, err := r.Frames(ctx)
	if err != nil {
		return 0, nil, err
	}
	for n := 1; n <= total; n++ {
		s, err := r.Screen(ctx, views, n)
		if errors.Is(err, ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
			return n, &FrameDifference{Frame: n, Verdict: Broken, Err: err}, nil
		}
		if err != nil {
			return n, nil, err
		}
		if s.Verdict == Verified || s.Verdict == Unverified && s.Err == nil {
			continue
		}
		d := &FrameDifference{Frame: n, Verdict: s.Verdict, Err: s.Err}
		d.Was, d.Now = parted(s)
		return n, d, nil
	}
	return total, nil, nil
}

// parted returns what was sent and what is rendered from a little before they part.
func parted(s *Screen) (was, now string) {
	a := s.Sent
	b, err := normalized(s.Built)
	if a == nil || err != nil {
		return "", ""
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	around := func(x []byte) string { return string(bytes.ToValidUTF8(x[max(0, at-40):min(len(x), at+60)], nil)) }
	return around(a), around(b)
}

// writeTest writes a test and its fixture, and never over another file.
func writeTest(ctx context.Context, c *Catalog, id string, frame int, o TestOptions, out io.Writer) error {
	r, err := c.Get(ctx, id)
	if err != nil {
		return err
	}
	files, err := r.GoTest(ctx, frame, o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(files.FixtureName), 0o755); err != nil {
		return err
	}
	for name, data := range map[string][]byte{files.TestName: files.Test, files.FixtureName: files.Fixture} {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		if _, err = f.Write(data); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", name)
	}
	return nil
}
