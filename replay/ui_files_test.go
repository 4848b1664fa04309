package replay_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// A sandboxed frame sends no cookies: the address of what was kept is its authorization, for some hours.
func TestAssetsAreSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		style := "@import 'other.css'; p { background: url(dot.png) } @media (scripting: enabled) { p { color: red } }"
		for path, data := range map[string]string{"/static/own.css": style, "/static/other.css": "p { margin: 0 }", "/static/dot.png": "\x89PNG"} {
			kind := "text/css"
			if strings.HasSuffix(path, "png") {
				kind = "image/png"
			}
			h.app.Mount(path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", kind)
				_, _ = w.Write([]byte(data))
			}))
		}
		layout := func(_ live.Page, body templ.Component) templ.Component {
			return templ.Join(templ.Raw(`<!DOCTYPE html><html lang="en"><head><link rel="stylesheet" href="/static/own.css">`), live.Script(), templ.Raw(`</head><body class="own">`), body, templ.Raw(`</body></html>`))
		}
		live.Handle(h.app.Group(live.GroupOptions{Layout: layout}), "GET /styled", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
		page := livetest.Open(t, h.app, "/styled")
		page.Push("Add", Add{By: 1})
		page.Close()
		page.Sleep(2 * time.Minute)
		all, err := h.recorder.Summaries(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(len(all), err)
		}
		_, document := h.get("/replay/" + all[0].ID + "/frames/2")
		address := regexp.MustCompile(`/replay/ui/assets/[^"]+`)
		link := strings.ReplaceAll(address.FindString(document), "&amp;", "&")
		if !strings.Contains(document, `<body class="own">`) || link == "" {
			t.Fatal(document)
		}
		code, css := h.get(link)
		inner := address.FindAllString(css, -1)
		if code != 200 || len(inner) != 2 || !strings.Contains(css, "(min-width: 0)") || strings.Contains(css, "asset:") {
			t.Fatalf("%d %s", code, css)
		}
		for _, path := range inner {
			if code, data := h.get(path); code != 200 || data != "p { margin: 0 }" && data != "\x89PNG" {
				t.Errorf("%s: %d %q", path, code, data)
			}
		}
		for name, path := range map[string]string{
			"no signature":       strings.Split(link, "?")[0],
			"another signature":  link + "x",
			"another asset":      strings.Replace(link, regexp.MustCompile(`/([0-9a-f]{64})\?`).FindStringSubmatch(link)[1], strings.Repeat("0", 64), 1),
			"a later expiration": strings.Replace(link, "until=", "until=9", 1),
		} {
			if code, _ := h.get(path); code != 404 {
				t.Errorf("%s: %d", name, code)
			}
		}
		time.Sleep(13 * time.Hour)
		if code, _ := h.get(link); code != 404 {
			t.Errorf("after 13 hours: %d", code)
		}
	})
}

// Safe is a view in which something is redacted.
type Safe struct {
	Name     string
	Password string
}

func (*Safe) Events() []live.Handler { return []live.Handler{live.On((*Safe).Add)} }
func (s *Safe) Add(context.Context, *live.Socket, Add) error {
	s.Name, s.Password = s.Name+"x", "hunter2 is it"
	return nil
}
func (s Safe) Render() templ.Component { return templ.Raw("<p>" + s.Name + ": " + s.Password + "</p>") }

func TestRedactedRecordingsAreRenderedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		live.Handle(h.app, "GET /safe", func(*http.Request) (*Safe, error) { return &Safe{}, nil })
		page := livetest.Open(t, h.app, "/safe")
		page.Push("Add", Add{By: 1})
		watched, err := h.recorder.Active(t.Context())
		if err != nil || len(watched) != 1 {
			t.Fatal(watched, err)
		}
		player := livetest.Open(t, h.app, "/replay/"+watched[0].ID+"?tab=state")
		if got := player.Text(".state-tree"); !strings.Contains(got, "[redacted]") || strings.Contains(got, "hunter2") {
			t.Errorf("the state is %s", got)
		}
		page.Close()
		page.Sleep(2 * time.Minute)
		player = livetest.Open(t, h.app, "/replay/"+watched[0].ID)
		player.Sleep(time.Second)
		if !player.Has(".tools", "re-rendered, redacted") || !player.Has(".check", "2 of 2 verified") {
			t.Error(player.HTML(".tools"), player.Text(".meta"))
		}
		for _, reading := range []string{"sent", "built", "diff"} {
			if code, document := h.get("/replay/" + watched[0].ID + "/frames/2?reading=" + reading); code != 200 || !strings.Contains(document, "<p>x: [redacted]</p>") {
				t.Errorf("%s: %d %s", reading, code, document)
			}
		}
	})
}
