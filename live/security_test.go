package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
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

const origin = "http://live.test"

// raw is a socket without a page: what a script may send.
type raw struct {
	t *testing.T
	*websocket.Conn
}

func dial(b *livetest.Browser, path string, header http.Header) (*websocket.Conn, int, error) {
	ws, res, err := websocket.Dial(context.Background(), origin+path, &websocket.DialOptions{HTTPClient: &http.Client{Transport: b}, HTTPHeader: header})
	if err != nil {
		if res == nil {
			return nil, 0, err
		}
		return nil, res.StatusCode, err
	}
	ws.SetReadLimit(-1)
	return ws, http.StatusSwitchingProtocols, nil
}

// join loads a page and joins it with a token changed by f.
func join(t *testing.T, b *livetest.Browser, path string, f func(token string) string) *raw {
	t.Helper()
	page := b.Load(path)
	token, _ := page.Attr("[data-live]", "data-live")
	ws, _, err := dial(b, path, http.Header{"Origin": {origin}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	r := &raw{t, ws}
	frame, _ := json.Marshal([]any{1, f(token), struct{}{}})
	r.send(string(frame))
	return r
}

func same(token string) string { return token }

func (r *raw) send(frame string) {
	r.t.Helper()
	if err := r.Write(context.Background(), websocket.MessageText, []byte(frame)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) read() (string, websocket.StatusCode) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, frame, err := r.Read(ctx)
	return string(frame), websocket.CloseStatus(err)
}

// X1
func TestPageTokens(t *testing.T) {
	app := newApp()
	browser := livetest.NewBrowser(t, app)
	token, _ := browser.Load("/").Attr("[data-live]", "data-live")
	foreign, _ := livetest.NewBrowser(t, app).Load("/").Attr("[data-live]", "data-live")
	other, _ := browser.Load("/other").Attr("[data-live]", "data-live")
	tests := map[string]func(string) string{
		"of another browser": func(string) string { return foreign },
		"of another page":    func(string) string { return other },
		"empty":              func(string) string { return "" },
	}
	for i := 0; i < len(token); i += 17 {
		tests["with byte "+string(rune('0'+i/17))+" changed"] = func(s string) string {
			b := []byte(s)
			if b[i] == 'A' {
				b[i] = 'B'
			} else {
				b[i] = 'A'
			}
			return string(b)
		}
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			if frame, code := join(t, browser, "/", change).read(); code != 4403 {
				t.Errorf("frame %q, closed with %d, want 4403", frame, code)
			}
		})
	}
	if frame, code := join(t, browser, "/", same).read(); !strings.Contains(frame, `"how":"adopt"`) {
		t.Errorf("the page's own token: frame %q, closed with %d", frame, code)
	}
}

// X2, X3
func TestUpgradesAreRefused(t *testing.T) {
	app := newApp(func(o *live.Options) { o.Origins = []string{"https://*.partner.test"} })
	browser := livetest.NewBrowser(t, app)
	browser.Load("/")
	tests := []struct {
		name   string
		b      *livetest.Browser
		header http.Header
		want   int
	}{
		{"own origin", browser, http.Header{"Origin": {origin}}, 101},
		{"listed origin", browser, http.Header{"Origin": {"https://shop.partner.test"}}, 101},
		{"missing origin", browser, nil, 403},
		{"foreign origin", browser, http.Header{"Origin": {"http://evil.test"}}, 403},
		{"null origin", browser, http.Header{"Origin": {"null"}}, 403},
		{"origin that only begins like ours", browser, http.Header{"Origin": {origin + ".evil.test"}}, 403},
		{"listed origin without TLS", browser, http.Header{"Origin": {"http://shop.partner.test"}}, 403},
		{"no session", livetest.NewBrowser(t, app), http.Header{"Origin": {origin}}, 403},
		{"forged session", livetest.NewBrowser(t, app), http.Header{"Origin": {origin}, "Cookie": {"livelong_session=" + strings.Repeat("A", 64)}}, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ws, status, err := dial(tt.b, "/", tt.header)
			if ws != nil {
				ws.CloseNow()
			}
			if status != tt.want {
				t.Errorf("status %d, want %d (%v)", status, tt.want, err)
			}
		})
	}
}

