package live_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

// paragraph is a view that shows a paragraph.
type paragraph struct{}

func (paragraph) Render() templ.Component { return templ.Raw("<p>plain</p>") }

func TestLatencyIsForDevelopment(t *testing.T) {
	for _, dev := range []bool{true, false} {
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Dev: dev, Nonce: func(*http.Request) string { return "n0nce" }})
		live.Handle(app, "GET /", func(*http.Request) (*paragraph, error) { return &paragraph{}, nil })
		get := func(path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w
		}
		scripts := regexp.MustCompile(`<script defer src="([^"]+)" nonce="n0nce"`).FindAllStringSubmatch(get("/").Body.String(), -1)
		want := 1
		if dev {
			want = 2
		}
		if len(scripts) != want {
			t.Fatalf("Dev %v: scripts %q, want %d", dev, scripts, want)
		}
		if dev != strings.Contains(scripts[0][1], "latency") {
			t.Errorf("Dev %v: the first script is %s", dev, scripts[0][1])
		}
		for _, s := range scripts {
			if got := get(s[1]); got.Code != http.StatusOK || !strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("Dev %v: %s is answered %d, %v", dev, s[1], got.Code, got.Header())
			}
		}
	}
}
