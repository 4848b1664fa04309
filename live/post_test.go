package live_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/live/validate"
)

// signing is a view with a form that works without JavaScript.
type signing struct {
	Email string
	Form  live.Form
	Count int `stored:"session"`
}

type (
	Sign struct {
		live.FieldErrors
		Email string `form:"email" validate:"required,email"`
	}
	CountUp struct{}
)

func (*signing) Events() []live.Handler {
	return []live.Handler{live.On((*signing).Sign), live.On((*signing).CountUp)}
}

func (s *signing) Sign(_ context.Context, sock *live.Socket, e Sign) error {
	s.Email = e.Email
	if s.Form.Check(e, validate.Struct) {
		sock.Flash("success", "Signed.")
		s.Form.Reset()
	}
	return nil
}

func (s *signing) CountUp(context.Context, *live.Socket, CountUp) error {
	s.Count++
	return nil
}

func (s signing) Render() templ.Component {
	field := templ.Join(markup(`<input id="email" value="%s"`, s.Email), attrs(s.Form.Input("email")), templ.Raw(`>`), s.Form.Problem("email"))
	post := func(e any, children templ.Component) templ.Component {
		return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			return live.Post(e).Render(templ.WithChildren(ctx, children), w)
		})
	}
	return templ.Join(markup(`<output>%d</output>`, s.Count), post(Sign{}, templ.Join(field, templ.Raw(`<button id="sign">Sign</button>`))),
		post(CountUp{}, templ.Raw(`<button id="up">up</button>`)))
}

func newSigning(t *testing.T) *live.App {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /", func(*http.Request) (*signing, error) { return &signing{}, nil })
	return app
}

func TestAFormIsRefusedWithoutJavaScript(t *testing.T) {
	browser := livetest.NewBrowser(t, newSigning(t))
	page := browser.Load("/")
	page.Type("#email", "ann")
	page.Click("#sign")
	shows := func(when, value, problem string) {
		t.Helper()
		if got := page.Value("#email"); got != value {
			t.Errorf("%s the field shows %q, want %q", when, got, value)
		}
		if got := strings.Join(page.Texts(".live-problem"), "; "); got != problem {
			t.Errorf("%s the problem is %q, want %q", when, got, problem)
		}
	}
	shows("refused,", "ann", "must be an e-mail address")
	if by, _ := page.Attr("#email", "aria-describedby"); !page.Has("#" + by) {
		t.Errorf("the field is described by %q, which is not there", by)
	}
	// The script may have come late: the page it takes over is the one that is shown.
	page.Connect()
	if page.Joined() != "adopt" {
		t.Errorf("the page was joined by %s", page.Joined())
	}
	shows("connected,", "ann", "must be an e-mail address")
	page.Type("#email", "ann@example.org")
	page.Submit("form:has(#email)")
	shows("corrected,", "ann@example.org", "")

	page = browser.Load("/")
	page.Type("#email", "ann@example.org")
	page.Click("#sign")
	shows("taken,", "", "")
	if f := page.Flash(); len(f) != 1 || f[0].Text != "Signed." {
		t.Errorf("flash %v", f)
	}
	page.Click("#up")
	if page.Text("output") != "1" {
		t.Errorf("counted %s", page.Text("output"))
	}
}

func TestARefusedFormIsNoPageOfItsOwn(t *testing.T) {
	browser := livetest.NewBrowser(t, newSigning(t))
	page := browser.Load("/")
	seal, _ := page.Attr("form:has(#email) [name=live-seal]", "value")
	post := func(event, email string) *httptest.ResponseRecorder {
		body := "live-event=" + event + "&live-seal=" + seal + "&email=" + email
		r, _ := http.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		return browser.Do(r)
	}
	res := post("Sign", "ann")
	if res.Code != http.StatusUnprocessableEntity || !strings.Contains(res.Header().Get("Cache-Control"), "no-cache") {
		t.Errorf("answered %d, %v", res.Code, res.Header())
	}
	for event, email := range map[string]string{"Sign": "ann@example.org", "CountUp": "ann"} {
		if res := post(event, email); res.Code != http.StatusSeeOther {
			t.Errorf("%s is answered %d", event, res.Code)
		}
	}
}
