// Package livetest tests views without a browser. It drives the app's real router and wire over connections in memory:
// a page is loaded by GET, joined by a WebSocket, and patched like in a browser; what is clicked is what is rendered.
//
//	func TestCounter(t *testing.T) {
//		page := livetest.Open(t, newApp(), "/")
//		page.Click("button", "+1")
//		if got := page.Text("output"); got != "1" {
//			t.Errorf("count %q, want 1", got)
//		}
//	}
//
// Each rendering is checked: a Render that is not a pure function of the view's exported fields, or HTML that browsers
// build differently, fails the test. So does an error that the user would see, unless the test asks for it with
// [Page.Error].
//
// Everything works in a bubble of testing/synctest, where time is virtual: see [Page.Sleep].
package livetest

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/probe"
)

// origin is where the app seems to be served.
const origin = "http://live.test"

// Browser is a browser session: its pages share cookies. Its methods must be called by the test's goroutine.
type Browser struct {
	t       testing.TB
	app     *live.App
	handler http.Handler
	jar     *cookiejar.Jar

	// Params is what pages send when they connect; see live.Socket.ConnectParams.
	Params map[string]string
}

var checked sync.Map // *live.App → whether its checks are on

// NewBrowser returns a new browser without cookies. When the test ends, its pages are closed and the app is shut down.
func NewBrowser(t testing.TB, app *live.App) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, jar: jar}
	b.Visit(app)
	return b
}

// Visit makes the browser's requests reach another app from now on: the server was restarted, deployed, or another node
// answers. Open pages keep their connections until [Page.Drop]; [Page.Connect] then joins them to the new app.
func (b *Browser) Visit(app *live.App) {
	t := b.t
	t.Helper()
	b.app, b.handler = app, app
	if _, on := checked.LoadOrStore(app, true); !on {
		probe.Check(app, func(err error) { t.Errorf("livetest: %v", err) })
		t.Cleanup(func() { checked.Delete(app) })
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := app.Shutdown(ctx); err != nil {
			t.Errorf("livetest: shut the app down: %v", err)
		}
	})
}

// Through lets requests pass h, such as middleware around the app. It returns b.
func (b *Browser) Through(h http.Handler) *Browser {
	b.handler = h
	return b
}

// Open loads a page in a new browser and connects it; see [Browser.Open].
func Open(t testing.TB, app *live.App, path string) *Page {
	t.Helper()
	return NewBrowser(t, app).Open(path)
}

// Open loads a page and connects it. Redirects are followed. The test fails unless the page is answered 200.
func (b *Browser) Open(path string) *Page {
	b.t.Helper()
	p := b.Load(path)
	p.Connect()
	return p
}

// Load loads a page without connecting it, as a browser without JavaScript does.
func (b *Browser) Load(path string) *Page {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		b.t.Fatalf("livetest: %v", err)
	}
	return b.load(r)
}

func (b *Browser) load(r *http.Request) *Page {
	b.t.Helper()
	for range 10 {
		res := b.Do(r)
		if location := res.Result().Header.Get("Location"); location != "" {
			to, err := r.URL.Parse(location)
			if err != nil {
				b.t.Fatalf("livetest: redirect to %q: %v", location, err)
			}
			if r, err = http.NewRequest(http.MethodGet, to.RequestURI(), nil); err != nil {
				b.t.Fatalf("livetest: redirect to %q: %v", location, err)
			}
			continue
		}
		refused := r.Method == http.MethodPost && res.Code == http.StatusUnprocessableEntity // the page says what is wrong
		if res.Code != http.StatusOK && !refused {
			b.t.Fatalf("livetest: %s %s: %d\n%s", r.Method, r.URL, res.Code, res.Body)
		}
		return newPage(b, r.URL, res.Body.String())
	}
	b.t.Fatalf("livetest: GET %s: too many redirects", r.URL)
	return nil
}

// Do sends one request with the browser's cookies and returns the answer, whatever it is.
func (b *Browser) Do(r *http.Request) *httptest.ResponseRecorder {
	b.address(r)
	res := httptest.NewRecorder()
	b.handler.ServeHTTP(res, r)
	b.jar.SetCookies(r.URL, res.Result().Cookies())
	return res
}

// address fills in what a browser sends with each request.
func (b *Browser) address(r *http.Request) {
	base, _ := url.Parse(origin)
	r.URL = base.ResolveReference(r.URL)
	r.Host, r.RequestURI, r.RemoteAddr = base.Host, r.URL.RequestURI(), "192.0.2.1:1234"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if r.Header.Get("Cookie") == "" {
		for _, c := range b.jar.Cookies(r.URL) {
			r.AddCookie(c)
		}
	}
}

// RoundTrip answers an upgrade through the app's handler and a connection in memory.
func (b *Browser) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	b.address(r)
	client, server := net.Pipe()
	w := &upgrade{ResponseRecorder: httptest.NewRecorder(), conn: server}
	b.handler.ServeHTTP(w, r)
	res := w.Result()
	if res.StatusCode == http.StatusSwitchingProtocols {
		res.Body = client
	} else {
		client.Close()
		server.Close()
	}
	return res, nil
}

// upgrade is a ResponseWriter that can be hijacked.
type upgrade struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return u.conn, bufio.NewReadWriter(bufio.NewReader(u.conn), bufio.NewWriter(u.conn)), nil
}

// timeout is how long a page waits for an answer before the test fails.
const timeout = 10 * time.Second

func clean(s string) string { return strings.Join(strings.Fields(s), " ") }
