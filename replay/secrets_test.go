package replay_test

import (
	"bytes"
	"context"
	"html"
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

// vault shows secrets that it holds, and those that it is told.
type vault struct {
	Account credentials // static: some of its fields are secrets by their names
	Note    string
	Open    bool
	log     *slog.Logger
}

// chest has secrets only in its map, and shows what a form has sent.
type chest struct {
	Settings map[string]string
	Note     string
	log      *slog.Logger
}

type credentials struct {
	User string
	Keys []struct{ APIKey string }
	Deep map[string][]struct{ Inner struct{ Password string } }
}

type (
	Login struct {
		User     string `form:"user"`
		Password string `form:"password"`
	}
	Peek struct{}
	Set  struct{ Name, Value string }
)

func (*vault) Events() []live.Handler {
	return []live.Handler{live.On((*vault).Login), live.On((*vault).Peek)}
}
func (*chest) Events() []live.Handler {
	return []live.Handler{live.On((*chest).Login), live.On((*chest).Set)}
}

func (v *vault) Login(ctx context.Context, _ *live.Socket, e Login) error {
	v.Note = "logged in with " + e.Password
	v.log.InfoContext(ctx, "login with "+e.Password, "password", e.Password, slog.Group("request", "cookie", "c00kie-"+e.Password))
	return nil
}
func (v *vault) Peek(context.Context, *live.Socket, Peek) error { v.Open = !v.Open; return nil }

func (c *chest) Login(_ context.Context, _ *live.Socket, e Login) error {
	c.Note = "logged in with " + e.Password
	return nil
}
func (c *chest) Set(_ context.Context, _ *live.Socket, e Set) error {
	c.Settings = map[string]string{e.Name: e.Value, "color": "blue"}
	return nil
}

func (v vault) Render() templ.Component {
	var b strings.Builder
	for _, k := range v.Account.Keys {
		b.WriteString(`<li>` + html.EscapeString(k.APIKey) + `</li>`)
	}
	for _, list := range v.Account.Deep {
		for _, d := range list {
			b.WriteString(`<li>` + html.EscapeString(d.Inner.Password) + `</li>`)
		}
	}
	return text(`<h1>` + html.EscapeString(v.Account.User) + `</h1><ul>` + b.String() + `</ul><p>` + html.EscapeString(v.Note) + `</p>`)
}

func (c chest) Render() templ.Component {
	return text(`<p>` + html.EscapeString(c.Settings["smtp password"]) + html.EscapeString(c.Settings["color"]) + `</p><p>` + html.EscapeString(c.Note) +
		`</p><form><input type="password" name="pass phrase"></form>`)
}

func text(markup string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, markup); return err })
}

// Nothing that is a secret by its name reaches the archive: not by fields, however deep, not by maps, forms, parameters, the
// URL, logs and errors, and not by what the template shows of them.
func TestSecretsDoNotReachTheArchive(t *testing.T) {
	secrets := []string{"s3cret-alpha", "s3cret-beta", "s3cret-gamma", "s3cret-delta", "s3cret-epsilon", "s3cret-zeta"}
	var kept map[string][]byte
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		logger := slog.New(replay.LogHandler(slog.NewTextHandler(io.Discard, nil)))
		live.Handle(s.app, "GET /vault", func(*http.Request) (*vault, error) {
			v := &vault{log: logger}
			v.Account.User = "ann"
			v.Account.Keys = []struct{ APIKey string }{{secrets[0]}}
			v.Account.Deep = map[string][]struct{ Inner struct{ Password string } }{"a": {{struct{ Password string }{secrets[1]}}}}
			return v, nil
		})
		live.Handle(s.app, "GET /chest", func(*http.Request) (*chest, error) { return &chest{log: logger}, nil })
		b := livetest.NewBrowser(t, s.app)
		page := b.Open("/vault?token=" + secrets[2])
		page.Push("Peek", Peek{})
		page.PushForm("Login", "user=ann&password="+secrets[3])
		if !strings.Contains(page.HTML(""), secrets[3]) || !strings.Contains(page.HTML(""), secrets[0]) {
			t.Fatalf("the page does not show the secrets, so this proves nothing: %s", page.HTML(""))
		}
		page.Sleep(6 * time.Second)
		page.Push("Peek", Peek{})
		page.Close()
		page = b.Open("/chest")
		page.Push("Set", Set{"color", "red"})
		page.Sleep(6 * time.Second)
		page.Push("Set", Set{"smtp password", secrets[4]})
		page.PushForm("Login", "user=ann&password="+secrets[5])
		if !strings.Contains(page.HTML(""), secrets[4]) || !strings.Contains(page.HTML(""), secrets[5]) {
			t.Fatalf("the page does not show the secrets, so this proves nothing: %s", page.HTML(""))
		}
		page.Close()
		s.close()
		all, err := s.recorder.Summaries(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("%d recordings, %v", len(all), err)
		}
		kept = s.archive.(*replaytest.Memory).Objects()
		// What is left is of use: the frames render, and say that they are redacted.
		for _, sum := range all {
			rec, err := s.recorder.Get(t.Context(), sum.ID)
			if err != nil || !sum.Redacted || sum.Gaps > 0 {
				t.Fatalf("%+v, %v", sum, err)
			}
			for n := 1; n <= sum.Frames; n++ {
				screen, err := rec.Screen(t.Context(), s.app, n)
				if err != nil || screen.Verdict != replay.Verified {
					t.Errorf("%s, frame %d: %+v, %v", sum.View, n, screen, err)
				}
			}
		}
	})
	seen := false
	for key, all := range decompressed(kept) {
		for _, data := range all {
			seen = seen || bytes.Contains(data, []byte("blue"))
			for _, secret := range secrets {
				if bytes.Contains(data, []byte(secret)) {
					t.Errorf("%s holds %s", key, secret)
				}
			}
		}
	}
	if !seen {
		t.Error("what is no secret was not found either: the search is wrong")
	}
}
