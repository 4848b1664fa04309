package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// price counts how often it is decoded.
type price struct{ Cents int }

var pricesDecoded atomic.Int32

func (p *price) UnmarshalJSON(data []byte) error {
	pricesDecoded.Add(1)
	if string(data) == `"panic"` {
		panic("a decoder that panics")
	}
	return json.Unmarshal(data, &p.Cents)
}

func (p price) MarshalJSON() ([]byte, error) { return json.Marshal(p.Cents) }

var prices = live.NewTopic[price]("prices")

// shop shows a price, and what is wrong with the bus.
type shop struct {
	Cents int
	Error string
	leave func()
}

// Rejoin leaves the topic and subscribes again.
type Rejoin struct{ Times int }

func (*shop) Events() []live.Handler {
	return []live.Handler{live.On((*shop).Rejoin), live.OnMessage((*shop).Price)}
}

func (p *shop) Mount(_ context.Context, s *live.Socket) error {
	var err error
	if p.leave, err = prices.Subscribe(s); err != nil {
		p.Error = err.Error()
	}
	return nil
}

func (p *shop) Rejoin(ctx context.Context, s *live.Socket, e Rejoin) error {
	for range e.Times {
		p.leave()
		p.Mount(ctx, s)
	}
	return nil
}

func (p *shop) Price(_ context.Context, _ *live.Socket, m price) error { p.Cents = m.Cents; return nil }

func (p shop) Render() templ.Component { return markup(`<b>%d</b><i>%s</i>`, p.Cents, p.Error) }

func newShop(bus live.Bus, logger *slog.Logger) *live.App {
	app := newApp(func(o *live.Options) { o.Bus, o.Logger, o.Silence = bus, logger, time.Hour })
	live.Handle(app, "GET /shop", func(*http.Request) (*shop, error) { return &shop{}, nil })
	return app
}

func TestTwoNodesHearOneTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{}
		nodes := []*live.App{newShop(bus, nil), newShop(bus, nil)}
		var pages []*livetest.Page
		for i := range 4 {
			pages = append(pages, livetest.Open(t, nodes[i%2], "/shop"))
		}
		if n := bus.on("prices"); n != 2 {
			t.Errorf("%d subscriptions on the bus, want one of each node", n)
		}
		for i, node := range nodes {
			before := pricesDecoded.Load()
			if err := prices.Publish(t.Context(), node, price{i + 1}); err != nil {
				t.Fatal(err)
			}
			pages[0].Sleep(0)
			for j, page := range pages {
				if got := page.Text("b"); got != fmt.Sprint(i+1) {
					t.Errorf("published by node %d, page %d shows %s", i, j, got)
				}
			}
			if n := pricesDecoded.Load() - before; n != 2 {
				t.Errorf("decoded %d times, want once on each node", n)
			}
		}
		for i, page := range pages {
			page.Close()
			page.Sleep(2 * time.Minute)
			if n, want := bus.on("prices"), []int{2, 2, 1, 0}[i]; n != want {
				t.Errorf("%d pages are gone: %d subscriptions on the bus, want %d", i+1, n, want)
			}
		}
	})
}

func TestBusThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{fail: errBus}
		app := newShop(bus, nil)
		page := livetest.Open(t, app, "/shop")
		if got := page.Text("i"); got != "subscribe to prices: the bus is down" || live.Hubs(app) != 0 {
			t.Errorf("the view was told %q, %d topics are known", got, live.Hubs(app))
		}
		if err := prices.Publish(t.Context(), app, price{1}); !errors.Is(err, errBus) {
			t.Errorf("Publish: %v", err)
		}
		bus.down(nil)
		again := livetest.Open(t, app, "/shop")
		if err := prices.Publish(t.Context(), app, price{2}); err != nil {
			t.Error(err)
		}
		again.Sleep(0)
		if again.Text("b") != "2" || again.Text("i") != "" || page.Text("b") != "0" {
			t.Errorf("it works again: %s; the page before: %s", again.HTML(""), page.HTML(""))
		}
	})
}

func TestBusThatDeliversGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		bus := &testBus{}
		app := newShop(bus, slog.New(slog.NewTextHandler(&logs, nil)))
		page := livetest.Open(t, app, "/shop")
		garbage := []string{"", "null", `"text"`, `{"Cents"`, "\xff\xfe", `"panic"`, strings.Repeat("[", 20000)}
		for _, data := range garbage {
			if err := bus.Publish(t.Context(), "prices", []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		page.Sleep(0)
		if got := page.Text("b"); got != "0" {
			t.Errorf("the page shows %s", got)
		}
		if n := strings.Count(logs.String(), "cannot be decoded"); n != len(garbage)-1 { // null is a price of 0
			t.Errorf("%d lines in the log:\n%.2000s", n, logs.String())
		}
		if err := prices.Publish(t.Context(), app, price{3}); err != nil {
			t.Error(err)
		}
		page.Sleep(0)
		if page.Text("b") != "3" || page.Joined() != "adopt" {
			t.Errorf("afterwards the page shows %s, joined by %s", page.Text("b"), page.Joined())
		}
	})
}

