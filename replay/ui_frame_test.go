package replay_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

func TestDamagedRecordingsInThePlayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		objects := h.memory.Objects()
		spoil := func(prefix string, at int) {
			h.memory.Set("x/x", nil)
			for key, data := range objects {
				if strings.HasPrefix(key, prefix+id) {
					data = bytes.Clone(data)
					if data[len(data)/2] ^= 1; at == 0 || strings.Contains(key, fmt.Sprintf(".%06d-", at)) {
						h.memory.Set(key, data)
					}
				}
			}
		}
		fresh := func() *live.App {
			app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.DiscardHandler)})
			live.Handle(app, "GET /{$}", func(*http.Request) (*Desk, error) { return &Desk{}, nil })
			app.Mount("/replay/", replay.UI(h.recorder, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }}))
			return app
		}
		spoil("segments/", 2)
		page := livetest.Open(t, fresh(), "/replay/"+id)
		page.Sleep(time.Second)
		if !page.Has(".events li.gap.bad") || page.Has(".check.good") || !page.Has("rect.gap") {
			t.Errorf("a damaged segment: %s\n%s", page.Text("#events"), page.Text(".meta"))
		}
		app := fresh()
		if code, document := get(t, app, "/replay/"+id+"/frames/4"); !strings.Contains(document, "This frame cannot be shown") {
			t.Errorf("%d %s", code, document)
		}
		spoil("summaries/", 0)
		page = livetest.Open(t, fresh(), "/replay/"+id)
		if !page.Has(".state h2", "cannot be played") || !page.Has(".why") {
			t.Error(page.HTML(""))
		}
		list := livetest.Open(t, fresh(), "/replay/")
		if !list.Has("tbody a", "Damaged recording") {
			t.Error(list.HTML("tbody"))
		}
	})
}

// Fussy panics on some fields.
type Fussy struct{ Count int }

func (*Fussy) Events() []live.Handler { return []live.Handler{live.On((*Fussy).Add)} }
func (f *Fussy) Add(_ context.Context, _ *live.Socket, e Add) error {
	f.Count += e.By
	return nil
}

var fussyPanics bool

func (f Fussy) Render() templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		if fussyPanics && f.Count > 1 {
			panic("more than one")
		}
		_, err := fmt.Fprintf(w, "<p>%d</p>", f.Count)
		return err
	})
}

// A view that this build does not have plays as it was sent; one that panics says so, and the player lives.
func TestOtherBuilds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		live.Handle(h.app, "GET /fussy", func(*http.Request) (*Fussy, error) { return &Fussy{}, nil })
		page := livetest.Open(t, h.app, "/fussy")
		page.Push("Add", Add{By: 1})
		page.Push("Add", Add{By: 1})
		page.Close()
		page.Sleep(2 * time.Minute)
		all, err := h.recorder.Summaries(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(len(all), err)
		}
		id := all[0].ID
		ui := func() http.Handler {
			return replay.UI(h.recorder, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }})
		}
		without := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.DiscardHandler)})
		without.Mount("/replay/", ui())
		player := livetest.Open(t, without, "/replay/"+id+"?f=3&tab=frame")
		player.Sleep(time.Second)
		if !strings.Contains(player.Text("#frame"), "this build has no view") || player.Has(".check.good") {
			t.Error(player.Text("#frame"))
		}
		if code, document := get(t, without, "/replay/"+id+"/frames/3?reading=sent"); code != 200 || !strings.Contains(document, "<p>2</p>") {
			t.Errorf("as sent: %d %s", code, document)
		}
		if _, document := get(t, without, "/replay/"+id+"/frames/3?reading=built"); !strings.Contains(document, "this build has no view") {
			t.Errorf("by this build: %s", document)
		}
		fussyPanics = true
		defer func() { fussyPanics = false }()
		if _, document := h.get("/replay/" + id + "/frames/3?reading=built"); !strings.Contains(document, "This frame cannot be shown") || !strings.Contains(document, "more than one") {
			t.Errorf("a panic: %s", document)
		}
		player = livetest.Open(t, h.app, "/replay/"+id+"?f=3&tab=frame")
		player.Click(`[aria-label="Previous frame"]`)
		player.Sleep(time.Second)
		if !strings.HasPrefix(src(player), "2?") || !strings.Contains(player.Text("#frame"), "verified") || !player.Has(".check.bad", "1 of 3") {
			t.Errorf("%s\n%s", player.Text("#frame"), player.Text(".meta"))
		}
	})
}

// Hostile shows what somebody would like to run in the viewer's browser.
type Hostile struct{ Text string }

func (*Hostile) Events() []live.Handler { return []live.Handler{live.On((*Hostile).Add)} }
func (h *Hostile) Add(context.Context, *live.Socket, Add) error {
	h.Text += "!"
	return nil
}

const hostile = `<script>alert(1)</script><img src="x" onerror="alert(2)"><img src="https://evil.test/a.png" srcset="https://evil.test/b.png 2x"><img src="//evil.test/c.png">` +
	`<a href="javascript:alert(3)" ping="https://evil.test/ping" target="_top">a</a><form action="https://evil.test/f"><button formaction="javascript:alert(4)">b</button><input type="image" src="https://evil.test/d.png"></form>` +
	`<iframe src="https://evil.test/e"></iframe><object data="https://evil.test/g"></object><embed src="https://evil.test/h"><video src="https://evil.test/i" poster="https://evil.test/j" autoplay></video>` +
	`<svg><a xlink:href="javascript:alert(5)"><text>c</text></a><image href="https://evil.test/k.png"></image><use href="https://evil.test/l#m"></use><animate attributeName="href" to="javascript:alert(6)"></animate></svg>` +
	`<p style="background: url(https://evil.test/n.png)">d</p><style>@import "https://evil.test/o.css"; @import/**/url(https://evil.test/o2.css); @im\port "https://evil.test/o3.css"; p { background: url('//evil.test/p.png'), URL(https://evil.test/p2.png), u\72l(https://evil.test/p3.png), image-set("//evil.test/p4.png" 1x) }</style>` +
	`<link rel="stylesheet" href="https://evil.test/q.css"><link rel="preload" as="image" href="https://evil.test/r.png"><meta http-equiv="refresh" content="0;url=https://evil.test/s"><base href="https://evil.test/">` +
	`<table background="https://evil.test/t.png"><tr><td>e</td></tr></table><input autofocus value="v">`

