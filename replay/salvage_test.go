package replay_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// What a process was recording when it died is in the list a few minutes after another one runs, with all that was known of
// it, as it looked, and with an end that is seen to be missing.
func TestRecordingsOfADeadProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		change := func(o *replay.Options) { o.User = func(*http.Request) string { return "ann" } }
		s := newStage(t, change)
		page := livetest.Open(t, s.app, "/?q=x")
		page.Push("Add", Add{By: 1})
		page.Sleep(6 * time.Second)
		page.Push("Add", Add{By: 2})
		page.Sleep(6 * time.Second)
		left := &replaytest.Memory{}
		for key, data := range s.archive.(*replaytest.Memory).Objects() { // as it is when the process is killed now
			left.Set(key, data)
		}
		running, err := replay.NewCatalog(left, replay.CatalogOptions{}).Running(t.Context())
		if err != nil || len(running) != 1 || running[0].Document == "" {
			t.Errorf("another process knows of it, while it runs: %+v, %v", running, err)
		}
		page.Close()
		s.close()

		next := newStage(t, func(o *replay.Options) { o.Archive = left })
		next.app.Mount("/replay/", replay.UI(next.recorder, replay.UIOptions{Authorize: func(*http.Request, replay.Action, *replay.Summary) error { return nil }}))
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		rec, whole := next.one(), s.one().Summary
		sum := rec.Summary
		if sum.User != "ann" || sum.Session != whole.Session || sum.Session == "" || sum.Document != whole.Document || sum.Document == "" || len(sum.Assets) != len(whole.Assets) {
			t.Errorf("the summary is %+v\nof a whole one: %+v", sum, whole)
		}
		if _, err := next.recorder.Cleanup(t.Context(), replay.Retention{}); err != nil {
			t.Fatal(err)
		}
		if _, err := next.recorder.Cleanup(t.Context(), replay.Retention{}); err != nil {
			t.Fatal(err)
		}
		if _, err := replay.ReadShell(t.Context(), left, sum.Document); err != nil {
			t.Errorf("what stood around the page: %v", err)
		}
		b := livetest.NewBrowser(t, next.app)
		list := b.Open("/replay/")
		if !strings.Contains(list.Text("tbody tr"), "cut off") {
			t.Errorf("the list does not say that the end is missing: %s", list.Text("tbody"))
		}
		player := b.Open("/replay/" + sum.ID)
		player.Sleep(time.Second)
		if !player.Has(".events li.gap", "cut off") {
			t.Errorf("the player does not say that the end is missing: %s", player.Text("#events"))
		}
		list.Close()
		player.Close()
		next.close()
	})
}

// clockwork is a page that changes by itself.
type clockwork struct{ Ticks int }

type strike struct{}

func (*clockwork) Events() []live.Handler {
	return []live.Handler{live.On((*clockwork).Add), live.OnMessage((*clockwork).strike)}
}
func (c *clockwork) Mount(_ context.Context, s *live.Socket) error {
	s.Every(time.Second, strike{})
	return nil
}
func (c *clockwork) strike(context.Context, *live.Socket, strike) error { c.Ticks++; return nil }
func (c *clockwork) Add(_ context.Context, _ *live.Socket, e Add) error { c.Ticks += e.By; return nil }
func (c clockwork) Render() templ.Component                             { return text("<p>" + strconv.Itoa(c.Ticks) + "</p>") }

// A page may be open for hours before anybody does something: what stood around it is still there then.
func TestAssetsOfAPageThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		live.Handle(s.app, "GET /clock", func(*http.Request) (*clockwork, error) { return &clockwork{}, nil })
		page := livetest.Open(t, s.app, "/clock")
		for range 3 {
			page.Sleep(2 * time.Second)
			if _, err := s.recorder.Cleanup(t.Context(), replay.Retention{}); err != nil {
				t.Fatal(err)
			}
		}
		page.Push("Add", Add{By: 1})
		page.Close()
		s.close()
		sum := s.one().Summary
		if _, err := replay.ReadShell(t.Context(), s.archive, sum.Document); err != nil {
			t.Errorf("what stood around the page: %v", err)
		}
	})
}

// What stands around pages is kept once in a while only; it is not deleted while it may be needed again.
func TestAssetsBetweenTwoVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.CleanupEvery = 10 * time.Minute })
		b := livetest.NewBrowser(t, s.app)
		for range 12 { // somebody comes, and the recording is deleted
			page := b.Open("/")
			page.Push("Nothing", Nothing{})
			page.Close()
			time.Sleep(2 * time.Minute)
			all, err := s.recorder.Summaries(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("%d recordings, %v", len(all), err)
			}
			if _, err := replay.ReadShell(t.Context(), s.archive, all[0].Document); err != nil {
				t.Fatalf("what stood around the page: %v", err)
			}
			if err := s.recorder.Delete(t.Context(), all[0].ID); err != nil { // nothing refers to it any more
				t.Fatal(err)
			}
			time.Sleep(23 * time.Minute)
		}
		s.close()
	})
}

// All recordings are opened one after the other; one that is damaged does not keep the others back.
func TestListOpensRecordings(t *testing.T) {
	a := &replaytest.Memory{}
	c := replay.NewCatalog(a, replay.CatalogOptions{})
	for i := range 4 {
		s := randomSession(t, rand.New(rand.NewPCG(uint64(i), 9)), replay.CBOR, 30)
		s.summary.Start = start.Add(time.Duration(i) * time.Hour)
		s.store(t, a)
	}
	all, err := c.Summaries(t.Context())
	if err != nil || len(all) != 4 {
		t.Fatalf("%d, %v", len(all), err)
	}
	a.Set(replay.SummaryKey(all[1].ID), []byte("no summary"))
	var opened []string
	failed := 0
	for r, err := range replay.NewCatalog(a, replay.CatalogOptions{}).List(t.Context()) {
		if err != nil {
			failed++
			continue
		}
		opened = append(opened, r.Summary.ID)
	}
	if failed != 1 || !slices.Equal(opened, []string{all[0].ID, all[2].ID, all[3].ID}) {
		t.Errorf("opened %q, %d failed", opened, failed)
	}
}
