package replaytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
)

// TestArchive checks that recordings of both codecs are kept in an archive, found, listed, bounded and deleted. It is called
// by the tests of packages that implement one. The archive must be empty; what the suite writes is deleted again.
//
// open returns a handle on the archive under test; it is called several times, and every handle must reach the same one.
func TestArchive(t *testing.T, open func(t *testing.T) replay.Archive) {
	for _, codec := range []replay.Codec{replay.CBOR, replay.JSON} {
		t.Run(string(codec), func(t *testing.T) { keepAndFind(t, open, codec) })
	}
	t.Run("queries", func(t *testing.T) { TestQueries(t, open(t)) })
	t.Run("assets", func(t *testing.T) { assets(t, open(t)) })
	t.Run("retention", func(t *testing.T) { retention(t, open(t)) })
	t.Run("badIDs", func(t *testing.T) { badIDs(t, open(t)) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// values are fields whose bytes must survive: times, integers beyond those of a float, bytes, texts of all kinds.
func values(i int) []replay.Field {
	return []replay.Field{
		{Name: "Time", JSON: fmt.Appendf(nil, `"2026-03-01T12:00:00.%09d+05:30"`, i)},
		{Name: "Integer", JSON: fmt.Appendf(nil, `%d`, 9007199254740993+i)},
		{Name: "Bytes", JSON: []byte(`"AAEC/w=="`)},
		{Name: "Text", JSON: []byte(`"é<b>&amp;\u2028\u0000 ` + strings.Repeat("x", i) + `"`)},
		{Name: "Broken", JSON: []byte{'"', 0xff, 0xfe, byte(i), '"'}},
		{Name: "Nothing", JSON: []byte(`null`)},
	}
}

// Record gives a recording of n events, in several segments, to an output, and finishes it.
func Record(t testing.TB, o *replay.Output, id string, codec replay.Codec, n int) {
	t.Helper()
	e, err := replay.NewEncoder(replay.EncoderOptions{Codec: codec, KeyframeTurns: 7})
	must(t, err)
	s := replay.Summary{ID: id}
	keep := func(x replay.Entry) {
		t.Helper()
		must(t, e.Append(x))
		s.Count(&x)
	}
	keep(replay.Entry{Mount: &replay.Mount{
		View: "main.Values", Route: "GET /", URL: "/?x=1", Start: time.UnixMilli(1_770_000_000_123).UTC(), Key: make([]byte, 16),
		Effect: &replay.Effect{Keyframe: true, Parts: []replay.Part{{Fields: values(0)}}, Hash: 1, HTML: []byte("<p>0</p>"), Title: "Values"},
	}})
	for i := 1; i <= n; i++ {
		if i%4 == 0 {
			o.Write(e.Cut())
		}
		x := &replay.Effect{Parts: []replay.Part{{Fields: values(i)}}, Hash: uint64(i + 1), Patch: fmt.Appendf(nil, `[0,"%d"]`, i)}
		if due, _ := e.KeyframeDue(); due {
			x.HTML = fmt.Appendf(nil, "<p>%d</p>", i)
		}
		keep(replay.Entry{At: time.Duration(i) * time.Second, Turn: &replay.Turn{
			Cause: replay.Cause{Kind: replay.CauseEvent, Name: "Set", Payload: fmt.Appendf(nil, `{"By":%d}`, i)}, Effect: x,
		}})
	}
	keep(replay.Entry{At: time.Duration(n+1) * time.Second, Exit: &replay.Exit{Reason: replay.ExitClosed}})
	o.Write(e.Cut())
	o.Finish(s)
}

// record makes recordings with a writer of its own.
func record(t testing.TB, c *replay.Catalog, codec replay.Codec, n int, ids ...string) {
	t.Helper()
	w := replay.OpenWriter(c, replay.WriterOptions{Logger: slog.New(slog.DiscardHandler)})
	for _, id := range ids {
		o, err := w.Begin(replay.Summary{ID: id, View: "main.Values"})
		must(t, err)
		Record(t, o, id, codec, n)
	}
	must(t, w.Close(t.Context()))
	if got, want := w.Stats(), (replay.WriterStats{Saved: len(ids)}); got != want {
		t.Fatalf("writing: got %+v, want %+v", got, want)
	}
}

func keepAndFind(t *testing.T, open func(t *testing.T) replay.Archive, codec replay.Codec) {
	const events = 30
	id := "kept-" + string(codec)
	record(t, replay.NewCatalog(open(t), replay.CatalogOptions{}), codec, events, id)
	c := replay.NewCatalog(open(t), replay.CatalogOptions{})
	t.Cleanup(func() { must(t, c.Delete(context.Background(), id)) })
	rec, err := c.Get(t.Context(), id)
	must(t, err)
	if s := rec.Summary; !rec.Finished || s.Codec != codec || s.Events != events || s.Frames != events+1 || s.Exit != replay.ExitClosed || s.Milliseconds != 1000*(events+1) {
		t.Errorf("got %+v", s)
	}
	i := 0
	for x, err := range rec.Entries(t.Context()) {
		must(t, err)
		if x.Gap != nil {
			t.Fatal(x.Gap.Reason)
		}
		if x.Turn != nil {
			if i++; string(x.Turn.Cause.Payload) != fmt.Sprintf(`{"By":%d}`, i) || x.Turn.Effect.Hash != uint64(i+1) {
				t.Errorf("turn %d: %s %x", i, x.Turn.Cause.Payload, x.Turn.Effect.Hash)
			}
		}
	}
	if i != events {
		t.Errorf("%d turns, want %d", i, events)
	}
	for _, n := range []int{events + 1, 1, 9, 8, 15, 30, 2} {
		f, err := rec.Frame(t.Context(), n)
		must(t, err)
		want := values(n - 1)
		if len(f.Parts) != 1 || !slices.EqualFunc(f.Parts[0].Fields, want, func(a, b replay.Field) bool { return a.Name == b.Name && bytes.Equal(a.JSON, b.JSON) }) {
			t.Errorf("frame %d:\ngot  %.500v\nwant %.500v", n, f.Parts, want)
		}
		if f.HTML == nil || len(f.Patches) != (n-1)%7 || f.Title != "Values" {
			t.Errorf("frame %d: HTML %q, %d patches, title %q", n, f.HTML, len(f.Patches), f.Title)
		}
	}
	if _, err := rec.Frame(t.Context(), events+2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a frame beyond the last: %v", err)
	}
	all, err := c.Summaries(t.Context())
	must(t, err)
	if i := slices.IndexFunc(all, func(s replay.Summary) bool { return s.ID == id }); i < 0 || all[i].Hash != rec.Summary.Hash || all[i].View != "main.Values" {
		t.Errorf("it is not listed: %+v", all)
	}
	if running, err := c.Running(t.Context()); err != nil || len(running) > 0 {
		t.Errorf("running: %+v %v", running, err)
	}
}

// TestQueries checks that a catalog of an archive finds what [replay.Query.Matches] says.
func TestQueries(t *testing.T, a replay.Archive) {
	c := replay.NewCatalog(a, replay.CatalogOptions{})
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []replay.Summary
	var ids []string
	for i := range 60 {
		s := replay.Summary{
			ID: fmt.Sprintf("q%02d", i), View: []string{"main.Form", "shop.Cart"}[i%2], URL: fmt.Sprintf("/Orders/%d?q=50%%_off", i),
			User: []string{"ann", "Böb", "o'hara\\"}[i%3], Build: fmt.Sprintf("v%d", i%2), Session: fmt.Sprintf("s%d", i%7), Errors: i % 4 / 3,
			Start: begin.Add(time.Duration(i%20) * time.Hour), Milliseconds: int64(i), Events: i, EventNames: []string{"Add", "Remove_" + fmt.Sprint(i%5)},
		}
		if s.Errors > 0 {
			s.ErrorTexts = []string{"Out of “stock”"}
		}
		must(t, c.Save(t.Context(), s))
		all, ids = append(all, s), append(ids, s.ID)
	}
	t.Cleanup(func() { must(t, c.Delete(context.Background(), ids...)) })
	slices.SortFunc(all, func(a, b replay.Summary) int {
		if c := b.Start.Compare(a.Start); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, q := range []replay.Query{
		{}, {Limit: -1}, {Offset: 50}, {Offset: 100}, {Limit: 3, Offset: 4}, {View: "shop.Cart"}, {View: "shop.cart"}, {User: "o'hara\\", Limit: -1},
		{Text: "orders", Limit: -1}, {Text: "50%_OFF Remove_3", Limit: -1}, {Text: "50__off"}, {Text: "%"}, {Text: "_"}, {Text: "böb out", Limit: -1},
		{Text: "“STOCK”", Limit: -1}, {Text: "nothing"}, {Text: "  "}, {Text: "o'hara\\"}, {Errors: true}, {Errors: true, Text: "cart", Limit: 2},
		{Build: "v1", Session: "s3", Limit: -1}, {Since: begin.Add(5 * time.Hour), Until: begin.Add(8 * time.Hour), Limit: -1}, {Until: begin}, {Text: "q17"},
		{Text: "'; DROP TABLE x; --"},
	} {
		var want []string
		errs := 0
		for i := range all {
			if q.Matches(&all[i]) {
				want = append(want, all[i].ID)
				errs += min(1, all[i].Errors)
			}
		}
		total := len(want)
		want = want[min(q.Offset, len(want)):]
		want = want[:min(len(want), q.LimitOr(len(want)))]
		r, err := c.Query(t.Context(), q)
		must(t, err)
		var got []string
		for i := range r.Summaries {
			got = append(got, r.Summaries[i].ID)
		}
		if !slices.Equal(got, want) || r.Total != total || r.Errors != errs {
			t.Errorf("%+v:\ngot  %q of %d, %d with errors\nwant %q of %d, %d", q, got, r.Total, r.Errors, want, total, errs)
		}
	}
}

func assets(t *testing.T, a replay.Archive) {
	data := bytes.Repeat([]byte{0, 1, 0xff, '\n'}, 10_000)
	name, err := replay.PutAsset(t.Context(), a, data)
	must(t, err)
	again, err := replay.PutAsset(t.Context(), a, data)
	must(t, err)
	got, err := replay.Asset(t.Context(), a, name)
	if err != nil || again != name || !bytes.Equal(got, data) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
	c := replay.NewCatalog(a, replay.CatalogOptions{})
	for range 2 {
		_, err := c.Cleanup(t.Context(), replay.Retention{})
		must(t, err)
	}
	if _, err := replay.Asset(t.Context(), a, name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unused asset: %v", err)
	}
}

func retention(t *testing.T, a replay.Archive) {
	now := time.UnixMilli(1_770_000_000_123).Add(time.Hour)
	c := replay.NewCatalog(a, replay.CatalogOptions{Now: func() time.Time { return now }})
	ids := []string{"old1", "old2", "old3", "old4", "old5"}
	record(t, c, replay.CBOR, 5, ids...)
	must(t, c.Begin(t.Context(), replay.Summary{ID: "running"}))
	done, err := c.Cleanup(t.Context(), replay.Retention{MaxRecordings: 3, MaxAge: 2 * time.Hour})
	must(t, err)
	if done.Deleted != 2 {
		t.Errorf("by count: %+v", done)
	}
	now = now.Add(3 * time.Hour)
	if done, err = c.Cleanup(t.Context(), replay.Retention{MaxRecordings: 3, MaxAge: 2 * time.Hour}); err != nil || done.Deleted != 3 {
		t.Errorf("by age: %+v %v", done, err)
	}
	if err := c.Delete(t.Context(), "running"); !errors.Is(err, replay.ErrRunning) {
		t.Errorf("deleting what is running: %v", err)
	}
	must(t, c.End(t.Context(), "running"))
	n, err := c.Clear(t.Context())
	must(t, err)
	keys, err := a.List(t.Context(), "", "", 0)
	must(t, err)
	keys = slices.DeleteFunc(keys, func(k string) bool { return strings.HasPrefix(k, "nodes/") })
	if n != 0 || len(keys) > 0 {
		t.Errorf("cleared %d; left over: %q", n, keys)
	}
}

func badIDs(t *testing.T, a replay.Archive) {
	c := replay.NewCatalog(a, replay.CatalogOptions{})
	for _, id := range []string{"", ".", "..", "a/b", "../a", "a.b", "a\x00", "a b", "ä", "a%2fb", strings.Repeat("x", 65)} {
		if _, err := c.Get(t.Context(), id); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("get %q: %v", id, err)
		}
		if err := c.Delete(t.Context(), id); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("delete %q: %v", id, err)
		}
		if err := c.Save(t.Context(), replay.Summary{ID: id}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("save %q: %v", id, err)
		}
		if err := c.Begin(t.Context(), replay.Summary{ID: id}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("begin %q: %v", id, err)
		}
	}
	if _, err := c.Get(t.Context(), "nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get what is not there: %v", err)
	}
}
