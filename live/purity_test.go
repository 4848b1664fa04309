package live_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// mapped renders a map in the order that Go gives it.
type mapped struct{ M map[string]int }

func (m mapped) Render() templ.Component {
	var b strings.Builder
	for k := range m.M {
		b.WriteString("<i>" + k + "</i>")
	}
	return templ.Raw(b.String())
}

// clock renders the time.
type clock struct{ N int }

func (clock) Render() templ.Component {
	return templ.Raw(fmt.Sprint("<i>", time.Now().UnixNano(), "</i>"))
}

// pointed renders an address.
type pointed struct{ P *int }

func (p pointed) Render() templ.Component { return templ.Raw(fmt.Sprintf("<i>%p</i>", p.P)) }

func served[V live.View](t *testing.T, v *V) string {
	app := live.New(live.Options{Dev: true})
	live.Handle(app, "GET /{$}", func(*http.Request) (*V, error) { return v, nil })
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	// In development the page itself says what is wrong.
	b := livetest.NewBrowser(t, live.New(live.Options{Dev: true})).Through(app)
	defer app.Shutdown(t.Context())
	return b.Do(r).Body.String()
}

func TestImpureViewsAreFound(t *testing.T) {
	m := map[string]int{}
	for i := range 20 {
		m[fmt.Sprint("key", i)] = i
	}
	n := 1
	for name, page := range map[string]string{
		"map order":        served(t, &mapped{m}),
		"the time":         served(t, &clock{}),
		"a memory address": served(t, &pointed{&n}),
	} {
		if !strings.Contains(page, "second time") && !strings.Contains(page, "not pure") {
			t.Errorf("%s: the page says %q", name, page)
		}
	}
	if page := served(t, &mapped{map[string]int{"one": 1}}); !strings.Contains(page, "<i>one</i>") {
		t.Errorf("a pure view: %q", page)
	}
}