// X7
func TestRedirectTargets(t *testing.T) {
	for target, ok := range map[string]bool{
		"/login": true, "?page=2": true, "https://example.org/": true, "http://example.org/": true,
		"javascript:alert(1)": false, "JavaScript:alert(1)": false, "data:text/html,x": false, "//evil.test": false, `/\evil.test`: false,
		`\\evil.test`: false, "java\tscript:alert(1)": false, "/a\r\nSet-Cookie: x": false, "/a\nb": false, "login": false, "vbscript:x": false,
	} {
		page := livetest.Open(t, newApp(), "/")
		page.Push("Away", Away{To: target})
		if got := page.Redirected(); (got == target) != ok || !ok && got != "" {
			t.Errorf("Redirect(%q) sends the browser to %q", target, got)
		}
		if text := page.Error(); (text == "") != ok {
			t.Errorf("Redirect(%q): error %q", target, text)
		}
		if err := live.RedirectTo(target); (err.Error() == "redirect to "+target) != ok {
			t.Errorf("RedirectTo(%q): %v", target, err)
		}
	}
}

func TestBadEventsAreRefusedAndChangeNothing(t *testing.T) {
	tests := []struct{ name, event, want string }{
		{"unknown event", `"Drop",{"v":{}}`, `handles no event "Drop"`},
		{"unknown field", `"Add",{"v":{"By":1,"Buy":2}}`, "Buy"},
		{"wrong type", `"Add",{"v":{"By":"one"}}`, "By"},
		{"too large a number", `"Add",{"v":{"By":1e99}}`, "By"},
		{"a message only the server may send", `"Later",{"v":{"Text":"x"}}`, `handles no event "Later"`},
		{"a child that is not there", `"Add",{"v":{"By":1}},"rows/7"`, `no child "rows/7"`},
		{"a form that is none", `"Save",{"f":"%zz"}`, "form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := join(t, livetest.NewBrowser(t, newApp()), "/", same)
			r.read()
			r.send(`[1,` + tt.event + `]`)
			frame, _ := r.read()
			if !strings.HasPrefix(frame, `[1,[],{"error":[[1,"`) || !strings.Contains(strings.ReplaceAll(frame, `\"`, `"`), tt.want) {
				t.Errorf("answer %s, want an error with %q and no change", frame, tt.want)
			}
			r.send(`[2,"Add",{"v":{"By":1}}]`)
			if frame, _ := r.read(); !strings.HasPrefix(frame, `[2,[`) || !strings.Contains(frame, `"1"`) {
				t.Errorf("afterwards the page answers %s", frame)
			}
		})
	}
}

func TestBadFramesCloseTheSocket(t *testing.T) {
	deep := `[1,"Add",{"v":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}]`
	tests := []struct {
		name, frame string
		want        websocket.StatusCode
	}{
		{"not JSON", "hello", 4400},
		{"too deep", deep, 4400},
		{"a number skipped", `[2,"Add"]`, 4400},
		{"too large", `[1,"` + strings.Repeat("a", 200<<10) + `"]`, websocket.StatusMessageTooBig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := newApp()
			bystander := livetest.Open(t, app, "/")
			r := join(t, livetest.NewBrowser(t, app), "/", same)
			r.read()
			go r.Write(context.Background(), websocket.MessageText, []byte(tt.frame)) // fails where reading stops early
			if frame, code := r.read(); code != tt.want {
				t.Errorf("frame %q, closed with %d, want %d", frame, code, tt.want)
			}
			bystander.Click("button", "+1")
		})
	}
}

func TestEventsAreAppliedOnce(t *testing.T) {
	r := join(t, livetest.NewBrowser(t, newApp()), "/", same)
	r.read()
	r.send(`[1,"Add",{"v":{"By":1}}]`)
	r.read()
	r.send(`[1,"Add",{"v":{"By":1}}]`)
	r.send(`[2,"Nothing"]`)
	if frame, _ := r.read(); frame != `[2,[]]` {
		t.Errorf("a repeated event changed something: %s", frame)
	}
}

