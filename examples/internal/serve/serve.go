// Package serve is what the examples' main functions share: flags, the secret, a listener, and stopping in order.
package serve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/examples/internal/look"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
)

// Config is what an example is started with.
type Config struct {
	Data    string   // the directory for what must survive
	Dev     bool     // development mode
	Secrets [][]byte // for live.Options

	// Replay records the example's pages; nil in tests.
	Replay *replay.Recorder
	// Go runs f beside the app. The context ends when the example is told to stop, and Main waits for f.
	Go func(f func(context.Context))
}

// Bucket returns a directory of this name below Data, or, where nothing can be written, a bucket in memory that ends
// with the process.
func (c Config) Bucket(name string) durable.Bucket {
	dir := filepath.Join(c.Data, name)
	if c.Data != "" {
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			return local.Dir(dir)
		}
		slog.Warn("nothing can be written here: what is stored ends with this process", "dir", dir, "err", err)
	}
	return durabletest.NewMemory()
}

// Recorder is Replay for live.Options.
func (c Config) Recorder() live.Recorder {
	if c.Replay == nil {
		return nil
	}
	return c.Replay
}

// replayPath is where the recordings are shown.
const replayPath = "/replay/"

// ReplayLinks leads below the pages to the recordings, where these are open.
func (c Config) ReplayLinks() []look.Link {
	if !c.Dev {
		return nil
	}
	return []look.Link{{Path: replayPath, Text: "Replay"}}
}

// MountReplay shows the recordings: in development to everybody, otherwise to nobody. An app of one's own asks who it is.
func (c Config) MountReplay(app *live.App) {
	if c.Replay == nil {
		return
	}
	var o replay.UIOptions
	if c.Dev {
		o.Authorize = func(*http.Request, replay.Action, *replay.Summary) error { return nil }
	}
	app.Mount(replayPath, replay.UI(c.Replay, o))
}

// Main parses the flags, builds the app and serves it until SIGTERM or an interrupt. With -dev the server runs as a
// child of a small supervisor that starts it again when it dies.
func Main(build func(Config) (*live.App, error)) {
	addr := flag.String("addr", "localhost:8080", "`host:port` to listen on; port 0 picks a free one")
	data := flag.String("data", "data", "`directory` for what must survive a restart")
	dev := flag.Bool("dev", false, "development mode: checks, plain errors, a secret of its own, a server that comes back")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if flag.Arg(0) == "replay" {
		if err := recordings(ctx, build); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, *addr, Config{Data: *data, Dev: *dev}, build); err != nil {
		slog.Error("stopped", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr string, c Config, build func(Config) (*live.App, error)) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	l, child, err := inherited()
	if err != nil {
		return err
	}
	if !child {
		if l, err = net.Listen("tcp", addr); err != nil {
			return err
		}
		fmt.Printf("listening on http://%s\n", l.Addr())
		if c.Dev {
			return supervise(ctx, l.(*net.TCPListener))
		}
	}
	if c.Secrets, err = secrets(c); err != nil {
		return err
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c.Go = func(f func(context.Context)) { beside.Go(func() { f(ctx) }) }
	if c.Replay, err = replay.Open(replay.Options{Archive: c.Bucket("replay")}); err != nil {
		return err
	}
	app, err := build(c)
	if err == nil {
		err = app.Serve(ctx, l)
	}
	last, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return errors.Join(err, c.Replay.Close(last))
}

// closeTimeout is how long the recordings of the last moments may take to be written.
const closeTimeout = 10 * time.Second

// recordings runs a subcommand of [replay.Command]: the app is made, and not served.
func recordings(ctx context.Context, build func(Config) (*live.App, error)) error {
	app, err := build(Config{Secrets: [][]byte{[]byte(newSecret())}, Go: func(func(context.Context)) {}})
	if err != nil {
		return err
	}
	_, err = replay.Command(ctx, app, flag.Args(), func(dir string) replay.Archive { return local.Dir(dir) }, os.Stdout)
	return err
}

// secrets reads LIVELONG_SECRET or the file DATA/secret, hexadecimal, the newest first, separated by white space. In
// development the file is made on the first start.
func secrets(c Config) ([][]byte, error) {
	text, file := os.Getenv("LIVELONG_SECRET"), filepath.Join(c.Data, "secret")
	if text == "" {
		b, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && c.Dev {
			b = []byte(newSecret())
			if os.MkdirAll(c.Data, 0o700) != nil || os.WriteFile(file, b, 0o600) != nil {
				slog.Warn("nothing can be written here: pages do not survive a restart", "dir", c.Data)
			}
			err = nil
		}
		if err != nil {
			return nil, fmt.Errorf("no secret: set LIVELONG_SECRET, or write one to %s, as 64 hexadecimal digits (openssl rand -hex 32): %w", file, err)
		}
		text = string(b)
	}
	var all [][]byte
	for _, word := range strings.Fields(text) {
		secret, err := hex.DecodeString(word)
		if err != nil {
			return nil, errors.New("the secret is not hexadecimal: make one with openssl rand -hex 32")
		}
		all = append(all, secret)
	}
	return all, nil
}

func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}
