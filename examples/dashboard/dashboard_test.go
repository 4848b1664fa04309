package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// monitor makes an app that watches a host of hostAt, and counts how often it is read.
func monitor(t *testing.T) (*live.App, *atomic.Int64) {
	t.Helper()
	var reads atomic.Int64
	app, err := newApp(serve.Config{
		Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")},
		Go:      func(f func(context.Context)) { go f(t.Context()) },
	}, nil, &tail{}, "Testos 1", func() reading { return hostAt(int(reads.Add(1))) })
	if err != nil {
		t.Fatal(err)
	}
	return app, &reads
}

// watched runs a test of a page in virtual time.
func watched(t *testing.T, path string, f func(*livetest.Page)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		f(livetest.Open(t, app, path))
	})
}

func shows(t *testing.T, page *livetest.Page, selector string, want ...string) {
	t.Helper()
	if got := page.Texts(selector); !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", selector, got, want)
	}
}

func TestTicks(t *testing.T) {
	watched(t, "/", func(page *livetest.Page) {
		shows(t, page, "tbody th", "init", "nginx", "postgres")
		shows(t, page, ".gauge:first-child .value", "0.0 %")
		page.Sleep(time.Second)
		shows(t, page, ".gauge:first-child .value", "50.0 %")
		shows(t, page, "tbody th", "nginx", "postgres", "init")
		if window, _ := page.Attr(".gauge:first-child svg", "viewBox"); window != "-58.5 -1000 60 1000" {
			t.Errorf("the drawing shows %q", window)
		}
		page.Sleep(61 * time.Second)
		if got := page.Count(".gauge:first-child path"); got != barCount {
			t.Errorf("%d bars, want %d", got, barCount)
		}
	})
}

func TestTickCostsLittle(t *testing.T) {
	watched(t, "/", func(page *livetest.Page) {
		page.Sleep(65 * time.Second)
		frames := page.Frames()
		last := frames[len(frames)-1]
		t.Logf("a tick of 8 gauges in which no process moves: %d B", last)
		if last > 800 {
			t.Errorf("a tick's frame has %d B, want at most 800", last)
		}
	})
}

func TestOneReadingForAllViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, reads := monitor(t)
		var pages []*livetest.Page
		for range 5 {
			pages = append(pages, livetest.Open(t, app, "/"))
		}
		before := reads.Load()
		pages[0].Sleep(10 * time.Second)
		if got := reads.Load() - before; got != 10 {
			t.Errorf("the host was read %d times in 10 s, want 10", got)
		}
		for _, page := range pages {
			if got := len(page.Frames()); got < 10 {
				t.Errorf("a viewer was sent %d frames in 10 s", got)
			}
		}
	})
}

func TestSortIsInTheURL(t *testing.T) {
	watched(t, "/", func(page *livetest.Page) {
		page.Sleep(time.Second)
		sorted := func(url, column, direction string, names ...string) {
			t.Helper()
			shows(t, page, "tbody th", names...)
			if got, _ := page.Attr("th."+column, "aria-sort"); got != direction || page.URL() != url || page.Count("[aria-sort$=ending]") != 1 {
				t.Errorf("%s is %s at %s, want %s at %s, and no other", column, got, page.URL(), direction, url)
			}
		}
		sorted("/", "cpu", "descending", "nginx", "postgres", "init")
		page.Click("th.name a")
		sorted("/?dir=asc&sort=name", "name", "ascending", "init", "nginx", "postgres")
		page.Click("th.name a")
		sorted("/?sort=name", "name", "descending", "postgres", "nginx", "init")
		page.Click("th.cpu a")
		sorted("/", "cpu", "descending", "nginx", "postgres", "init")
		page.Back()
		page.Back()
		sorted("/?dir=asc&sort=name", "name", "ascending", "init", "nginx", "postgres")
		page.Sleep(time.Second)
		sorted("/?dir=asc&sort=name", "name", "ascending", "init", "nginx", "postgres")
	})
}

