package replay_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

// src is the frame that is on the stage.
func src(page *livetest.Page) string {
	all := regexp.MustCompile(`src="([^"]*)"`).FindAllStringSubmatch(page.HTML("svg.window"), -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1][strings.LastIndex(all[len(all)-1][1], "/")+1:]
}

func here(page *livetest.Page) string { return page.Text(".events [aria-current] .name") }

func TestTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		page := livetest.Open(t, h.app, "/replay/"+id)
		is := func(step, frame string) {
			t.Helper()
			if got := here(page); got != step || !strings.HasPrefix(src(page), frame+"?") {
				t.Errorf("at %q, on the stage %s; want %q, frame %s", got, src(page), step, frame)
			}
		}
		control := func(label string) { t.Helper(); page.Click(`.controls [aria-label="` + label + `"]`) }
		is("opened", "1")
		control("Next event")
		is("Add", "2")
		control("Next event")
		is("Add", "3")
		control("Next event")
		is("Fail", "3")
		control("Next frame")
		is("Toggle", "4")
		control("Previous frame")
		is("Add", "3")
		control("Next error")
		is("Fail", "3")
		page.Sleep(time.Second)
		if got := page.URL(); got != "/replay/"+id+"?e=4&f=3" {
			t.Errorf("the URL is %s", got)
		}
		control("Last")
		is("ended", "5")
		control("Previous event")
		is("Add", "5")
		control("First")
		is("opened", "1")
		page.Click(".events li a", "Toggle")
		is("Toggle", "4")
		page.Sleep(time.Second)
		if got := page.URL(); got != "/replay/"+id+"?f=4" {
			t.Errorf("the URL is %s", got)
		}
		page.Type("#at", "1600") // dragged
		is("Add", "3")
		if got := page.Text(".time b"); got != "0:01" {
			t.Errorf("the time is %s", got)
		}
		// Links lead to the same.
		is2 := livetest.NewBrowser(t, h.app).Load("/replay/" + id + "?f=3&e=4")
		if here(is2) != "Fail" || !strings.HasPrefix(src(is2), "3?") {
			t.Errorf("a link leads to %s, %s", here(is2), src(is2))
		}
		next, _ := is2.Attr(`[aria-label="Next frame"]`, "href")
		if next != "?f=4" {
			t.Errorf("the next frame is at %s", next)
		}
		at := livetest.NewBrowser(t, h.app).Load("/replay/" + id + "?t=12100")
		if here(at) != "Toggle" {
			t.Errorf("12.1 s is at %s", here(at))
		}
		beyond := livetest.NewBrowser(t, h.app).Load("/replay/" + id + "?f=99")
		if here(beyond) != "ended" {
			t.Errorf("a frame that there is not is at %s", here(beyond))
		}
		page.Type("input[name=find]", "add by 2")
		if got := page.Texts(".events .name"); !slices.Equal(got, []string{"Add"}) {
			t.Errorf("found %q", got)
		}
		page.Type("input[name=find]", "nobody")
		if !page.Has(".none", "No event has that") {
			t.Error(page.HTML("#events"))
		}
	})
}

// Gaps are exactly what was recorded, by the speed.
func TestPlaybackIsExact(t *testing.T) {
	for _, c := range []struct {
		name  string
		speed string
		idle  bool
		want  string // the time at which each frame comes
	}{
		{"asRecorded", "1×", false, "[500ms 1.5s 12s 12.25s]"},
		{"twice", "2×", false, "[250ms 750ms 6s 6.125s]"},
		{"half", "0.5×", false, "[1s 3s 24s 24.5s]"},
		{"tenTimes", "10×", false, "[50ms 150ms 1.2s 1.225s]"},
		{"skipIdle", "1×", true, "[500ms 1.5s 2.5s 2.75s]"},
		{"skipIdleTwice", "2×", true, "[250ms 750ms 1.5s 1.625s]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTheatre(t)
				page := livetest.Open(t, h.app, "/replay/"+h.play())
				if !c.idle {
					page.Click(".controls button", "Skip idle")
				}
				page.Click(".controls .seg button", c.speed)
				began, last := time.Now(), src(page)
				page.Click(`[aria-label="Play"]`)
				var came []time.Duration
				for range 30_000 {
					page.Sleep(time.Millisecond)
					if now := src(page); now != last {
						came, last = append(came, time.Since(began)), now
					}
					if len(came) == 4 {
						break
					}
				}
				if got := fmt.Sprint(came); got != c.want {
					t.Errorf("frames came at %s, want %s", got, c.want)
				}
				page.Click(".controls .seg button", "10×")
				page.Sleep(time.Minute)
				if !page.Has(`[aria-label="Play"]`) || here(page) != "ended" {
					t.Errorf("playing ends at %s", here(page))
				}
			})
		})
	}
}

func TestPauseSpeedAndLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		page := livetest.Open(t, h.app, "/replay/"+h.play())
		page.Click(`[aria-label="Play"]`)
		page.Sleep(900 * time.Millisecond)
		page.Click(`[aria-label="Pause"]`)
		page.Sleep(time.Minute)
		if !strings.HasPrefix(src(page), "2?") {
			t.Errorf("it goes on while it is paused: %s", src(page))
		}
		page.Click(`[aria-label="Play"]`) // 0.6 s are left
		page.Sleep(599 * time.Millisecond)
		if !strings.HasPrefix(src(page), "2?") {
			t.Errorf("too early: %s", src(page))
		}
		page.Sleep(time.Millisecond)
		if !strings.HasPrefix(src(page), "3?") {
			t.Errorf("too late: %s", src(page))
		}
		page.Click(`[aria-label="Pause"]`)
		// The range from 0.5 s to 1.5 s.
		page.Click(".events li:nth-child(2) a")
		page.Click("button", "Loop")
		page.Click(".events li:nth-child(3) a")
		page.Click("button", "Loop")
		if !page.Has("button", "Loop 0:00 – 0:01") || !page.Has("rect.range") {
			t.Error(page.HTML(".controls"))
		}
		page.Click(`[aria-label="Play"]`)
		seen := map[string]bool{}
		for range 100 {
			page.Sleep(100 * time.Millisecond)
			seen[src(page)[:1]] = true
		}
		if !seen["2"] || seen["4"] || seen["1"] || !page.Has(`[aria-label="Pause"]`) {
			t.Errorf("the loop shows %v", seen)
		}
		page.Click("button", "Loop")
		page.Sleep(time.Minute)
		if here(page) != "ended" {
			t.Errorf("without a loop it ends at %s", here(page))
		}
	})
}

func TestViewersDoNotMoveEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		one, other := livetest.Open(t, h.app, "/replay/"+id), livetest.Open(t, h.app, "/replay/"+id+"?f=3")
		same := livetest.NewBrowser(t, h.app)
		tab1, tab2 := same.Open("/replay/"+id), same.Open("/replay/"+id)
		one.Click(".events li a", "Toggle")
		tab1.Click(`[aria-label="Play"]`)
		tab1.Sleep(time.Second)
		for name, p := range map[string]struct {
			page *livetest.Page
			want string
		}{"one": {one, "4"}, "other": {other, "3"}, "the tab that plays": {tab1, "2"}, "another tab": {tab2, "1"}} {
			if got := src(p.page); !strings.HasPrefix(got, p.want+"?") {
				t.Errorf("%s shows %s, want frame %s", name, got, p.want)
			}
		}
	})
}

// Seeking reads the segments of one keyframe span at most.
func TestSeekingReadsOneKeyframeSpan(t *testing.T) {
	// Ten times what a recorder of the default options records: an import may bring it.
	for _, events := range []int{10_000, 100_000} {
		t.Run(fmt.Sprint(events), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testSeeking(t, events) }) })
	}
}

