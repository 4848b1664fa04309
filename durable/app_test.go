package durable_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// basket is a page with stored fields of each scope.
type basket struct {
	Count int    `stored:"session"`
	Theme string `stored:"session,shared"`
	Note  string `stored:"reconnect"`
}

type (
	Put  struct{ By int }
	Jot  struct{ Text string }
	Dye  struct{ Theme string }
	Tick struct{}
)

func (*basket) Events() []live.Handler {
	return []live.Handler{live.On((*basket).Put), live.On((*basket).Jot), live.On((*basket).Dye), live.OnMessage((*basket).Tick)}
}

func (b *basket) Put(_ context.Context, s *live.Socket, e Put) error {
	live.Update(s, &b.Count, func(n int) int { return n + e.By })
	return nil
}

func (b *basket) Jot(_ context.Context, _ *live.Socket, e Jot) error { b.Note = e.Text; return nil }
func (b *basket) Dye(_ context.Context, _ *live.Socket, e Dye) error { b.Theme = e.Theme; return nil }
func (b *basket) Tick(context.Context, *live.Socket, Tick) error {
	b.Note += "."
	b.Count++
	return nil
}

// ticking makes every page change by itself.
var ticking = false

func (b *basket) Mount(_ context.Context, s *live.Socket) error {
	if ticking {
		s.Every(time.Second, Tick{})
	}
	return nil
}

func (b basket) Render() templ.Component {
	return templ.Raw(fmt.Sprintf(`<output>%d</output><p id="note">%s</p><p id="theme">%s</p><form method="post"></form>`, b.Count, b.Note, b.Theme))
}

var secrets = [][]byte{[]byte("a secret of at least thirty-two bytes"), []byte("an older secret of thirty-two bytes..")}

// newNode returns an app on a bucket: one process of several, or the next one.
func newNode(t *testing.T, b durable.Bucket, adjust ...func(*live.Options)) *live.App {
	t.Helper()
	o := live.Options{Secrets: secrets[:1], Stash: open(t, b), Logger: slog.New(slog.DiscardHandler)}
	for _, f := range adjust {
		f(&o)
	}
	app := live.New(o)
	live.Handle(app, "GET /", func(*http.Request) (*basket, error) { return &basket{}, nil })
	return app
}

func look(t *testing.T, p *livetest.Page, count, note string) {
	t.Helper()
	if c, n := p.Text("output"), p.Text("#note"); c != count || n != note {
		t.Errorf("shows count %q and note %q, want %q and %q", c, n, count, note)
	}
}

// A page goes on where it was after its server was replaced; a fresh visit finds the session's values and a blank draft.
func TestPagesOutliveTheirServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		browser := livetest.NewBrowser(t, newNode(t, b))
		page := browser.Open("/")
		page.Push("Put", Put{By: 2})
		page.Push("Jot", Jot{Text: "milk"})
		page.AwaitSaved()
		for range 3 {
			page.Drop()
			browser.Visit(newNode(t, b))
			page.Connect()
			if page.Joined() != "mount" {
				t.Errorf("joined by %s", page.Joined())
			}
			look(t, page, "2", "milk")
		}
		look(t, browser.Open("/"), "2", "")
		look(t, livetest.Open(t, newNode(t, b), "/"), "0", "")
	})
}

// A change in one tab is in the other at once, on another node through the bus; both count.
func TestTabsOnTwoNodes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		b.Latency = 10 * time.Millisecond
		shared := &bus{subs: map[string]map[int]func([]byte){}}
		with := func(o *live.Options) { o.Bus = shared }
		one, two := newNode(t, b, with), newNode(t, b, with)
		browser := livetest.NewBrowser(t, one)
		first, second := browser.Open("/"), browser.Open("/")
		browser.Visit(two)
		third := browser.Open("/")
		for range 10 {
			first.Push("Put", Put{By: 1})
			third.Push("Put", Put{By: 1})
		}
		second.Push("Dye", Dye{Theme: "dark"})
		first.Sleep(time.Second)
		for i, p := range []*livetest.Page{first, second, third} {
			if p.Text("output") != "20" || p.Text("#theme") != "dark" || p.Saved() != "saved" {
				t.Errorf("tab %d shows %s, %s, %s", i, p.Text("output"), p.Text("#theme"), p.Saved())
			}
		}
	})
}

