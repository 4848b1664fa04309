// Command replay lists, shows and exports recordings in a directory, without the app that they are of:
//
//	replay list DIR [TEXT …]             recordings, the newest first; those with all these words
//	replay show DIR ID | FILE            its entries, one a line
//	replay show -frame N DIR ID | FILE   the view's HTML at a frame, as it was sent
//	replay export DIR ID | FILE          as one HTML file that plays without a server, to standard output
//	replay export -raw DIR ID            as it is stored, for Import elsewhere; FILE is such a file
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/replay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := bufio.NewWriter(os.Stdout)
	err := run(ctx, os.Args[1:], out)
	if err = errors.Join(err, out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}

const usage = `want one of
  replay list DIR [TEXT …]             recordings, the newest first; those with all these words
  replay show DIR ID | FILE            its entries, one a line
  replay show -frame N DIR ID | FILE   the view's HTML at a frame, as it was sent
  replay export DIR ID | FILE          as one HTML file that plays without a server, to standard output
  replay export -raw DIR ID            as it is stored, for Import elsewhere; FILE is such a file`

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	frame := flags.Int("frame", 0, "")
	raw := flags.Bool("raw", false, "")
	var words []string
	for len(args) > 0 { // options stand anywhere
		if err := flags.Parse(args); err != nil {
			return fmt.Errorf("%w; %s", err, usage)
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if len(words) < 2 {
		return errors.New(usage)
	}
	info, err := os.Stat(words[1])
	if err != nil {
		return fmt.Errorf("open the recordings: %w; name the directory that they are kept in, or an exported file", err)
	}
	var catalog *replay.Catalog
	var r *replay.Recording
	switch {
	case info.IsDir():
		catalog = replay.NewCatalog(local.Dir(words[1]), replay.CatalogOptions{})
		if words[0] == "list" {
			return list(ctx, catalog, strings.Join(words[2:], " "), out)
		}
		if len(words) != 3 {
			return errors.New(usage)
		}
		r, err = catalog.Get(ctx, words[2])
	case len(words) != 2 || *raw || words[0] == "list":
		return errors.New(usage)
	default:
		r, err = exported(ctx, words[1])
	}
	if err != nil {
		return err
	}
	switch {
	case words[0] == "show" && *frame != 0:
		return showFrame(ctx, r, *frame, out)
	case words[0] == "show":
		return show(ctx, r, out)
	case words[0] == "export" && *raw:
		return catalog.Export(ctx, words[2], out)
	case words[0] == "export":
		return r.ExportHTML(ctx, nil, out)
	}
	return errors.New(usage)
}

// exported opens a file that export -raw has written.
func exported(ctx context.Context, path string) (*replay.Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := replay.ReadExported(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("%s is no directory, and no recording that was exported with -raw: %w", path, err)
	}
	return r, nil
}

// line writes what a recording says as one line, so that it says nothing to a terminal.
func line(out io.Writer, format string, args ...any) error {
	text := strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(fmt.Sprintf(format, args...), "\uFFFD"))
	_, err := fmt.Fprintln(out, strings.TrimRight(text, " "))
	return err
}

func showFrame(ctx context.Context, r *replay.Recording, n int, out io.Writer) error {
	s, err := r.Screen(ctx, nil, n)
	switch {
	case err != nil:
		return err
	case errors.Is(s.Err, replay.ErrDamaged):
		return s.Err
	case s.Sent == nil:
		return fmt.Errorf("frame %d: no HTML is recorded, as something in the view is redacted: see it at the app's own /replay", n)
	}
	_, err = fmt.Fprintf(out, "%s\n", s.Sent)
	return err
}

func list(ctx context.Context, c *replay.Catalog, text string, out io.Writer) error {
	found, err := c.Query(ctx, replay.Query{Text: text, Limit: -1})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_ = line(w, "ID\tVIEW\tURL\tUSER\tSTART\tLENGTH\tEVENTS\tERRORS\tBUILD")
	for _, s := range found.Summaries {
		if s.Damage != "" {
			_ = line(w, "%s\tdamaged: %s", s.ID, s.Damage)
			continue
		}
		_ = line(w, "%s\t%s\t%s\t%s\t%s\t%v\t%d\t%d\t%s", s.ID, s.View, s.URL, s.User, s.Start.Format(time.DateTime), s.Duration().Round(time.Second), s.Events, s.Errors, s.Build)
	}
	return w.Flush()
}

func show(ctx context.Context, r *replay.Recording, out io.Writer) error {
	n, lost := 0, false
	for x, err := range r.Entries(ctx) {
		if err != nil {
			return err
		}
		frame := strings.Repeat(" ", len("frame 12345"))
		if x.Mount != nil || x.Turn != nil && x.Turn.Effect != nil {
			n++
			if frame = fmt.Sprintf("frame %-5d", n); lost {
				frame = "frame ?    "
			}
		}
		text := ""
		switch {
		case x.Mount != nil:
			text = x.Mount.View + " at " + x.Mount.URL
		case x.Turn != nil:
			c := &x.Turn.Cause
			text = strings.Join(slices.DeleteFunc([]string{c.Kind.String(), c.Name, c.URL, strings.Join(c.Keys, ", "), string(c.Payload)}, func(s string) bool { return s == "" }), " ")
			if x.Turn.Error != "" {
				text += "  error: " + x.Turn.Error
			}
		case x.Log != nil:
			text = "log: " + x.Log.Message
			for _, a := range x.Log.Attrs {
				text += " " + a.Key + "=" + a.Value
			}
		case x.Gap != nil:
			text = "something is missing: " + x.Gap.Reason
			lost = lost || x.Gap.Err != nil // which number the next frame has is not known
		case x.Exit != nil:
			text = x.Exit.Reason.String() + " " + x.Exit.Error
		}
		if err := line(out, "%9.3f  %s  %s", x.At.Seconds(), frame, text); err != nil {
			return err
		}
	}
	return nil
}
