package live_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/coder/websocket"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

// visitor is a browser tab that numbers events, sends them again, and counts frames as the client does (see outbox.ts
// and session.ts in js/src), over lines that break. Its methods must be called by the test's goroutine.
type visitor struct {
	t     *testing.T
	lines *lines
	path  string
	token string
	ws    *websocket.Conn
	line  *line

	out      sync.Mutex // held while frames are written that were made on one page
	mu       sync.Mutex // readers apply frames
	root     *html.Node
	tag      string
	secret   string
	secrets  []string // all that came
	k        int      // frames applied
	ref      int      // the newest event answered, those dropped aside
	newest   int      // events made
	sent     int
	waiting  []sentEvent
	join     *wire.Joined
	joined   wire.Down // the answer to the newest join
	showed   string    // the tag presented with it
	frames   int       // all that came
	log      []string  // the newest of these
	wholes   int       // of these, those that carried the HTML
	refusals int       // events that were answered by an error
}

type sentEvent struct {
	n     int
	frame []byte
}

func newVisitor(t *testing.T, b *livetest.Browser, path string) *visitor {
	page := b.Load(path)
	v := &visitor{t: t, lines: &lines{Browser: b}, path: path}
	t.Cleanup(v.lines.close)
	v.token, _ = page.Attr("[data-live]", "data-live")
	v.tag, _ = page.Attr("[data-live]", "data-live-tag")
	v.replace(page.HTML(""))
	return v
}

func (v *visitor) replace(markup string) {
	v.root = &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := html.ParseFragment(strings.NewReader(markup), v.root)
	if err != nil {
		v.t.Error(err)
	}
	for _, n := range nodes {
		v.root.AppendChild(n)
	}
}

// swap shows another page, and tells the server.
func (v *visitor) swap(markup string, visit int) {
	nodes, err := html.ParseFragment(strings.NewReader(markup), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil || len(nodes) != 1 {
		v.t.Errorf("%d roots in %s: %v", len(nodes), markup, err)
		return
	}
	v.root, v.wholes = nodes[0], v.wholes+1
	for _, a := range v.root.Attr {
		if a.Key == "data-live" {
			v.token = a.Val
		}
	}
	ws := v.ws
	frame, _ := wire.AppendUp(nil, wire.Up{Kind: wire.Here, Reason: strconv.Itoa(visit)})
	go func() { // the reader must not wait for the server's
		v.out.Lock()
		defer v.out.Unlock()
		ws.Write(context.Background(), websocket.MessageText, frame)
	}()
}

func innerHTML(root *html.Node) string {
	var b strings.Builder
	for n := range root.ChildNodes() {
		html.Render(&b, n)
	}
	return b.String()
}

// connect opens a line that breaks after so many bytes, sends the join and waits until nothing happens any more. It
// reports whether the join was answered.
func (v *visitor) connect(how int, in, out int64) bool {
	ws, _, err := websocket.Dial(context.Background(), origin+v.path, &websocket.DialOptions{HTTPClient: &http.Client{Transport: v.lines}, HTTPHeader: http.Header{"Origin": {origin}}})
	if err != nil {
		v.t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	v.mu.Lock()
	v.ws, v.line, v.join, v.showed = ws, v.lines.newest(), nil, v.tag
	frame, err := wire.AppendJoin(nil, wire.Join{Token: v.token, Options: wire.Options{Secret: v.secret, K: v.k, N: v.sent, Tag: v.tag}})
	v.mu.Unlock()
	if err != nil {
		v.t.Fatal(err)
	}
	v.line.breaks(how, in, out)
	go v.read(ws)
	v.write(string(frame))
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.join != nil
}

// write sends a frame if it can: a broken line is noticed by its reader.
func (v *visitor) write(frame string) {
	v.ws.Write(context.Background(), websocket.MessageText, []byte(frame))
}

func (v *visitor) read(ws *websocket.Conn) {
	for {
		_, frame, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		v.mu.Lock()
		if v.ws == ws && string(frame) != "[]" {
			v.apply(frame)
		}
		v.mu.Unlock()
	}
}

func (v *visitor) apply(frame []byte) {
	d, err := wire.DecodeDown(frame)
	if err != nil {
		v.t.Errorf("frame %s: %v", frame, err)
		return
	}
	v.frames++
	v.log = append(v.log[max(0, len(v.log)-9):], string(frame))
	join := d.Extra.Join
	switch {
	case join == nil && v.join == nil:
		v.t.Errorf("before the answer to the join: %s", frame)
		return
	case join == nil:
		v.k++
	default:
		first := v.join == nil
		v.join, v.joined, v.secret = join, d, join.Secret
		v.secrets = append(v.secrets, join.Secret)
		if join.How == wire.Navigate {
			if first {
				v.sent = join.N // nothing was sent on this connection
			}
			v.k, v.waiting, v.newest = 0, nil, v.sent
		} else if join.How == wire.Mount {
			v.k = 0
			if v.sent > 0 {
				v.waiting, v.newest = nil, v.sent
			}
		} else if v.sent = join.N; len(v.waiting) == 0 {
			v.newest = v.sent
		}
	}
	for len(v.waiting) > 0 && v.waiting[0].n <= d.Ref {
		v.ref, v.waiting = v.waiting[0].n, v.waiting[1:]
	}
	v.refusals += len(d.Extra.Error)
	for _, op := range d.Extra.URL {
		v.path, _, _ = strings.Cut(op[0].(string), "#")
	}
	if d.Extra.Token != "" {
		v.token = d.Extra.Token
	}
	if join != nil && join.How == wire.Navigate {
		v.swap(*d.Extra.HTML, join.Visit)
	} else if d.Extra.HTML != nil {
		v.wholes++
		v.replace(*d.Extra.HTML)
	} else if err := diff.Apply(v.root, d.Patch); err != nil {
		v.t.Errorf("frame %s: %v", frame, err)
	}
	if string(d.Patch) != "[]" || d.Extra.HTML != nil || d.Extra.Tag != "" {
		v.tag = d.Extra.Tag
	}
}

// event makes an event: f says which, given its number. It is sent if the page is joined.
func (v *visitor) event(name string, f func(n int) any) {
	v.mu.Lock()
	v.newest++
	n := v.newest
	value, _ := json.Marshal(f(n))
	frame, err := wire.AppendUp(nil, wire.Up{Kind: wire.Event, N: n, Name: name, Payload: wire.Payload{Value: value}})
	if err != nil {
		v.t.Fatal(err)
	}
	v.waiting = append(v.waiting, sentEvent{n, frame})
	v.mu.Unlock()
	v.flush()
}

// flush sends the events that were not sent on this connection.
func (v *visitor) flush() {
	v.out.Lock()
	defer v.out.Unlock()
	v.mu.Lock()
	var frames []string
	if v.join != nil {
		for _, e := range v.waiting {
			if e.n > v.sent {
				frames = append(frames, string(e.frame))
			}
		}
		v.sent = v.newest
	}
	v.mu.Unlock()
	for _, f := range frames {
		v.write(f)
	}
}

// offline leaves the connection as a browser does that knows that it is lost; the server may not.
func (v *visitor) offline() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ws, v.join = nil, nil
}

// shows returns the page's HTML as a browser would write it.
func (v *visitor) shows() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return innerHTML(v.root)
}
