package bugtest_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/bugtest"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// Stall is a page to which much happens by itself.
type Stall struct {
	Count   int    `stored:"session"`
	Filter  string `query:"q"`
	Note    string
	Ticks   int
	Log     []string
	Prices  live.Result[[]int]
	Locale  string
	Visits  int
	Scales  []*Scale
	prices  func() []int
	broken  bool
	counted int // follows Count, in no field that is recorded
}

// Scale is a child of a stall.
type Scale struct {
	ID, Weight int
	broken     bool
}

type (
	Weigh  struct{ N int }
	Settle struct{ N int }
	Sold   struct{ ID int }
)

func (*Scale) Events() []live.Handler {
	return []live.Handler{live.On((*Scale).Weigh), live.OnMessage((*Scale).Settle)}
}

func (c *Scale) Weigh(_ context.Context, s *live.Socket, e Weigh) error {
	c.Weight += e.N
	switch {
	case c.broken && e.N == 1:
		c.Weight++
	case e.N == 2:
		return live.Emit(s, Sold{c.ID})
	case e.N == 3:
		return s.Send(Settle{10})
	case e.N == 4:
		panic("the scale")
	}
	return nil
}

// Recorded lets the message's fields be recorded.
func (Settle) Recorded() {}

func (c *Scale) Settle(_ context.Context, _ *live.Socket, m Settle) error {
	c.Weight += m.N
	return nil
}

func (c Scale) Render() templ.Component {
	return templ.Raw(fmt.Sprintf(`<b live-click="Weigh">%d: %d</b>`, c.ID, c.Weight))
}

// Sold takes a scale to the front, and a new one in.
func (v *Stall) Sold(_ context.Context, _ *live.Socket, m Sold) error {
	for i, c := range v.Scales {
		if c.ID == m.ID {
			v.Scales[0], v.Scales[i] = v.Scales[i], v.Scales[0]
		}
	}
	if n := len(v.Scales); n < 6 {
		v.Scales = append(v.Scales, &Scale{ID: n, broken: v.broken})
	}
	return nil
}

type (
	Buy   struct{ N int }
	Write struct {
		Note string `form:"note"`
	}
	Refuse struct{}
	Crash  struct{}
	Ask    struct{}
	Find   struct{ Q string }
	Tick   struct{}
	Bell   struct{ Text string }
)

// Recorded lets the message's fields be recorded.
func (Bell) Recorded() {}

func (*Stall) Events() []live.Handler {
	return []live.Handler{live.On((*Stall).Buy), live.On((*Stall).Write), live.On((*Stall).Refuse), live.On((*Stall).Crash), live.On((*Stall).Ask),
		live.On((*Stall).Find), live.OnMessage((*Stall).Tick), live.OnMessage((*Stall).Bell), live.OnMessage((*Stall).Sold)}
}

func (v *Stall) Mount(_ context.Context, s *live.Socket) error {
	s.Every(time.Second, Tick{})
	return s.Send(Tick{})
}
func (v *Stall) Params(context.Context, *live.Socket, *url.URL) error { v.Visits++; return nil }
func (v *Stall) Buy(_ context.Context, s *live.Socket, e Buy) error {
	live.Update(s, &v.Count, func(n int) int { return n + e.N })
	v.counted += e.N
	if v.broken && v.Count > 3 {
		v.Count++
	}
	if e.N == 2 {
		return s.Send(Bell{"two at once"})
	}
	if e.N == 3 {
		return s.Send(Tick{})
	}
	return nil
}
func (v *Stall) Write(_ context.Context, _ *live.Socket, e Write) error {
	v.Note = e.Note
	return nil
}
func (v *Stall) Refuse(context.Context, *live.Socket, Refuse) error {
	if v.broken {
		return nil
	}
	return errors.New("the stall is closed")
}
func (v *Stall) Crash(context.Context, *live.Socket, Crash) error {
	if v.broken {
		return nil
	}
	panic("on purpose")
}
func (v *Stall) Ask(_ context.Context, s *live.Socket, _ Ask) error {
	live.Async(s, &v.Prices, func(context.Context) ([]int, error) { return v.prices(), nil })
	return nil
}
func (v *Stall) Find(_ context.Context, _ *live.Socket, e Find) error { v.Filter = e.Q; return nil }
func (v *Stall) Tick(context.Context, *live.Socket, Tick) error       { v.Ticks++; return nil }
func (v *Stall) Bell(_ context.Context, _ *live.Socket, m Bell) error {
	v.Log = append(v.Log, m.Text)
	return nil
}