func testSeeking(t *testing.T, events int) {
	h := newTheatre(t)
	id, segments, keyframes := replay.NewID(), 0, map[int]int{}
	e := encoder(t, replay.EncoderOptions{})
	sealer, err := replay.NewSealer(id)
	if err != nil {
		t.Fatal(err)
	}
	f, sum, base, span := &form{}, replay.Summary{ID: id}, 1, 0
	cut := func() {
		seg, err := sealer.Seal(e.Cut())
		if err != nil {
			t.Fatal(err)
		}
		h.memory.Set(seg.Key, seg.Data)
		segments++
		sum.Bytes += int64(len(seg.Data))
		sum.Hash = fmt.Sprintf("%x", seg.Data[len(seg.Data)-32:])
	}
	add := func(x replay.Entry) {
		if due, _ := e.KeyframeDue(); due && x.Turn != nil {
			f.Note = f.Note[max(0, len(f.Note)-40):]
			html := f.html()
			hash := sha256.Sum256(html)
			x.Turn.Effect.Keyframe, x.Turn.Effect.Parts, x.Turn.Effect.HTML, x.Turn.Effect.Sum = true, f.fields(), html, hash[:]
		}
		if x.Mount != nil || x.Turn.Effect.Keyframe {
			base = segments
		}
		if err := e.Append(x); err != nil {
			t.Fatal(err)
		}
		sum.Count(&x)
		keyframes[sum.Frames] = base
		span = max(span, segments-base+1)
	}
	add(f.mount())
	for i := range events {
		add(f.typed(time.Duration(i)*100*time.Millisecond, "x", uint64(i+2)))
		if i%20 == 19 {
			cut()
		}
	}
	sum.Segments = segments
	if err := h.recorder.Save(t.Context(), sum); err != nil {
		t.Fatal(err)
	}
	page := livetest.Open(t, h.app, "/replay/"+id+"?tab=frame")
	read := func() int { return h.memory.Requests()["Get segments"] }
	page.Sleep(time.Minute) // the frames are checked meanwhile
	most := 0
	for _, n := range []int{events * 9 / 10, 17, events / 2, events/2 + 50, events + 1, 1, events / 3} {
		read() // counts from here
		page.Type("#at", fmt.Sprint((n-2)*100))
		h.get("/replay/" + id + "/frames/" + fmt.Sprint(n)) // these patches fit nothing: it says so
		most = max(most, read())
	}
	// The frame itself, and for its outline the one before: both are in memory after the first.
	if most > span {
		t.Errorf("a seek reads %d segments, the longest keyframe span has %d", most, span)
	}
	size := len(page.HTML(""))
	if size > 300_000 {
		t.Errorf("the player of %d events has %d bytes", events, size)
	}
	if most == 0 {
		t.Error("nothing was read")
	}
	if rows := page.Count(".mark"); rows > 300 {
		t.Errorf("%d marks", rows)
	}
	t.Logf("%d segments, the longest keyframe span has %d: a seek reads %d at most; the player has %d bytes", segments, span, most, size)
}

func TestInspector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		page := livetest.Open(t, h.app, "/replay/"+id+"?f=3")
		page.Click(".tabs a", "State")
		if got := page.Text(".state-tree"); !strings.Contains(got, "Count 1 3 int") || !strings.Contains(got, "Rows []replay_test.Row") {
			t.Errorf("state: %s", got)
		}
		page.Click(".inspector .seg a", "Changed")
		if got := page.Text(".state-tree"); strings.Contains(got, "Note") || !strings.Contains(got, "row 2") {
			t.Errorf("changes: %s", got)
		}
		page.Click(`.controls [aria-label="Next frame"]`)
		if got := page.Text(".state-tree"); !strings.Contains(got, "Open false true bool") || strings.Contains(got, "Count") {
			t.Errorf("changes: %s", got)
		}
		page.Click(".tabs a", "Frame")
		if got := page.Text("#frame"); !strings.Contains(got, "Toggle (event)") || !strings.Contains(got, "Verdictverified") || !strings.Contains(got, "ChangedOpen") {
			t.Errorf("frame: %s", got)
		}
		page.Click(".tabs a", "Info")
		if got := page.Text("#info"); !strings.Contains(got, id) || !strings.Contains(got, "/?q=x") || !strings.Contains(got, "Errors1") {
			t.Errorf("info: %s", got)
		}
		page.Click(".tabs a", "Logs")
		if !page.Has("#logs .none") {
			t.Error(page.HTML("#logs"))
		}
		if page.URL() != "/replay/"+id+"?f=4&tab=logs&changes=1" && page.URL() != "/replay/"+id+"?changes=1&f=4&tab=logs" {
			t.Errorf("the URL is %s", page.URL())
		}
		page.Click(".tools .seg a", "This build")
		if got := src(page); got != "4?reading=built" {
			t.Errorf("on the stage %s", got)
		}
		page.Click(".tools a", "Outline")
		if got := src(page); got != "4?reading=built&amp;outline=1" {
			t.Errorf("on the stage %s", got)
		}
		_, document := h.get("/replay/" + id + "/frames/4?reading=sent&outline=1")
		if !strings.Contains(document, `<section data-replay-changed="">`) || strings.Count(document, "data-replay-changed") != 1 {
			t.Errorf("outlined: %s", document)
		}
	})
}