func TestNonsenseInTheURL(t *testing.T) {
	watched(t, "/?sort=%00&dir=x&rows=-1&hz=x&q=%F0%9F%92%A9", func(page *livetest.Page) {
		shows(t, page, ".count", "0 of 3")
		shows(t, page, ".table .none", "Nothing matches “💩”.")
	})
}

func TestFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		browser := livetest.NewBrowser(t, app)
		page := browser.Open("/")
		page.Type("#q", "Ngi")
		shows(t, page, "tbody th", "nginx")
		shows(t, page, ".count", "1 of 3")
		page.Sleep(time.Second)
		shows(t, page, "tbody th", "nginx")
		if got := page.Value("#q"); got != "Ngi" {
			t.Errorf("the filter is %q", got)
		}
		page.AwaitSaved()
		shows(t, browser.Open("/"), "tbody th", "nginx")
		shows(t, browser.Open("/?q=post"), "tbody th", "postgres")
		shows(t, livetest.Open(t, app, "/"), "tbody th", "nginx", "postgres", "init")
	})
}

func TestFilterOfAnotherTab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		browser := livetest.NewBrowser(t, app)
		one, two := browser.Open("/"), browser.Open("/?sort=pid")
		one.Type("#q", "ngi")
		one.Sleep(100 * time.Millisecond)
		shows(t, two, "tbody th", "nginx")
		if got := two.URL(); got != "/?q=ngi&sort=pid" {
			t.Errorf("the other tab is at %q", got)
		}
	})
}

func TestLostConnection(t *testing.T) {
	watched(t, "/?rows=100&hz=20", func(page *livetest.Page) {
		page.Drop()
		page.Sleep(10 * time.Second)
		page.Connect()
		page.Sleep(0)
		if got := page.Joined(); got != "resume" {
			t.Errorf("the page came back by %q", got)
		}
		shows(t, page, ".gauge:first-child .value", "50.0 %")
		before := page.HTML("tbody")
		page.Sleep(time.Second)
		if page.HTML("tbody") == before {
			t.Error("nothing moves any more")
		}
	})
}

func TestFilterIsBounded(t *testing.T) {
	for _, path := range []string{"/", "/?q=" + strings.Repeat("y", 1000)} {
		watched(t, path, func(page *livetest.Page) {
			page.Type("#q", strings.Repeat("x", 1000))
			if got, want := page.URL(), "/?q="+strings.Repeat("x", maxFilter); got != want {
				t.Errorf("the URL is %q, want %q", got, want)
			}
		})
	}
}

func TestColumnsAreTheBrowsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		browser := livetest.NewBrowser(t, app)
		page := browser.Open("/")
		shows(t, page, "thead th", "Name", "CPU %", "Memory", "Threads", "State", "User", "PID")
		page.Check(`[value="user"]`, false)
		page.Check(`[value="parent"]`, true)
		want := []string{"Name", "CPU %", "Memory", "Threads", "State", "PID", "Parent"}
		shows(t, page, "thead th", want...)
		page.AwaitSaved()
		shows(t, browser.Open("/"), "thead th", want...)
	})
}

func TestThemeIsTheBrowsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		browser := livetest.NewBrowser(t, app)
		page := browser.Open("/")
		page.Check(`[value="dark"]`, true)
		page.AwaitSaved()
		if !browser.Open("/").Has(`[value="dark"][checked]`) {
			t.Error("another tab is not dark")
		}
		page.Push("Paint", map[string]any{})
		if !page.Has(`[value="system"][checked]`) {
			t.Error("no theme is not the system's")
		}
	})
}

func TestStress(t *testing.T) {
	watched(t, "/?rows=300&hz=5", func(page *livetest.Page) {
		shows(t, page, ".count", "300")
		before := page.HTML("tbody")
		page.Sleep(250 * time.Millisecond)
		if page.HTML("tbody") == before {
			t.Error("nothing changed in a quarter of a second")
		}
		frames := len(page.Frames())
		page.Sleep(4 * time.Second)
		if got := len(page.Frames()) - frames; got < 18 || got > 26 {
			t.Errorf("%d frames in 4 s, want 5 a second and the gauges'", got)
		}
	})
}

