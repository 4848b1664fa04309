package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

// Wall is a view made of parts: children, and children in them, memos, a region that pages share, and what is loaded.
type Wall struct {
	Tiles  []*Tile
	Named  map[string]*Tile
	Shared live.Shared[[]string]
	Loaded live.Result[string]
}

// Tile is a child.
type Tile struct {
	ID   int
	Hits int
	Note string `stored:"reconnect"`
	Dot  *Dot
	More live.Shared[[]string]
}

// Dot is a child of a child.
type Dot struct{ On bool }

type (
	Hit   struct{ Note string }
	Rap   struct{ Later bool }
	Poke  struct{}
	Build struct{ N int }
	Order struct{ A, B int }
	Deal  struct{ Words []string }
	Load  struct{ Fail bool }
	Heard struct{ From int }
	Tock  struct{}
)

func newWall(n int) *Wall {
	w := &Wall{Named: map[string]*Tile{"a/b": {ID: -1, Dot: &Dot{}}}, Shared: live.Share([]string{"first"})}
	for i := range n {
		w.Tiles = append(w.Tiles, &Tile{ID: i, Dot: &Dot{}})
	}
	return w
}

func (*Wall) Events() []live.Handler {
	return []live.Handler{live.On((*Wall).Build), live.On((*Wall).Order), live.On((*Wall).Deal), live.On((*Wall).Load), live.OnMessage((*Wall).Heard)}
}

func (*Tile) Events() []live.Handler {
	return []live.Handler{live.On((*Tile).Hit), live.On((*Tile).Rap), live.OnMessage((*Tile).Tock)}
}

func (*Dot) Events() []live.Handler { return []live.Handler{live.On((*Dot).Poke)} }

// Build takes a tile away, or adds one.
func (w *Wall) Build(_ context.Context, _ *live.Socket, e Build) error {
	if e.N%2 == 0 && len(w.Tiles) > 1 {
		at := e.N % len(w.Tiles)
		w.Tiles = slices.Delete(w.Tiles, at, at+1)
		return nil
	}
	w.Tiles = append([]*Tile{{ID: 100 + e.N, Dot: &Dot{}, More: w.Shared}}, w.Tiles...)
	return nil
}

func (w *Wall) Order(_ context.Context, _ *live.Socket, e Order) error {
	a, b := e.A%len(w.Tiles), e.B%len(w.Tiles)
	w.Tiles[a], w.Tiles[b] = w.Tiles[b], w.Tiles[a]
	return nil
}

func (w *Wall) Deal(_ context.Context, _ *live.Socket, e Deal) error {
	w.Shared = live.Share(e.Words)
	return nil
}

func (w *Wall) Load(_ context.Context, s *live.Socket, e Load) error {
	live.Async(s, &w.Loaded, func(context.Context) (string, error) {
		if e.Fail {
			return "", errors.New("not now")
		}
		return "loaded", nil
	})
	return nil
}

func (w *Wall) Heard(_ context.Context, _ *live.Socket, m Heard) error {
	w.Tiles[0].Hits += 100 + m.From
	return nil
}

func (t *Tile) Hit(_ context.Context, _ *live.Socket, e Hit) error {
	t.Hits, t.Note = t.Hits+1, e.Note
	return nil
}

func (t *Tile) Rap(_ context.Context, s *live.Socket, e Rap) error {
	if e.Later {
		return s.Send(Tock{})
	}
	return live.Emit(s, Heard{t.ID})
}

func (t *Tile) Tock(context.Context, *live.Socket, Tock) error { t.Hits *= 2; return nil }

func (d *Dot) Poke(context.Context, *live.Socket, Poke) error { d.On = !d.On; return nil }

func (w Wall) Render() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, out io.Writer) error {
		var all []templ.Component
		for _, t := range w.Tiles {
			all = append(all, live.Child(t.ID, t))
		}
		all = append(all, live.Child("named", w.Named["a/b"]), live.Region("shared", w.Shared, wordList),
			live.Memo("loaded", w.Loaded, templ.Raw(fmt.Sprintf("<p>%t %s %s</p>", w.Loaded.Loading, w.Loaded.Value, w.Loaded.Error))))
		return templ.Join(all...).Render(ctx, out)
	})
}

