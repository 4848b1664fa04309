package live_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/testviews/board"
	"github.com/livelong-dev/livelong/live/livetest"
)

func boardApp(t *testing.T, ids ...string) *live.App { return countedBoard(t, nil, ids...) }

func countedBoard(t *testing.T, runs *int, ids ...string) *live.App {
	t.Helper()
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /{$}", func(*http.Request) (*board.Board, error) { return board.NewBoard(runs, ids...), nil })
	return app
}

func TestChildrenCountForThemselves(t *testing.T) {
	page := livetest.Open(t, boardApp(t, "a", "b", "c"), "/")
	counts := func(want string) {
		t.Helper()
		if got := strings.Join(page.Texts("output"), " "); got != want {
			t.Errorf("counts %s, want %s", got, want)
		}
	}
	counts("0 0 0 0 0")
	page.Click(`[live-key="b"] .add`)
	page.Click(`[live-key="b"] .add`)
	page.Click(`[live-key="head"] .add`)
	page.Click(`[live-key="named"] .add`)
	counts("1 0 2 0 1")
	page.Click("button", "Rename")
	counts("1 0 2 0 1")
	if page.Text("h1") != "Renamed" {
		t.Error(page.Text("h1"))
	}
	// The innermost child handles no Add: the card around it does.
	page.Click(`[live-key="c/inner"] i`)
	counts("1 0 2 1 1")
	page.Push("Move", board.Move{})
	counts("1 11 0 2 1")
	page.Click(`[live-key="c"] .add`)
	page.Click(`[live-key="a"] .add`)
	counts("1 12 1 2 1")
}

func TestAChildsEventSendsItsPartOnly(t *testing.T) {
	ids := make([]string, 300)
	for i := range ids {
		ids[i] = "card-" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26))
	}
	page := livetest.Open(t, boardApp(t, ids...), "/")
	n := len(page.Frames())
	page.Click(`[live-key="` + ids[200] + `"] .add`)
	frames := page.Frames()[n:]
	if len(frames) != 1 || frames[0] > 40 {
		t.Errorf("frames of %v bytes, want one of at most 40", frames)
	}
	page.Push("Move", board.Move{})
	if frames = page.Frames()[n+1:]; len(frames) != 1 || frames[0] > 60 {
		t.Errorf("frames of %v bytes for a move, want one of at most 60", frames)
	}
}

func TestChildrenTellTheViewsAround(t *testing.T) {
	page := livetest.Open(t, boardApp(t, "a", "b"), "/")
	page.Click(`[live-key="a"] .tell`)
	if got := page.Texts(".heard"); !slices.Equal(got, []string{"a hi"}) {
		t.Error(got)
	}
	if page.Text(`[live-key="a"] output`) != "1" {
		t.Error("the child's own change is missing")
	}
}

func TestOnlyWhatChangedIsRendered(t *testing.T) {
	runs := 0
	app := countedBoard(t, &runs, "a", "b", "c")
	page := livetest.Open(t, app, "/")
	live.StopChecking(app)
	ran := func(want int, what string, f func()) {
		t.Helper()
		runs = 0
		f()
		if runs != want {
			t.Errorf("%s: %d templates ran, want %d", what, runs, want)
		}
	}
	page.Click("button", "Rename") // the first one renders again what the page shows, before it changes
	ran(1, "a card", func() { page.Click(`[live-key="b"] .add`) })
	ran(1, "the same card", func() { page.Click(`[live-key="b"] .add`) })
	ran(1, "the board", func() { page.Push("Rename", board.Rename{To: "X"}) })
	ran(2, "both", func() { page.Click(`[live-key="b"] .tell`) })
	ran(2, "a card moved and changed, and the board", func() { page.Push("Move", board.Move{}) })
	ran(1, "a card that has moved", func() { page.Click(`[live-key="c"] .add`) })
	ran(0, "nothing", func() { page.Push("Rename", board.Rename{To: "X"}) })
	page.Drop()
	page.Connect()
	ran(1, "after a reconnect", func() { page.Click(`[live-key="a"] .add`) })
	if got := strings.Join(page.Texts("output"), " "); got != "0 11 1 3 0" {
		t.Error(got)
	}
}

func TestAChildHasAMailboxOfItsOwn(t *testing.T) {
	app := boardApp(t, "a", "b")
	page := livetest.Open(t, app, "/")
	page.PushTo(`[live-key="b"]`, "Tell", board.Tell{What: "send"})
	page.Await("the message", func() bool { return page.Text(`[live-key="b"] output`) == "101" })
	if page.Text(`[live-key="a"] output`) != "0" {
		t.Error("another child received it")
	}
	page.PushTo(`[live-key="b"]`, "Tell", board.Tell{What: "nobody"})
	if got := page.Error(); got == "" {
		t.Error("a message that nobody handles was emitted without an error")
	}
}

