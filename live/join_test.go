package live_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
	. "github.com/livelong-dev/livelong/live/internal/testviews"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestTokensAndSecretsExpire(t *testing.T) { // X1
	synctest.Test(t, func(t *testing.T) {
		k := &kit{}
		b := livetest.NewBrowser(t, newPuppets(k, func(o *live.Options) { o.TokenAge = time.Hour }))
		early, late := newTab(t, b, "/puppet"), newTab(t, b, "/puppet")
		time.Sleep(59 * time.Minute)
		if j := early.join(); j.How != wire.Mount {
			t.Errorf("a token of 59 minutes: joined by %s", j.How)
		}
		early.pull(Pull{By: 1})
		early.answer(1)
		time.Sleep(time.Minute)
		early.send(`[0,"ping"]`)
		if _, pong, err := early.ws.Read(t.Context()); string(pong) != "[]" {
			t.Errorf("a ping is answered %q, %v", pong, err)
		}
		time.Sleep(time.Minute)
		mounts := k.mounts.Load()
		late.dial()
		if d, code := late.next(); code != 4403 {
			t.Errorf("a token of 61 minutes: %+v, closed with %d", d, code)
		}
		if n := k.mounts.Load() - mounts; n != 0 {
			t.Errorf("a token of 61 minutes mounted %d pages", n)
		}
		// A page that is open stays so, however old its token is.
		early.pull(Pull{By: 1})
		if got := early.answer(2); got != `[0,0,"2"]` {
			t.Errorf("the open page answers %s", got)
		}
	})
}

func TestSecretsOfBeforeARotationStillOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		older := []byte("another secret, 32 bytes long, ok")
		shared := &stash{}
		app := func(secrets ...[]byte) *live.App {
			return newPuppets(&kit{}, func(o *live.Options) { o.Secrets, o.Stash = secrets, shared })
		}
		b := livetest.NewBrowser(t, app(older))
		p := newTab(t, b, "/puppet")
		p.join()
		p.drop()
		rotated := app(secret, older)
		livetest.NewBrowser(t, rotated) // stops it
		b.Through(rotated)
		if j := p.join(); j.How != wire.Mount {
			t.Errorf("joined by %s", j.How)
		}
	})
}

// Another app's tokens and cookies mean nothing here, as if nobody had made them.
func TestAnotherAppsTokensAndCookies(t *testing.T) { // X1
	k := &kit{}
	app := newPuppets(k)
	foreign := newPuppets(&kit{}, func(o *live.Options) { o.Secrets = [][]byte{[]byte("another app's secret, 32 bytes long")} })
	ours, theirs := livetest.NewBrowser(t, app), livetest.NewBrowser(t, foreign)
	good := newTab(t, ours, "/puppet")
	forged := newTab(t, theirs, "/puppet")
	mounts := k.mounts.Load()

	forged.b = ours
	forged.dial()
	if d, code := forged.next(); code != 4403 {
		t.Errorf("another app's token: %+v, closed with %d", d, code)
	}
	theirs.Through(app) // keeps its cookies
	if _, status, err := dial(theirs, "/puppet", http.Header{"Origin": {origin}}); status != 403 {
		t.Errorf("another app's cookie: status %d, %v", status, err)
	}
	r, _ := http.NewRequest(http.MethodPost, "/puppet", strings.NewReader("live-event=Pull&live-seal=x"))
	r.Header = http.Header{"Origin": {origin}, "Content-Type": {"application/x-www-form-urlencoded"}}
	if res := theirs.Do(r); res.Code != 403 {
		t.Errorf("another app's cookie with a form: %d", res.Code)
	}
	if n := k.mounts.Load() - mounts; n != 0 {
		t.Errorf("%d pages were mounted for them", n)
	}
	if j := good.join(); j.How != wire.Adopt {
		t.Errorf("our page is joined by %s", j.How)
	}
	theirs.Load("/puppet") // gets a session of its own
	if ws, status, err := dial(theirs, "/puppet", http.Header{"Origin": {origin}}); status != 101 {
		t.Errorf("with a cookie of ours: status %d, %v", status, err)
	} else {
		ws.CloseNow()
	}
}

func TestFirstFramesThatAreNoJoin(t *testing.T) {
	tests := []struct {
		name, frame string
		binary      bool
		want        websocket.StatusCode
	}{
		{"an event", `[1,"Pull"]`, false, 4403},
		{"another version", `[2,"token"]`, false, 4426},
		{"an unknown option", `[1,"token",{"x":1}]`, false, 4400},
		{"no array", `{}`, false, 4400},
		{"binary", `[1,"token",{}]`, true, 4400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := livetest.NewBrowser(t, newPuppets(&kit{}))
			p := newTab(t, b, "/puppet")
			ws, _, err := dial(b, "/puppet", http.Header{"Origin": {origin}})
			if err != nil {
				t.Fatal(err)
			}
			defer ws.CloseNow()
			kind := websocket.MessageText
			if tt.binary {
				kind = websocket.MessageBinary
			}
			if err := ws.Write(t.Context(), kind, []byte(tt.frame)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != tt.want {
				t.Errorf("%v, want %d", err, tt.want)
			}
			if j := p.join(); j.How != wire.Adopt {
				t.Errorf("afterwards the page is joined by %s", j.How)
			}
		})
	}
}