// A page that changes its room for months keeps nothing of those it has left.
func TestSubscribingAgainLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{}
		app := newShop(bus, nil)
		page := livetest.Open(t, app, "/shop")
		inUse := func() int {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		page.Push("Rejoin", Rejoin{1})
		before := inUse()
		page.Push("Rejoin", Rejoin{10_000})
		after := inUse()
		if bus.on("prices") != 1 || live.Hubs(app) != 1 {
			t.Errorf("%d subscriptions on the bus, %d topics", bus.on("prices"), live.Hubs(app))
		}
		if grown := after - before; grown > 100<<10 {
			t.Errorf("%d B are kept of 10,000 subscriptions that are over", grown)
		}
		prices.Publish(t.Context(), app, price{4})
		page.Sleep(0)
		if page.Text("b") != "4" {
			t.Error("the newest subscription hears nothing")
		}
	})
}

func TestTopicsOfChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{}
		k := &stageKit{}
		app := newTheatre(k, func(o *live.Options) { o.Bus = bus })
		page := livetest.Open(t, app, "/theatre")
		say := func(text, seats, own string) {
			t.Helper()
			if err := stage.Publish(t.Context(), app, Said{text}); err != nil {
				t.Error(err)
			}
			page.Sleep(0)
			if got := strings.Join(page.Texts("i"), ","); got != seats || page.Text("#heard") != own {
				t.Errorf("the seats heard %s, the page %q; want %s and %q", got, page.Text("#heard"), seats, own)
			}
		}
		say("a", ",,", "")
		page.PushTo(`[live-key="0"]`, "Ask", Ask{"listen"})
		page.PushTo(`[live-key="2"]`, "Ask", Ask{"listen"})
		page.PushTo(`[live-key="2"]`, "Ask", Ask{"listen"}) // each message once all the same
		say("b", "b,,b", "")
		page.Push("Call", Call{"rise"})
		say("c", "bc,", "")
		if got := live.SourcesOf(k.socket); got.Subscriptions != 1 {
			t.Errorf("the page has %+v", got)
		}
		page.Drop()
		page.Sleep(time.Second)
		stage.Publish(t.Context(), app, Said{"d"})
		page.Connect()
		say("e", "bcde,", "")
	})
}

func TestSubscribingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{}
		k := &stageKit{}
		var cancels []func()
		k.mount = func(s *live.Socket, _ *theatre) error {
			for range 2 {
				cancel, err := stage.Subscribe(s)
				if err != nil {
					return err
				}
				cancels = append(cancels, cancel)
			}
			return nil
		}
		app := newTheatre(k, func(o *live.Options) { o.Bus = bus })
		page := livetest.Open(t, app, "/theatre")
		for i, want := range []string{"a", "aa", "aa"} {
			say(t, app, stage, "", i, i+1)
			page.Sleep(0)
			if got := len(page.Text("#heard")); got != len(want) {
				t.Errorf("%d of 2 subscriptions cancelled: heard %d, want %d", i, got, len(want))
			}
			if i < len(cancels) {
				cancels[1-i]()
				cancels[1-i]()
			}
		}
		if bus.on("theatre") != 0 || live.SourcesOf(k.socket).Subscriptions != 0 {
			t.Errorf("%d subscriptions on the bus, the page has %+v", bus.on("theatre"), live.SourcesOf(k.socket))
		}
	})
}

func TestWhatCannotBePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{}
		k := &stageKit{mount: listening}
		app := newTheatre(k, func(o *live.Options) { o.Bus = bus })
		page := livetest.Open(t, app, "/theatre")
		if err := live.NewTopic[chan int]("channels").Publish(t.Context(), app, nil); err == nil || !strings.Contains(err.Error(), "publish on channels") {
			t.Errorf("a channel: %v", err)
		}
		if err := live.NewTopic[any]("things").Publish(t.Context(), app, func() {}); err == nil {
			t.Error("a function was published")
		}
		k.mount = func(s *live.Socket, _ *theatre) error {
			_, err := live.NewTopic[int]("numbers").Subscribe(s)
			_, other := live.NewTopic[Tick]("theatre").Subscribe(s)
			k.note(fmt.Sprint(err), fmt.Sprint(other))
			return nil
		}
		livetest.Open(t, app, "/theatre")
		want := "[subscribe to numbers: live_test.theatre has no OnMessage handler for int" +
			" subscribe to theatre: its messages are live_test.Tick here and live_test.Said elsewhere]"
		if got := fmt.Sprint(k.handled()); got != want {
			t.Errorf("Subscribe: %s\nwant %s", got, want)
		}
		if bus.on("numbers") != 0 {
			t.Error("what cannot be handled was subscribed to")
		}
		page.Sleep(0)
	})
}

func TestPublishAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &testBus{}
		k := &stageKit{mount: listening}
		app, other := newTheatre(k, func(o *live.Options) { o.Bus = bus }), newTheatre(&stageKit{mount: listening}, func(o *live.Options) { o.Bus = bus })
		livetest.Open(t, app, "/theatre")
		page := livetest.Open(t, other, "/theatre")
		if err := app.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := bus.on("theatre"); n != 1 {
			t.Errorf("%d subscriptions on the bus, want that of the other node", n)
		}
		if err := stage.Publish(t.Context(), app, Said{"late"}); err != nil {
			t.Error(err)
		}
		page.Sleep(0)
		if got := k.handled(); page.Text("#heard") != "late" || len(got) != 0 {
			t.Errorf("the other node's page heard %q, the one that has ended %q", page.Text("#heard"), got)
		}
		alone := newTheatre(&stageKit{})
		alone.Shutdown(t.Context())
		if err := stage.Publish(t.Context(), alone, Said{"late"}); err != nil {
			t.Error(err)
		}
	})
}
