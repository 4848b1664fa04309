package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/live/validate"
)

// registration is a view with a form.
type registration struct {
	Email string
	Age   int
	Rows  []entry
	Form  live.Form
	Saved int
}

type entry struct {
	Name string `form:"name" validate:"required,max=5"`
}

type (
	Edited struct {
		live.FieldErrors
		Target string  `client:"target"`
		Email  string  `form:"email" validate:"required,email"`
		Age    int     `form:"age" validate:"min=18"`
		Rows   []entry `form:"rows" validate:"max=3,dive"`
	}
	Sent struct {
		live.FieldErrors
		Email string  `form:"email" validate:"required,email"`
		Age   int     `form:"age" validate:"min=18"`
		Rows  []entry `form:"rows" validate:"max=3,dive"`
	}
)

func (*registration) Events() []live.Handler {
	return []live.Handler{live.On((*registration).Edited), live.On((*registration).Sent)}
}

func (s *registration) Edited(_ context.Context, _ *live.Socket, e Edited) error {
	s.Email, s.Age, s.Rows = e.Email, e.Age, e.Rows
	s.Form.Check(e, validate.Struct)
	return nil
}

func (s *registration) Sent(_ context.Context, _ *live.Socket, e Sent) error {
	s.Email, s.Age, s.Rows = e.Email, e.Age, e.Rows
	if s.Form.Check(e, validate.Struct, s.free) {
		s.Saved++
		s.Form.Reset()
	}
	return nil
}

// free is a validator of the app's own.
func (s *registration) free(event any) error {
	switch event.(Sent).Email {
	case "taken@example.org":
		return live.FieldErrors{"email": "is taken"}.Err()
	case "down@example.org":
		return errors.New("Nobody can sign up at the moment.")
	}
	return nil
}

func (s registration) Render() templ.Component {
	return templ.Join(
		markup(`<p id="saved">%d</p><p id="general">%s</p>`, s.Saved, s.Form.General()),
		markup(`<form live-change="Edited;c=target" live-submit="Sent"><input id="email" value="%s"`, s.Email), attrs(s.Form.Input("email")), templ.Raw(`>`), s.Form.Problem("email"),
		markup(`<input id="age" value="%d"`, s.Age), attrs(s.Form.Input("age")), templ.Raw(`>`), s.Form.Problem("age", templ.Attributes{"role": "alert"}),
		markup(`<input id="row" value="%s"`, first(s.Rows)), attrs(s.Form.Input("rows[0].name")), templ.Raw(`>`), s.Form.Problem("rows[0].name"), templ.Raw(`</form>`),
	)
}

func first(rows []entry) string {
	if len(rows) == 0 {
		return ""
	}
	return rows[0].Name
}

func attrs(a templ.Attributer) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return templruntime.RenderAttributes(ctx, w, io.Discard, "input", a)
	})
}

func TestForm(t *testing.T) {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /", func(*http.Request) (*registration, error) { return &registration{}, nil })
	page := livetest.Open(t, app, "/")
	problems := func(what string, want ...string) {
		t.Helper()
		if got := page.Texts(".live-problem"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	problems("nobody has been here")
	page.Type("#age", "7")
	problems("only the age was touched", "must be at least 18")
	if v, _ := page.Attr("#age", "aria-invalid"); v != "true" {
		t.Error("the age is not marked as invalid")
	}
	if by, _ := page.Attr("#age", "aria-describedby"); !page.Has("#" + by + "[role=alert]") {
		t.Errorf("the age is described by %q, which is not there", by)
	}
	if _, ok := page.Attr("#email", "aria-invalid"); ok {
		t.Error("an untouched input is marked as invalid")
	}
	page.Type("#age", "old")
	problems("what is no number", "must be a whole number")
	page.Type("#email", "ann")
	problems("two were touched", "must be an e-mail address", "must be at least 18") // a field of numbers has no place for what is none
	page.Type("#row", "much too long")
	page.Type("#age", "18")
	problems("a nested one", "must be an e-mail address", "must be at most 5 characters long")
	page.Type("#row", "short")
	page.Submit("form")
	problems("submitted", "must be an e-mail address")
	page.Type("#email", "taken@example.org")
	problems("corrected")
	page.Submit("form")
	problems("the app's own validator", "is taken")
	page.Type("#email", "down@example.org")
	page.Submit("form")
	problems("of no input")
	if got := page.Text("#general"); got != "Nobody can sign up at the moment." || page.Text("#saved") != "0" {
		t.Errorf("general %q, saved %s", got, page.Text("#saved"))
	}
	page.Type("#email", "ann@example.org")
	page.Submit("form")
	problems("saved")
	if page.Text("#saved") != "1" {
		t.Errorf("saved %s times", page.Text("#saved"))
	}
	page.Type("#age", "1")
	problems("after the reset", "must be at least 18")
}

func TestFormIsBounded(t *testing.T) {
	var f live.Form
	for i := range 5000 {
		f.Use(fmt.Sprint(i % 2000))
		f.Use(strings.Repeat("x", 257+i)) // the browser may say anything
	}
	if size := len(strings.Join(f.Used, "")); len(f.Used) != 1000 || size > 10_000 {
		t.Errorf("%d inputs are remembered, by %d bytes", len(f.Used), size)
	}
}

func TestResetForgetsWhereTheUserHasBeen(t *testing.T) {
	var f live.Form
	f.Check(Edited{Target: "age", Email: "x"}, validate.Struct)
	f.Check(Sent{Email: "x"}, validate.Struct)
	if len(f.Wrong()) != 2 {
		t.Fatalf("wrong: %q", f.Wrong())
	}
	if f.Check(Edited{Target: "[reset]"}, validate.Struct) || f.Wrong() != nil || f.Used != nil {
		t.Errorf("after a reset %q are shown, %q used", f.Wrong(), f.Used)
	}
	// An input without a name is none that the form knows, and no submit.
	if f.Check(Edited{}, validate.Struct); f.Wrong() != nil {
		t.Errorf("after a change of a nameless input %q are shown", f.Wrong())
	}
}