// The type arguments of a generic type have their whole package path.
func TestMessagesAreNamedWithoutPackages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		page := livetest.Open(t, h.app, "/")
		page.Push("Add", Add{By: 1})
		page.Send(Later{"later"})
		page.Send(Wrapped[map[string]Row]{})
		page.Close()
		synctest.Wait()
		time.Sleep(2 * time.Minute) // the page's grace
		synctest.Wait()
		all, err := h.recorder.Summaries(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%d recordings, %v", len(all), err)
		}
		player := livetest.Open(t, h.app, "/replay/"+all[0].ID)
		if got := player.Texts(".events .name"); !slices.Contains(got, "Later") || !slices.Contains(got, "Wrapped[map[string]Row]") {
			t.Errorf("events %q", got)
		}
	})
}

func TestPagesOfOneSessionAreLinked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		b := livetest.NewBrowser(t, h.app)
		for range 3 {
			page := b.Open("/")
			page.Push("Add", Add{By: 1})
			page.Close()
			page.Sleep(2 * time.Minute)
		}
		h.play()
		all, err := h.recorder.Summaries(t.Context())
		if err != nil || len(all) != 4 {
			t.Fatal(len(all), err)
		}
		page := livetest.Open(t, h.app, "/replay/"+all[2].ID+"?tab=info")
		if page.Count(".session li") != 3 {
			t.Error(page.HTML(".session"))
		}
		page.Click(".session a[rel=next]")
		if page.URL() != "/replay/"+all[1].ID {
			t.Errorf("the next page is %s", page.URL())
		}
	})
}

func TestExportAndImportInTheUI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		id := h.play()
		code, file := h.get("/replay/" + id + "/export")
		if code != 200 || len(file) < 1000 {
			t.Fatalf("%d: %d bytes", code, len(file))
		}
		send := func(data, origin string) (int, string) {
			var form bytes.Buffer
			m := multipart.NewWriter(&form)
			w, err := m.CreateFormFile("file", "recording.tar")
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, data)
			m.Close()
			r, _ := http.NewRequest("POST", "/replay/ui/import", &form)
			r.Header.Set("Content-Type", m.FormDataContentType())
			r.Header.Set("Origin", origin)
			res := livetest.NewBrowser(t, h.app).Do(r)
			return res.Code, res.Header().Get("Location")
		}
		const own = "http://live.test"
		if code, to := send(file, own); code != 303 || to != "/replay/?import=exists" {
			t.Errorf("%d %s", code, to)
		}
		if err := h.recorder.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if code, _ := send(file, "http://evil.test"); code != 403 {
			t.Errorf("from another site: %d", code)
		}
		if code, to := send(file[:len(file)/2], own); code != 303 || to != "/replay/?import=damaged" {
			t.Errorf("half of it: %d %s", code, to)
		}
		page := livetest.Open(t, h.app, "/replay/?import=damaged")
		if !page.Has(".notice", "damaged") {
			t.Error(page.HTML("main"))
		}
		if code, to := send(file, own); code != 303 || to != "/replay/"+id {
			t.Errorf("%d %s", code, to)
		}
		player := livetest.Open(t, h.app, "/replay/"+id)
		player.Sleep(time.Second)
		if !player.Has(".check", "5 of 5 verified") {
			t.Error(player.Text(".meta"))
		}
		player.Click(`a[aria-label="Delete"]`)
		player.Click("[role=alertdialog] button", "Delete")
		if all, _ := h.recorder.Summaries(t.Context()); len(all) != 0 || player.URL() != "/replay/" {
			t.Errorf("%d are left, at %s", len(all), player.URL())
		}
	})
}

func TestThePlayerCopiesATest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTheatre(t)
		page := livetest.Open(t, h.app, "/replay/"+h.play()+"?f=3")
		page.Click("button", "Copy as test")
		copied := page.Pushed("replay-copy")
		if len(copied) != 1 {
			t.Fatalf("%d tests were copied", len(copied))
		}
		var source string
		if err := json.Unmarshal(copied[0], &source); err != nil {
			t.Fatal(err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "copied_test.go", source, parser.AllErrors); err != nil {
			t.Errorf("%v\n%s", err, source)
		}
		if !strings.Contains(source, "bugtest.RunJSON(t, newApp, ") || !strings.Contains(source, `"Add"`) {
			t.Error(source)
		}
	})
}