func TestBinaryFrameClosesTheSocketAndThePageResumes(t *testing.T) {
	p := newTab(t, livetest.NewBrowser(t, newPuppets(&kit{})), "/puppet")
	p.join()
	p.pull(Pull{By: 1})
	p.answer(1)
	if err := p.ws.Write(t.Context(), websocket.MessageBinary, []byte(`[2,"Pull",{"v":{"By":1}}]`)); err != nil {
		t.Fatal(err)
	}
	if d, code := p.next(); code != 4400 {
		t.Errorf("%+v, closed with %d", d, code)
	}
	if j := p.join(); j.How != wire.Resume || j.N != 1 {
		t.Errorf("%+v", j)
	}
	p.pull(Pull{By: 1})
	p.answer(2)
}

func TestSocketThatNeverJoinsIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := livetest.NewBrowser(t, newPuppets(&kit{}))
		b.Load("/puppet")
		ws, _, err := dial(b, "/puppet", http.Header{"Origin": {origin}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, _, err := ws.Read(t.Context()); err == nil || time.Since(start) != wire.JoinTimeout {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestSilentSocketIsTakenForDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kit{}
		app := newPuppets(k)
		talking, silent := newTab(t, livetest.NewBrowser(t, app), "/puppet"), newTab(t, livetest.NewBrowser(t, app), "/puppet")
		talking.join()
		silent.join()
		pongs := 0
		go func() {
			for {
				_, frame, err := talking.ws.Read(t.Context())
				if err != nil {
					return
				}
				if string(frame) == "[]" {
					pongs++
				}
			}
		}()
		for range 20 {
			time.Sleep(30 * time.Second)
			talking.send(`[0,"ping"]`)
		}
		synctest.Wait()
		if pongs != 20 {
			t.Errorf("%d of 20 pings were answered", pongs)
		}
		if n := probe.Instances(app); n != 1 || k.unmounts.Load() != 1 {
			t.Errorf("%d instances, %d unmounted; want the silent one gone", n, k.unmounts.Load())
		}
	})
}

func TestEmbeddedViewDoesNotSeeForeignWildcards(t *testing.T) { // L3
	var calls Calls
	app := newApp()
	e := live.Embed(app, "probe", func(*http.Request) (*Probe, error) { return NewProbe(&calls, nil), nil })
	mux := http.NewServeMux()
	mux.Handle("/", app)
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) {
		body, err := e.Render(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(w, "<!DOCTYPE html><title>foreign</title>")
		body.Render(r.Context(), w)
	})
	b := livetest.NewBrowser(t, app).Through(mux)
	page := b.Open("/items/7")
	if got := page.Text("#params"); got != "no params" {
		t.Errorf("params %q", got)
	}
	r, _ := http.NewRequest(http.MethodGet, "/items/7", nil)
	r.Header.Set("Sec-Purpose", "prefetch")
	b.Do(r)
	if n := calls.Counts(); n.Mount != 2 || n.Unmount != 1 || probe.Instances(app) != 1 {
		t.Errorf("%+v, %d instances: a prefetched page waits for nobody", n, probe.Instances(app))
	}
}

func TestHooksMayDetachEachOther(t *testing.T) { // L16
	var ran []string
	k := &kit{mount: func(_ context.Context, s *live.Socket, _ *puppet) error {
		var detach []func()
		for _, name := range []string{"a", "b", "c"} {
			detach = append(detach, s.Hook(func(context.Context, *live.Socket, any) error {
				ran = append(ran, name)
				if name == "a" {
					detach[0]()
					detach[1]()
				}
				return nil
			}))
		}
		return nil
	}}
	page := livetest.Open(t, newPuppets(k), "/puppet")
	page.Push("Pull", Pull{By: 1})
	ran = append(ran, "|")
	page.Push("Pull", Pull{By: 1})
	if got := fmt.Sprint(ran); got != "[a b c | c]" {
		t.Errorf("the hooks ran %s", got)
	}
}

func TestHookThatFailsIsShown(t *testing.T) { // L16
	k := &kit{mount: func(_ context.Context, s *live.Socket, _ *puppet) error {
		s.Hook(func(context.Context, *live.Socket, any) error { return live.Errorf("Not you.") })
		return nil
	}}
	page := livetest.Open(t, newPuppets(k), "/puppet")
	page.Push("Pull", Pull{By: 1})
	if got := page.Error(); got != "Not you." || page.Text("#n") != "0" {
		t.Errorf("error %q, count %s", got, page.Text("#n"))
	}
}

