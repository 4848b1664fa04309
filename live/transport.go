package live

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// transport is one WebSocket. This file alone knows the library behind it.
type transport struct {
	ws    *websocket.Conn
	net   net.Conn // for write deadlines, which cost nothing where a context with a timer would
	patch time.Duration
	dated time.Time // when the deadline was set last
}

// Buffers of a connection in bytes. Events are small and frames are written whole, so net/http's two of 4 KiB, kept for
// as long as a connection lives, would be most of what an idle page costs.
const (
	readBuffer  = 512
	writeBuffer = 512
)

// accept upgrades a request. On an error it has answered.
func (a *App) accept(w http.ResponseWriter, r *http.Request) (*transport, error) {
	mode := websocket.CompressionDisabled
	if a.options.Compression {
		mode = websocket.CompressionNoContextTakeover
	}
	slim := &slimHijacker{ResponseWriter: w}
	// The origin is checked before, more strictly than the library does.
	ws, err := websocket.Accept(slim, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: mode})
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	ws.SetReadLimit(int64(a.limits.Frame) + 1)
	return &transport{ws: ws, net: slim.conn, patch: a.options.WriteTimeout}, nil
}

// slimHijacker gives the library buffers of our size.
type slimHijacker struct {
	http.ResponseWriter
	conn net.Conn
}

func (s *slimHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(s.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	s.conn = conn
	// The answer is on its way already, so the first frame may have come.
	early, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err != nil {
		return nil, nil, err
	}
	early = bytes.Clone(early)
	br := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), conn), max(readBuffer, len(early)))
	if _, err := br.Peek(len(early)); err != nil {
		return nil, nil, err
	}
	return conn, bufio.NewReadWriter(br, bufio.NewWriterSize(conn, writeBuffer)), nil
}

var frameBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// read calls f with the next frame, which is valid during the call.
func (t *transport) read(f func(frame []byte) error) error {
	kind, r, err := t.ws.Reader(context.Background())
	if err != nil {
		return err
	}
	buf := frameBuffers.Get().(*[]byte)
	defer frameBuffers.Put(buf)
	b := (*buf)[:0]
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if cap(b) <= 64<<10 {
		*buf = b
	}
	if kind != websocket.MessageText {
		return &wire.FrameError{Reason: "a binary frame, want text"}
	}
	return f(b)
}

// write sends one frame. Several goroutines must not call it at once.
func (t *transport) write(frame []byte) error {
	// A deadline is good for the frames of a while.
	if now := time.Now(); now.Sub(t.dated) > t.patch/8 {
		t.dated = now
		t.net.SetWriteDeadline(now.Add(t.patch))
	}
	return t.ws.Write(context.Background(), websocket.MessageText, frame)
}

// close sends a closing code and reason and waits, for at most a few seconds, until the browser has confirmed it.
func (t *transport) close(code int, reason string) {
	t.net.SetWriteDeadline(time.Now().Add(t.patch)) // that of the last frame may have passed long ago
	t.ws.Close(websocket.StatusCode(code), strings.ToValidUTF8(reason[:min(len(reason), 120)], ""))
}

// drop closes the connection at once, even when close is waiting for the browser.
func (t *transport) drop() {
	t.net.Close()
	t.ws.CloseNow()
}

// tooBig reports whether an error of read means a frame over the limit; the library has closed the socket then.
func tooBig(err error) bool { return errors.Is(err, websocket.ErrMessageTooBig) }

// checkOrigin refuses an upgrade that a page of another origin asks for.
func (a *App) checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return errors.New("the upgrade has no Origin")
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return fmt.Errorf("the Origin %q is not an origin", origin)
	}
	if strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	for _, pattern := range a.options.Origins {
		if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(u.Scheme+"://"+u.Host)); ok {
			return nil
		}
	}
	return fmt.Errorf("the Origin %q is not this app's (%s), and Options.Origins does not list it", origin, r.Host)
}

func checkOriginPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil || !strings.Contains(pattern, "://") {
		return fmt.Errorf("Options.Origins: %q is no pattern of scheme://host", pattern)
	}
	return nil
}

// isUpgrade reports whether a request asks for a WebSocket.
func isUpgrade(r *http.Request) bool { return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") }
