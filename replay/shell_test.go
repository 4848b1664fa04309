package replay_test

import (
	"context"
	"html"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// parcel shows a picture whose address holds a secret.
type parcel struct {
	Token string
	Count int
}

type Look struct{}

func (*parcel) Events() []live.Handler                           { return []live.Handler{live.On((*parcel).Look)} }
func (p *parcel) Look(context.Context, *live.Socket, Look) error { p.Count++; return nil }
func (p parcel) Title() string                                   { return "Parcel of Ann " + p.Token }
func (p parcel) Render() templ.Component {
	return text(`<img src="/picture?of=` + p.Token + `" alt=""><img src="/picture?of=all" alt="">`)
}

// What is kept of the document around a page is the same for all who open it: it has neither the title of whoever came
// first nor a path of theirs, and no address that holds a secret.
func TestShellHoldsNothingOfItsFirstVisitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.app.Mount("/picture", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "a picture")
		}))
		g := s.app.Group(live.GroupOptions{Layout: func(p live.Page, body templ.Component) templ.Component {
			return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
				_, _ = io.WriteString(w, `<!DOCTYPE html><html><head><title>`+html.EscapeString(p.Title)+`</title></head><body data-path="`+html.EscapeString(p.Path)+`">`)
				err := body.Render(ctx, w)
				_, _ = io.WriteString(w, `</body></html>`)
				return err
			})
		}})
		live.Handle(g, "GET /parcels/{number}", func(*http.Request) (*parcel, error) { return &parcel{Token: "s3cret-token"}, nil })
		page := livetest.Open(t, s.app, "/parcels/4711")
		page.Push("Look", Look{})
		synctest.Wait() // what stands around a page is kept in the background
		page.Close()
		s.close()
		rec := s.one()
		shell, err := replay.ReadShell(t.Context(), s.archive, rec.Summary.Document)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(shell.Document, `data-path="/parcels/{number}"`) || strings.Contains(shell.Document, "Ann") {
			t.Errorf("the document is %s", shell.Document)
		}
		if _, ok := shell.URLs["/picture?of=all"]; !ok || len(shell.URLs) != 1 {
			t.Errorf("kept: %v", shell.URLs)
		}
		for key, all := range decompressed(s.archive.(*replaytest.Memory).Objects()) {
			for _, data := range all {
				if strings.Contains(string(data), "s3cret-token") {
					t.Errorf("%s holds the secret", key)
				}
			}
		}
	})
}
