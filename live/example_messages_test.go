package live_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

// Ticker shows prices, the time, and orders that take a while to load.
type Ticker struct {
	Cents  map[string]int
	Now    string
	Orders live.Result[[]string]
	load   func(ctx context.Context, query string) ([]string, error)
}

type (
	Price struct {
		Symbol, Time string
		Cents        int
	}
	ClockTick struct{}
	FindOrder struct{ Query string }
	JobDone   struct{ Name string }
)

// Recorded says that a recording may hold what a JobDone holds.
func (JobDone) Recorded() {}

var quotes = live.NewTopic[Price]("prices")

func (*Ticker) Events() []live.Handler {
	return []live.Handler{live.On((*Ticker).Find), live.OnMessage((*Ticker).Price), live.OnMessage((*Ticker).Tick), live.OnMessage((*Ticker).Done)}
}

// Mount subscribes, and then loads: nothing is missed between the two.
func (t *Ticker) Mount(ctx context.Context, s *live.Socket) error {
	if _, err := quotes.Subscribe(s); err != nil {
		return err
	}
	s.Every(time.Second, ClockTick{})
	t.Cents = map[string]int{"ABC": 1200}
	return t.Find(ctx, s, FindOrder{})
}

func (t *Ticker) Price(_ context.Context, _ *live.Socket, m Price) error {
	t.Cents[m.Symbol] = m.Cents
	return nil
}

func (t *Ticker) Tick(context.Context, *live.Socket, ClockTick) error {
	t.Now = time.Now().Format(time.TimeOnly)
	return nil
}

// Find loads orders. What an older search finds later is thrown away.
func (t *Ticker) Find(_ context.Context, s *live.Socket, e FindOrder) error {
	load := t.load // the function must not touch the view
	live.Async(s, &t.Orders, func(ctx context.Context) ([]string, error) { return load(ctx, e.Query) },
		live.AsyncTimeout(10*time.Second), live.AsyncFailure("The orders cannot be read at the moment."))
	return nil
}

func (t *Ticker) Done(_ context.Context, s *live.Socket, m JobDone) error {
	s.Flash("success", m.Name+" is done.")
	return nil
}

// work is done in a goroutine, which sends what it has found.
func work(ctx context.Context, s *live.Socket, name string) {
	select {
	case <-time.After(time.Minute):
		s.Send(JobDone{name}) // an error says that the page has gone
	case <-ctx.Done(): // the instance's: so has it here
	}
}

func (t Ticker) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		_, err := fmt.Fprintf(w, `<output>%d, loading: %t</output>`, t.Cents["ABC"], t.Orders.Loading)
		return err
	})
}

func ExampleAsync() {
	app := live.New(live.Options{Dev: true})
	defer app.Shutdown(context.Background())
	live.Handle(app, "GET /{$}", func(*http.Request) (*Ticker, error) {
		return &Ticker{load: func(ctx context.Context, query string) ([]string, error) {
			<-ctx.Done() // it takes a while
			return nil, ctx.Err()
		}}, nil
	})
	page, _ := io.ReadAll(visit(app, nil, nil).Body)
	fmt.Printf("%s\n", output.Find(page))
	// Output: <output>1200, loading: true</output>
}

func ExampleTopic_Publish() {
	app := live.New(live.Options{Dev: true})
	defer app.Shutdown(context.Background())
	fmt.Println(quotes.Publish(context.Background(), app, Price{Symbol: "ABC", Cents: 1210}))
	// Output: <nil>
}

func ExampleSocket_Send() {
	// A handler that starts something and does not wait for it:
	_ = func(ctx context.Context, s *live.Socket, _ FindOrder) error {
		go work(ctx, s, "The report")
		return nil
	}
}
