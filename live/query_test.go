package live_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestQueryFields(t *testing.T) {
	trip := &trip{}
	b := livetest.NewBrowser(t, travelling(trip, live.GroupOptions{}))
	page := b.Open("/hosts/a?sort=cpu&page=abc&tag=x&tag=y&keep=1")
	if got := page.Text("#state"); got != `cpu "" 0 [x y]` {
		t.Errorf("state %s", got)
	}
	page.Push("Choose", Choose{Sort: "name", Filter: "ngi nx"})
	if page.URL() != "/hosts/a?keep=1&page=abc&q=ngi+nx&tag=x&tag=y" || page.Text("#runs") != "2" {
		t.Errorf("at %s, Params ran %s times", page.URL(), page.Text("#runs"))
	}
	page.Push("Turn", Turn{3})
	page.Push("Turn", Turn{4})
	if urls, at := page.History(); at != 2 || urls[2] != "/hosts/a?keep=1&page=4&q=ngi+nx&tag=x&tag=y" {
		t.Errorf("history %v at %d", urls, at)
	}
	page.Back()
	if got := page.Text("#state"); got != `name "ngi nx" 3 [x y]` {
		t.Errorf("back: %s", got)
	}
	again := page.Reload()
	if got := again.Text("#state"); got != `name "ngi nx" 3 [x y]` {
		t.Errorf("reloaded: %s", got)
	}
	h := host{Sort: "name", Filter: "a&b", Page: 2}
	if got := live.Query(h); got != "?page=2&q=a%26b" {
		t.Errorf("Query: %s", got)
	}
	if got := live.Query(&host{Sort: "name"}); got != "?" {
		t.Errorf("Query of defaults: %s", got)
	}
}

// filtered has a field that is stored and stands in the URL.
type filtered struct {
	Filter string `query:"q" stored:"session"`
}

func (*filtered) Events() []live.Handler { return []live.Handler{live.On((*filtered).Choose)} }

func (k *filtered) Choose(_ context.Context, _ *live.Socket, e Choose) error {
	k.Filter = e.Filter
	return nil
}

func (k filtered) Render() templ.Component { return markup(`<p id="q">%s</p>`, k.Filter) }

func TestQueryFieldsThatAreStored(t *testing.T) {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /", func(*http.Request) (*filtered, error) { return &filtered{}, nil })
	b := livetest.NewBrowser(t, app)
	page := b.Open("/")
	page.Push("Choose", Choose{Filter: "nginx"})
	if page.URL() != "/?q=nginx" {
		t.Errorf("at %s", page.URL())
	}
	page.AwaitSaved()
	page.Close()
	page = b.Open("/")
	page.Await("the URL", func() bool { return page.URL() == "/?q=nginx" })
	if page.Text("#q") != "nginx" {
		t.Errorf("recovered %q", page.Text("#q"))
	}
	if urls, _ := page.History(); len(urls) != 1 {
		t.Errorf("history %v: the URL was to be replaced", urls)
	}
	page.Close()
	page = b.Open("/?q=redis")
	if page.Text("#q") != "redis" || page.URL() != "/?q=redis" {
		t.Errorf("the URL says redis, the page %q at %s", page.Text("#q"), page.URL())
	}
	page.AwaitSaved()
	page.Close()
	if page = b.Open("/"); page.Text("#q") != "redis" {
		t.Errorf("what a URL said is not stored: %q", page.Text("#q"))
	}
}

// A tab whose filter another one has set is at the URL that says so.
func TestQueryFieldsThatAreStoredInAnotherTab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
		live.Handle(app, "GET /", func(*http.Request) (*filtered, error) { return &filtered{}, nil })
		b := livetest.NewBrowser(t, app)
		one, two := b.Open("/"), b.Open("/")
		one.Push("Choose", Choose{Filter: "nginx"})
		one.Sleep(time.Second)
		if two.Text("#q") != "nginx" || two.URL() != "/?q=nginx" {
			t.Errorf("the other tab shows %q at %s", two.Text("#q"), two.URL())
		}
		one.Visit("?")
		if one.URL() != "/" || one.Text("#q") != "" {
			t.Errorf("a bare URL: %q at %s", one.Text("#q"), one.URL())
		}
	})
}

func TestBadQueryTags(t *testing.T) {
	type (
		noName struct {
			A int `query:""`
		}
		twice struct {
			A int `query:"x"`
			B int `query:"x"`
		}
		badKind struct {
			A map[string]int `query:"a"`
		}
		badDefault struct {
			A int `query:"a,default=x"`
		}
		badOption struct {
			A int `query:"a,pull"`
		}
		hidden struct {
			a int `query:"a"`
		}
	)
	_ = hidden{a: 1}
	for _, v := range []any{noName{}, twice{}, badKind{}, badDefault{}, badOption{}, hidden{}} {
		func() {
			defer func() {
				if err := fmt.Sprint(recover()); !strings.Contains(err, "query:") {
					t.Errorf("%T: %s", v, err)
				}
			}()
			live.Query(v)
		}()
	}
}