func TestAChildsPanicIsItsOwn(t *testing.T) {
	page := livetest.Open(t, boardApp(t, "a", "b"), "/")
	page.Click(`[live-key="a"] .add`)
	page.Click(`[live-key="b"] .add`)
	page.Click("button", "Rename")
	for _, how := range []string{"panic", "render"} {
		page.PushTo(`[live-key="b"]`, "Fail", board.Fail{How: how})
		if got := page.Error(); !strings.Contains(got, "as it was before") {
			t.Errorf("%s: the user reads %q", how, got)
		}
		if got := strings.Join(page.Texts("output"), " "); got != "0 1 1 0" || page.Text("h1") != "Renamed" || page.Joined() != "adopt" {
			t.Errorf("%s: the cards show %s, the title is %s, joined by %s", how, got, page.Text("h1"), page.Joined())
		}
	}
	page.Click(`[live-key="b"] .add`)
	if page.Text(`[live-key="b"] output`) != "2" {
		t.Error("the child does not work any more")
	}
	// An error keeps what was changed.
	page.PushTo(`[live-key="b"]`, "Fail", board.Fail{How: "no"})
	if page.Error() == "" || page.Text(`[live-key="b"] output`) != "1002" {
		t.Error("a handler's error does what a panic does")
	}
	// The panic of a view around is no child's.
	page.PushTo(`[live-key="b"]`, "Fail", board.Fail{How: "above"})
	page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
}

func TestWhatAChildMustNot(t *testing.T) {
	for how, want := range map[string]string{
		"made":    `live.Child "made": no exported field of board.Board holds this *board.Card`,
		"doubled": `no exported field`,
		"twice":   `shows this *board.Card twice`,
		"other":   "changed something outside of it",
	} {
		t.Run(how, func(t *testing.T) {
			var logs bytes.Buffer
			app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.NewTextHandler(&logs, nil))})
			live.Handle(app, "GET /{$}", func(*http.Request) (*board.Board, error) { return board.NewBoard(nil, "a", "b"), nil })
			page := livetest.Open(t, app, "/")
			var said []string
			live.Report(app, func(err error) { said = append(said, err.Error()) })
			if how == "other" {
				page.PushTo(`[live-key="a"]`, "Fail", board.Fail{How: how})
			} else {
				page.Push("Fail", board.Fail{How: how})
			}
			if how == "other" {
				page.Click(`[live-key="a"] .add`)
			} else {
				page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
			}
			if all := strings.ReplaceAll(strings.Join(said, "\n")+logs.String(), `\"`, `"`); !strings.Contains(all, want) {
				t.Errorf("nothing says %q:\n%s", want, all)
			}
		})
	}
}

func TestAPlainFormReachesItsChild(t *testing.T) {
	b := livetest.NewBrowser(t, boardApp(t, "a", "b"))
	page := b.Load("/")
	page.Type(`[live-key="b"] input[name=text]`, "written")
	page.Submit(`[live-key="b"] form`)
	if page.Error() != "" {
		t.Error("refused")
	}
}

func TestStoredFieldsOfChildren(t *testing.T) {
	b := livetest.NewBrowser(t, boardApp(t, "a", "b"))
	page := b.Open("/")
	write := func(p *livetest.Page, card, text string) {
		t.Helper()
		p.Type(`[live-key="`+card+`"] input[name=text]`, text)
		p.Click(`[live-key="` + card + `"] form button`)
	}
	notes := func(p *livetest.Page, want ...string) {
		t.Helper()
		var got []string
		for _, id := range []string{"head", "a", "b", "named"} {
			got = append(got, p.Value(`[live-key="`+id+`"] input[name=text]`)+" "+p.Text(`[live-key="`+id+`"] data`))
		}
		if !slices.Equal(got, want) {
			t.Errorf("notes and totals %q, want %q", got, want)
		}
	}
	write(page, "b", "of b")
	write(page, "named", "of named")
	page.Click(`[live-key="b"] .add`)
	notes(page, " 0", " 0", "of b 1", "of named 0")
	// The page is started afresh: a draft is its own, a total the browser's.
	page.PushTo(`[live-key="a"]`, "Fail", board.Fail{How: "above"})
	page.Await("the page afresh", func() bool { return strings.Contains(page.Error(), "started afresh") })
	notes(page, " 0", " 0", "of b 1", "of named 0")
	other := b.Open("/")
	notes(other, " 0", " 0", " 1", " 0")
	other.Click(`[live-key="b"] .add`)
	other.Click(`[live-key="a"] .add`)
	page.Await("the other tab's totals", func() bool { return page.Text(`[live-key="b"] data`) == "2" && page.Text(`[live-key="a"] data`) == "1" })
	notes(page, " 0", " 1", "of b 2", "of named 0")
	// A child that is put back has what it had stored.
	page.PushTo(`[live-key="b"]`, "Fail", board.Fail{How: "render"})
	_ = page.Error()
	notes(page, " 0", " 1", "of b 2", "of named 0")
	page.Push("Move", board.Move{})
	page.Click(`[live-key="b"] .add`)
	notes(page, " 0", " 1", "of b 3", "of named 0")
	other.Await("the first tab's total", func() bool { return other.Text(`[live-key="b"] data`) == "3" })
}

func TestEventsForChildrenThatAreNotThere(t *testing.T) {
	page := livetest.Open(t, boardApp(t, "a"), "/")
	for _, target := range []string{"z", "a/inner/x", "head/", strings.Repeat("x", 60), "\x00"} {
		page.PushAt(target, "Add", nil)
		if got := page.Error(); !strings.Contains(got, "no child") {
			t.Errorf("%.20q: %s", target, got)
		}
	}
}