func TestStressBeginsAndEnds(t *testing.T) {
	watched(t, "/?q=i", func(page *livetest.Page) {
		inASecond := func() int {
			before := len(page.Frames())
			page.Sleep(time.Second)
			return len(page.Frames()) - before
		}
		page.Click("nav a", "500 rows")
		if got := page.Text("#rows"); got != "Made-up processes" || page.URL() != "/?hz=5&q=i&rows=500" {
			t.Errorf("%q at %s", got, page.URL())
		}
		if got := inASecond(); got < 5 || got > 8 {
			t.Errorf("%d frames in a second, want 5 and the gauges'", got)
		}
		page.Visit("?rows=20&hz=20")
		shows(t, page, ".count", "20")
		page.Click("nav a", "This host")
		shows(t, page, "tbody th", "nginx", "postgres", "init")
		if got := inASecond(); got > 2 {
			t.Errorf("%d frames in a second after the stress", got)
		}
	})
}

func TestStressIsBounded(t *testing.T) {
	for _, c := range []struct {
		rows, hz uint
		want     int
		wantHz   uint
	}{{0, 0, 0, 1}, {1, 1, 1, 1}, {5000, 10, 5000, 10}, {1 << 63, 1 << 63, maxRows, maxHz}} {
		rows, hz := (&Dashboard{Stress: c.rows, Hz: c.hz}).stress()
		if rows != c.want || hz != c.wantHz {
			t.Errorf("%d rows at %d Hz become %d at %d, want %d at %d", c.rows, c.hz, rows, hz, c.want, c.wantHz)
		}
	}
}

func TestWithoutJavaScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		browser := livetest.NewBrowser(t, app)
		page := browser.Load("/?sort=name&dir=asc")
		shows(t, page, "tbody th", "init", "nginx", "postgres")
		if got, _ := page.Attr(`.find [name="sort"]`, "value"); got != "name" {
			t.Errorf("the filter's form would forget the order: %q", got)
		}
		shows(t, browser.Load("/?q=ngi&sort=name"), "tbody th", "nginx")
		page.Click("header button", "Choose") // the theme's form answers, too
		if !page.Has(`[value="system"][checked]`) {
			t.Error("the theme has changed")
		}
	})
}

// Lines of the log that a page's handler has written lead to what the page showed then.
func TestLogLeadsToFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorder, err := replay.Open(replay.Options{Archive: &replaytest.Memory{}})
		if err != nil {
			t.Fatal(err)
		}
		lines := &tail{}
		before := slog.Default()
		defer slog.SetDefault(before)
		slog.SetDefault(slog.New(replay.LogHandler(lines.handler(slog.NewTextHandler(io.Discard, nil)))))
		var reads int
		app, err := newApp(serve.Config{
			Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Dev: true, Replay: recorder,
			Go: func(f func(context.Context)) { go f(t.Context()) },
		}, nil, lines, "Testos 1", func() reading { reads++; return hostAt(reads) })
		if err != nil {
			t.Fatal(err)
		}
		page := livetest.Open(t, app, "/")
		page.Type("#q", "nginx")
		page.Sleep(2 * time.Second)
		active, err := recorder.Active(t.Context())
		if err != nil || len(active) != 1 {
			t.Fatalf("%d recordings, %v", len(active), err)
		}
		if text := page.Texts(".log .text"); len(text) != 1 || text[0] != "filtered by=nginx" {
			t.Errorf("the log shows %q", text)
		}
		want := replay.FramePath("/replay/", active[0].ID, 1)
		if href, _ := page.Attr(".log a", "href"); href != want {
			t.Errorf("the line leads to %q, want %q", href, want)
		}
		for range 20 {
			slog.Info("more")
		}
		page.Sleep(time.Second)
		if n := page.Count(".log li"); n != tailLength {
			t.Errorf("%d lines, want %d", n, tailLength)
		}
		page.Close()
		if err := recorder.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
