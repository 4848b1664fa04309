package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// keeper has stored fields of every kind, and does what the script says.
type keeper struct {
	N      int        `stored:"session"`
	M      int        `stored:""`
	Tags   []string   `stored:"session,key=tags,was=Labels"`
	Theme  string     `stored:"session,shared"`
	Draft  string     `stored:"reconnect"`
	Pair   [2]int     `stored:"session"`
	At     *time.Time `stored:"session"`
	Odd    odd        `stored:"session"`
	Plain  int
	script *script
}

// odd cannot be encoded when it is negative.
type odd int

func (o odd) MarshalJSON() ([]byte, error) {
	if o < 0 {
		return nil, errors.New("negative")
	}
	return json.Marshal(int(o))
}

func (o *odd) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, (*int)(o)) }

// script says what the events Do and Gate do, by their What, and notes what the view was told.
type script struct {
	mu      sync.Mutex
	do      func(ctx context.Context, s *live.Socket, k *keeper, what string) error
	watch   func(s *live.Socket, k *keeper, fields []string) error
	mount   func(s *live.Socket, k *keeper) error
	changed []string
	mounted []live.Recovery
}

type (
	Do     struct{ What string }
	Gate   struct{ What string }
	Rumour struct{ Text string }
)

var rumours = live.NewTopic[Rumour]("keepers")

func (*keeper) Events() []live.Handler {
	return []live.Handler{live.On((*keeper).Do, live.Was("Make")), live.On((*keeper).Gate, live.Was("Lock"), live.Gated), live.OnMessage((*keeper).Rumour)}
}

func (k *keeper) Mount(_ context.Context, s *live.Socket) error {
	k.script.mu.Lock()
	k.script.mounted = append(k.script.mounted, s.Recovery())
	k.script.mu.Unlock()
	if k.script.mount != nil {
		if err := k.script.mount(s, k); err != nil {
			return err
		}
	}
	_, err := rumours.Subscribe(s)
	return err
}

func (k *keeper) Do(ctx context.Context, s *live.Socket, e Do) error {
	switch e.What {
	case "count":
		live.Update(s, &k.N, func(n int) int { return n + 1 })
	case "set N":
		k.N = 100
	case "set M":
		k.M++
	case "tag":
		live.Update(s, &k.Tags, func(tags []string) []string { return append(slices.Clone(tags), "x") })
	case "theme":
		k.Theme = "dark"
	case "draft":
		k.Draft = "mine"
	case "panic":
		panic("do")
	default:
		return k.script.do(ctx, s, k, e.What)
	}
	return nil
}

func (k *keeper) Gate(ctx context.Context, s *live.Socket, e Gate) error {
	return k.Do(ctx, s, Do(e))
}

func (k *keeper) Rumour(_ context.Context, _ *live.Socket, m Rumour) error {
	k.Plain = len(m.Text)
	return nil
}

func (k *keeper) StoredChanged(_ context.Context, s *live.Socket, fields []string) error {
	k.script.mu.Lock()
	k.script.changed = append(k.script.changed, strings.Join(fields, "+"))
	k.script.mu.Unlock()
	if k.script.watch != nil {
		return k.script.watch(s, k, fields)
	}
	return nil
}

func (k keeper) Render() templ.Component {
	return templ.Raw(fmt.Sprintf(`<p>N=%d M=%d tags=%v theme=%s draft=%s pair=%v plain=%d</p>`, k.N, k.M, k.Tags, k.Theme, k.Draft, k.Pair, k.Plain))
}

// newKeepers serves keepers at /keeper, whose N is 7 by default.
func newKeepers(s *script, stash live.Stash, change ...func(*live.Options)) *live.App {
	app := newApp(func(o *live.Options) {
		o.Stash = stash
		for _, f := range change {
			f(o)
		}
	})
	live.Handle(app, "GET /keeper", func(*http.Request) (*keeper, error) { return &keeper{N: 7, script: s}, nil })
	return app
}

func do(p *livetest.Page, what ...string) {
	for _, w := range what {
		p.Push("Do", Do{w})
	}
}

func shows(t *testing.T, p *livetest.Page, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if got := p.Text("[data-live] p"); !strings.Contains(" "+got+" ", " "+want+" ") {
			t.Errorf("the page shows %s, want %s", got, want)
		}
	}
}

func TestScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newKeepers(&script{}, nil)
		b := livetest.NewBrowser(t, app)
		page := b.Open("/keeper")
		do(page, "count", "tag", "theme", "draft")
		all := []string{"N=8", "tags=[x]", "theme=dark"}
		shows(t, page, append(all, "draft=mine")...)
		shows(t, b.Load("/keeper"), append(all, "draft=")...)
		shows(t, livetest.NewBrowser(t, app).Load("/keeper"), "N=7", "tags=[]", "theme=", "draft=")
		do(page, "panic")
		page.Sleep(time.Second)
		_ = page.Error()
		shows(t, page, append(all, "draft=mine")...)
		page.Drop()
		page.Sleep(2 * time.Minute)
		page.Connect()
		if page.Joined() != "mount" {
			t.Errorf("joined by %s", page.Joined())
		}
		shows(t, page, append(all, "draft=mine")...)
	})
}

type guest struct {
	Colour string `stored:"session,shared,key=Theme"`
	Mode   string `stored:"session"`
}

func (g guest) Render() templ.Component { return templ.Raw("<p>" + g.Colour + "</p>") }

func TestSharedFieldsBelongToAllViews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newKeepers(&script{}, nil)
		live.Handle(app, "GET /guest", func(*http.Request) (*guest, error) { return &guest{}, nil })
		b := livetest.NewBrowser(t, app)
		page, other := b.Open("/keeper"), b.Open("/guest")
		do(page, "theme")
		other.Sleep(0)
		if got := other.Text("p"); got != "dark" {
			t.Errorf("the other view shows %q", got)
		}
	})
}

type (
	sharedDraft struct {
		A string `stored:"reconnect,shared"`
	}
	doubledWas struct {
		A int `stored:"session,was=Old"`
		B int `stored:"reconnect,key=Old"`
	}
	badOption struct {
		A int `stored:"session,forever"`
	}
	emptyKey struct {
		A int `stored:"session,key="`
	}
	badType struct {
		A chan int `stored:"session"`
	}
	inside struct {
		Part struct {
			Size int `stored:"session"`
		}
	}
	nobody struct {
		A int `stored:"session"`
	}
	backwards struct {
		A int `stored:"session"`
	}
	impostor struct {
		A int `stored:"session"`
	}
	stubborn struct {
		Theme int `stored:"session,shared"`
	}
)

func (sharedDraft) Render() templ.Component { return templ.NopComponent }
func (doubledWas) Render() templ.Component  { return templ.NopComponent }
func (badOption) Render() templ.Component   { return templ.NopComponent }
func (emptyKey) Render() templ.Component    { return templ.NopComponent }
func (badType) Render() templ.Component     { return templ.NopComponent }
func (inside) Render() templ.Component      { return templ.NopComponent }
func (nobody) Render() templ.Component      { return templ.NopComponent }
func (*nobody) StoredName() string          { return "" }
func (backwards) Render() templ.Component   { return templ.NopComponent }
func (*backwards) StoredVersion() int       { return -1 }
func (impostor) Render() templ.Component    { return templ.NopComponent }
func (*impostor) StoredName() string        { return "live_test.keeper" }
func (stubborn) Render() templ.Component    { return templ.NopComponent }

func TestBadStoredFieldsAreRefusedAtRegistration(t *testing.T) {
	tests := []struct {
		name, got string
		wants     []string
	}{
		{"a shared draft", register[sharedDraft](newApp()), []string{"sharedDraft", "field A", "shared"}},
		{"a name that another field had", register[doubledWas](newApp()), []string{"doubledWas", "A and B", `"Old"`}},
		{"an unknown option", register[badOption](newApp()), []string{"badOption", "field A", "forever"}},
		{"an empty key", register[emptyKey](newApp()), []string{"emptyKey", "field A", "key="}},
		{"a type that cannot be stored", register[badType](newApp()), []string{"badType", "field A", "chan int"}},
		{"a part of a field", register[inside](newApp()), []string{"inside", "Part.Size"}},
		{"an empty name", register[nobody](newApp()), []string{"nobody", "StoredName"}},
		{"a negative version", register[backwards](newApp()), []string{"backwards", "StoredVersion is -1"}},
		{"another view's name", register[impostor](newKeepers(nil, nil)), []string{"impostor", "live_test.keeper", "StoredName"}},
		{"a shared key of two types", register[stubborn](newKeepers(nil, nil)), []string{"stubborn", "Theme", "int", "keeper", "string"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, want := range tt.wants {
				if !strings.Contains(tt.got, want) {
					t.Errorf("Handle says %q, want it to name %s", tt.got, want)
				}
			}
		})
	}
}

