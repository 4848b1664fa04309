package bugtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/replay"
)

// recordSession is put beside the tests of the example, and records what somebody does there.
const recordSession = `package main

import (
	"context"
	"os"
	"testing"

	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

func TestRecordSession(t *testing.T) {
	r, err := replay.Open(replay.Options{Archive: local.Dir(os.Getenv("RECORD_TO"))})
	if err != nil {
		t.Fatal(err)
	}
	app, err := newApp(serve.Config{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Replay: r})
	if err != nil {
		t.Fatal(err)
	}
	page := livetest.Open(t, app, "/")
	page.Click("button", "+1")
	page.Type("#note", "the third click goes wrong")
	page.Click("button", "Only on this page")
	for range 3 {
		page.Click("button", "+1")
	}
	page.Click("button", "−1")
	page.Close()
	if err := app.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := r.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
`

// goTool runs the go command in the directory of the counter with files put over, or beside, its own: by their names there.
func goTool(t *testing.T, env []string, files map[string]string, args ...string) (output string, err error) {
	t.Helper()
	example, err := filepath.Abs("../../examples/counter")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, content := range files {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(example, name)] = path
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{args[0], "-overlay", list}, args[1:]...)...)
	cmd.Dir, cmd.Env = example, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// goTest runs tests of the counter.
func goTest(t *testing.T, run string, files map[string]string, env ...string) (output string, err error) {
	t.Helper()
	return goTool(t, env, files, "test", "-count=1", "-timeout=2m", "-run", run, "-v", ".")
}

// broken returns the counter's source with something in it replaced.
func broken(t *testing.T, old, new string) map[string]string {
	t.Helper()
	source, err := os.ReadFile("../../examples/counter/counter_templ.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), old) {
		t.Fatalf("%s is not where it was", old)
	}
	return map[string]string{"counter_templ.go": strings.Replace(string(source), old, new, 1)}
}

// record records a session of the counter in a directory.
func recordCounter(t *testing.T) (archive string) {
	t.Helper()
	archive = t.TempDir()
	if out, err := goTest(t, "TestRecordSession", map[string]string{"zz_record_test.go": recordSession}, "RECORD_TO="+archive); err != nil {
		t.Fatalf("record: %v\n%s", err, out)
	}
	return archive
}

// A test that was copied from a recording compiles, passes on the build that was recorded, and fails, naming the frame, on
// one whose handler is broken: written as two files by the app's own command, and as one to be pasted.
func TestCopiedTest(t *testing.T) {
	archive := recordCounter(t)
	ctx := context.Background()
	catalog := replay.NewCatalog(local.Dir(archive), replay.CatalogOptions{})
	all, err := catalog.Summaries(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	id := all[0].ID
	rec, err := catalog.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}

	// As the command of the example does it.
	bin := filepath.Join(t.TempDir(), "counter")
	if out, err := goTool(t, nil, nil, "build", "-o", bin, "."); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	out, err := exec.Command(bin, "replay", "test", archive, "-app", "app", id, "-dir", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	files := map[string]string{}
	for _, name := range []string{"recording_" + id[:8] + "_test.go", "testdata/recording-" + id[:8] + "-8.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	t.Logf("%s", files["recording_"+id[:8]+"_test.go"])
	test := "recording_" + id[:8] + "_test.go"
	// What is put beside files by -overlay is not there when the test runs.
	fixture := "testdata/recording-" + id[:8] + "-8.json"
	if !strings.Contains(files[test], strconv.Quote(fixture)) {
		t.Errorf("the test does not name %s", fixture)
	}
	twoFiles := map[string]string{test: strings.Replace(files[test], fixture, filepath.ToSlash(filepath.Join(dir, fixture)), 1)}

	source, err := rec.GoTestSource(ctx, 0, replay.TestOptions{App: "app"})
	if err != nil {
		t.Fatal(err)
	}
	for name, copied := range map[string]map[string]string{"twoFiles": twoFiles, "oneFile": {test: source}} {
		t.Run(name, func(t *testing.T) {
			out, err := goTest(t, "TestRecording", copied)
			if err != nil || !strings.Contains(out, "--- PASS: TestRecording") {
				t.Errorf("on the build that was recorded: %v\n%s", err, out)
			}
			wrong := broken(t, "return n + e.By", "return n + e.By*(1+n/3)")
			maps.Copy(wrong, copied)
			out, err = goTest(t, "TestRecording", wrong)
			if err == nil || !strings.Contains(out, `frame 7, after Add {"By":1}, differs from the recording, at output:nth-child(2)`) {
				t.Errorf("on a build whose handler is broken: %v\n%s", err, out)
			}
			t.Logf("on a build whose handler is broken:\n%s", out)
		})
	}
}

// The counter compares its recordings with another build, in a directory and in a file.
func TestExampleDiffs(t *testing.T) {
	archive := recordCounter(t)
	ctx := context.Background()
	catalog := replay.NewCatalog(local.Dir(archive), replay.CatalogOptions{})
	all, err := catalog.Summaries(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	file := filepath.Join(t.TempDir(), "recording.tar")
	f, err := os.Create(file)
	if err == nil {
		err = errors.Join(catalog.Export(ctx, all[0].ID, f), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
		exit  int
	}{
		"same":  {nil, "1 recordings, 8 frames, 0 recordings differ", 0},
		"other": {broken(t, "characters on the server", "runes on the server"), "main.Counter: frame 1, after the mount: differs from this build, at form:nth-child(5) > p:nth-child(3)", 1},
	} {
		bin := filepath.Join(t.TempDir(), "counter")
		if out, err := goTool(t, nil, c.files, "build", "-o", bin, "."); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, path := range []string{archive, file} {
			cmd := exec.Command(bin, "replay", "diff", path)
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != c.exit || !strings.Contains(string(out), c.want) {
				t.Errorf("%s build, %s: %v\n%s", name, path, err, out)
			}
			t.Logf("%s", out)
		}
	}
}