// An instance that waits for its browser on one node cannot write over what the page does on another.
func TestDetachedInstanceIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ticking = true
		defer func() { ticking = false }()
		b := durabletest.NewMemory()
		browser := livetest.NewBrowser(t, newNode(t, b))
		page := browser.Open("/")
		page.Sleep(3 * time.Second)
		page.Drop()
		browser.Visit(newNode(t, b))
		ticking = false
		page.Connect()
		count, note := page.Text("output"), page.Text("#note")
		if !strings.HasPrefix(note, "..") {
			t.Fatalf("the note is %q", note)
		}
		page.Sleep(30 * time.Second) // the old instance ticks on, within its time of grace
		look(t, page, count, note)
		page.Push("Jot", Jot{Text: "mine"})
		page.AwaitSaved()
		page.Sleep(30 * time.Second)
		look(t, page, count, "mine")
	})
}

// A page that cannot be read is unavailable: it writes nothing, and everything is there when the bucket is back.
func TestUnavailablePageWritesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		browser := livetest.NewBrowser(t, newNode(t, f))
		page := browser.Open("/")
		page.Push("Put", Put{By: 5})
		page.AwaitSaved()
		page.Close()
		f.Partition(durabletest.Unavailable)
		page = browser.Open("/")
		if page.Saved() != "unavailable" || !strings.Contains(page.First(), "cannot be read") {
			t.Errorf("marked %q:\n%s", page.Saved(), page.First())
		}
		page.Push("Put", Put{By: 1})
		if text := page.Error(); text != "" && !strings.Contains(text, "saved") {
			t.Errorf("told %q", text)
		}
		f.Partition(durabletest.None)
		page.Sleep(time.Minute)
		page.Close()
		look(t, browser.Open("/"), "5", "")
	})
}

// A new secret moves the session; the id in the cookie is never told.
func TestCookieIDsAreNowhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		var mu sync.Mutex
		logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
		b := durabletest.NewMemory()
		f := durabletest.NewFaulty(b, durabletest.FaultyOptions{})
		told := func(o *live.Options) { o.Logger = logger }
		store := func(o *live.Options) {
			told(o)
			o.Stash = open(t, f, func(o *durable.Options) { o.Logger = logger })
		}
		browser := livetest.NewBrowser(t, newNode(t, f, store, func(o *live.Options) { o.Secrets = secrets[1:] }))
		page := browser.Open("/")
		page.Push("Put", Put{By: 3})
		page.AwaitSaved()
		before := cookieOf(t, browser)
		page.Close()
		browser.Visit(newNode(t, f, store, func(o *live.Options) { o.Secrets = secrets }))
		page = browser.Open("/")
		look(t, page, "3", "")
		page.Push("Put", Put{By: 1})
		page.AwaitSaved()
		f.Partition(durabletest.Denied)
		page.Push("Put", Put{By: 1})
		page.Sleep(time.Second)
		f.Partition(durabletest.None)
		page.Sleep(time.Minute)
		synctest.Wait()

		cookies := []string{before, cookieOf(t, browser)}
		mu.Lock()
		defer mu.Unlock()
		for _, cookie := range cookies {
			raw, err := base64.RawURLEncoding.DecodeString(cookie)
			if err != nil {
				t.Fatal(err)
			}
			forms := []string{string(raw[:32]), base64.RawURLEncoding.EncodeToString(raw[:30]), base64.RawStdEncoding.EncodeToString(raw[:30]), hex.EncodeToString(raw[:32])}
			keys, err := b.List(t.Context(), "", "", 0)
			if err != nil || len(keys) < 2 {
				t.Fatalf("keys %q, %v", keys, err)
			}
			for _, key := range keys {
				data, _, err := b.Get(t.Context(), key, "")
				if err != nil && !missing(err) {
					t.Fatal(err)
				}
				for _, form := range forms {
					if strings.Contains(key+string(data)+log.String(), form) {
						t.Errorf("the cookie's id is told as %q", form)
					}
				}
			}
			for _, key := range keys {
				if id := strings.TrimPrefix(key, "sessions/"); strings.Contains(log.String(), id) {
					t.Errorf("the storage id %s is in the log", id)
				}
			}
		}
		if log.Len() == 0 {
			t.Error("nothing was logged")
		}
	})
}

func missing(err error) bool {
	return err != nil && strings.Contains(err.Error(), fs.ErrNotExist.Error())
}

func cookieOf(t *testing.T, b *livetest.Browser) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodHead, "/none", nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Do(r)
	c, err := r.Cookie("livelong_session")
	if err != nil {
		t.Fatal(err)
	}
	return c.Value
}
