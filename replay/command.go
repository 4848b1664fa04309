package replay

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// ErrDifferent means that `replay diff` has found a frame that this build renders in another way.
var ErrDifferent = errors.New("this build renders recordings in another way")

const commandUsage = `want one of
  replay diff DIR|FILE [ID …]            render recordings with this build; print the first difference of each
  replay test [-frame N] DIR ID | FILE   write a Go test of a recording, and its fixture
DIR is the directory that recordings are kept in, FILE one that was exported (replay export -raw). Options of test:
  -frame N       the last frame; default: the recording's
  -dir DIR       where to write the test, and testdata/ beside it; default: the current directory
  -package NAME  of the test; default main
  -app FUNC      makes the app: func(*testing.T) *live.App; default newApp
  -set A,B       events and messages that are not taken again, or visits of URLs: what they changed is set`

// Command gives a program the subcommands of recordings, for args after its own name and options:
//
//	replay diff DIR|FILE [ID …]            render recordings with this build; print the first difference of each
//	replay test [-frame N] DIR ID | FILE   write a Go test of a recording, and its fixture
//
// It reports whether args are one of them. views is the app; open opens an archive, for example as
// func(dir string) Archive { return local.Dir(dir) }. The error is [ErrDifferent] where diff has found something: for CI.
// Options may stand before and after the other words.
func Command(ctx context.Context, views ViewTypes, args []string, open func(dir string) Archive, out io.Writer) (handled bool, err error) {
	if len(args) == 0 || args[0] != "replay" {
		return false, nil
	}
	c := command{views: views, open: open, out: out}
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	set, frame, dir := "", 0, "."
	if len(args) > 1 && args[1] == "test" {
		flags.IntVar(&frame, "frame", 0, "")
		flags.StringVar(&dir, "dir", ".", "")
		flags.StringVar(&set, "set", "", "")
		flags.StringVar(&c.options.Package, "package", "main", "")
		flags.StringVar(&c.options.App, "app", "newApp", "")
	}
	var words []string
	for rest := args[1:]; len(rest) > 0; {
		if err := flags.Parse(rest); err != nil {
			return true, fmt.Errorf("replay: %w; %s", err, commandUsage)
		}
		if rest = flags.Args(); len(rest) > 0 {
			words, rest = append(words, rest[0]), rest[1:]
		}
	}
	if set != "" {
		c.options.Set = strings.Split(set, ",")
	}
	switch {
	case len(words) < 2 || words[0] != "diff" && words[0] != "test":
		return true, errors.New(commandUsage)
	case words[0] == "diff":
		return true, c.diff(ctx, words[1], words[2:])
	case frame < 0:
		return true, fmt.Errorf("replay test: there is no frame %d; frames are counted from 1", frame)
	}
	return true, c.test(ctx, words[1], words[2:], frame, dir)
}

type command struct {
	views   ViewTypes
	open    func(dir string) Archive
	out     io.Writer
	options TestOptions
}

// at opens what a path names: the catalog of a directory, or the one recording of a file.
func (c *command) at(ctx context.Context, path string) (*Catalog, *Recording, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open the recordings: %w; name the directory that Options.Archive is in, or an exported file", err)
	}
	if info.IsDir() {
		return NewCatalog(c.open(path), CatalogOptions{}), nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open the recordings: %w", err)
	}
	defer f.Close()
	r, err := ReadExported(ctx, f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is no directory, and no recording that was exported with -raw: %w", path, err)
	}
	return nil, r, nil
}

