// Package load is the client of the performance comparison: it loads pages, opens sockets and sends events, to a server
// built with package live or to the hand-written floor, and counts the bytes that come back.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Server is a server under load.
type Server struct {
	Base string // http://host:port
	Live bool   // built with package live, and not the floor
}

// Client is one browser tab: one TCP connection for the page, one for its socket.
type Client struct {
	server Server
	page   string // counter, dash, memo or children
	cookie string
	token  string
	ws     *websocket.Conn
	n      int       // events sent
	frames int       // counted frames received
	told   int       // of these, those the server knows of
	since  time.Time // when the first that it does not know of came
	bytes  atomic.Int64
}

// New returns a client of a page; it has loaded nothing yet. By hand there is one dashboard.
func New(s Server, page string) *Client {
	if (page == "memo" || page == "children") && !s.Live {
		page = "dash"
	}
	return &Client{server: s, page: page}
}

// Bytes returns how many bytes have come from the server, with all headers.
func (c *Client) Bytes() int64 { return c.bytes.Load() }

// counted counts what is read from a connection.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (c *Client) http() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return counted{conn, &c.bytes}, nil
		},
	}}
}

var token = regexp.MustCompile(`data-live="([^"]+)"`)

// Load loads the page by GET.
func (c *Client) Load(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server.Base+"/"+c.page, nil)
	if err != nil {
		return err
	}
	res, err := c.http().Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /%s: %s: %s", c.page, res.Status, body)
	}
	if !c.server.Live {
		return nil
	}
	m := token.FindSubmatch(body)
	if m == nil || len(res.Cookies()) == 0 {
		return errors.New("the page has no token or no cookie")
	}
	c.token, c.cookie = string(m[1]), res.Cookies()[0].Name+"="+res.Cookies()[0].Value
	return nil
}

// Connect opens the page's socket and returns the size of the answer to the join with its frame's header; 0 for the
// floor, which has none.
func (c *Client) Connect(ctx context.Context) (answer int, err error) {
	path := "/ws/" + c.page
	header := http.Header{"Origin": {c.server.Base}}
	if c.server.Live {
		path = "/" + c.page
		header.Set("Cookie", c.cookie)
	}
	c.ws, _, err = websocket.Dial(ctx, c.server.Base+path, &websocket.DialOptions{HTTPClient: c.http(), HTTPHeader: header})
	if err != nil {
		return 0, err
	}
	c.ws.SetReadLimit(-1)
	if !c.server.Live {
		return 0, nil
	}
	join, err := json.Marshal([]any{1, c.token, struct{}{}})
	if err != nil {
		return 0, err
	}
	if err := c.ws.Write(ctx, websocket.MessageText, join); err != nil {
		return 0, err
	}
	_, frame, err := c.ws.Read(ctx)
	return len(frame) + frameHeader(len(frame)), err
}

func frameHeader(n int) int {
	switch {
	case n < 126:
		return 2
	case n < 1<<16:
		return 4
	}
	return 10
}

// names are the events of the pages as package live names them.
var names = map[string]string{"inc": "Inc", "tick": "Tick", "sort": "Sort", "prepend": "Prepend"}

// Event sends an event and waits for its answer.
func (c *Client) Event(ctx context.Context, event string) error {
	c.n++
	frame := `{"e":"` + event + `"}`
	if c.server.Live {
		if c.told < c.frames && time.Since(c.since) > confirmAfter {
			if err := c.Confirm(ctx); err != nil {
				return err
			}
		}
		frame = `[` + strconv.Itoa(c.n) + `,"` + names[event] + `"]`
	}
	if err := c.ws.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
		return err
	}
	for {
		_, answer, err := c.ws.Read(ctx)
		if err != nil {
			return err
		}
		if !c.server.Live {
			return nil
		}
		if c.frames++; c.told == c.frames-1 {
			c.since = time.Now()
		}
		if answered(answer) >= c.n {
			return nil
		}
	}
}

// confirmAfter is how long a busy client waits before it says how many frames it has applied. The browser's waits until
// no event was sent for a second, or five; here the server is to have something to keep all the time, and never so much
// that it gives up.
const confirmAfter = time.Second

// Confirm tells the server how many frames the client has applied, as a browser does a second after its last event.
func (c *Client) Confirm(ctx context.Context) error {
	if !c.server.Live || c.told == c.frames {
		return nil
	}
	c.told = c.frames
	return c.ws.Write(ctx, websocket.MessageText, []byte(`[`+strconv.Itoa(c.frames)+`]`))
}

// answered returns a frame's first element.
func answered(frame []byte) (n int) {
	for _, b := range frame[min(1, len(frame)):] {
		if b < '0' || b > '9' {
			break
		}
		n = 10*n + int(b-'0')
	}
	return n
}

// Close closes the socket.
func (c *Client) Close() {
	if c.ws != nil {
		c.ws.CloseNow()
	}
}

// Open loads and connects n clients, a few at a time.
func Open(ctx context.Context, s Server, page string, n int) ([]*Client, error) {
	clients := make([]*Client, n)
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	next := atomic.Int64{}
	for range min(n, 16) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() == nil; i = next.Add(1) - 1 {
				c := New(s, page)
				err := c.Load(ctx)
				if err == nil {
					_, err = c.Connect(ctx)
				}
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
				clients[i] = c
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return clients, nil
}

// Broadcast has the server publish something n times, and waits each time until all clients have received it.
func Broadcast(ctx context.Context, s Server, clients []*Client, n int) error {
	var all sync.WaitGroup
	next := make([]chan struct{}, len(clients))
	failed := make(chan error, len(clients))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, c := range clients {
		next[i] = make(chan struct{}, 1)
		go func() {
			for range next[i] {
				if err := c.receive(ctx); err != nil {
					failed <- err
				}
				all.Done()
			}
		}()
	}
	for range n {
		all.Add(len(clients))
		for _, ch := range next {
			ch <- struct{}{}
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Base+"/__publish/", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		res.Body.Close()
		all.Wait()
		select {
		case err := <-failed:
			return err
		default:
		}
	}
	for _, ch := range next {
		close(ch)
	}
	return nil
}

// receive waits for a frame that no event has asked for.
func (c *Client) receive(ctx context.Context) error {
	if _, _, err := c.ws.Read(ctx); err != nil || !c.server.Live {
		return err
	}
	if c.frames++; c.told == c.frames-1 {
		c.since = time.Now()
	}
	if time.Since(c.since) > confirmAfter {
		return c.Confirm(ctx)
	}
	return nil
}

// Loop lets each client send an event, wait for its answer and send the next, until d has passed. It returns how many
// were answered and the bytes that came for them.
func Loop(ctx context.Context, clients []*Client, event string, d time.Duration) (events, bytes int64, err error) {
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	var count atomic.Int64
	var before, after int64
	for _, c := range clients {
		before += c.Bytes()
	}
	end := time.Now().Add(d)
	for _, c := range clients {
		wg.Go(func() {
			for time.Now().Before(end) && failed.Load() == nil {
				if err := c.Event(ctx, event); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				count.Add(1)
			}
		})
	}
	wg.Wait()
	for _, c := range clients {
		after += c.Bytes()
	}
	if err := failed.Load(); err != nil {
		return 0, 0, *err
	}
	return count.Load(), after - before, nil
}