func TestFloodIsRefusedThenClosed(t *testing.T) {
	r := join(t, livetest.NewBrowser(t, newApp(func(o *live.Options) { o.Events, o.Burst = 1, 5 })), "/", same)
	r.read()
	send := func(n int) error {
		frame, _ := json.Marshal([]any{n, "Add", map[string]any{"v": map[string]int{"By": 1}}})
		return r.Write(context.Background(), websocket.MessageText, frame)
	}
	refused := false
	for n := 1; n <= 10; n++ {
		if err := send(n); err != nil {
			t.Fatal(err)
		}
		frame, _ := r.read()
		refused = refused || strings.Contains(frame, "more than 1 events a second")
	}
	if !refused {
		t.Error("ten events at once were not refused visibly")
	}
	go func() {
		for n := 11; send(n) == nil; n++ {
		}
	}()
	for {
		if frame, code := r.read(); frame == "" {
			if code != 4429 {
				t.Errorf("closed with %d, want 4429", code)
			}
			return
		}
	}
}

// What is allowed in between, as the limit refills, does not make a flood good.
func TestSteadyFloodIsClosed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pause  time.Duration // between events, of which 100 are allowed a second
		closed bool
	}{
		{"ten times what is allowed", time.Millisecond, true},
		{"a little more than is allowed", 8 * time.Millisecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newApp(func(o *live.Options) { o.Events, o.Burst = 100, 20 })
				p := newTab(t, livetest.NewBrowser(t, app), "/")
				p.join()
				code := make(chan websocket.StatusCode, 1)
				go func() {
					for {
						if _, c := p.next(); c != 0 {
							code <- c
							return
						}
					}
				}()
				for n := 1; n <= 5000; n++ {
					if p.ws.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `[%d,"Nothing"]`, n)) != nil {
						break
					}
					time.Sleep(tt.pause)
				}
				p.drop()
				if got := <-code; (got == 4429) != tt.closed {
					t.Errorf("closed with %d", got)
				}
			})
		})
	}
}

func TestParkingIsBounded(t *testing.T) {
	var calls Calls
	app := newProbe(&calls, live.GroupOptions{}, nil, func(o *live.Options) { o.MaxParked = 100 })
	browser := livetest.NewBrowser(t, app)
	const gets = 10_000
	most := 0
	for range gets {
		r, _ := http.NewRequest(http.MethodGet, "/items/1", nil)
		if res := browser.Do(r); res.Code != 200 {
			t.Fatal(res.Code)
		}
		most = max(most, probe.Instances(app))
	}
	// The evicted end on their own goroutines, so a few more may be counted.
	t.Logf("%d GETs that never connected: at most %d instances", gets, most)
	if most > 1000 {
		t.Errorf("%d instances at once, want about 100", most)
	}
	if err := app.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := calls.Counts(); n.Mount != gets || n.Unmount != gets {
		t.Errorf("%+v, want each mounted and unmounted", n)
	}
}

func TestHeadAndPrefetchDoNotPark(t *testing.T) {
	var calls Calls
	app := newProbe(&calls, live.GroupOptions{}, nil)
	browser := livetest.NewBrowser(t, app)
	head, _ := http.NewRequest(http.MethodHead, "/items/1", nil)
	prefetch, _ := http.NewRequest(http.MethodGet, "/items/1", nil)
	prefetch.Header.Set("Sec-Purpose", "prefetch;prerender")
	for _, r := range []*http.Request{head, prefetch} {
		if res := browser.Do(r); res.Code != 200 {
			t.Fatal(res.Code)
		}
	}
	if err := app.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := calls.Counts(); n.Unmount != 2 {
		t.Errorf("%+v", n)
	}
}

