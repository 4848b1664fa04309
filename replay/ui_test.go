package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// theatre is a stage with the UI on it.
type theatre struct {
	*stage
	memory *replaytest.Memory

	mu     sync.Mutex
	refuse func(a replay.Action, s *replay.Summary) error
	fail   func(ctx context.Context) error
}

// refusing makes the authorizer refuse.
func (h *theatre) refusing(f func(a replay.Action, s *replay.Summary) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = f
}

// failing makes the archive fail, or hang.
func (h *theatre) failing(f func(ctx context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = f
}

// newTheatre makes an app whose recordings everybody may see, unless refuse says something else.
func newTheatre(t *testing.T) *theatre {
	t.Helper()
	h := &theatre{memory: &replaytest.Memory{}}
	h.memory.Fail = func(ctx context.Context, _, _ string) error {
		h.mu.Lock()
		fail := h.fail
		h.mu.Unlock()
		if fail == nil {
			return nil
		}
		return fail(ctx)
	}
	h.stage = newStage(t, func(o *replay.Options) { o.Archive = h.memory })
	t.Cleanup(h.close)
	h.app.Mount("/replay/", replay.UI(h.recorder, replay.UIOptions{Authorize: func(_ *http.Request, a replay.Action, s *replay.Summary) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.refuse != nil {
			return h.refuse(a, s)
		}
		return nil
	}}))
	return h
}

// play records a session: four events, one after the other, and returns its id.
func (h *theatre) play() string {
	h.t.Helper()
	page := livetest.Open(h.t, h.app, "/?q=x")
	h.act(page)
	page.Close()
	synctest.Wait()
	time.Sleep(2 * time.Minute) // the page's grace
	synctest.Wait()
	all, err := h.recorder.Summaries(context.Background())
	if err != nil || len(all) == 0 {
		h.t.Fatalf("no recording: %v\n%s", err, h.logs)
	}
	return all[0].ID
}

// act adds 1 at 0.5 s, 2 at 1.5 s, fails at 2 s, toggles at 12 s, adds 3 at 12.25 s.
func (h *theatre) act(page *livetest.Page) {
	page.Sleep(500 * time.Millisecond)
	page.Push("Add", Add{By: 1})
	page.Sleep(time.Second)
	page.Push("Add", Add{By: 2})
	page.Sleep(500 * time.Millisecond)
	page.Push("Fail", Fail{})
	_ = page.Error()
	page.Sleep(10 * time.Second)
	page.Push("Toggle", Toggle{})
	page.Sleep(250 * time.Millisecond)
	page.Push("Add", Add{By: 3})
	page.Sleep(time.Second)
}

func (h *theatre) get(path string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	res := livetest.NewBrowser(h.t, h.app).Do(r)
	return res.Code, res.Body.String()
}

func TestListFindsFiltersAndPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		h.play()
		c := h.recorder.Catalog
		for i := range 60 {
			s := replay.Summary{ID: fmt.Sprintf("r%02d", i), View: "shop.Cart", URL: fmt.Sprintf("/cart/%d", i), User: "ann", Build: "b" + strconv.Itoa(i%2),
				Start: start.Add(time.Duration(i) * time.Minute), Segments: 1, Frames: 2, Session: "s" + strconv.Itoa(i%3)}
			if i%10 == 0 {
				s.Errors, s.ErrorTexts = 1, []string{"the warehouse is closed"}
			}
			if err := c.Save(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		page := livetest.Open(t, h.app, "/replay/")
		if got := page.Text(".sum"); got != "61 saved 0 live 7 with errors" {
			t.Errorf("the summary line says %q", got)
		}
		if n := page.Count("tbody tr"); n != 25 {
			t.Errorf("%d rows, want 25", n)
		}
		page.Click("nav.pages a[rel=next]")
		page.Click("nav.pages a[rel=next]")
		if n, at := page.Count("tbody tr"), page.URL(); n != 11 || at != "/replay/?page=3" {
			t.Errorf("%d rows at %s, want 11 on page 3", n, at)
		}
		page.Type("input[name=q]", "warehouse")
		if n, at := page.Count("tbody tr"), page.URL(); n != 6 || at != "/replay/?q=warehouse" {
			t.Errorf("%d rows at %s, want 6", n, at)
		}
		page.Type("select[name=build]", "b1")
		if !page.Has(".state h2", "Nothing matches") || page.URL() != "/replay/?build=b1&q=warehouse" {
			t.Errorf("at %s", page.URL())
		}
		page.Click("a", "Show all")
		page.Click("nav.chips a", "Errors")
		if n, at := page.Count("tbody tr"), page.URL(); n != 7 || at != "/replay/?errors=1" {
			t.Errorf("%d rows at %s, want 7", n, at)
		}
		other := livetest.Open(t, h.app, "/replay/?session=s1&errors=1&q=CART")
		if n := other.Count("tbody tr"); n != 2 { // 10 and 40
			t.Errorf("%d rows by the URL, want 2", n)
		}
		plain := livetest.NewBrowser(t, h.app).Load("/replay/?view=shop.Cart&page=2")
		if plain.Count("tbody tr") != 25 || !strings.Contains(plain.Text(".pages .count"), "26–50 of 60") {
			t.Errorf("without JavaScript: %s", plain.Text(".pages"))
		}
	})
}

func TestDeletingIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		for i := range 5 {
			if err := h.recorder.Save(t.Context(), replay.Summary{ID: fmt.Sprintf("r%d", i), View: "a.B", Start: start.Add(time.Duration(i) * time.Minute), Segments: 1}); err != nil {
				t.Fatal(err)
			}
		}
		left := func(want int) {
			t.Helper()
			all, err := h.recorder.Summaries(t.Context())
			if err != nil || len(all) != want {
				t.Errorf("%d recordings are left, want %d: %v", len(all), want, err)
			}
		}
		page := livetest.Open(t, h.app, "/replay/")
		page.Click(`a[aria-label="Delete ` + id + `"]`)
		if !page.Has("[role=alertdialog] h2", "Delete this recording?") {
			t.Errorf("nothing is asked: %s", page.URL())
		}
		left(6)
		page.Click("[role=alertdialog] a", "Keep")
		if page.Has("[role=alertdialog]") || page.URL() != "/replay/" {
			t.Errorf("the question stays at %s", page.URL())
		}
		left(6)
		page.Click(`a[aria-label="Delete ` + id + `"]`)
		page.Click("[role=alertdialog] button", "Delete")
		left(5)
		if page.Has("[role=alertdialog]") || page.Count("tbody tr") != 5 {
			t.Error("the list shows what was deleted")
		}
		page.Check(`input[value=r1]`, true)
		page.Check(`input[value=r3]`, true)
		page.Click("button", "Delete chosen")
		if got := page.Text("[role=alertdialog] h2"); got != "Delete 2 recordings?" {
			t.Errorf("asked %q", got)
		}
		page.Click("[role=alertdialog] button", "Delete")
		left(3)

		plain := livetest.NewBrowser(t, h.app).Load("/replay/?id=r0&confirm=chosen")
		plain.Click("[role=alertdialog] button", "Delete")
		left(2)
		if plain.Has("[role=alertdialog]") {
			t.Error("the question stays on a plain page")
		}
		plain = livetest.NewBrowser(t, h.app).Load("/replay/?confirm=all")
		plain.Click("[role=alertdialog] button", "Delete")
		left(0)
	})
}

func TestEmptyAndDeadStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		page := livetest.Open(t, h.app, "/replay/")
		if !page.Has(".state h2", "No recordings yet") {
			t.Error(page.HTML("main"))
		}
		id := h.play()
		h.failing(func(context.Context) error { return errors.New("no route to host") })
		page = livetest.Open(t, h.app, "/replay/")
		if !page.Has(".state h2", "The store does not answer") {
			t.Error(page.HTML("main"))
		}
		player := livetest.Open(t, h.app, "/replay/"+id)
		if !player.Has(".state h2", "The store does not answer") {
			t.Error(player.HTML("main"))
		}
		h.failing(nil)
		page.Click("button", "Try again")
		if page.Count("tbody tr") != 1 {
			t.Error(page.HTML("main"))
		}
		player.Click("button", "Try again")
		if !player.Has(".events li") {
			t.Error(player.HTML("main"))
		}
		// A store that takes its time: the pages are there before it is.
		h.failing(func(ctx context.Context) error {
			select {
			case <-time.After(3 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		page = livetest.Open(t, h.app, "/replay/")
		if !page.Has(".state h2", "Reading the list") {
			t.Error(page.HTML("main"))
		}
		page.Sleep(30 * time.Second)
		h.failing(nil)
		page.Sleep(10 * time.Second)
		if page.Count("tbody tr") != 1 {
			t.Error(page.HTML("main"))
		}
	})
}

// The list of 10,000 recordings opens none of them.
func TestTenThousandAreListedWithoutOpeningOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		for i := range 10_000 {
			s := replay.Summary{ID: fmt.Sprintf("r%05d", i), View: fmt.Sprintf("shop.View%d", i%7), URL: fmt.Sprintf("/orders/%d", i), Start: start.Add(time.Duration(i) * time.Second),
				Segments: 3, Frames: 40, Events: 20, Errors: i % 2, EventNames: []string{"Add", "Save"}, Build: "b1"}
			if err := h.recorder.Save(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		livetest.Open(t, h.app, "/replay/").Close() // the pages of the index are in memory now
		h.memory.Requests()                         // counts from here
		page := livetest.Open(t, h.app, "/replay/?q=orders+View3")
		after, n := h.memory.Requests(), 0
		for op, count := range after {
			if strings.Contains(op, "segments") && count > 0 {
				t.Errorf("%s: %d requests", op, count)
			}
			n += count
		}
		if got := page.Text(".pages .count"); got != "1–25 of 1,429" {
			t.Errorf("found %q", got)
		}
		if n > 50 || n == 0 {
			t.Errorf("%d requests for the list: %v", n, after)
		}
		t.Logf("10,000 recordings are listed with %d requests, none of them for a segment", n)
	})
}

// Without an authorizer, and with one that refuses, nothing is there.
func TestUIIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		page := livetest.NewBrowser(t, h.app).Load("/replay/" + id)
		frame := page.HTML("iframe")
		_, document := h.get("/replay/" + id + "/frames/1?reading=sent")
		asset := regexp.MustCompile(`/replay/ui/[^"]+`).FindString(document)
		if !strings.Contains(frame, "/frames/1") || asset == "" {
			t.Fatalf("%s\n%s", frame, document)
		}
		closed := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.DiscardHandler)})
		closed.Mount("/replay/", replay.UI(h.recorder, replay.UIOptions{}))
		refusing := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Logger: slog.New(slog.DiscardHandler)})
		refusing.Mount("/replay/", replay.UI(h.recorder, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return errors.New("no") }}))
		paths := []string{"/replay/", "/replay/?confirm=all", "/replay/" + id, "/replay/" + id + "?f=2", "/replay/" + id + "?delete=1", "/replay/" + id + "/frames/1",
			"/replay/" + id + "/frames/1?reading=built", "/replay/" + id + "/frames/99", "/replay/" + id + "/export", "/replay/ui/import", "/replay/none", "/replay/none/frames/1",
			"/replay/ui/assets/" + strings.Repeat("0", 64) + "/" + strings.Repeat("0", 64), "/replay/ui/assets/x/y?until=99999999999&sign="}
		for name, app := range map[string]*live.App{"without an authorizer": closed, "with one that refuses": refusing} {
			b := livetest.NewBrowser(t, app)
			for _, path := range paths {
				for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
					r, err := http.NewRequest(method, path, nil)
					if err != nil {
						t.Fatal(err)
					}
					if code := b.Do(r).Code; code != 404 && code != 403 && code != 405 {
						t.Errorf("%s: %s %s: %d", name, method, path, code)
					}
				}
			}
			var form bytes.Buffer
			m := multipart.NewWriter(&form)
			w, _ := m.CreateFormFile("file", "x.tar")
			fmt.Fprint(w, "x")
			m.Close()
			r, _ := http.NewRequest("POST", "/replay/ui/import", &form)
			r.Header.Set("Content-Type", m.FormDataContentType())
			if code := b.Do(r).Code; code != 404 {
				t.Errorf("%s: import: %d", name, code)
			}
			// The plain forms of the pages.
			for event, path := range map[string]string{"remove": "/replay/?confirm=all", "discard": "/replay/" + id} {
				r, _ := http.NewRequest("POST", path, strings.NewReader(url.Values{"live-event": {event}, "live-seal": {"x"}}.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", "http://live.test")
				if code := b.Do(r).Code; code != 404 && code != 403 {
					t.Errorf("%s: %s: %d", name, event, code)
				}
			}
		}
		if all, err := h.recorder.Summaries(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("%d recordings are left: %v", len(all), err)
		}
	})
}