func (v Stall) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		e := html.EscapeString
		_, err := fmt.Fprintf(w, `<h1 nonce="%s">%s</h1><output>%d</output><form live-submit="Write"><input name="note" value="%s"></form><p>%s</p><ul><li>%d</li><li>%v %t</li><li>%d</li></ul><p>%s</p>`,
			e(live.Nonce(ctx)), e(live.Locale(ctx)), v.Count, e(v.Note), e(v.Filter), v.Ticks, v.Prices.Value, v.Prices.Loading, v.Visits, e(strings.Join(v.Log, "; ")))
		for _, c := range v.Scales {
			if err == nil {
				err = live.Child(c.ID, c).Render(ctx, w)
			}
		}
		return err
	})
}

var asked atomic.Int64 // so that nothing is the same twice

func stall(recorder *replay.Recorder, broken bool) *live.App {
	o := live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.DiscardHandler),
		Nonce: func(*http.Request) string { return fmt.Sprint("n", asked.Add(1)) }, Locale: func(*http.Request) string { return fmt.Sprint("l", asked.Add(1)) }}
	if recorder != nil {
		o.Recorder = recorder
	}
	app := live.New(o)
	live.Handle(app, "GET /stall", func(*http.Request) (*Stall, error) {
		return &Stall{broken: broken, Scales: []*Scale{{ID: 0, broken: broken}, {ID: 1, broken: broken}}, prices: func() []int { return []int{int(asked.Add(1))} }}, nil
	})
	live.Handle(app, "GET /safe", func(*http.Request) (*Safe, error) { return &Safe{broken: broken}, nil })
	return app
}

// record lets somebody do things on a page, and returns its recordings, the newest first.
func record(t *testing.T, act func(*livetest.Page)) []*replay.Recording {
	t.Helper()
	return recordAt(t, "/stall?q=a", act)
}

