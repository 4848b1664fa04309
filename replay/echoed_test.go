package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// door says what it was told, in a field, in its title and on the page. Who knocks finds an input for a pass phrase.
type door struct {
	Open bool
	Note string
}

// lock has a secret number, and another one that holds it.
type lock struct{ PIN, Number int }

type (
	Unlock struct {
		Phrase string `form:"phrase"`
	}
	Knock struct{}
	Dial  struct{ PIN int }
)

func (*door) Events() []live.Handler {
	return []live.Handler{live.On((*door).Unlock), live.On((*door).Knock), live.On((*door).Login)}
}
func (d *door) Unlock(_ context.Context, _ *live.Socket, e Unlock) error {
	d.Note = e.Phrase
	return nil
}
func (d *door) Knock(context.Context, *live.Socket, Knock) error { d.Open = true; return nil }
func (*lock) Events() []live.Handler                             { return []live.Handler{live.On((*lock).Dial)} }
func (l *lock) Dial(_ context.Context, _ *live.Socket, e Dial) error {
	l.PIN, l.Number = e.PIN, e.PIN*10+7
	return nil
}
func (l lock) Render() templ.Component { return text(fmt.Sprintf(`<p>%d</p>`, l.Number)) }
func (d *door) Login(_ context.Context, _ *live.Socket, e Login) error {
	d.Note = "with " + e.Password
	return nil
}
func (d door) Title() string { return "Door " + d.Note }
func (d door) Render() templ.Component {
	form := ""
	if d.Open {
		form = `<form><input type="password" name="phrase"></form>`
	}
	return text(`<p>` + html.EscapeString(d.Note) + `</p>` + form)
}

func atTheDoor(t *testing.T, path string, visit func(*livetest.Page)) (kept [][]byte, sum replay.Summary) {
	t.Helper()
	s := newStage(t, nil)
	live.Handle(s.app, "GET /door", func(r *http.Request) (*door, error) { return &door{Open: r.FormValue("open") != ""}, nil })
	live.Handle(s.app, "GET /lock", func(*http.Request) (*lock, error) { return &lock{}, nil })
	page := livetest.Open(t, s.app, path)
	visit(page)
	page.Close()
	s.close()
	for _, all := range decompressed(s.archive.(*replaytest.Memory).Objects()) {
		kept = append(kept, all...)
	}
	rec := s.one()
	if rec.Summary.Gaps > 0 {
		t.Errorf("%d gaps", rec.Summary.Gaps)
	}
	for n := 1; n <= rec.Summary.Frames; n++ {
		if screen, err := rec.Screen(t.Context(), s.app, n); err != nil || screen.Verdict != replay.Verified {
			t.Errorf("frame %d: %+v, %v", n, screen, err)
		}
	}
	return kept, rec.Summary
}

func mustNotHold(t *testing.T, kept [][]byte, secret string) {
	t.Helper()
	for _, data := range kept {
		if i := bytes.Index(data, []byte(secret)); i >= 0 {
			t.Errorf("the archive holds %s: %.200q", secret, data[max(0, i-100):])
		}
	}
}

// What an input of type password takes is a secret, whatever it is called, also when the page shows the input later.
func TestPasswordInputsThatComeLater(t *testing.T) {
	for _, path := range []string{"/door", "/door?open=1"} {
		synctest.Test(t, func(t *testing.T) {
			kept, _ := atTheDoor(t, path, func(p *livetest.Page) {
				if path == "/door" {
					p.Push("Knock", Knock{})
				}
				p.PushForm("Unlock", "phrase=opensesame1")
			})
			mustNotHold(t, kept, "opensesame1")
		})
	}
}

// A secret is found where it comes up again, also as it looks there: escaped for JSON, HTML or a URL.
func TestEchoedSecretsAreFoundEscaped(t *testing.T) {
	for _, secret := range []string{`pa"ss\word`, `pa&ss<word`, "pässwörd+1 2", `it's-pass`, "two\nlines", `","x":"y`} {
		t.Run(secret, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept, sum := atTheDoor(t, "/door", func(p *livetest.Page) { p.PushForm("Login", "password="+url.QueryEscape(secret)) })
				escaped, err := json.Marshal(secret)
				if err != nil {
					t.Fatal(err)
				}
				for _, form := range []string{secret, string(escaped[1 : len(escaped)-1]), html.EscapeString(secret)} {
					mustNotHold(t, kept, form)
				}
				if !sum.Redacted {
					t.Error("the summary does not say that something is redacted")
				}
			})
		})
	}
}

// A number that holds a secret one stays a number, so that the field can be read again.
func TestNumbersThatHoldASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept, _ := atTheDoor(t, "/lock", func(p *livetest.Page) { p.Push("Dial", Dial{PIN: 481516}) })
		mustNotHold(t, kept, "481516")
		mustNotHold(t, kept, "[redacted]7")
	})
}

// Of many secrets the newest are remembered: it is these that come up again.
func TestNewestSecretsAreRemembered(t *testing.T) {
	red := replay.NewRedactor(replay.RedactorOptions{}).Begin()
	for i := range 1000 {
		secret := fmt.Sprintf("secret number %d", i)
		red.Values(url.Values{"token": {secret}})
		if got := red.Text("it was " + secret); got != "it was [redacted]" {
			t.Fatalf("of %d: %q", i+1, got)
		}
	}
}
