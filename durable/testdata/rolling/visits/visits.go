// Package visits is what the programs of the rolling deploy have in common: an app with one view, whose page is visited in
// this process as a browser without JavaScript does it.
package visits

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/live"
)

// Dir and Secret are the variables by which programs share sessions.
const (
	Dir    = "LIVELONG_ROLLING_DIR"
	Secret = "LIVELONG_ROLLING_SECRET"
)

// Visit is a line of the program's input: a GET with this cookie, and a POST of the form on the page.
type Visit struct {
	Cookie string `json:",omitempty"` // empty: a new browser
	What   string // the Change that is posted
}

// Answer is a line of its output.
type Answer struct {
	Cookie string
	Page   json.RawMessage // the view's fields, as the GET has shown them
	Error  string          `json:",omitempty"`
}

// Change is the event of each view: What is JSON that the view understands.
type Change struct {
	What string `form:"what"`
}

// Found is what a view tells of its recovery.
type Found struct {
	Status string
	Lost   []string
}

// Mount notes what was recovered.
func (f *Found) Mount(_ context.Context, s *live.Socket) error {
	r := s.Recovery()
	f.Status, f.Lost = r.Status.String(), r.Lost
	return nil
}

// Show renders a view's fields as JSON, and its form.
func Show(view any) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		fields, err := json.Marshal(view)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "<output>%s</output>", templ.EscapeString(string(fields))); err != nil {
			return err
		}
		return live.Post(Change{}).Render(templ.WithChildren(ctx, templ.Raw(`<input name="what">`)), w)
	})
}

// Run serves the visits on standard input until it ends.
func Run[V live.View](factory func() *V) {
	if err := run(factory); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run[V live.View](factory func() *V) error {
	quiet := slog.New(slog.DiscardHandler)
	stash, err := durable.Open(durable.Options{Bucket: local.Dir(os.Getenv(Dir)), Logger: quiet, SweepEvery: -1})
	if err != nil {
		return err
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte(os.Getenv(Secret))}, Stash: stash, Logger: quiet})
	live.Handle(app, "GET /{$}", func(*http.Request) (*V, error) { return factory(), nil })
	lines := json.NewDecoder(bufio.NewReader(os.Stdin))
	for {
		var v Visit
		if err := lines.Decode(&v); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		a, err := visit(app, v)
		if err != nil {
			a.Error = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			return err
		}
	}
	if err := app.Shutdown(context.Background()); err != nil {
		return err
	}
	return stash.Close(context.Background())
}

var (
	output = regexp.MustCompile(`<output>(.*?)</output>`)
	hidden = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
)

func visit(app *live.App, v Visit) (Answer, error) {
	a := Answer{Cookie: v.Cookie}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if v.Cookie != "" {
		r.Header.Set("Cookie", v.Cookie)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if a.Cookie == "" && len(w.Result().Cookies()) > 0 {
		c := w.Result().Cookies()[0]
		a.Cookie = c.Name + "=" + c.Value
	}
	shown := output.FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || shown == nil {
		return a, fmt.Errorf("GET: %d %s", w.Code, w.Body)
	}
	a.Page = json.RawMessage(html.UnescapeString(shown[1]))
	form := url.Values{"what": {v.What}}
	for _, m := range hidden.FindAllStringSubmatch(w.Body.String(), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Cookie", a.Cookie)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		return a, fmt.Errorf("POST: %d %s", w.Code, w.Body)
	}
	return a, nil
}
