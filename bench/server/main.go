// Command server serves the pages of the performance comparison, built with package live. Its argument is the port.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"

	"github.com/livelong-dev/livelong/bench/pages"
	"github.com/livelong-dev/livelong/live"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: server PORT [CPU-PROFILE]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	app := live.New(live.Options{
		Secrets: [][]byte{[]byte("a secret for benchmarks, 32 bytes")},
		Layout:  layout,
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Events:  1_000_000, // a closed loop is as fast as the server
	})
	live.Handle(app, "GET /counter", func(*http.Request) (*Counter, error) { return &Counter{}, nil })
	live.Handle(app, "GET /dash", func(*http.Request) (*Dash, error) { return &Dash{*pages.NewDash()}, nil })
	app.Mount("/__gc/", http.HandlerFunc(pages.GC))
	app.Mount("/__goroutines/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, runtime.NumGoroutine()) }))
	app.Mount("/__heap/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { pprof.WriteHeapProfile(w) }))
	if len(os.Args) > 2 {
		f, err := os.Create(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := app.Serve(ctx, l); err != nil {
		log.Fatal(err)
	}
}
