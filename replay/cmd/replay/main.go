// Command replay lists, shows and exports recordings in a directory, without the app that they are of:
//
//	replay list DIR [TEXT …]       recordings, the newest first; those with all these words
//	replay show DIR ID             its entries, one a line
//	replay show DIR ID -frame N    the view's HTML at a frame, as it was sent
//	replay export DIR ID           as one HTML file that plays without a server, to standard output
//	replay export DIR ID -raw      as it is stored, for Import elsewhere
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
	"strings"
	"text/tabwriter"
	"time"

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

const usage = "want replay list DIR [TEXT …], replay show DIR ID [-frame N], or replay export DIR ID [-raw]"

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New(usage)
	}
	if _, err := os.Stat(args[1]); err != nil {
		return fmt.Errorf("open the recordings: %w", err)
	}
	catalog := replay.NewCatalog(local.Dir(args[1]), replay.CatalogOptions{})
	if args[0] == "list" {
		return list(ctx, catalog, strings.Join(args[2:], " "), out)
	}
	if len(args) < 3 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	frame := flags.Int("frame", 0, "the `number` of a frame")
	raw := flags.Bool("raw", false, "as it is stored")
	if err := flags.Parse(args[3:]); err != nil {
		return err
	}
	r, err := catalog.Get(ctx, args[2])
	if err != nil {
		return err
	}
	switch {
	case args[0] == "show" && *frame > 0:
		s, err := r.Screen(ctx, nil, *frame)
		if err != nil {
			return err
		}
		if s.Sent == nil {
			return fmt.Errorf("frame %d: no HTML is recorded, as something in the view is redacted: see it with the app's own replay command, or at /replay", *frame)
		}
		_, err = fmt.Fprintf(out, "%s\n", s.Sent)
		return err
	case args[0] == "show":
		return show(ctx, r, out)
	case args[0] == "export" && *raw:
		return catalog.Export(ctx, args[2], out)
	case args[0] == "export":
		return r.ExportHTML(ctx, nil, out)
	}
	return errors.New(usage)
}

func list(ctx context.Context, c *replay.Catalog, text string, out io.Writer) error {
	found, err := c.Query(ctx, replay.Query{Text: text, Limit: -1})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tVIEW\tURL\tUSER\tSTART\tLENGTH\tEVENTS\tERRORS\tBUILD")
	for _, s := range found.Summaries {
		if s.Damage != "" {
			fmt.Fprintf(w, "%s\tdamaged: %s\n", s.ID, s.Damage)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%v\t%d\t%d\t%s\n", s.ID, s.View, s.URL, s.User, s.Start.Format(time.DateTime), s.Duration().Round(time.Second), s.Events, s.Errors, s.Build)
	}
	return w.Flush()
}

func show(ctx context.Context, r *replay.Recording, out io.Writer) error {
	n := 0
	for x, err := range r.Entries(ctx) {
		if err != nil {
			return err
		}
		at := fmt.Sprintf("%9.3f", x.At.Seconds())
		switch {
		case x.Mount != nil:
			n++
			fmt.Fprintf(out, "%s  frame %-5d %s at %s\n", at, n, x.Mount.View, x.Mount.URL)
		case x.Turn != nil:
			frame := strings.Repeat(" ", len("frame 12345"))
			if x.Turn.Effect != nil {
				n++
				frame = fmt.Sprintf("frame %-5d", n)
			}
			c := &x.Turn.Cause
			fmt.Fprintf(out, "%s  %s %s %s%s %s", at, frame, c.Kind, c.Name, c.URL, c.Payload)
			if x.Turn.Error != "" {
				fmt.Fprintf(out, "  error: %s", x.Turn.Error)
			}
			fmt.Fprintln(out)
		case x.Log != nil:
			fmt.Fprintf(out, "%s  log: %s", at, x.Log.Message)
			for _, a := range x.Log.Attrs {
				fmt.Fprintf(out, " %s=%s", a.Key, a.Value)
			}
			fmt.Fprintln(out)
		case x.Gap != nil:
			fmt.Fprintf(out, "%s  something is missing: %s %v\n", at, x.Gap.Reason, x.Gap.Err)
		case x.Exit != nil:
			fmt.Fprintf(out, "%s  %s %s\n", at, x.Exit.Reason, x.Exit.Error)
		}
	}
	return nil
}
