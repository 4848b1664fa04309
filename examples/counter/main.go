// Command counter is the smallest example: a page that counts and keeps a note. Start it with `make run`.
package main

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/examples/internal/look"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
)

//go:embed static
var static embed.FS

func main() { serve.Main(newApp) }

func newApp(c serve.Config) (*live.App, error) {
	state, err := durable.Open(durable.Options{Bucket: c.Bucket("state")})
	if err != nil {
		return nil, err
	}
	layout := look.Layout("Counter", "The server keeps this page in a Go struct. It works without JavaScript, too.", "/static/counter.css", c.ReplayLinks()...)
	app := live.New(live.Options{Secrets: c.Secrets, Dev: c.Dev, Layout: layout, Stash: state, Recorder: c.Recorder()})
	look.Mount(app)
	c.MountReplay(app)
	live.Handle(app, "GET /{$}", func(*http.Request) (*Counter, error) { return &Counter{Dev: c.Dev}, nil })
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, err
	}
	app.Mount("/static/", http.FileServerFS(files))
	return app, nil
}
