package replay_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// echo holds a secret twice: the field with a harmless name comes first.
type echo struct {
	Note     string
	Password string
}

type tell struct{ Text string }

func (tell) EventName() string { return "Tell" }

func (*echo) Events() []live.Handler { return []live.Handler{live.On((*echo).Tell)} }
func (v *echo) Tell(_ context.Context, _ *live.Socket, e tell) error {
	v.Note, v.Password = e.Text, e.Text
	return nil
}
func (v echo) Render() templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "<p>"+html.EscapeString(v.Note)+"</p>")
		return err
	})
}

// What one field tells to be a secret is found in those before it, too.
func TestSecretsInEarlierFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		live.Handle(s.app, "GET /echo", func(*http.Request) (*echo, error) { return &echo{}, nil })
		page := livetest.Open(t, s.app, "/echo")
		page.Push("Tell", tell{"correct horse"})
		page.Close()
		s.close()
		rec := s.one()
		for n := 1; n <= rec.Summary.Frames; n++ {
			f, err := rec.Frame(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range f.Parts[0].Fields {
				if bytes.Contains(field.JSON, []byte("horse")) {
					t.Errorf("frame %d: %s is %s", n, field.Name, field.JSON)
				}
			}
		}
	})
}
