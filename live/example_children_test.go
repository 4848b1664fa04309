package live_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

// Board is a page with a child for each card.
type Board struct {
	Cards []*Card
	Done  []string `stored:"session"`
}

// Card is a child: it has handlers and a template of its own.
type Card struct {
	ID    int
	Title string
	Draft string `stored:"reconnect"` // stored as "7.Draft"
}

type (
	CloseCard  struct{}
	CardClosed struct{ ID int } // a message to the views around
)

func (*Card) Events() []live.Handler { return []live.Handler{live.On((*Card).Close)} }

// Close tells whoever holds the card that it is done: a child changes nothing outside of itself.
func (c *Card) Close(_ context.Context, s *live.Socket, _ CloseCard) error {
	return live.Emit(s, CardClosed{c.ID})
}

// Container is the element around each card.
func (Card) Container() live.Container { return live.Container{Tag: "li"} }

func (c Card) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, templ.EscapeString(c.Title)); err != nil {
			return err
		}
		return live.Post(CloseCard{}).Render(ctx, w)
	})
}

func (*Board) Events() []live.Handler { return []live.Handler{live.OnMessage((*Board).Closed)} }

func (b *Board) Closed(_ context.Context, _ *live.Socket, m CardClosed) error {
	if i := slices.IndexFunc(b.Cards, func(c *Card) bool { return c.ID == m.ID }); i >= 0 {
		b.Done = append(b.Done, b.Cards[i].Title)
		b.Cards = slices.Delete(b.Cards, i, i+1)
	}
	return nil
}

func (b Board) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for _, c := range b.Cards {
			if err := live.Child(c.ID, c).Render(ctx, w); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(w, `<output>done: %v</output>`, b.Done)
		return err
	})
}

func ExampleChild() {
	app := live.New(live.Options{Dev: true})
	defer app.Shutdown(context.Background())
	live.Handle(app, "GET /{$}", func(*http.Request) (*Board, error) {
		return &Board{Cards: []*Card{{ID: 7, Title: "milk"}}}, nil
	})

	first := visit(app, nil, nil)
	page, _ := io.ReadAll(first.Body)
	fmt.Printf("%s\n", output.Find(page))

	form := url.Values{} // the card's, as a browser without JavaScript sends it
	for _, m := range input.FindAllStringSubmatch(string(page), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	fmt.Println(visit(app, first.Cookies(), form).Status)
	page, _ = io.ReadAll(visit(app, first.Cookies(), nil).Body)
	fmt.Printf("%s\n", output.Find(page))
	// Output:
	// <output>done: []</output>
	// 303 See Other
	// <output>done: [milk]</output>
}

// Shelf is a page with many rows, of which few change at a time.
type Shelf struct{ Books []Book }

// Book is one of its rows.
type Book struct {
	ID      int
	Title   string
	Version int // counts its changes
}

func (s Shelf) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for _, b := range s.Books {
			if err := live.Memo(b.ID, b.Version, bookRow(b)).Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
}

func bookRow(b Book) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `<p>`+templ.EscapeString(b.Title)+`</p>`)
		return err
	})
}

// In a template: @live.Memo(b.ID, b.Version, bookRow(b))
func ExampleMemo() {
	shelf := Shelf{Books: []Book{{ID: 1, Title: "Moby-Dick"}, {ID: 2, Title: "Middlemarch"}}}
	page, err := templ.ToGoHTML(context.Background(), shelf.Render())
	fmt.Println(page, err)
	// Output: <p>Moby-Dick</p><p>Middlemarch</p> <nil>
}
