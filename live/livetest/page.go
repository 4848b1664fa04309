package livetest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/html"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Page is one page in one tab. Its methods must be called by the test's goroutine.
type Page struct {
	b        *Browser
	t        testing.TB
	url      *url.URL // guarded by mu once the page is connected
	first    string
	document *html.Node
	root     *html.Node // the element with data-live
	state    map[*html.Node]*control

	ws     *websocket.Conn
	app    *live.App // that it was connected to last
	reader sync.WaitGroup

	mu      sync.Mutex
	history []entry
	at      int // the entry that is shown
	page    int // counts mounts
	visited int // the newest navigation shown
	changed *sync.Cond
	join    *wire.Joined
	secret  string
	n       int // the newest event sent
	ref     int // the newest event answered
	frames  int // counted frames applied
	bytes   []int
	tag     string
	title   string
	flash   []live.FlashMessage
	errors  []string
	refused map[int]bool // events that were answered by an error
	replies map[int]json.RawMessage
	pushed  map[string][]json.RawMessage
	to      string
	save    string // how the page is stored; see Saved
	failure string // why reading stopped
	closed  websocket.StatusCode
}

func newPage(b *Browser, u *url.URL, first string) *Page {
	b.t.Helper()
	document, err := html.Parse(strings.NewReader(first))
	if err != nil {
		b.t.Fatalf("livetest: parse %s: %v", u, err)
	}
	p := &Page{b: b, t: b.t, url: u, first: first, document: document, state: map[*html.Node]*control{}, pushed: map[string][]json.RawMessage{}, refused: map[int]bool{}}
	p.changed = sync.NewCond(&p.mu)
	p.history = []entry{{url: u}}
	p.root = find(document, func(n *html.Node) bool { return attr(n, "data-live") != "" })
	if p.root == nil {
		b.t.Fatalf("livetest: %s shows no view:\n%s", u, first)
	}
	if title := find(document, func(n *html.Node) bool { return n.Data == "title" }); title != nil {
		p.title = text(title)
	}
	if region := find(document, func(n *html.Node) bool { return has(n, "data-live-flash") }); region != nil {
		for m := range region.ChildNodes() {
			_, kind, _ := strings.Cut(attr(m, "class"), "live-flash-")
			p.flash = append(p.flash, live.FlashMessage{Kind: kind, Text: text(m.FirstChild)})
		}
	}
	p.tag = attr(p.root, "data-live-tag")
	b.t.Cleanup(p.Close)
	return p
}

// Connect opens the page's socket and waits until the join is answered.
func (p *Page) Connect() {
	p.t.Helper()
	if err := p.TryConnect(); err != nil {
		p.t.Fatalf("livetest: connect %s: %v", p.url, err)
	}
}