func (t Tile) Render() templ.Component {
	return templ.Join(templ.Raw(fmt.Sprintf("<b>%d</b><i>%s</i>", t.Hits, templ.EscapeString(t.Note))), live.Child("dot", t.Dot),
		live.Region("more", t.More, wordList))
}

func (d Dot) Render() templ.Component { return templ.Raw(fmt.Sprintf("<u>%t</u>", d.On)) }

func wordList(words []string) templ.Component {
	return templ.Raw("<em>" + templ.EscapeString(strings.Join(words, " ")) + "</em>")
}

var tileKeys = regexp.MustCompile(`live-key="([0-9]+|named)" live-child`)

func (s *stage) wall() {
	live.Handle(s.app, "GET /wall", func(*http.Request) (*Wall, error) { return newWall(4), nil })
}

// What pages are made of is replayed as exactly as they are: children, regions, memos, and what came of messages and loading.
func TestRecordedPartsAreExact(t *testing.T) {
	frames, turns := 0, 0
	for seed := range uint64(10 * *soak) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			s := newStage(t, func(o *replay.Options) {
				if seed%2 == 1 {
					o.Codec = replay.JSON
				}
			})
			s.wall()
			closed := false
			defer func() {
				if !closed { // the test has failed
					s.close()
				}
			}()
			page := livetest.Open(t, s.app, "/wall")
			shown := []string{page.HTML("")}
			for range 100 {
				keys := tileKeys.FindAllStringSubmatch(page.HTML(""), -1)
				tile := fmt.Sprintf("[live-key=%q]", keys[random.IntN(len(keys))][1])
				switch random.IntN(10) {
				case 0:
					page.Push("Build", Build{random.IntN(1000)})
				case 1:
					page.Push("Order", Order{random.IntN(9), random.IntN(9)})
				case 2:
					page.Push("Deal", Deal{strings.Fields(words(random, random.IntN(30)))})
				case 3:
					page.Push("Load", Load{random.IntN(3) == 0})
					synctest.Wait()
				case 4:
					page.PushTo(tile+" > div > u", "Poke", Poke{})
				case 5:
					page.PushTo(tile+" b", "Rap", Rap{random.IntN(2) == 0})
					synctest.Wait()
				case 6:
					page.Drop()
					page.Connect()
				case 7:
					page.Sleep(15 * time.Second) // it has forgotten its tree
				default:
					page.PushTo(tile+" b", "Hit", Hit{words(random, random.IntN(20))})
				}
				turns++
				if now := page.HTML(""); now != shown[len(shown)-1] {
					shown = append(shown, now)
				}
			}
			page.Close()
			s.close()
			closed = true
			frames += s.exact(shown)
		})
	}
	t.Logf("%d turns, %d frames: all verified, as sent and by this build", turns, frames)
}

// A change of a child is seen by who watches the page, a moment later.
func TestLiveWatchOfAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		h.wall()
		watched := livetest.Open(t, h.app, "/wall")
		watched.PushTo(`[live-key="2"] b`, "Hit", Hit{"one"})
		active, err := h.recorder.Active(t.Context())
		if err != nil || len(active) != 1 {
			t.Fatalf("%v, %v", active, err)
		}
		page := livetest.Open(t, h.app, "/replay/"+active[0].ID)
		page.Sleep(300 * time.Millisecond)
		watched.PushTo(`[live-key="2/dot"] u`, "Poke", Poke{})
		page.Sleep(150 * time.Millisecond)
		if !strings.HasPrefix(src(page), "3?") || here(page) != "Poke" {
			t.Errorf("on the stage %s, at %s", src(page), here(page))
		}
		rec, err := h.recorder.Get(t.Context(), active[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		screen, err := rec.Screen(t.Context(), h.app, 3)
		const want = `<u>true</u>`
		if err != nil || screen.Verdict != replay.Verified || !strings.Contains(string(screen.Sent), want) || !replay.Same(screen.Sent, screen.Built) {
			t.Errorf("frame 3 is %v, %v\nas sent\n%s\nby this build\n%s", screen.Verdict, err, screen.Sent, screen.Built)
		}
	})
}
