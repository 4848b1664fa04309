package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

// room is a page of a walk: it knows who it is, and is told who its events are meant for.
type room struct {
	Self, Count int
	Name        string
	Query       string `query:"q"`
	walk        *walk
}

type (
	Knock struct{ At int }
	Walk  struct{ To string }
)

// hall is a room of another type, in another element.
type hall struct{ Room room }

type walk struct {
	rooms  atomic.Int32
	astray atomic.Int32 // events that came to another page than the one they were made on
	newest atomic.Pointer[stay]
}

// stay is a view that was mounted.
type stay struct {
	view   live.View
	socket *live.Socket
}

func (r *room) enter(s *live.Socket, v live.View) {
	r.Self = int(r.walk.rooms.Add(1))
	r.walk.newest.Store(&stay{v, s})
}

func (r *room) Mount(_ context.Context, s *live.Socket) error {
	r.enter(s, r)
	return nil
}

func (h *hall) Mount(_ context.Context, s *live.Socket) error {
	h.Room.enter(s, h)
	return nil
}

func (r *room) Params(_ context.Context, s *live.Socket, _ *url.URL) error {
	r.Name = s.PathValue("name")
	return nil
}

func (r *room) knock(e Knock) error {
	if e.At != r.Self {
		r.walk.astray.Add(1)
	}
	r.Count++
	return nil
}

func (*room) Events() []live.Handler {
	return []live.Handler{live.On((*room).Knock), live.OnMessage((*room).Walk)}
}

func (*hall) Events() []live.Handler {
	return []live.Handler{live.On((*hall).Knock), live.OnMessage((*hall).Walk)}
}

func (r *room) Knock(_ context.Context, _ *live.Socket, e Knock) error { return r.knock(e) }
func (h *hall) Knock(_ context.Context, _ *live.Socket, e Knock) error { return h.Room.knock(e) }
func (r *room) Walk(_ context.Context, s *live.Socket, e Walk) error   { return s.Navigate(e.To) }
func (h *hall) Walk(_ context.Context, s *live.Socket, e Walk) error   { return s.Navigate(e.To) }
func (*hall) Container() live.Container                                { return live.Container{Tag: "main"} }

func (r room) Render() templ.Component {
	return markup(`<h1>%s</h1><p>at %d</p><p>%d knocks, %q</p>`, r.Name, r.Self, r.Count, r.Query)
}

func (h hall) Render() templ.Component {
	return markup(`<p>at %d</p><ul><li>%d</li></ul>`, h.Room.Self, h.Room.Count)
}

var selfIn = regexp.MustCompile(`at (\d+)`)

// Wherever a connection breaks while a user goes from page to page, the browser ends at the page that the server has it
// at, at that page's URL, and no event reaches another page than the one it was made on.
func TestDropsWhileNavigating(t *testing.T) {
	var moves, lost, taken, resumed, fresh int
	for range 10 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0))
				w := &walk{}
				app := newApp()
				live.Handle(app, "GET /rooms/{name}", func(*http.Request) (*room, error) { return &room{walk: w}, nil })
				live.Handle(app, "GET /hall", func(*http.Request) (*hall, error) { return &hall{room{walk: w}}, nil })
				p := newVisitor(t, livetest.NewBrowser(t, app), "/rooms/a")
				place := func() string {
					return []string{"/hall", "/rooms/a", "/rooms/b", "/rooms/b?q=x", "/rooms/c?q=y"}[random.IntN(5)]
				}
				for range 300 / raced {
					in, out := int64(whole), int64(whole)
					if random.IntN(3) == 0 {
						in = random.Int64N(1500)
					}
					known := p.secret != "" // else the answer to the first join was lost
					if !p.connect(cut, in, out) {
						p.offline()
						continue
					}
					p.flush()
					synctest.Wait()
					switch {
					case in != whole:
						// It may have broken meanwhile.
					case p.join.How == wire.Resume:
						resumed++
					case p.join.How == wire.Navigate:
						taken++
					case known:
						fresh++
					}
					for range random.IntN(5) {
						if random.IntN(4) == 0 && p.line.in.Load() > whole/2 {
							p.line.breaks(cut, random.Int64N(1500), whole)
						}
						switch random.IntN(4) {
						case 0:
							p.event("Knock", func(int) any { return Knock{p.self()} })
						case 1:
							w.newest.Load().socket.Send(Walk{place()})
							moves++
						default:
							to := place()
							p.event(wire.Navigation, func(int) any {
								return wire.Visit{To: to, Mode: wire.Push, Fresh: random.IntN(3) == 0}
							})
							moves++
						}
						if random.IntN(2) == 0 {
							synctest.Wait()
						}
					}
					synctest.Wait()
					if p.line.in.Load() > 0 { // it has held
						p.matches(w)
					}
					ws := p.ws
					p.offline()
					ws.CloseNow()
					lost++
					time.Sleep(time.Second)
				}
				if n := w.astray.Load(); n > 0 {
					t.Errorf("%d events reached another page than the one they were made on", n)
				}
				if p.refusals > 0 {
					t.Errorf("%d errors were shown", p.refusals)
				}
			})
		})
	}
	t.Logf("%d moves, %d drops: %d resumes, %d pages that the browser had not heard of, %d fresh", moves, lost, resumed, taken, fresh)
	if taken == 0 || resumed == 0 {
		t.Error("too little happened")
	}
	if fresh > 0 {
		t.Errorf("%d fresh pages within the grace time", fresh)
	}
}

// self is the page that the browser shows.
func (v *visitor) self() int {
	n := 0
	if found := selfIn.FindStringSubmatch(innerHTML(v.root)); found != nil {
		json.Unmarshal([]byte(found[1]), &n)
	}
	return n
}

// matches compares what the browser shows with what the newest page renders, and the URLs.
func (v *visitor) matches(w *walk) {
	v.t.Helper()
	var markup strings.Builder
	now := w.newest.Load()
	now.view.Render().Render(context.Background(), &markup)
	root := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, _ := html.ParseFragment(strings.NewReader(markup.String()), root)
	for _, n := range nodes {
		root.AppendChild(n)
	}
	if got, want := v.shows(), innerHTML(root); got != want {
		v.t.Fatalf("the browser shows\n%s, want\n%s\nthe newest frames: %s", got, want, strings.Join(v.log, "\n"))
	}
	if want := now.socket.URL().RequestURI(); v.path != want {
		v.t.Fatalf("the browser is at %s, the page at %s", v.path, want)
	}
}
