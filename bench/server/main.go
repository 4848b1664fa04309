// Command server serves the pages of the performance comparison, built with package live.
package main

import (
	"context"
	"flag"
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
	profile := flag.String("cpuprofile", "", "write a CPU profile to this `file`")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: server [-cpuprofile FILE] [PORT]")
		flag.PrintDefaults()
	}
	flag.Parse()
	port := "0" // a free one
	if flag.NArg() > 0 {
		port = flag.Arg(0)
	}
	if err := run(port, *profile); err != nil {
		log.Fatal(err)
	}
}

func run(port, profile string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return newApp().Serve(ctx, l)
}

func newApp() *live.App {
	app := live.New(live.Options{
		Secrets: [][]byte{[]byte("a secret for benchmarks, 32 bytes")},
		Layout:  layout,
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Events:  1_000_000, // a closed loop is as fast as the server
	})
	live.Handle(app, "GET /counter", func(*http.Request) (*Counter, error) { return &Counter{}, nil })
	live.Handle(app, "GET /dash", func(*http.Request) (*Dash, error) { return &Dash{*pages.NewDash()}, nil })
	live.Handle(app, "GET /children", func(*http.Request) (*Children, error) { return newChildren(), nil })
	live.Handle(app, "GET /memo", func(*http.Request) (*Memo, error) { return newMemo(), nil })
	live.Handle(app, "GET /board", func(*http.Request) (*Board, error) { return &Board{}, nil })
	app.Mount("/__publish/", publish(app))
	app.Mount("/__gc/", http.HandlerFunc(pages.GC))
	app.Mount("/__stats/", http.HandlerFunc(stats))
	app.Mount("/__heap/", http.HandlerFunc(heap))
	return app
}

// stats answers the number of goroutines.
func stats(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, runtime.NumGoroutine()) }

// heap answers a profile of what is in memory.
func heap(w http.ResponseWriter, _ *http.Request) {
	if err := pprof.WriteHeapProfile(w); err != nil {
		log.Print(err)
	}
}
