// Command export writes an exported recording whose page tries to run and to load what it can from an address.
package main

import (
	"context"
	"log"
	"os"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// hostile is a page that nobody would render, as a forged recording may have it.
const hostile = `<p>page N</p><script>fetch("ADDR/script")</script><img src="ADDR/img" onerror="fetch('ADDR/onerror')">` +
	`<img src="x" onerror="top.hacked = 1"><link rel="stylesheet" href="ADDR/css"><style>@import "ADDR/import"; p { background: url(ADDR/css-image) }</style>` +
	`<iframe src="ADDR/frame"></iframe><iframe srcdoc="&lt;img src=ADDR/nested&gt;"></iframe><object data="ADDR/object"></object><video src="ADDR/video"></video>` +
	`<svg><image href="ADDR/svg"/></svg><a id="same" href="ADDR/link" ping="ADDR/ping">same</a><a id="top" target="_top" href="ADDR/top">top</a>` +
	`<a id="new" target="_blank" href="ADDR/new">new</a><a id="run" href="javascript:top.hacked = 2">run</a><form action="ADDR/form"><button id="send">send</button></form>` +
	`<meta http-equiv="refresh" content="0;url=ADDR/refresh"><base href="ADDR/base/">`

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string) error {
	archive := &replaytest.Memory{}
	catalog := replay.NewCatalog(archive, replay.CatalogOptions{})
	writer := replay.OpenWriter(catalog, replay.WriterOptions{})
	encoder, err := replay.NewEncoder(replay.EncoderOptions{})
	if err != nil {
		return err
	}
	summary := replay.Summary{ID: replay.NewID()}
	output, err := writer.Begin(summary)
	if err != nil {
		return err
	}
	effect := func(n string) *replay.Effect {
		return &replay.Effect{Keyframe: true, HTML: []byte(strings.NewReplacer("ADDR", addr, "page N", "page "+n).Replace(hostile))}
	}
	for _, x := range []replay.Entry{
		{Mount: &replay.Mount{View: `</script><script>hacked = 3</script>`, URL: `"><img src=x onerror=hacked=4>`, Effect: effect("1")}},
		{At: time.Second, Turn: &replay.Turn{Cause: replay.Cause{Kind: replay.CauseEvent, Name: `<img src=x onerror=hacked=5>`}, Effect: effect("2")}},
		{At: 2 * time.Second, Turn: &replay.Turn{Cause: replay.Cause{Kind: replay.CauseEvent, Name: "Last"}, Error: `"><script>hacked = 6</script>`, Effect: effect("3")}},
	} {
		if err := encoder.Append(x); err != nil {
			return err
		}
		summary.Count(&x)
	}
	output.Write(encoder.Cut())
	output.Finish(summary)
	if err := writer.Close(ctx); err != nil {
		return err
	}
	r, err := catalog.Get(ctx, summary.ID)
	if err != nil {
		return err
	}
	return r.ExportHTML(ctx, nil, os.Stdout)
}