// TryConnect is Connect for tests that expect it to be refused.
func (p *Page) TryConnect() error {
	p.t.Helper()
	if p.ws != nil {
		p.t.Fatal("livetest: the page is connected already")
	}
	p.mu.Lock()
	path := p.url.RequestURI()
	p.mu.Unlock()
	if socket := attr(p.root, "data-live-socket"); socket != "" {
		path = socket
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	header := http.Header{"Origin": {origin}}
	ws, res, err := websocket.Dial(ctx, origin+path, &websocket.DialOptions{HTTPClient: &http.Client{Transport: p.b}, HTTPHeader: header})
	if err != nil {
		if res != nil {
			return &live.StatusError{Status: res.StatusCode, Err: err}
		}
		return err
	}
	ws.SetReadLimit(-1)
	p.mu.Lock()
	options := wire.Options{Secret: p.secret, N: p.n, Tag: p.tag, Params: p.b.Params}
	if p.secret != "" {
		options.K = p.frames
	}
	p.join, p.failure, p.closed = nil, "", 0
	p.mu.Unlock()
	p.ws, p.app = ws, p.b.app
	frame, err := wire.AppendJoin(nil, wire.Join{Token: attr(p.root, "data-live"), Options: options})
	if err != nil {
		p.t.Fatalf("livetest: %v", err)
	}
	p.reader.Go(func() { p.read(ws) })
	p.write(frame)
	p.wait("the answer to the join", func() bool { return p.join != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.join == nil {
		closed := p.closed
		p.ws = nil
		return websocket.CloseError{Code: closed, Reason: p.failure}
	}
	return nil
}

func (p *Page) write(frame []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	// A closed connection is reported by whoever waits for the answer.
	p.ws.Write(ctx, websocket.MessageText, frame)
}

// read applies frames until the connection ends.
func (p *Page) read(ws *websocket.Conn) {
	for {
		_, frame, err := ws.Read(context.Background())
		p.mu.Lock()
		if err != nil {
			p.failure, p.closed = err.Error(), websocket.CloseStatus(err)
			p.changed.Broadcast()
			p.mu.Unlock()
			return
		}
		if string(frame) != "[]" {
			if err := p.apply(frame); err != nil {
				p.t.Errorf("livetest: frame %s: %v", frame, err)
			}
		}
		p.changed.Broadcast()
		p.mu.Unlock()
	}
}

// apply does what the client does with a frame. The caller holds mu.
func (p *Page) apply(frame []byte) error {
	d, err := wire.DecodeDown(frame)
	if err != nil {
		return err
	}
	x := &d.Extra
	if x.Join != nil {
		p.join, p.secret = x.Join, x.Join.Secret
		if x.Join.How == wire.Mount || x.Join.How == wire.Navigate {
			p.frames = 0
		}
	} else {
		p.frames++
	}
	p.bytes = append(p.bytes, wireSize(len(frame)))
	if err := p.moved(x.URL, x.Join); err != nil {
		return err
	}
	if x.Token != "" {
		setAttr(p.root, "data-live", x.Token)
	}
	if x.Join != nil && x.Join.How == wire.Navigate {
		if err := p.swap(*x.HTML, x.Join); err != nil {
			return err
		}
	} else if x.HTML != nil {
		if err := p.replace(*x.HTML); err != nil {
			return err
		}
	} else if err := diff.Apply(p.root, d.Patch); err != nil {
		return err
	}
	if string(d.Patch) != "[]" {
		p.tag = ""
	}
	if x.Tag != "" {
		p.tag = x.Tag
	}
	if x.Shape != nil {
		if got := diff.ShapeOf(p.root); got != *x.Shape {
			p.t.Errorf("livetest: the page's shape is %d, the server's %d: does its HTML nest?", got, *x.Shape)
		}
	}
	if x.Title != nil {
		p.title = *x.Title
	}
	for _, f := range x.Flash {
		kind, _ := f[0].(string)
		text, _ := f[1].(string)
		p.flash = append(p.flash, live.FlashMessage{Kind: kind, Text: text})
	}
	for _, e := range x.Error {
		n, _ := e[0].(float64)
		text, _ := e[1].(string)
		p.errors, p.refused[int(n)] = append(p.errors, text), true
	}
	if x.To != "" {
		p.to = x.To
	}
	if x.Save != nil {
		p.save = [...]string{"saved", "saving", "unsaved", "unavailable"}[*x.Save]
	}
	for _, r := range x.Reply {
		n, _ := r[0].(float64)
		if p.replies == nil {
			p.replies = map[int]json.RawMessage{}
		}
		p.replies[int(n)], _ = json.Marshal(r[1])
	}
	for _, m := range x.Push {
		name, _ := m[0].(string)
		detail, _ := json.Marshal(m[1])
		p.pushed[name] = append(p.pushed[name], detail)
	}
	p.ref = max(p.ref, d.Ref)
	return nil
}

// wireSize is a frame's size on the connection: with the header of RFC 6455, section 5.2.
func wireSize(n int) int {
	switch {
	case n < 126:
		return n + 2
	case n < 1<<16:
		return n + 4
	}
	return n + 10
}

func (p *Page) replace(markup string) error {
	nodes, err := html.ParseFragment(strings.NewReader(markup), &html.Node{Type: html.ElementNode, Data: p.root.Data, DataAtom: p.root.DataAtom})
	if err != nil {
		return err
	}
	for p.root.FirstChild != nil {
		p.root.RemoveChild(p.root.FirstChild)
	}
	for _, n := range nodes {
		p.root.AppendChild(n)
	}
	return nil
}

// wait blocks until done or the connection ends; the test fails when neither happens in time. done is called with mu
// held.
func (p *Page) wait(what string, done func() bool) {
	p.t.Helper()
	late := false
	timer := time.AfterFunc(timeout, func() {
		p.mu.Lock()
		late = true
		p.changed.Broadcast()
		p.mu.Unlock()
	})
	defer timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !done() && p.failure == "" && !late {
		p.changed.Wait()
	}
	if late && !done() {
		p.t.Fatalf("livetest: no %s within %v", what, timeout)
	}
}

// Drop breaks the connection as a network does: the server may or may not notice. [Page.Connect] restores it.
func (p *Page) Drop() {
	if p.ws != nil {
		p.ws.CloseNow()
		p.reader.Wait()
		p.ws = nil
	}
}

// AwaitClosed waits until the server has closed the connection, and returns the code; 0 when it only broke off. The
// test fails when the connection still stands after 10 s.
func (p *Page) AwaitClosed() int {
	p.t.Helper()
	p.wait("end of the connection", func() bool { return p.failure != "" })
	p.Drop()
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(int(p.closed), 0)
}

// Close closes the page's tab.
func (p *Page) Close() {
	if p.ws != nil {
		p.ws.Close(websocket.StatusGoingAway, "")
		p.reader.Wait()
		p.ws = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range p.errors {
		p.t.Errorf("livetest: %s showed an error that the test did not ask for: %s", p.url, text)
	}
	p.errors = nil
}

// Reload loads the page again and connects it; the page returned replaces p, which is closed.
func (p *Page) Reload() *Page {
	p.t.Helper()
	p.Close()
	return p.b.Open(p.URL())
}

// Sleep lets virtual time pass, and waits until all that it brought about is done. It needs a bubble of
// testing/synctest; outside of one it panics.
func (p *Page) Sleep(d time.Duration) {
	time.Sleep(d)
	settle()
}

// AwaitSaved waits until the server has said that all that the page shows is durable; the test fails after 10 s without.
func (p *Page) AwaitSaved() {
	p.t.Helper()
	p.Await("the mark of a saved page", func() bool { return p.Saved() == "saved" })
}

// Await waits until f reports true, asking again after each frame; the test fails after 10 s without.
func (p *Page) Await(what string, f func() bool) {
	p.t.Helper()
	ok := false // f may have an effect, as Error has: once it was true it is not asked again
	p.wait(what, func() bool {
		p.mu.Unlock()
		defer p.mu.Lock()
		ok = ok || f()
		return ok
	})
	if !ok {
		p.t.Fatalf("livetest: the connection ended before %s: %s", what, p.failure)
	}
}