func TestPlainForms(t *testing.T) {
	app := newApp(func(o *live.Options) { o.MaxForm = 1000 })
	browser := livetest.NewBrowser(t, app)
	page := browser.Load("/")
	seal, _ := page.Attr("input[name=live-seal]", "value")
	tests := []struct {
		name, event, seal, origin, extra string
		b                                *livetest.Browser
		want                             int
	}{
		{"good", "Save", seal, origin, "", browser, 303},
		{"no seal", "Save", "", origin, "", browser, 403},
		{"forged seal", "Save", "AAAAAAAAAAAAAAAAAAAAAA", origin, "", browser, 403},
		{"another site", "Save", seal, "http://evil.test", "", browser, 403},
		{"no session", "Save", seal, origin, "", livetest.NewBrowser(t, app), 403},
		{"unknown event", "Nope", seal, origin, "", browser, 400},
		{"server's message", "Later", seal, origin, "", browser, 400},
		{"too large", "Save", seal, origin, strings.Repeat("x", 2000), browser, 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := url.Values{"live-event": {tt.event}, "live-seal": {tt.seal}, "note": {"n" + tt.extra}}
			r, _ := http.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", tt.origin)
			if res := tt.b.Do(r); res.Code != tt.want {
				t.Errorf("%d, want %d: %s", res.Code, tt.want, res.Body)
			}
		})
	}
	if next := browser.Load("/"); len(next.Flash()) != 1 || next.Flash()[0].Text != "Saved n" {
		t.Errorf("flash %v", next.Flash())
	}
}

func TestSecretsAreRequired(t *testing.T) {
	for name, o := range map[string]live.Options{
		"none":     {},
		"short":    {Secrets: [][]byte{[]byte("short")}},
		"example":  {Secrets: [][]byte{[]byte(live.ExampleSecret)}},
		"in a row": {Secrets: [][]byte{secret, []byte(live.ExampleSecret)}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "secret") && !strings.Contains(s, "Secrets") {
					t.Errorf("New says %q", s)
				}
			}()
			live.New(o)
			t.Error("New accepts it")
		})
	}
	live.New(live.Options{Dev: true})
	live.New(live.Options{Dev: true, Secrets: [][]byte{[]byte(live.ExampleSecret)}})
}

func TestAuthorizeGuardsGetAndJoin(t *testing.T) {
	var calls Calls
	allowed := true
	app := newProbe(&calls, live.GroupOptions{Authorize: func(*http.Request) error {
		if !allowed {
			return errors.New("not any more")
		}
		return nil
	}}, nil)
	browser := livetest.NewBrowser(t, app)
	page := browser.Open("/items/7")
	allowed = false
	page.Drop()
	var status *live.StatusError
	if err := page.TryConnect(); !errors.As(err, &status) || status.Status != 403 {
		t.Errorf("join: %v, want 403", err)
	}
	r, _ := http.NewRequest(http.MethodGet, "/items/7", nil)
	if res := browser.Do(r); res.Code != 403 {
		t.Errorf("GET: %d, want 403", res.Code)
	}
}

// Authorize sees the URL that the socket was opened at, so that must be the page's own.
func TestSocketsAreOpenedAtThePagesOwnPath(t *testing.T) {
	for _, way := range []wire.How{wire.Adopt, wire.Resume} {
		t.Run(string(way), func(t *testing.T) {
			var calls Calls
			revoked := false
			app := newProbe(&calls, live.GroupOptions{Authorize: func(r *http.Request) error {
				if revoked && r.URL.Path == "/items/7" {
					return errors.New("not any more")
				}
				return nil
			}}, nil)
			b := livetest.NewBrowser(t, app)
			thief, decoy := newTab(t, b, "/items/7?q=secret"), newTab(t, b, "/items/8")
			if way == wire.Resume {
				thief.join()
				thief.drop()
			}
			revoked = true
			thief.path = "/items/8"
			thief.dial()
			if d, code := thief.next(); code != 4403 {
				t.Errorf("the token of a page of another path: %+v, closed with %d", d, code)
			}
			decoy.secret = thief.secret
			decoy.dial()
			if d := decoy.read(); d.Extra.Join == nil || d.Extra.Join.How == wire.Resume {
				t.Errorf("the secret of a page of another path resumes: %+v", d)
			}
		})
	}
}
