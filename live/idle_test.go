package live_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

func TestIdlePageDropsItsTree(t *testing.T) { // L19
	synctest.Test(t, func(t *testing.T) {
		app := newPuppets(&kit{}, func(o *live.Options) { o.IdleAfter = 20 * time.Second })
		p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
		p.join()
		p.pull(Pull{By: 1})
		p.answer(1)
		synctest.Wait()
		if live.Trees(app) != 1 {
			t.Fatal("no tree after an event")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if live.Trees(app) != 1 {
			t.Error("the tree was dropped before its patch was confirmed")
		}
		p.send("[1]")
		time.Sleep(time.Minute / 2)
		synctest.Wait()
		if live.Trees(app) != 0 {
			t.Error("the tree is kept though the patch is confirmed and the page idle")
		}
		if d := p.read(); len(d.Extra.Tag) != 16 || string(d.Patch) != "[]" {
			t.Errorf("the browser reads %+v, want the content tag", d)
		}
		p.pull(Pull{By: 1})
		if d := p.read(); d.Extra.HTML != nil || string(d.Patch) != `[0,0,"2"]` {
			t.Errorf("the next event is answered %+v", d)
		}
	})
}

// A page that is busy for longer than the idle time is looked at again later, not again and again.
func TestBusyPageIsNotTakenForIdle(t *testing.T) {
	tests := map[string]func(t *testing.T, k *kit, p *tab){
		"a handler that takes a minute": func(_ *testing.T, k *kit, p *tab) {
			k.pull = func(*live.Socket, *puppet, Pull) error { time.Sleep(65 * time.Second); return nil }
			p.pull(Pull{By: 1})
			p.answer(2)
		},
		"a browser that does not read": func(t *testing.T, _ *kit, p *tab) {
			p.pull(Pull{By: 1})
			time.Sleep(25 * time.Second)
			p.answer(2)
		},
	}
	for name, busy := range tests {
		t.Run(name, func(t *testing.T) {
			// Virtual time stands still while a timer fires without a pause.
			spinning := time.AfterFunc(20*time.Second, func() { panic("the instance's timer spins") })
			defer spinning.Stop()
			synctest.Test(t, func(t *testing.T) {
				k := &kit{}
				app := newPuppets(k)
				p := newTab(t, livetest.NewBrowser(t, app), "/puppet")
				p.join()
				p.pull(Pull{By: 1})
				p.answer(1)
				busy(t, k, p)
				p.send("[2]")
				time.Sleep(25 * time.Second)
				synctest.Wait()
				if live.Trees(app) != 0 {
					t.Error("the tree is kept when the page is idle afterwards")
				}
				p.read() // the tag
			})
		})
	}
}

func TestImpurePageIsNoticedWhenItWakes(t *testing.T) { // L19
	word := "first"
	tests := map[string]func(puppet) string{
		"other HTML": func(p puppet) string { return fmt.Sprint("<p>", word, p.N, "</p>") },
		"HTML broken": func(p puppet) string {
			return fmt.Sprint("<p>", word, p.N, map[bool]string{true: "</p>"}[word == "first" || p.N == 2])
		},
		"a panic": func(p puppet) string {
			if word == "second" && p.N == 1 {
				panic("impure")
			}
			return fmt.Sprint("<p>", word, p.N, "</p>")
		},
	}
	for name, draw := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() { drawPuppet = nil }()
			drawPuppet = draw
			synctest.Test(t, func(t *testing.T) {
				word = "first"
				w := newWindow(t, newPuppets(&kit{}))
				p := w.open("/puppet")
				p.join()
				p.pull(Pull{By: 1})
				p.answer(1)
				p.send("[1]")
				time.Sleep(time.Minute / 2)
				synctest.Wait()
				p.read() // the tag
				word = "second"
				p.pull(Pull{By: 1})
				if d := p.read(); d.Extra.HTML == nil || *d.Extra.HTML != "<p>second2</p>" || d.Extra.Error != nil {
					t.Errorf("the event is answered %+v, want the whole HTML", d)
				}
				word = "first"
			})
		})
	}
}

func TestCounterOnALargePageCostsLittle(t *testing.T) { // R1
	big := strings.Repeat("<tr><td>a cell</td><td>another</td></tr>", 2600)
	defer func() { drawPuppet = nil }()
	drawPuppet = func(p puppet) string {
		return fmt.Sprint("<table><tbody>", big, `</tbody></table><b id="n">`, p.N, "</b>")
	}
	page := livetest.Open(t, newPuppets(&kit{}), "/puppet")
	if n := len(page.First()); n < 100_000 {
		t.Fatalf("the page has %d bytes", n)
	}
	for range 3 {
		page.Push("Pull", Pull{By: 1})
		frames := page.Frames()
		if last := frames[len(frames)-1]; last >= 100 {
			t.Errorf("a count costs %d B", last)
		}
	}
	if got := page.Text("#n"); got != "3" {
		t.Errorf("count %s", got)
	}
}

func TestHTMLThatDoesNotNestIsSentWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer func() { drawPuppet = nil }()
		drawPuppet = func(p puppet) string {
			if p.N%2 == 1 {
				return fmt.Sprint("<div><span>", p.N, "</div>")
			}
			return fmt.Sprint("<div><span>", p.N, "</span></div>")
		}
		for _, start := range []int{0, 1} {
			k := &kit{mount: func(_ context.Context, _ *live.Socket, p *puppet) error { p.N = start; return nil }}
			p := newWindow(t, newPuppets(k)).open("/puppet")
			p.join()
			if start == 1 {
				p.read() // whole at once: the first HTML was not well formed
			}
			for n := start + 1; n < start+5; n++ {
				p.pull(Pull{By: 1})
				if d := p.read(); d.Extra.HTML == nil && n > 0 || d.Extra.HTML != nil && !strings.Contains(*d.Extra.HTML, fmt.Sprint("<span>", n)) {
					t.Errorf("%d is shown by %+v", n, d)
				}
			}
		}
	})
}

