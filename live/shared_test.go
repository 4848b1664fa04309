package live_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/testviews/scores"
	"github.com/livelong-dev/livelong/live/livetest"
)

func scoresOf(rows ...int) scores.Scores {
	var s scores.Scores
	for i, n := range rows {
		s.Rows = append(s.Rows, scores.Row{Name: string(rune('a' + i)), Points: n})
	}
	return s
}

func scoresApp(first live.Shared[scores.Scores], logs *bytes.Buffer) *live.App {
	log := slog.New(slog.DiscardHandler)
	if logs != nil {
		log = slog.New(slog.NewTextHandler(logs, nil))
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: log})
	live.Handle(app, "GET /{$}", func(*http.Request) (*scores.Viewer, error) { return &scores.Viewer{Scores: first}, nil })
	return app
}

func TestARegionIsRenderedOnceForAllItsViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := scoresApp(live.Share(scoresOf(1, 2, 3)), nil)
		var browsers []*livetest.Browser
		for range 21 {
			browsers = append(browsers, livetest.NewBrowser(t, app))
		}
		live.StopChecking(app) // checks render again
		var pages []*livetest.Page
		scores.Runs.Store(0)
		for _, b := range browsers[:20] {
			pages = append(pages, b.Open("/"))
		}
		if n := scores.Runs.Load(); n != 1 {
			t.Errorf("20 pages rendered the table %d times", n)
		}
		show := func(rows ...int) {
			t.Helper()
			scores.Runs.Store(0)
			if err := scores.Topic.Publish(t.Context(), app, live.Share(scoresOf(rows...))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := scores.Runs.Load(); n != 1 {
				t.Errorf("rendered %d times", n)
			}
			sum := 0
			for _, n := range rows {
				sum += n
			}
			for i, p := range pages {
				if got := p.Texts("td + td"); strings.Join(got, " ") != strings.Trim(fmt.Sprint(rows), "[]") {
					t.Errorf("page %d shows %v, want %v", i, got, rows)
				}
				if got := p.Text("p"); got != fmt.Sprint(sum) {
					t.Errorf("page %d shows the sum %s, want %d", i, got, sum)
				}
			}
		}
		show(1, 2, 4)
		if frames := pages[7].Frames(); frames[len(frames)-1] > 40 {
			t.Errorf("one number of the region took %d bytes", frames[len(frames)-1])
		}
		show(7, 2, 4, 5, 6)
		pages[3].Click("button", "b") // an event in a region goes to the view around
		if pages[3].Text("h1") != "1" || pages[4].Text("h1") != "0" {
			t.Error("an event of the region went elsewhere")
		}
		away := pages[5]
		pages = slices.Delete(pages, 5, 6)
		away.Drop()
		show(2, 2)
		show(1)
		away.Connect()
		synctest.Wait()
		if got := away.Texts("td + td"); !slices.Equal(got, []string{"1"}) {
			t.Errorf("a page that came back shows %v", got)
		}
		late := browsers[20].Open("/")
		if got := late.Texts("td + td"); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("a page that came later shows %v", got)
		}
		pages = append(pages, late, away)
		show(5, 5)
		show()
	})
}

// In tests every rendering is compared with one that shares nothing.
func TestRegionsAreChecked(t *testing.T) {
	for how, want := range map[string]string{
		"twice":  "shows two regions with the name",
		"nested": "stands in another region",
		"child":  "stands in a region, which many",
		"open":   "not well formed",
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logs bytes.Buffer
				app := scoresApp(live.Share(scoresOf(1)), &logs)
				var reported []error
				page := livetest.Open(t, app, "/")
				live.Report(app, func(err error) { reported = append(reported, err) })
				page.Push("Break", scores.Break{How: how})
				synctest.Wait()
				_ = page.Error() // what crashes says so
				if all := logs.String() + fmt.Sprint(reported); !strings.Contains(all, want) {
					t.Errorf("want %q in\n%s", want, all)
				}
			})
		})
	}
}

// What a component takes along is its page's, and must not be shown to another one.
func TestARegionThatTakesSomethingAlongIsNotShared(t *testing.T) {
	app := scoresApp(live.Share(scoresOf(1)), nil)
	first, second := livetest.Open(t, app, "/"), livetest.Open(t, app, "/")
	live.StopChecking(app) // it would see the difference
	for _, p := range []*livetest.Page{first, second} {
		p.Push("Break", scores.Break{How: "mine"})
	}
	for want := range 3 {
		if got, other := first.Text("i"), second.Text("i"); got != fmt.Sprint(want) || other != "0" {
			t.Errorf("the pages show %s and %s, want %d and 0", got, other, want)
		}
		first.Push("Count", scores.Count{})
	}
}

func TestSharedValues(t *testing.T) {
	a := live.Share([]string{"<a>", "b"})
	if b, same := live.Share([]string{"<a>", "b"}), a; a == b || a != same {
		t.Error("values are told apart by their contents")
	}
	var zero, back live.Shared[[]string]
	if zero.Value() != nil {
		t.Error("the zero value holds something")
	}
	for in, want := range map[*live.Shared[[]string]]string{&a: `["<a>","b"]`, &zero: `null`} {
		data, err := in.MarshalJSON()
		if err != nil || string(data) != want {
			t.Errorf("encoded as %s, %v, want %s", data, err, want)
		}
		if err := json.Unmarshal(data, &back); err != nil || !slices.Equal(back.Value(), in.Value()) {
			t.Errorf("decoded as %v, %v", back.Value(), err)
		}
	}
	if err := json.Unmarshal([]byte(`7`), &back); err == nil {
		t.Error("a number was taken for a list")
	}
}

type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("at random") }

// A value is encoded once. Who asks again after a panic must not be given nothing.
func TestASharedValueThatPanics(t *testing.T) {
	s := live.Share(explosive{})
	for i := range 2 {
		func() {
			defer func() { recover() }()
			if data, err := s.MarshalJSON(); err == nil {
				t.Errorf("the %d. time %q, without an error", i+1, data)
			}
		}()
	}
}