func TestRenamedFieldsTakeTheNewestValue(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stored []string
		want   string
	}{
		{"the old name alone", []string{"Labels", `["old"]`}, "tags=[old]"},
		{"the new name is newer", []string{"Labels", `["old"]`, "tags", `["new"]`}, "tags=[new]"},
		{"an older build has written since", []string{"tags", `["new"]`, "Labels", `["old"]`}, "tags=[old]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := (&stash{}).put(0, tt.stored...)
				page := livetest.Open(t, newKeepers(&script{}, s), "/keeper")
				shows(t, page, tt.want)
				page.Sleep(time.Minute)
				if s.all() != "[]" {
					t.Errorf("%s was written by a page that only holds it", s.all())
				}
				s.push(0, "Labels", `["pushed"]`)
				page.Sleep(0)
				shows(t, page, "tags=[pushed]")
				s.push(0, "Labels", "") // somebody deletes it
				page.Sleep(0)
				shows(t, page, "tags=[]")
				do(page, "tag")
				page.Sleep(0)
				want := "tags=[x]"
				if slices.Contains(tt.stored, "tags") {
					want = "tags=[new x]" // what is left under the new name, which the page had not adopted
				}
				shows(t, page, want)
			})
		})
	}
}

// A counter that an older build counts on under its former name: what this build left under the new one is not counted on.
func TestUpdateOfARenamedField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&stash{}).put(0, "tags", `["new"]`, "Labels", `["old"]`)
		page := livetest.Open(t, newKeepers(&script{}, s), "/keeper")
		do(page, "tag")
		do(page, "tag")
		if want := `[tags=["old","x"] tags+=["old","x","x"]]`; s.all() != want {
			t.Errorf("saved %s, want %s", s.all(), want)
		}
	})
}

// priced is of version 2: prices were kept as euros in version 0, as text with a currency in version 1.
type priced struct {
	Cents int    `stored:"session"`
	Note  string `stored:"session"`
	Old   string `stored:"session"`
	steps *[]string
}

func (p priced) Render() templ.Component {
	return templ.Raw(fmt.Sprintf("<p>cents=%d note=%s old=%s</p>", p.Cents, p.Note, p.Old))
}
func (*priced) StoredName() string { return "prices" }
func (*priced) StoredVersion() int { return 2 }
func (p *priced) MigrateStored(from int, raw map[string]json.RawMessage) error {
	*p.steps = append(*p.steps, fmt.Sprint(from, len(raw)))
	switch {
	case string(raw["Note"]) == `"fail"`:
		return errors.New("no")
	case string(raw["Note"]) == `"panic"`:
		panic("no")
	}
	if euros, ok := raw["Euros"]; ok {
		delete(raw, "Euros")
		raw["Cents"] = json.RawMessage(string(euros) + "00")
	}
	return nil
}
func (*priced) Events() []live.Handler { return []live.Handler{live.On((*priced).Do)} }
func (p *priced) Do(_ context.Context, s *live.Socket, e Do) error {
	live.Update(s, &p.Cents, func(n int) int { return n + 1 })
	if e.What == "fail" {
		p.Note += "!"
	}
	return nil
}

