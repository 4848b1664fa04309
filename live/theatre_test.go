package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

// theatre is a page that hears of a topic, and so do its seats, each for itself.
type theatre struct {
	Heard  string
	Missed []string
	Seats  []*seat
	kit    *stageKit
}

// seat is a child.
type seat struct {
	ID     int
	Heard  string
	Missed int
	Number live.Result[int]
	kit    *stageKit
}

// stageKit is what a test has of a theatre.
type stageKit struct {
	mount  func(s *live.Socket, h *theatre) error
	socket *live.Socket
	seats  map[int]*live.Socket
	wait   chan struct{} // not nil: a Call "wait" waits for it

	mu   sync.Mutex
	told []string // everything that any handler was told
}

func (k *stageKit) note(what ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = append(k.told, what...)
}

// handled returns what was handled since the last time.
func (k *stageKit) handled() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	told := k.told
	k.told = nil
	return told
}

type (
	// Call makes the theatre do something, Ask the seat.
	Call struct{ What string }
	Ask  struct{ What string }
	// Said is the topic's message.
	Said struct{ Text string }
	// Tick is a timer's.
	Tick struct{ What string }
)

var (
	stage     = live.NewTopic[Said]("theatre")
	sideStage = live.NewTopic[Said]("side")
)

func (*theatre) Events() []live.Handler {
	return []live.Handler{live.On((*theatre).Call), live.OnMessage((*theatre).Said), live.OnMessage((*theatre).Tick), live.OnMessage((*theatre).Miss)}
}

func (h *theatre) Mount(_ context.Context, s *live.Socket) error {
	h.kit.socket = s
	for i := range 3 {
		h.Seats = append(h.Seats, &seat{ID: i, kit: h.kit})
	}
	if h.kit.mount != nil {
		return h.kit.mount(s, h)
	}
	return nil
}

func (h *theatre) Call(_ context.Context, s *live.Socket, e Call) error {
	switch e.What {
	case "wait":
		<-h.kit.wait
	case "rise":
		h.Seats = h.Seats[:2]
	case "sit":
		h.Seats = h.Seats[:3]
	case "panic":
		panic("on purpose")
	}
	return nil
}

func (h *theatre) Said(_ context.Context, _ *live.Socket, m Said) error {
	h.kit.note(m.Text)
	h.Heard += m.Text
	return nil
}

func (h *theatre) Tick(_ context.Context, _ *live.Socket, m Tick) error {
	h.kit.note(m.What)
	h.Heard += m.What
	return nil
}

func (h *theatre) Miss(_ context.Context, _ *live.Socket, m live.Missed) error {
	h.kit.note(m.Topic + " missed")
	h.Missed = append(h.Missed, m.Topic+" "+strconv.Itoa(m.Count))
	return nil
}

func (*seat) Events() []live.Handler {
	return []live.Handler{live.On((*seat).Ask), live.OnMessage((*seat).Said), live.OnMessage((*seat).Tick)}
}

func (p *seat) Ask(_ context.Context, s *live.Socket, e Ask) error {
	if p.kit.seats == nil {
		p.kit.seats = map[int]*live.Socket{}
	}
	p.kit.seats[p.ID] = s
	switch e.What {
	case "listen":
		_, err := stage.Subscribe(s)
		return err
	case "clock":
		s.Every(time.Second, Tick{"t"})
	case "later":
		s.After(5*time.Second, Tick{"l"})
	case "count":
		live.Async(s, &p.Number, func(context.Context) (int, error) { time.Sleep(time.Second); return 5, nil })
	case "unlucky":
		live.Async(s, &p.Number, func(context.Context) (int, error) { time.Sleep(time.Second); return 13, nil })
	case "cough":
		p.Heard += "c"
	case "panic":
		panic("on purpose")
	case "load":
		live.Async(s, &p.Number, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	}
	return nil
}

func (p *seat) Said(_ context.Context, _ *live.Socket, m Said) error { p.Heard += m.Text; return nil }

func (p *seat) Tick(_ context.Context, _ *live.Socket, m Tick) error {
	p.kit.note("seat " + m.What)
	p.Heard += m.What
	return nil
}

func (h theatre) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		missed, _ := json.Marshal(h.Missed)
		if err := markup(`<p id="heard">%s</p><p id="missed">%s</p>`, h.Heard, string(missed)).Render(ctx, w); err != nil {
			return err
		}
		for _, p := range h.Seats {
			if err := live.Child(p.ID, p).Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p seat) Render() templ.Component {
	if p.Number.Value == 13 {
		panic("there is no seat 13")
	}
	return markup(`<i>%s</i><u>%t %d</u>`, p.Heard, p.Number.Loading, p.Number.Value)
}

// newTheatre serves theatres at /theatre.
func newTheatre(k *stageKit, change ...func(*live.Options)) *live.App {
	app := newApp(change...)
	live.Handle(app, "GET /theatre", func(*http.Request) (*theatre, error) { return &theatre{kit: k}, nil })
	return app
}

// listening is the mount of a theatre that hears of a topic.
func listening(s *live.Socket, _ *theatre) error {
	_, err := stage.Subscribe(s)
	return err
}

// testBus is a bus between nodes, which may fail.
type testBus struct {
	mu   sync.Mutex
	fail error
	next int
	subs map[string]map[int]func([]byte)
}

var errBus = errors.New("the bus is down")

func (b *testBus) Publish(_ context.Context, topic string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	for _, f := range b.subs[topic] {
		f(data)
	}
	return nil
}

func (b *testBus) Subscribe(topic string, f func([]byte)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return nil, b.fail
	}
	if b.subs == nil {
		b.subs = map[string]map[int]func([]byte){}
	}
	if b.subs[topic] == nil {
		b.subs[topic] = map[int]func([]byte){}
	}
	b.next++
	id := b.next
	b.subs[topic][id] = f
	return func() { b.mu.Lock(); defer b.mu.Unlock(); delete(b.subs[topic], id) }, nil
}

// on returns how many subscribe to a topic.
func (b *testBus) on(topic string) int { b.mu.Lock(); defer b.mu.Unlock(); return len(b.subs[topic]) }

// down makes the bus fail from now on, or work again.
func (b *testBus) down(err error) { b.mu.Lock(); defer b.mu.Unlock(); b.fail = err }