func (h Hostile) Render() templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, hostile+"<p>"+h.Text+"</p>")
		return err
	})
}

func TestHostileRecordingsAreCleaned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		rec := replaytestHostile(t, h)
		for _, query := range []string{"", "?reading=sent", "?reading=built", "?reading=diff", "?reading=sent&outline=1", "?reading=%3Cscript%3E"} {
			r, _ := http.NewRequest("GET", "/replay/"+rec+"/frames/2"+query, nil)
			res := livetest.NewBrowser(t, h.app).Do(r)
			document := strings.ReplaceAll(res.Body.String(), `gone("//evil.test/p4.png" 1x)`, "")
			for _, bad := range []string{"evil.test", "<script", "javascript:", "onerror", "<iframe", "<object", "<embed", "<video", "http-equiv", "<base", "autofocus", "srcset", "ping=", "action="} {
				if strings.Contains(strings.ToLower(document), bad) {
					t.Errorf("%s: %s is in the document:\n%s", query, bad, document)
				}
			}
			policy := res.Header().Get("Content-Security-Policy")
			for _, want := range []string{"sandbox;", "default-src 'none'", "img-src live.test/replay/ui/assets/ data:", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"} {
				if !strings.Contains(policy, want) {
					t.Errorf("the policy lacks %q: %s", want, policy)
				}
			}
			if strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "script-src") || strings.Contains(policy, "allow-") {
				t.Errorf("the policy allows too much: %s", policy)
			}
		}
	})
}

// replaytestHostile keeps a recording of the hostile page, as somebody could import one.
func replaytestHostile(t *testing.T, h *theatre) string {
	t.Helper()
	live.Handle(h.app, "GET /hostile", func(*http.Request) (*Hostile, error) { return &Hostile{}, nil })
	id := replay.NewID()
	e := encoder(t, replay.EncoderOptions{})
	sealer, err := replay.NewSealer(id)
	if err != nil {
		t.Fatal(err)
	}
	var s replay.Summary
	text, _ := json.Marshal("<b>")
	for i := range 2 {
		html := []byte(hostile + fmt.Sprintf("<p>%d</p>", i))
		sum := sha256.Sum256(html)
		effect := &replay.Effect{Keyframe: true, Parts: []replay.Part{{Fields: []replay.Field{{Name: "Text", JSON: text}}}}, Hash: 1, HTML: html, Sum: sum[:]}
		x := replay.Entry{Mount: &replay.Mount{View: "replay_test.Hostile", Route: "GET /hostile", URL: "/hostile", Start: start, Key: []byte("0123456789abcdef"), Effect: effect}}
		if i > 0 {
			x = replay.Entry{At: time.Second, Turn: &replay.Turn{Cause: replay.Cause{Kind: replay.CauseEvent, Name: "Add"}, Effect: effect}}
		}
		add(t, e, x)
		s.Count(&x)
	}
	seg, err := sealer.Seal(e.Cut())
	if err != nil {
		t.Fatal(err)
	}
	h.memory.Set(seg.Key, seg.Data)
	s.ID, s.Segments, s.Bytes, s.Hash = id, 1, int64(len(seg.Data)), fmt.Sprintf("%x", seg.Data[len(seg.Data)-32:])
	if err := h.recorder.Save(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return id
}

// Framed is a view in an element of its own.
type Framed struct{}

func (*Framed) Events() []live.Handler { return []live.Handler{live.On((*Framed).touch)} }

func (*Framed) touch(context.Context, *live.Socket, Touch) error { return nil }

type Touch struct{}

func (Framed) Container() live.Container {
	return live.Container{Tag: "section", Attrs: templ.Attributes{"class": "framed"}}
}

func (Framed) Render() templ.Component { return templ.Raw(`<p>the view</p>`) }

func TestFramesHaveTheContainerOfTheView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layout := func(_ live.Page, body templ.Component) templ.Component {
			return templ.Join(templ.Raw(`<!DOCTYPE html><html><head><title>T</title></head><body><p>around</p><main>`), body, templ.Raw(`</main></body></html>`))
		}
		rec, err := replay.Open(replay.Options{Archive: &replaytest.Memory{}})
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Close(context.WithoutCancel(t.Context()))
		app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Layout: layout, Recorder: rec})
		live.Handle(app, "GET /{$}", func(*http.Request) (*Framed, error) { return &Framed{}, nil })
		app.Mount("/replay/", replay.UI(rec, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }}))
		page := livetest.Open(t, app, "/")
		page.Push("Touch", Touch{})
		page.Close()
		synctest.Wait()
		time.Sleep(3 * time.Minute) // the page's grace
		synctest.Wait()
		all, err := rec.Summaries(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		_, document := get(t, app, "/replay/"+all[0].ID+"/frames/1")
		const want = `<section data-live="" class="framed live-connected live-saved"><p>the view</p></section>`
		if !strings.Contains(document, want) || strings.Count(document, "data-live=") != 1 || !strings.Contains(document, "<p>around</p>") {
			t.Error(document)
		}
	})
}
