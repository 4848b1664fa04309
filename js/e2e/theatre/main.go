// Command theatre serves a page that is recorded, and the recordings, for the browser tests. It prints its address. What it
// stores is in memory, and may be made to fail: POST /store?fail=1.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

const (
	css = `@font-face { font-family: gone; src: url(/gone.woff2); } :root { color-scheme: light dark; } h1 { color: rgb(1, 120, 90); } ` +
		`main { padding: 1rem; background: url("/dot.svg") no-repeat right top; } @media (prefers-color-scheme: dark) { h1 { color: rgb(120, 220, 190); } }`
	dot = `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><script>top.ran = 1</script><circle cx="8" cy="8" r="8" fill="teal"/></svg>`
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	slog.SetDefault(slog.New(replay.LogHandler(slog.NewTextHandler(io.Discard, nil))))
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	var broken atomic.Bool
	archive := &replaytest.Memory{Fail: func(context.Context, string, string) error {
		if broken.Load() {
			return errors.New("no route to the store")
		}
		return nil
	}}
	quiet := slog.New(replay.LogHandler(slog.DiscardHandler))
	rec, err := replay.Open(replay.Options{Archive: archive, Build: "e2e-1", FlushEvery: 200 * time.Millisecond, Logger: quiet,
		User: func(r *http.Request) string { return r.Header.Get("X-User") }})
	if err != nil {
		return err
	}
	empty, err := replay.Open(replay.Options{Archive: &replaytest.Memory{}, Logger: quiet})
	if err != nil {
		return err
	}
	if err := keepHostile(ctx, archive, rec); err != nil {
		return err
	}
	layout := func(p live.Page, body templ.Component) templ.Component { return document(p, body) }
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Layout: layout, Recorder: rec, Grace: 300 * time.Millisecond, Logger: quiet})
	live.Handle(app, "GET /{$}", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
	all := replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }}
	app.Mount("/replay/", replay.UI(rec, all))
	app.Mount("/empty/", replay.UI(empty, all))
	app.Mount("/closed/", replay.UI(rec, replay.UIOptions{}))
	file := func(path, kind, data string) {
		app.Mount(path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, data)
		}))
	}
	file("/style.css", "text/css", css)
	file("/dot.svg", "image/svg+xml", dot)
	app.Mount("/store", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { broken.Store(r.FormValue("fail") != "") }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	err = app.Serve(ctx, l)
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, rec.Close(end), empty.Close(end))
}

const hostile = `<script>top.ran = 1</script><img src="x" onerror="top.ran = 1"><img src="http://evil.test/a.png" srcset="http://evil.test/b.png 2x">` +
	`<a id="way" href="javascript:top.ran = 1" target="_top">a way out</a> <form action="http://evil.test/f"><button>send</button></form>` +
	`<iframe src="http://evil.test/e"></iframe><object data="http://evil.test/g"></object><video src="http://evil.test/i" autoplay></video>` +
	`<svg><a href="javascript:top.ran = 1"><text y="20">c</text></a><image href="http://evil.test/k.png"></image></svg>` +
	`<p style="background: u\72l(http://evil.test/n.png)">d</p><style>@import "http://evil.test/o.css"; p { background: u\72l(http://evil.test/p.png) }</style>` +
	`<link rel="stylesheet" href="http://evil.test/q.css"><meta http-equiv="refresh" content="0;url=http://evil.test/s"><base href="http://evil.test/">`

// keepHostile keeps a recording as somebody could import one.
func keepHostile(ctx context.Context, a replay.Archive, rec *replay.Recorder) error {
	const id = "hostile"
	e, err := replay.NewEncoder(replay.EncoderOptions{})
	if err != nil {
		return err
	}
	sealer, err := replay.NewSealer(id)
	if err != nil {
		return err
	}
	s := replay.Summary{ID: id}
	for i := range 2 {
		html := []byte(hostile + fmt.Sprintf("<h1>Hostile %d</h1>", i))
		sum := sha256.Sum256(html)
		effect := &replay.Effect{Keyframe: true, Parts: []replay.Part{{Fields: []replay.Field{{Name: "Text", JSON: []byte(`"<b>"`)}}}}, Hash: 1, HTML: html, Sum: sum[:]}
		x := replay.Entry{Mount: &replay.Mount{View: "main.Hostile", URL: "/hostile?<script>", Start: time.Now().Add(-time.Hour), Key: make([]byte, 16), Effect: effect}}
		if i > 0 {
			x = replay.Entry{At: time.Second, Turn: &replay.Turn{Cause: replay.Cause{Kind: replay.CauseEvent, Name: "<img src=x onerror=alert(1)>", Payload: []byte(`{"X":"<script>top.ran = 1</script>"}`)}, Effect: effect}}
		}
		if err := e.Append(x); err != nil {
			return err
		}
		s.Count(&x)
	}
	seg, err := sealer.Seal(e.Cut())
	if err != nil {
		return err
	}
	if _, err := a.Put(ctx, seg.Key, seg.Data, ""); err != nil {
		return err
	}
	s.ID, s.Segments, s.Bytes, s.Hash = id, 1, int64(len(seg.Data)), fmt.Sprintf("%x", seg.Data[len(seg.Data)-32:])
	return rec.Save(ctx, s)
}
