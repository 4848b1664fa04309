package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

// Tally counts for one browser, in all of its tabs, and keeps a draft for each page.
type Tally struct {
	Count int    `stored:"session"`
	Draft string `stored:"reconnect"`
	Theme string `stored:"session,shared"`
	Seen  string
}

type (
	Count  struct{ By int }
	Vote   struct{}
	Forget struct{}
)

func (*Tally) Events() []live.Handler {
	return []live.Handler{
		live.On((*Tally).Add, live.Was("Add")),
		live.On((*Tally).Vote, live.Gated), // nobody sees it before it is durable
		live.On((*Tally).Forget),
	}
}

// Two tabs that count at once both count.
func (t *Tally) Add(_ context.Context, s *live.Socket, e Count) error {
	live.Update(s, &t.Count, func(n int) int { return n + e.By })
	return nil
}

func (t *Tally) Vote(ctx context.Context, s *live.Socket, _ Vote) error {
	live.Update(s, &t.Count, func(n int) int { return n + 1 })
	s.Flash("success", "Your vote counts.")
	return nil
}

func (t *Tally) Forget(ctx context.Context, s *live.Socket, _ Forget) error {
	return s.ResetStored(ctx)
}

func (t *Tally) Mount(_ context.Context, s *live.Socket) error {
	t.Seen = s.Recovery().Status.String()
	return nil
}

func (t *Tally) StoredChanged(_ context.Context, s *live.Socket, fields []string) error {
	s.Flash("info", strings.Join(fields, ", ")+" changed in another tab.")
	return nil
}

// StoredName lets the type be renamed.
func (*Tally) StoredName() string { return "tally" }

// StoredVersion is 1 since counts are kept as numbers.
func (*Tally) StoredVersion() int { return 1 }

// MigrateStored reads what version 0 stored, "12 votes".
func (*Tally) MigrateStored(from int, raw map[string]json.RawMessage) error {
	var text string
	if err := json.Unmarshal(raw["Count"], &text); err != nil {
		return err
	}
	n, _, _ := strings.Cut(text, " ")
	if _, err := strconv.Atoi(n); err != nil {
		return err
	}
	raw["Count"] = json.RawMessage(n)
	return nil
}

func (t Tally) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := fmt.Fprintf(w, `<output class="%s">%d, %s</output>`, templ.EscapeString(t.Theme), t.Count, t.Seen); err != nil {
			return err
		}
		return live.Post(Count{By: 2}).Render(ctx, w)
	})
}

// visit loads the page as a browser that has these cookies, and sends its form when there is one.
func visit(app *live.App, cookies []*http.Cookie, form url.Values) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return w.Result()
}

var (
	input  = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
	output = regexp.MustCompile(`<output.*?</output>`)
)

func ExampleUpdate() {
	app := live.New(live.Options{Dev: true})
	defer app.Shutdown(context.Background())
	live.Handle(app, "GET /{$}", func(*http.Request) (*Tally, error) { return &Tally{Theme: "light"}, nil })

	first := visit(app, nil, nil)
	page, _ := io.ReadAll(first.Body)
	fmt.Printf("%s\n", output.Find(page))

	form := url.Values{}
	for _, m := range input.FindAllStringSubmatch(string(page), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for range 2 { // two tabs send the same form; each is answered when its count is durable
		fmt.Println(visit(app, first.Cookies(), form).Status)
	}
	again := visit(app, first.Cookies(), nil)
	page, _ = io.ReadAll(again.Body)
	fmt.Printf("%s\n", output.Find(page))
	// Output:
	// <output class="light">0, fresh</output>
	// 303 See Other
	// 303 See Other
	// <output class="light">4, recovered</output>
}

func ExampleStoredMigrator() {
	raw := map[string]json.RawMessage{"Count": json.RawMessage(`"12 votes"`)}
	fmt.Println(new(Tally).MigrateStored(0, raw), string(raw["Count"]))
	// Output: <nil> 12
}
