package live_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/a-h/templ"
	"github.com/coder/websocket"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

// puppet is a view that does what a test tells it.
type puppet struct {
	N     int    `stored:"session"`
	Draft string `stored:"reconnect"`
	Text  string
	Body  string // raw HTML
	kit   *kit
}

// kit is what a puppet does; nil functions do nothing.
type kit struct {
	mount     func(ctx context.Context, s *live.Socket, p *puppet) error
	connected func(s *live.Socket, p *puppet) error
	pull      func(s *live.Socket, p *puppet, e Pull) error
	note      func(s *live.Socket, p *puppet, n Note) error
	title     func() string

	mounts, unmounts atomic.Int32
}

type (
	Pull struct {
		What string
		By   int
	}
	Note struct{ Text string }
)

func (*puppet) Events() []live.Handler {
	return []live.Handler{live.On((*puppet).Pull), live.OnMessage((*puppet).Note)}
}

func (p *puppet) Mount(ctx context.Context, s *live.Socket) error {
	p.kit.mounts.Add(1)
	if p.kit.mount != nil {
		return p.kit.mount(ctx, s, p)
	}
	return nil
}

func (p *puppet) Unmount(context.Context) { p.kit.unmounts.Add(1) }

func (p *puppet) Connected(_ context.Context, s *live.Socket) error {
	if p.kit.connected != nil {
		return p.kit.connected(s, p)
	}
	return nil
}

func (p *puppet) Pull(_ context.Context, s *live.Socket, e Pull) error {
	p.N += e.By
	if p.kit.pull != nil {
		return p.kit.pull(s, p, e)
	}
	return nil
}

func (p *puppet) Note(_ context.Context, s *live.Socket, n Note) error {
	p.Text += n.Text
	if p.kit.note != nil {
		return p.kit.note(s, p, n)
	}
	return nil
}

func (p *puppet) Title() string {
	if p.kit != nil && p.kit.title != nil {
		return p.kit.title()
	}
	return ""
}

// drawPuppet is what Render calls, if it is not nil.
var drawPuppet func(p puppet) string

func (p puppet) Render() templ.Component {
	if drawPuppet != nil {
		return templ.Raw(drawPuppet(p))
	}
	n, _ := json.Marshal(p.N)
	return templ.Raw(`<b id="n">` + string(n) + `</b><i id="draft">` + templ.EscapeString(p.Draft) + `</i><p id="text">` +
		templ.EscapeString(p.Text) + `</p><div>` + p.Body + `</div>`)
}

// newPuppets serves puppets at / and at /second.
func newPuppets(k *kit, change ...func(*live.Options)) *live.App {
	app := newApp(func(o *live.Options) {
		for _, f := range change {
			f(o)
		}
	})
	for _, pattern := range []string{"GET /puppet", "GET /second"} {
		live.Handle(app, pattern, func(*http.Request) (*puppet, error) { return &puppet{kit: k}, nil })
	}
	return app
}

// tab is a scripted browser tab: it sends what a test says, and reads when a test says.
type tab struct {
	t      *testing.T
	b      *livetest.Browser
	path   string
	token  string
	secret string
	n, k   int // events sent, frames applied
	ws     *websocket.Conn
}

func newTab(t *testing.T, b *livetest.Browser, path string) *tab {
	t.Helper()
	token, _ := b.Load(path).Attr("[data-live]", "data-live")
	return &tab{t: t, b: b, path: path, token: token}
}

// dial opens a socket and sends the join, whose answer is not read.
func (p *tab) dial() {
	p.t.Helper()
	ws, _, err := dial(p.b, p.path, http.Header{"Origin": {origin}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { ws.CloseNow() })
	p.ws = ws
	frame, err := wire.AppendJoin(nil, wire.Join{Token: p.token, Options: wire.Options{Secret: p.secret, K: p.k, N: p.n}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(string(frame))
}

// join opens a socket and returns the answer to the join, the same as a resume when there was one before.
func (p *tab) join() wire.Joined {
	p.t.Helper()
	p.dial()
	d := p.read()
	if d.Extra.Join == nil {
		p.t.Fatalf("the join is answered %+v", d)
	}
	p.secret = d.Extra.Join.Secret
	if d.Extra.Join.How == wire.Mount {
		p.k = 0
	}
	return *d.Extra.Join
}

func (p *tab) drop() { p.ws.CloseNow() }

func (p *tab) send(frame string) {
	p.t.Helper()
	if err := p.ws.Write(p.t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		p.t.Fatal(err)
	}
}

// pull sends the next event.
func (p *tab) pull(e Pull) { p.t.Helper(); p.n++; p.again(p.n, e) }

// again sends an event under a number it may have been sent under before.
func (p *tab) again(n int, e Pull) { p.t.Helper(); p.sendEvent(n, "", "Pull", e) }

// event sends the next event, of any kind.
func (p *tab) event(name string, e any) { p.t.Helper(); p.eventOf("", name, e) }

// eventOf sends the next event of a child.
func (p *tab) eventOf(child, name string, e any) {
	p.t.Helper()
	p.n++
	p.sendEvent(p.n, child, name, e)
}

// let is [let] for a tab that reads nothing: so the page, too, renders nothing once a frame or two are on their way.
func (p *tab) let(child string, f func(view any, s *live.Socket) error) {
	p.t.Helper()
	act = f
	p.eventOf(child, "Act", Act{})
	synctest.Wait()
	act = nil
}

func (p *tab) sendEvent(n int, child, name string, e any) {
	p.t.Helper()
	value, _ := json.Marshal(e)
	frame, err := wire.AppendUp(nil, wire.Up{Kind: wire.Event, N: n, Name: name, Payload: wire.Payload{Value: value}, Target: child})
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(string(frame))
}

// next returns the next frame, or the code with which the connection was closed.
func (p *tab) next() (wire.Down, websocket.StatusCode) {
	p.t.Helper()
	_, frame, err := p.ws.Read(p.t.Context())
	if err != nil {
		return wire.Down{}, websocket.CloseStatus(err)
	}
	d, err := wire.DecodeDown(frame)
	if err != nil {
		p.t.Fatalf("frame %s: %v", frame, err)
	}
	if d.Extra.Join == nil {
		p.k++
	}
	return d, 0
}

func (p *tab) read() wire.Down {
	p.t.Helper()
	d, code := p.next()
	if code != 0 {
		p.t.Fatalf("closed with %d", code)
	}
	return d
}

// answer reads frames up to the one that answers an event, and returns all of them, joined.
func (p *tab) answer(n int) string {
	p.t.Helper()
	var all strings.Builder
	for {
		d := p.read()
		all.Write(d.Patch)
		if d.Extra.HTML != nil {
			all.WriteString(*d.Extra.HTML)
		}
		for _, e := range d.Extra.Error {
			all.WriteString(e[1].(string))
		}
		if d.Ref >= n {
			return all.String()
		}
	}
}