// window opens tabs of a browser that does not check what is rendered.
type window struct {
	t   *testing.T
	app *live.App
}

func newWindow(t *testing.T, app *live.App) *window { return &window{t, app} }

func (w *window) open(path string) *tab {
	w.t.Helper()
	b := livetest.NewBrowser(w.t, w.app)
	live.StopChecking(w.app)
	return newTab(w.t, b, path)
}

// plain posts a form without JavaScript.
func plain(t *testing.T, b *livetest.Browser, path string, e any) *http.Response {
	t.Helper()
	var html strings.Builder
	if err := live.Post(e).Render(t.Context(), &html); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(html.String(), `name="live-event" value="`)
	event, _, _ := strings.Cut(rest, `"`)
	seal, _ := b.Load("/").Attr("input[name=live-seal]", "value")
	form := url.Values{"live-event": {strings.ReplaceAll(event, "&#34;", `"`)}, "live-seal": {seal}}
	r, _ := http.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.Do(r).Result()
}

func TestPlainFormsDoWhatEventsDo(t *testing.T) {
	k := &kit{pull: func(s *live.Socket, p *puppet, e Pull) error {
		s.Flash("info", "pulled")
		switch e.What {
		case "away":
			return s.Redirect("/second")
		case "sent away":
			return live.RedirectTo("/second")
		case "error":
			return live.Errorf("No.")
		case "panic":
			panic("pull")
		}
		return nil
	}}
	k.mount = func(_ context.Context, s *live.Socket, _ *puppet) error {
		s.Hook(func(_ context.Context, _ *live.Socket, e any) error {
			if e.(Pull).What == "halt" {
				return live.ErrHalt
			}
			return nil
		})
		return nil
	}
	tests := []struct {
		what, to, flash, n string
		status             int
	}{
		{"", "/puppet?x=1", "[{info pulled}]", "1", 303},
		{"away", "/second", "[{info pulled}]", "1", 303},
		{"sent away", "/second", "[{info pulled}]", "1", 303},
		{"error", "/puppet?x=1", "[{info pulled} {error No.}]", "1", 303},
		{"halt", "/puppet?x=1", "[]", "0", 303},
		{"panic", "", "[]", "0", 500},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			b := livetest.NewBrowser(t, newPuppets(k))
			res := plain(t, b, "/puppet?x=1", Pull{What: tt.what, By: 1})
			if res.StatusCode != tt.status || res.Header.Get("Location") != tt.to {
				t.Errorf("answered %d to %q", res.StatusCode, res.Header.Get("Location"))
			}
			page := b.Load("/puppet")
			if got := fmt.Sprint(page.Flash()); got != tt.flash {
				t.Errorf("flash %s, want %s", got, tt.flash)
			}
			if got := page.Text("#n"); got != tt.n {
				t.Errorf("count %s, want %s", got, tt.n)
			}
			if got := fmt.Sprint(b.Load("/puppet").Flash()); got != "[]" {
				t.Errorf("flash %s for a second time", got)
			}
		})
	}
}

func TestFlashOutlivesARedirectOfMount(t *testing.T) {
	k := &kit{mount: func(_ context.Context, s *live.Socket, _ *puppet) error {
		if s.URL().Path == "/puppet" {
			s.Flash("info", "moved")
			return s.Redirect("/second")
		}
		return nil
	}}
	if got := fmt.Sprint(livetest.NewBrowser(t, newPuppets(k)).Load("/puppet").Flash()); got != "[{info moved}]" {
		t.Errorf("flash %s", got)
	}
}

func TestNonceAndLocaleStayWithThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		app := newApp(func(o *live.Options) {
			o.Nonce = func(*http.Request) string { n++; return fmt.Sprint("nonce", n) }
			o.Locale = func(*http.Request) string { return "de" }
		})
		live.Handle(app, "GET /foreign", func(*http.Request) (*foreigner, error) { return &foreigner{}, nil })
		page := livetest.NewBrowser(t, app).Load("/foreign")
		if !strings.Contains(page.First(), `nonce="nonce1"`) || !strings.Contains(page.First(), `lang="de"`) {
			t.Errorf("the document: %s", page.First())
		}
		page.Sleep(time.Minute)
		page.Connect() // mounted afresh
		page.Push("Toggle", nil)
		if got := page.Text("p"); got != "nonce1 de true" || page.Joined() != "mount" {
			t.Errorf("text %q, joined by %s", got, page.Joined())
		}
	})
}

type foreigner struct{ On bool }

type Toggled struct{}

func (Toggled) EventName() string { return "Toggle" }

func (*foreigner) Events() []live.Handler { return []live.Handler{live.On((*foreigner).Toggle)} }

func (f *foreigner) Toggle(context.Context, *live.Socket, Toggled) error { f.On = true; return nil }

func (f foreigner) Render() templ.Component {
	return templ.Join(templ.Raw("<p>"), nonceAndLocale, templ.Raw(fmt.Sprint(f.On, "</p>")))
}

var nonceAndLocale = templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
	_, err := fmt.Fprint(w, live.Nonce(ctx), " ", live.Locale(ctx), " ")
	return err
})