func recordAt(t *testing.T, path string, act func(*livetest.Page)) []*replay.Recording {
	t.Helper()
	recorder, err := replay.Open(replay.Options{Archive: &replaytest.Memory{}, HashKey: []byte("key"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	app := stall(recorder, false)
	page := livetest.Open(t, app, path)
	act(page)
	page.Close()
	ctx := context.Background()
	if err := errors.Join(app.Shutdown(ctx), recorder.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	all, err := recorder.Summaries(ctx)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	var list []*replay.Recording
	for _, s := range all {
		r, err := recorder.Get(ctx, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func fixture(t *testing.T, r *replay.Recording, frame int, o replay.TestOptions) *replay.Fixture {
	t.Helper()
	files, err := r.GoTest(context.Background(), frame, o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := replay.ReadFixture(files.Fixture)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// soak multiplies the counts of what is random.
var soak = flag.Int("soak", 1, "multiply the counts of random tests by `n`")

// Whatever happened to a page, a test of its recording passes on the build that was recorded.
func TestSessionsAreTakenAgain(t *testing.T) {
	frames, turns := 0, 0
	for seed := range uint64(12 * *soak) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			recordings := record(t, func(p *livetest.Page) {
				for range 120 {
					switch random.IntN(11) {
					case 9, 10:
						p.PushTo(fmt.Sprintf(`[live-key="%d"]`, random.IntN(2)), "Weigh", Weigh{random.IntN(5)})
						_ = p.Error()
					case 0, 1:
						p.Push("Buy", Buy{1 + random.IntN(4)})
					case 2:
						if random.IntN(2) == 0 {
							p.Type("input", strings.Repeat("`x\\ü ", random.IntN(4)))
						}
						p.Submit("form")
					case 3:
						p.Push("Refuse", nil)
						_ = p.Error()
					case 4:
						p.Push("Ask", nil)
					case 5:
						p.Push("Find", Find{fmt.Sprint("q", random.IntN(3))})
					case 6:
						p.Visit(fmt.Sprintf("/stall?q=v%d", random.IntN(3)))
					case 7:
						p.Drop()
						p.Connect()
					case 8:
						p.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond)
					}
				}
			})
			for _, r := range recordings {
				for _, frame := range []int{0, 1, 1 + random.IntN(r.Summary.Frames)} {
					f := fixture(t, r, frame, replay.TestOptions{})
					if err := bugtest.Replay(t, stall(nil, false), f); err != nil {
						t.Fatalf("seed %d, recording of %d frames, up to frame %d: %v", seed, r.Summary.Frames, frame, err)
					}
					frames += f.Steps[len(f.Steps)-1].Frame
					turns += len(f.Steps) - 1
				}
			}
		})
	}
	t.Logf("%d turns and %d frames were taken again", turns, frames)
}

// A build that behaves in another way fails, and says where.
func TestBuildsThatDiffer(t *testing.T) {
	for _, c := range []struct {
		name   string
		act    func(*livetest.Page)
		change func(*replay.Fixture)
		want   string
	}{
		{"rendering", func(p *livetest.Page) {
			for range 5 {
				p.Push("Buy", Buy{1})
			}
		}, nil, `after Buy {"N":1}, differs from the recording, at output:nth-child(2)`},
		{"a child's rendering", func(p *livetest.Page) { p.PushTo(`[live-key="1"]`, "Weigh", Weigh{1}) }, nil, `after Weigh {"N":1}, differs from the recording, at div:nth-child(8)`},
		{"child", func(p *livetest.Page) { p.PushTo(`[live-key="1"]`, "Weigh", Weigh{1}) }, func(f *replay.Fixture) { f.Steps[len(f.Steps)-1].Child = "gone" }, `has no child gone any more`},
		{"error", func(p *livetest.Page) { p.Push("Refuse", nil); _ = p.Error(); p.Push("Buy", Buy{1}) }, nil, `Refuse {} does not fail any more: "the stall is closed" was recorded`},
		{"panic", func(p *livetest.Page) {
			p.Push("Crash", nil)
			p.Await("the end", func() bool { return p.Error() != "" })
		}, nil, `Crash {} panics no more: panic: on purpose was recorded`},
		{"field", func(p *livetest.Page) { p.Push("Buy", Buy{1}) }, func(f *replay.Fixture) { f.Steps[0].Set["Gone"] = []byte("1") }, "has no field Gone any more"},
		{"event", func(p *livetest.Page) { p.Push("Buy", Buy{1}) }, func(f *replay.Fixture) { f.Steps[len(f.Steps)-1].Event = "Sell" }, `handles no event Sell any more`},
		{"payload", func(p *livetest.Page) { p.Push("Buy", Buy{1}) }, func(f *replay.Fixture) { f.Steps[len(f.Steps)-1].Value = []byte(`{"M":1}`) }, `Buy has other fields now`},
		{"view", func(p *livetest.Page) { p.Push("Buy", Buy{1}) }, func(f *replay.Fixture) { f.View = "main.Gone" }, `the app has no view main.Gone`},
		{"patch", func(p *livetest.Page) { p.Push("Buy", Buy{1}) }, func(f *replay.Fixture) { f.Steps[len(f.Steps)-1].HTML = "<p>" }, `the fixture's patch does not fit`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				recordings := record(t, c.act)
				r := recordings[len(recordings)-1]
				f := fixture(t, r, r.Summary.Frames, replay.TestOptions{})
				if err := bugtest.Replay(t, stall(nil, false), f); err != nil {
					t.Fatalf("on the build that was recorded: %v", err)
				}
				if c.change != nil {
					c.change(f)
				}
				err := bugtest.Replay(t, stall(nil, true), f)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
				t.Log(err)
			})
		})
	}
}

// Safe has something that is redacted.
type Safe struct {
	Password string
	Tries    int
	broken   bool
}

type Open struct {
	Password string `form:"password"`
}

func (*Safe) Events() []live.Handler { return []live.Handler{live.On((*Safe).Open)} }
func (v *Safe) Open(_ context.Context, _ *live.Socket, e Open) error {
	if v.Password = e.Password; !v.broken {
		v.Tries++
	}
	return nil
}
func (v Safe) Render() templ.Component {
	return templ.Raw(fmt.Sprintf(`<form live-submit="Open"><input type="password" name="password"></form><p>%d: %s</p>`, v.Tries, html.EscapeString(v.Password)))
}

// The turns of a redacted view are taken again with what is recorded of them. A test says how it differs when it was given
// the HTML.
func TestRedactedViews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recordAt(t, "/safe", func(p *livetest.Page) {
			p.Type("input", "correct horse")
			p.Submit("form")
		})[0]
		for _, views := range []replay.ViewTypes{nil, stall(nil, false)} {
			files, err := r.GoTest(t.Context(), 0, replay.TestOptions{Views: views})
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(files.Fixture, []byte("horse")) || !bytes.Contains(files.Test, []byte("Something of the view is redacted")) {
				t.Errorf("%s\n%s", files.Test, files.Fixture)
			}
			f, err := replay.ReadFixture(files.Fixture)
			if err != nil {
				t.Fatal(err)
			}
			if err := bugtest.Replay(t, stall(nil, false), f); err != nil {
				t.Error(err)
			}
			err = bugtest.Replay(t, stall(nil, true), f)
			if err == nil || strings.Contains(err.Error(), "only hashes") != (views == nil) {
				t.Errorf("with views %t: %v", views != nil, err)
			}
		}
	})
}