func TestVersions(t *testing.T) {
	tests := []struct {
		name   string
		stored func(*stash)
		want   string
		steps  string
		lost   string
		saved  string // after one more cent
	}{
		{"the present version", func(s *stash) { s.put(2, "Cents", "5") }, "cents=5 note= old=", "[]", "recovered []", "[Cents+=6]"},
		{"a newer build's", func(s *stash) { s.put(3, "Cents", "5") }, "cents=5 note= old=", "[]", "recovered []", "[Cents+=6]"},
		{"older ones, the oldest first", func(s *stash) { s.put(1, "Old", `"o"`).put(0, "Euros", "3", "Note", `"n"`) },
			"cents=300 note=n old=o", "[0 2 1 1]", "recovered []", "[Cents=301]"},
		{"a present value wins over an older one", func(s *stash) { s.put(0, "Euros", "3").put(2, "Cents", "5") },
			"cents=5 note= old=", "[0 1]", "recovered []", "[Cents+=6]"},
		{"what an older build writes later wins, as it does on a page that is open", func(s *stash) { s.put(2, "Cents", "5").put(0, "Euros", "3") },
			"cents=300 note= old=", "[0 1]", "recovered []", "[Cents=301]"},
		{"a migrated value is as new as what it is made of", func(s *stash) { s.put(0, "Euros", "3").put(2, "Cents", "5").put(0, "Note", `"n"`) },
			"cents=5 note=n old=", "[0 2]", "recovered []", "[Cents+=6]"},
		{"a value that the migration does not touch", func(s *stash) { s.put(0, "Cents", "5") },
			"cents=5 note= old=", "[0 1]", "recovered []", "[Cents+=6]"},
		{"a migration fails", func(s *stash) { s.put(0, "Euros", "3", "Note", `"fail"`).put(1, "Old", `"o"`) },
			"cents=0 note= old=o", "[0 2 1 1]", "recovered [Euros Note]", "[Cents+=1]"},
		{"a migration panics", func(s *stash) { s.put(0, "Euros", "3", "Note", `"panic"`) },
			"cents=0 note= old=", "[0 2]", "failed [Euros Note]", "[Cents+=1]"},
		{"one key cannot be read", func(s *stash) { s.put(2, "Cents", `"x"`, "Note", `"n"`) },
			"cents=0 note=n old=", "[]", "recovered [Cents]", "[Cents+=1]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stash{}
				tt.stored(s)
				var steps []string
				var got live.Recovery
				app := newApp(func(o *live.Options) { o.Stash = s })
				g := app.Group(live.GroupOptions{OnMount: []func(context.Context, *live.Socket) error{func(_ context.Context, s *live.Socket) error {
					got = s.Recovery()
					return nil
				}}})
				live.Handle(g, "GET /prices", func(*http.Request) (*priced, error) { return &priced{steps: &steps}, nil })
				page := livetest.Open(t, app, "/prices")
				shows(t, page, strings.Fields(tt.want)...)
				if fmt.Sprint(steps) != tt.steps {
					t.Errorf("migrated %v, want %s", steps, tt.steps)
				}
				if r := fmt.Sprint(got.Status, " ", got.Lost); r != tt.lost {
					t.Errorf("recovery: %s, want %s", r, tt.lost)
				}
				if s.all() != "[]" || s.attached[0].View != "prices" {
					t.Errorf("written by reading: %s; attached %q", s.all(), s.attached[0].View)
				}
				page.Push("Do", Do{})
				if s.all() != tt.saved {
					t.Errorf("saved %s, want %s", s.all(), tt.saved)
				}
			})
		})
	}
}

func TestUpdateReplacesAValueOfAFailedMigration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&stash{}).put(0, "Cents", "3", "Note", `"fail"`)
		var steps []string
		app := newApp(func(o *live.Options) { o.Stash = s })
		live.Handle(app, "GET /prices", func(*http.Request) (*priced, error) { return &priced{steps: &steps}, nil })
		page := livetest.Open(t, app, "/prices")
		page.Push("Do", Do{})
		page.Push("Do", Do{})
		if s.all() != "[Cents=1 Cents+=2]" {
			t.Errorf("saved %s: an Update must not run on a value of another version", s.all())
		}
	})
}

func TestValuesThatAnOlderBuildWritesAreMigrated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&stash{}).put(2, "Cents", "5", "Note", `"n"`)
		var steps []string
		app := newApp(func(o *live.Options) { o.Stash = s })
		live.Handle(app, "GET /prices", func(*http.Request) (*priced, error) { return &priced{steps: &steps}, nil })
		page := livetest.Open(t, app, "/prices")
		s.push(0, "Euros", "9")
		page.Sleep(0)
		shows(t, page, "cents=900")
		s.push(0, "Note", `"fail"`)
		page.Sleep(0)
		shows(t, page, "cents=900", "note=n")
	})
}

func TestAViewWithoutStoredFieldsNeedsNoStash(t *testing.T) {
	s := &stash{unread: errors.New("asked")}
	app := newApp(func(o *live.Options) { o.Stash = s })
	live.Handle(app, "GET /inside", func(*http.Request) (*unstored, error) { return &unstored{}, nil })
	page := livetest.Open(t, app, "/inside")
	if len(s.attached) != 0 || page.Saved() != "" {
		t.Errorf("attached %v, the page is %q", s.attached, page.Saved())
	}
}

type unstored struct{ A int }

func (unstored) Render() templ.Component { return templ.NopComponent }
