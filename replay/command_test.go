package replay_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// shelf is a recording of Desk in an archive, and a file that it was exported to.
func shelf(t *testing.T) (app *live.App, archive *replaytest.Memory, id, file string) {
	t.Helper()
	archive = &replaytest.Memory{}
	s := newStage(t, func(o *replay.Options) { o.Archive = archive })
	page := livetest.Open(t, s.app, "/")
	for i := range 4 {
		page.Push("Add", Add{i})
	}
	page.Close()
	s.close()
	rec := s.one()
	file = filepath.Join(t.TempDir(), "recording.tar")
	f, err := os.Create(file)
	if err == nil {
		err = errors.Join(s.recorder.Export(context.Background(), rec.Summary.ID, f), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.app, archive, rec.Summary.ID, file
}

func TestCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, archive, id, file := shelf(t)
		dir := t.TempDir() // stands for what archive is in
		other := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
		live.Handle(other, "GET /{$}", func(*http.Request) (*echo, error) { return &echo{}, nil })
		empty := func(string) replay.Archive { return &replaytest.Memory{} }
		run := func(views replay.ViewTypes, open func(string) replay.Archive, args ...string) (string, bool, error) {
			var out bytes.Buffer
			if open == nil {
				open = func(string) replay.Archive { return archive }
			}
			handled, err := replay.Command(t.Context(), views, args, open, &out)
			return out.String(), handled, err
		}
		if _, handled, err := run(app, nil); handled || err != nil {
			t.Errorf("no arguments: %t, %v", handled, err)
		}
		if _, handled, err := run(app, nil, "serve"); handled || err != nil {
			t.Errorf("other arguments: %t, %v", handled, err)
		}
		for _, c := range []struct {
			name  string
			views replay.ViewTypes
			open  func(string) replay.Archive
			args  string
			out   string // "": there is an error with err in it
			err   string
		}{
			{"diff", app, nil, "diff DIR", "1 recordings, 5 frames, 0 recordings differ", ""},
			{"one", app, nil, "diff DIR ID", "1 recordings, 5 frames, 0 recordings differ", ""},
			{"file", app, nil, "diff FILE", "1 recordings, 5 frames, 0 recordings differ", ""},
			{"otherBuild", other, nil, "diff DIR", "replay_test.Desk: frame 1, after the mount: not rendered by this build: this build has no view replay_test.Desk", "in another way"},
			{"empty", app, empty, "diff DIR", "", "there are no finished recordings in"},
			{"nothing", app, nil, "diff DIR/gone", "", "name the directory"},
			{"noRecording", app, nil, "diff SELF", "", "is no directory, and no recording that was exported"},
			{"unknown", app, nil, "diff DIR gone", "", "file does not exist"},
			{"usage", app, nil, "show DIR", "", "want one of"},
			{"noID", app, nil, "test DIR", "", "name one recording"},
			{"noFrame", app, nil, "test -frame 99 DIR ID -dir DIR", "", "there is no frame 99, it has 5"},
			{"badFrame", app, nil, "test -frame -1 DIR ID", "", "there is no frame -1"},
			{"badOption", app, nil, "test -fram 1 DIR ID", "", "-fram"},
			{"badPackage", app, nil, "test DIR ID -package a.b", "", "no name of a package"},
			{"test", app, nil, "test -frame 3 DIR ID -dir DIR -package x -app y.new", "-3.json", ""},
			{"again", app, nil, "test DIR ID -dir DIR -frame 3", "", "is there already"},
			{"testOfFile", app, nil, "test FILE -dir DIR/a/b", "run it with: go test", ""},
		} {
			words := strings.Fields(strings.NewReplacer("DIR", dir, "ID", id, "FILE", file, "SELF", "command_test.go").Replace("replay " + c.args))
			out, handled, err := run(c.views, c.open, words...)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if !handled || !strings.Contains(out, c.out) || !strings.Contains(text, c.err) || (c.err == "") != (err == nil) {
				t.Errorf("%s: handled %t, %v\n%s", c.name, handled, err, out)
			}
		}
		test, err := os.ReadFile(filepath.Join(dir, "recording_"+id[:8]+"_test.go"))
		if err != nil || !strings.Contains(string(test), "package x\n") || !strings.Contains(string(test), "y.new, \"testdata/recording-"+id[:8]+"-3.json\")") {
			t.Errorf("%v\n%s", err, test)
		}

		for key, data := range archive.Objects() {
			if strings.HasPrefix(key, "segments/") {
				data[len(data)/2] ^= 1
				archive.Set(key, data)
			}
		}
		if out, _, err := run(app, nil, "replay", "diff", dir); !errors.Is(err, replay.ErrDifferent) || !strings.Contains(out, "damaged") {
			t.Errorf("damaged: %v\n%s", err, out)
		}
		archive.Fail = func(context.Context, string, string) error { return errors.New("no answer") }
		if _, _, err := run(app, nil, "replay", "diff", dir); err == nil || errors.Is(err, replay.ErrDifferent) {
			t.Errorf("an archive that is down: %v", err)
		}
	})
}