// Each action is asked for by itself, and what may not be seen is in no list.
func TestActionsAreAskedForByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		if err := h.recorder.Save(t.Context(), replay.Summary{ID: "secret", View: "boss.Page", Start: start, Segments: 1}); err != nil {
			t.Fatal(err)
		}
		allow := func(actions ...replay.Action) {
			h.refusing(func(a replay.Action, s *replay.Summary) error {
				if (s == nil) != (a == replay.ActionList || a == replay.ActionImport) {
					t.Errorf("%v is asked with %v", a, s)
				}
				if !slices.Contains(actions, a) || s != nil && s.ID == "secret" {
					return fs.ErrPermission
				}
				return nil
			})
		}
		status := func(path string, want int) {
			t.Helper()
			if code, _ := h.get(path); code != want {
				t.Errorf("%s: %d, want %d", path, code, want)
			}
		}
		allow(replay.ActionList)
		page := livetest.NewBrowser(t, h.app).Load("/replay/")
		if page.Count("tbody tr") != 0 || !strings.HasPrefix(page.Text(".sum"), "0 saved") || page.Has(".import") {
			t.Error(page.HTML("main"))
		}
		status("/replay/"+id, 404)
		allow(replay.ActionList, replay.ActionView)
		page = livetest.NewBrowser(t, h.app).Load("/replay/")
		if page.Count("tbody tr") != 1 || page.Has("input[type=checkbox]") || page.Has("a", "Clear all") || strings.Contains(page.HTML(""), "boss") {
			t.Error(page.HTML("main"))
		}
		status("/replay/"+id, 200)
		status("/replay/secret", 404)
		status("/replay/secret/frames/1", 404)
		status("/replay/"+id+"/export", 404)
		status("/replay/"+id+"/frames/1", 200)
		player := livetest.Open(t, h.app, "/replay/"+id)
		if player.Has(`a[href$="/export"]`) || player.Has(`a[aria-label="Delete"]`) {
			t.Error("the player offers what may not be done")
		}
		player.Push("discard", struct{}{})
		if player.Error() == "" {
			t.Error("a recording was deleted without being allowed")
		}
		list := livetest.Open(t, h.app, "/replay/?confirm=chosen&id="+id)
		list.Push("remove", struct{}{})
		if list.Error() == "" {
			t.Error("a recording was deleted without being allowed")
		}
		allow(replay.ActionList, replay.ActionView, replay.ActionDelete)
		list = livetest.Open(t, h.app, "/replay/?confirm=chosen&id="+id+"&id=secret")
		list.Push("remove", struct{}{})
		if all, _ := h.recorder.Summaries(t.Context()); list.Error() == "" || len(all) != 2 {
			t.Error("a recording was deleted by who may not see it")
		}
		allow(replay.ActionList, replay.ActionView, replay.ActionExport)
		status("/replay/"+id+"/export", 200)
		// A running recording is watched, not viewed.
		watched := livetest.Open(t, h.app, "/")
		watched.Push("Add", Add{By: 1})
		synctest.Wait()
		active, err := h.recorder.Active(t.Context())
		if err != nil || len(active) != 1 {
			t.Fatal(active, err)
		}
		status("/replay/"+active[0].ID, 404)
		allow(replay.ActionWatch)
		status("/replay/"+active[0].ID, 200)
		status("/replay/"+id, 404)
		status("/replay/", 404)
		// What is allowed no more is taken away from a page that is open.
		allow(replay.ActionView)
		player = livetest.Open(t, h.app, "/replay/"+id)
		allow()
		player.Sleep(2 * time.Minute)
		if code := player.AwaitClosed(); code != 4401 {
			t.Errorf("closed with %d, want 4401", code)
		}
	})
}