// diff renders recordings with this build.
func (c *command) diff(ctx context.Context, path string, ids []string) error {
	catalog, r, err := c.at(ctx, path)
	if err != nil {
		return err
	}
	if r != nil {
		ids = []string{r.Summary.ID}
	} else if len(ids) == 0 {
		all, err := catalog.Summaries(ctx)
		if err != nil {
			return err
		}
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		if len(ids) == 0 {
			return fmt.Errorf("replay diff: there are no finished recordings in %s: name the directory that Options.Archive is in", path)
		}
	}
	frames, different := 0, 0
	for _, id := range ids {
		if catalog != nil {
			r, err = catalog.Get(ctx, id)
		}
		var n int
		var found *FrameDifference
		if err == nil {
			n, found, err = r.Diff(ctx, c.views)
		}
		frames += n
		switch {
		case err != nil && isDamage(err) && !errors.Is(err, fs.ErrNotExist):
			fmt.Fprintf(c.out, "%s: %s\n", id, silent(err.Error()))
			different++
		case err != nil:
			return fmt.Errorf("recording %s: %w", id, err)
		case found != nil:
			fmt.Fprintf(c.out, "%s %s: %s\n", id, silent(r.Summary.View), silent(found.String()))
			different++
		}
		err = nil
	}
	fmt.Fprintf(c.out, "%d recordings, %d frames, %d recordings differ\n", len(ids), frames, different)
	if different > 0 {
		return ErrDifferent
	}
	return nil
}

// silent is a text of what was recorded, for a terminal: it can be anybody's, and says nothing to that.
func silent(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// FrameDifference is a frame that this build renders in another way, or not at all.
type FrameDifference struct {
	Frame   int
	Cause   string // of the turn before it
	Verdict Verdict
	Err     error
	Lost    []string        // fields that were recorded and this build does not have, or has as another type
	HTML    *HTMLDifference // nil where nothing was recorded of the HTML, or it shows the same
}

func (d *FrameDifference) String() string {
	text := fmt.Sprintf("frame %d, after %s: %s", d.Frame, d.Cause, d.Verdict)
	if d.Err != nil {
		text += ": " + d.Err.Error()
	}
	if len(d.Lost) > 0 {
		text += "; fields that this build lacks, or has as another type: " + strings.Join(d.Lost, ", ")
	}
	if d.HTML != nil {
		text += ", " + d.HTML.String()
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
		if err := ctx.Err(); err != nil {
			return n - 1, nil, err
		}
		s, err := r.Screen(ctx, views, n)
		if err != nil && isDamage(err) {
			return n, &FrameDifference{Frame: n, Cause: "what is lost", Verdict: Broken, Err: err}, nil
		}
		if err != nil {
			return n, nil, err
		}
		if s.Verdict == Verified || s.Verdict == Unverified && s.Err == nil && (s.Sent == nil || Same(s.Sent, s.Built)) {
			continue
		}
		d := &FrameDifference{Frame: n, Cause: oneLine(causeText(&s.Entry)), Verdict: s.Verdict, Err: s.Err, Lost: s.Lost}
		if s.Sent != nil && s.Built != nil {
			d.HTML = Differ(s.Sent, s.Built)
		}
		return n, d, nil
	}
	return total, nil, nil
}

// test writes a test and its fixture, and never over another file.
func (c *command) test(ctx context.Context, path string, ids []string, frame int, dir string) error {
	catalog, r, err := c.at(ctx, path)
	if err != nil {
		return err
	}
	if r == nil {
		if len(ids) != 1 {
			return fmt.Errorf("replay test: name one recording of %s; %s", path, commandUsage)
		}
		if r, err = catalog.Get(ctx, ids[0]); err != nil {
			return err
		}
	}
	o := c.options
	o.Views = c.views
	files, err := r.GoTest(ctx, frame, o)
	if err != nil {
		return err
	}
	write := []struct {
		name string
		data []byte
	}{{filepath.Join(dir, files.FixtureName), files.Fixture}, {filepath.Join(dir, files.TestName), files.Test}}
	for _, f := range write {
		if _, err := os.Lstat(f.name); err == nil {
			return fmt.Errorf("replay test: %s is there already: move or remove it: %w", f.name, fs.ErrExist)
		}
	}
	if err := os.MkdirAll(filepath.Dir(write[0].name), 0o755); err != nil {
		return err
	}
	for _, f := range write {
		if err := writeNew(f.name, f.data); err != nil {
			return err
		}
		fmt.Fprintln(c.out, "wrote", f.name)
	}
	if !filepath.IsAbs(dir) {
		if dir = filepath.ToSlash(filepath.Clean(dir)); dir != "." {
			dir = "./" + dir
		}
	}
	_, err = fmt.Fprintf(c.out, "run it with: go test -run TestRecording %s\n", dir)
	return err
}

func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