func TestReplyThatCannotBeEncodedIsAnError(t *testing.T) {
	k := &kit{pull: func(s *live.Socket, p *puppet, e Pull) error {
		if e.What == "reply" {
			s.Reply(make(chan int))
		} else {
			s.Push("news", func() {})
		}
		return nil
	}}
	page := livetest.Open(t, newPuppets(k), "/puppet")
	for i, what := range []string{"reply", "push"} {
		page.Push("Pull", Pull{What: what, By: 1})
		if got := page.Error(); got == "" || page.Text("#n") != fmt.Sprint(i+1) {
			t.Errorf("%s: error %q, count %s", what, got, page.Text("#n"))
		}
	}
}

func TestKeysMayBeTheSpaceBar(t *testing.T) {
	if got, want := attributes(t, live.KeyDown(Toggle{}, live.Keys(" ", "Enter"))), ` live-keydown="Toggle;k=Space,Enter"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestShutdownWaitsForHandlers(t *testing.T) { // L10
	synctest.Test(t, func(t *testing.T) {
		s := &stash{}
		k := &kit{pull: func(*live.Socket, *puppet, Pull) error { time.Sleep(5 * time.Second); return nil }}
		app := newPuppets(k, func(o *live.Options) { o.Stash = s })
		b := livetest.NewBrowser(t, app)
		busy, parked, detached := newTab(t, b, "/puppet"), newTab(t, b, "/puppet"), newTab(t, b, "/puppet")
		busy.join()
		detached.join()
		detached.drop()
		busy.pull(Pull{By: 1})
		synctest.Wait()
		_ = parked
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := app.Shutdown(impatient); err != context.DeadlineExceeded {
			t.Errorf("after a second: %v", err)
		}
		start := time.Now()
		if err := app.Shutdown(t.Context()); err != nil || time.Since(start) != 4*time.Second {
			t.Errorf("%v after another %v", err, time.Since(start))
		}
		if k.mounts.Load() != 3 || k.unmounts.Load() != 3 || probe.Instances(app) != 0 {
			t.Errorf("%d mounted, %d unmounted, %d left", k.mounts.Load(), k.unmounts.Load(), probe.Instances(app))
		}
		if got := s.all(); got != "[N=1]" {
			t.Errorf("saved %s: what the handler changed must not be lost", got)
		}
	})
}

func TestCrashUnmountsOnce(t *testing.T) { // L10
	synctest.Test(t, func(t *testing.T) {
		k := &kit{pull: func(*live.Socket, *puppet, Pull) error { panic("pull") }}
		page := livetest.Open(t, newPuppets(k), "/puppet")
		page.Push("Pull", Pull{By: 1})
		page.Sleep(0)
		_ = page.Error()
		if k.mounts.Load() != 2 || k.unmounts.Load() != 1 {
			t.Errorf("%d mounted, %d unmounted", k.mounts.Load(), k.unmounts.Load())
		}
		page.Close()
		page.Sleep(2 * time.Minute)
		if k.unmounts.Load() != 2 {
			t.Errorf("%d unmounted in the end", k.unmounts.Load())
		}
	})
}

func TestParkedPagesAreBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kit{}
		app := newPuppets(k, func(o *live.Options) { o.MaxParkedBytes = 3*(4<<10) + 2000 })
		b := livetest.NewBrowser(t, app)
		for range 10 {
			b.Load("/puppet")
		}
		synctest.Wait()
		if n := probe.Instances(app); n != 3 || k.unmounts.Load() != 7 {
			t.Errorf("%d parked, %d unmounted", n, k.unmounts.Load())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		k := &kit{}
		app := newPuppets(k, func(o *live.Options) { o.MaxParkedBytes = 1000 })
		page := livetest.NewBrowser(t, app).Load("/puppet") // larger than all that may be parked
		page.Sleep(0)
		if n := probe.Instances(app); n != 0 || k.unmounts.Load() != 1 {
			t.Errorf("%d parked, %d unmounted", n, k.unmounts.Load())
		}
		page.Connect()
		if page.Joined() != "mount" {
			t.Errorf("joined by %s", page.Joined())
		}
	})
}

func TestControlFramesCannotFillTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log countingHandler
		k := &kit{pull: func(_ *live.Socket, _ *puppet, e Pull) error { time.Sleep(5 * time.Second); return nil }}
		p := newTab(t, livetest.NewBrowser(t, newPuppets(k, func(o *live.Options) {
			o.Events, o.Burst, o.Logger = 1, 50, slog.New(&log)
		})), "/puppet")
		p.join()
		p.pull(Pull{By: 1})
		go func() {
			for range 1000 {
				if p.ws.Write(t.Context(), websocket.MessageText, []byte(`[0,"resync","again"]`)) != nil {
					return
				}
			}
		}()
		if d, code := p.next(); code != 4429 || log.n.Load() > 55 {
			t.Errorf("%+v, closed with %d after %d requests for the HTML", d, code, log.n.Load())
		}
	})
}

// countingHandler counts what is logged.
type countingHandler struct{ n atomic.Int32 }

func (h *countingHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *countingHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *countingHandler) WithGroup(string) slog.Handler            { return h }
func (h *countingHandler) Handle(context.Context, slog.Record) error {
	h.n.Add(1)
	return nil
}