func TestDiffer(t *testing.T) {
	for _, c := range []struct{ name, was, now, path string }{
		{"same", `<p class=a>x<br></p>`, `<p class="a">x<br/></p>`, ""},
		{"text", `<ul><li>a</li><li>b <b>c</b></li></ul>`, `<ul><li>a</li><li>b <b>d</b></li></ul>`, "ul:nth-child(1) > li:nth-child(2) > b:nth-child(1)"},
		{"attribute", `<div id="x"><p>1</p></div>`, `<div id="x"><p class="y">1</p></div>`, "div#x > p:nth-child(1)"},
		{"element", `<div><p>1</p><i>2</i></div>`, `<div><p>1</p><b>2</b></div>`, "div:nth-child(1) > i:nth-child(2)"},
		{"more", `<ul><li>a</li></ul>`, `<ul><li>a</li><li>b</li></ul>`, "ul:nth-child(1)"},
		{"root", `a`, `b`, "the view's root"},
		{"malformed", `<p>a`, `<p>b`, "p:nth-child(1)"},
		{"deep", strings.Repeat("<i>", 200) + "a" + strings.Repeat("</i>", 200), strings.Repeat("<i>", 200) + "b" + strings.Repeat("</i>", 200), ""},
	} {
		d := replay.Differ([]byte(c.was), []byte(c.now))
		if (d == nil) != (c.name == "same") || d != nil && c.path != "" && d.Path != c.path {
			t.Errorf("%s: %v", c.name, d)
		}
	}
	if d := replay.Differ([]byte("<p>\x1b[2J</p>"), []byte("<p>\u009b</p>")); strings.ContainsAny(d.String(), "\x1b\u009b") {
		t.Errorf("it speaks to the terminal: %q", d)
	}
}

// An exported recording is read without an archive.
func TestReadExported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _, id, file := shelf(t)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := replay.ReadExported(t.Context(), bytes.NewReader(data))
		if err != nil || r.Summary.ID != id {
			t.Fatal(err)
		}
		if n, found, err := r.Diff(t.Context(), app); n != 5 || found != nil || err != nil {
			t.Errorf("%d frames, %v, %v", n, found, err)
		}
		if _, err := r.Frame(t.Context(), 6); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if _, err := replay.ReadExported(t.Context(), bytes.NewReader(data[:len(data)/2])); err == nil {
			t.Error("half of it is taken")
		}
	})
}

// What `replay diff` repeats of a recording says nothing to the terminal that it is printed to.
func TestDiffIsSilentToTerminals(t *testing.T) {
	e := encoder(t, replay.EncoderOptions{})
	sealer, err := replay.NewSealer("loud")
	if err != nil {
		t.Fatal(err)
	}
	mount := (&form{}).mount()
	mount.Mount.View = "main.\x1b[2JForm"
	add(t, e, mount)
	segment, err := sealer.Seal(e.Cut())
	if err != nil {
		t.Fatal(err)
	}
	archive := &replaytest.Memory{}
	archive.Set(segment.Key, segment.Data)
	if err := replay.NewCatalog(archive, replay.CatalogOptions{}).Save(t.Context(), replay.Summary{ID: "loud", View: mount.Mount.View, Segments: 1, Frames: 1,
		Hash: hex.EncodeToString(segment.Data[len(segment.Data)-32:])}); err != nil {
		t.Fatal(err)
	}
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	var out bytes.Buffer
	_, err = replay.Command(t.Context(), app, []string{"replay", "diff", t.TempDir()}, func(string) replay.Archive { return archive }, &out)
	if !errors.Is(err, replay.ErrDifferent) || !strings.Contains(out.String(), "Form") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%v, %q", err, out.String())
	}
}
