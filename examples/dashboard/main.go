// Command dashboard shows what its host does, once a second: gauges with their last minute, and the processes, sorted and
// filtered by the URL. One goroutine reads the host for all viewers. With ?rows=5000&hz=10 the table is made up and
// changes ten times a second. Whoever can open the page sees the host's processes: it listens on localhost.
package main

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"os"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/examples/internal/look"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
)

//go:embed static
var static embed.FS

func main() {
	host := newHost()
	lines := &tail{}
	slog.SetDefault(slog.New(replay.LogHandler(lines.handler(slog.NewTextHandler(os.Stderr, nil)))))
	serve.Main(func(c serve.Config) (*live.App, error) {
		state, err := durable.Open(durable.Options{Bucket: c.Bucket("state")})
		if err != nil {
			return nil, err
		}
		return newApp(c, state, lines, host.label(), host.read)
	})
}

// newApp makes the app that shows what read reads.
func newApp(c serve.Config, state live.Stash, lines *tail, system string, read func() reading) (*live.App, error) {
	layout := look.Wide("Dashboard", "One goroutine reads the host, for all viewers together. This page is a Go struct on the server.",
		"/static/dashboard.css", "/static/dashboard.js", c.ReplayLinks()...)
	app := live.New(live.Options{Secrets: c.Secrets, Dev: c.Dev, Layout: layout, Stash: state, Recorder: c.Recorder()})
	look.Mount(app)
	c.MountReplay(app)
	name, err := os.Hostname()
	if err != nil {
		name = "This host"
	}
	sampler := newSampler(name, read, lines)
	c.Go(func(ctx context.Context) { sampler.run(ctx, app) })
	live.Handle(app, "GET /{$}", func(*http.Request) (*Dashboard, error) {
		return &Dashboard{Dev: c.Dev, Host: name, System: system, Hidden: []string{"parent"}, Draft: blank, sampler: sampler}, nil
	})
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, err
	}
	app.Mount("/static/", http.FileServerFS(files))
	return app, nil
}
