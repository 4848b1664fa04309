// Command site serves the pages that the browser tests drive. It prints its address.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/livelong-dev/livelong/live"
)

const css = `.box { height: 120px; overflow: auto; } nav { position: sticky; top: 0; background: Canvas; } #scroller { height: 120px; overflow: auto; } iframe { width: 60px; height: 20px; border: 0; } :root { color-scheme: light dark; }`

// sockets are the connections that became WebSockets.
type sockets struct {
	mu   sync.Mutex
	open []net.Conn
}

// watch is a server's ConnState.
func (s *sockets) watch(c net.Conn, state http.ConnState) {
	if state == http.StateHijacked {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open = append(s.open, c)
	}
}

// cut closes them all without a word, as a network does.
func (s *sockets) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		c.Close() // what is closed already stays so
	}
	s.open = nil
}

func main() {
	var open sockets
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	data := flag.String("data", "", "`directory` for what is stored; without one it is kept in memory")
	addr := flag.String("addr", "127.0.0.1:0", "`host:port` to listen on")
	latency := flag.Duration("latency", 0, "how long a request to the bucket in memory takes")
	flag.Parse()
	bucket, err := openBucket(*data, *latency)
	if err != nil {
		log.Fatal(err)
	}
	state, err := bucket.store()
	if err != nil {
		log.Fatal(err)
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Layout: layout, Stash: state})
	live.Handle(app, "GET /things", func(*http.Request) (*Things, error) { return &Things{}, nil })
	live.Handle(app, "GET /stored", func(*http.Request) (*Stored, error) { return &Stored{}, nil })
	live.Handle(app, "GET /trouble", func(*http.Request) (*Trouble, error) { return &Trouble{}, nil })
	live.Handle(app, "GET /forms", func(*http.Request) (*Forms, error) { return &Forms{}, nil })
	live.Handle(app, "GET /basket", func(*http.Request) (*Basket, error) { return &Basket{}, nil })
	live.Handle(app, "GET /nested", func(*http.Request) (*Nested, error) { return &Nested{&Stored{}}, nil })
	live.Handle(app, "GET /news", func(*http.Request) (*News, error) { return &News{}, nil })
	live.Handle(app, "GET /jobs", func(*http.Request) (*Jobs, error) { return &Jobs{}, nil })
	live.Handle(app, "GET /parts", func(r *http.Request) (*Parts, error) { return newParts(app, r.URL.Query().Get("name")), nil })
	live.Handle(app, "GET /cards", func(r *http.Request) (*Cards, error) {
		n, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("n"), "5"))
		if err != nil {
			return nil, &live.StatusError{Status: http.StatusNotFound, Err: err}
		}
		return newCards(n), nil
	})
	live.Handle(app, "GET /rows/{n}", func(r *http.Request) (*Rows, error) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil {
			return nil, &live.StatusError{Status: http.StatusNotFound, Err: err}
		}
		v := &Rows{Order: make([]int, n)}
		for i := range v.Order {
			v.Order[i] = i
		}
		return v, nil
	})
	travel(app)
	app.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/style.css":
			w.Header().Set("Content-Type", "text/css")
			io.WriteString(w, css)
		case "/publish":
			publish(app, w, r)
		case "/gate":
			gates.ServeHTTP(w, r)
		case "/members":
			visitors(w, r)
		case "/login":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>Log in</title><h1>Log in</h1></html>`)
		case "/cut":
			open.cut()
		case "/frame":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, `<!DOCTYPE html><html lang="en"><title>frame</title><p>frame</p></html>`)
		default:
			http.NotFound(w, r)
		}
	}))
	server := &http.Server{ConnState: open.watch, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'")
		if r.URL.Path == "/bucket" {
			bucket.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/trouble" && r.URL.Query().Has("do") {
			trouble(w, r)
			return
		}
		if r.URL.Query().Has("break") && r.Header.Get("Upgrade") == "" {
			page := httptest.NewRecorder()
			app.ServeHTTP(page, r)
			for _, c := range page.Result().Cookies() {
				http.SetCookie(w, c)
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, strings.Replace(page.Body.String(), `data-live="`, `data-live="x`, 1))
			return
		}
		app.ServeHTTP(w, r)
	})}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	go func() {
		<-ctx.Done()
		app.Shutdown(context.Background())
		server.Close()
	}()
	if err := server.Serve(l); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