// What a recording from elsewhere says cannot become code of the test, and what is to be set is.
func TestHostileRecordings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := record(t, func(p *livetest.Page) { p.Push("Buy", Buy{3}); p.Push("Find", Find{"x"}) })[0]
		r.Mount.View = "main.X\n}\nfunc init() { panic(1) }"
		r.Mount.URL, r.Mount.Build = "/\n`+evil()+`", "\u2028b\r\nvar x = 1"
		r.Summary.ID = "-\u0301`\n"
		source, err := r.GoTestSource(t.Context(), 0, replay.TestOptions{Set: []string{"Find"}})
		if err == nil {
			t.Errorf("an id that is none is taken:\n%s", source)
		}
		r.Summary.ID = "a-b"
		if source, err = r.GoTestSource(t.Context(), 0, replay.TestOptions{Set: []string{"Find"}}); err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), "x_test.go", source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%v\n%s", err, source)
		}
		if len(file.Decls) != 2 || !strings.Contains(source, "the test was made with -set Find") {
			t.Errorf("%d declarations in\n%s", len(file.Decls), source)
		}
		if formatted, err := format.Source([]byte(source)); err != nil || string(formatted) != source {
			t.Errorf("%v: it is not as gofmt has it:\n%s", err, formatted)
		}
		if _, err := r.GoTest(t.Context(), 0, replay.TestOptions{Package: "a;b"}); err == nil {
			t.Error("a package name that is none is taken")
		}
		if _, err := r.GoTest(t.Context(), 99, replay.TestOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("frame 99: %v", err)
		}
	})
}
