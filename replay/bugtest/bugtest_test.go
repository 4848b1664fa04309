package bugtest_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
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

// goTest runs tests of the counter with files put over, or beside, its own: by their names there.
func goTest(t *testing.T, run string, files map[string]string, env ...string) (output string, err error) {
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
	cmd := exec.Command("go", "test", "-count=1", "-timeout=2m", "-overlay", list, "-run", run, "-v", ".")
	cmd.Dir, cmd.Env = example, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A test that was copied from a recording compiles, passes on the build that was recorded, and fails, naming the frame, on
// one whose handler is broken.
func TestCopiedTest(t *testing.T) {
	archive := t.TempDir()
	if out, err := goTest(t, "TestRecordSession", map[string]string{"zz_record_test.go": recordSession}, "RECORD_TO="+archive); err != nil {
		t.Fatalf("record: %v\n%s", err, out)
	}
	ctx := context.Background()
	catalog := replay.NewCatalog(local.Dir(archive), replay.CatalogOptions{})
	all, err := catalog.Summaries(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	rec, err := catalog.Get(ctx, all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	files, err := rec.GoTest(ctx, 0, replay.TestOptions{App: "app"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s:\n%s", files.TestName, files.Test)
	fixture := filepath.Join(t.TempDir(), filepath.Base(files.FixtureName))
	if err := os.WriteFile(fixture, files.Fixture, 0o600); err != nil {
		t.Fatal(err)
	}
	copied := strings.Replace(string(files.Test), files.FixtureName, fixture, 1)

	out, err := goTest(t, "TestRecording", map[string]string{files.TestName: copied})
	if err != nil || !strings.Contains(out, "--- PASS: TestRecording") {
		t.Errorf("on the build that was recorded: %v\n%s", err, out)
	}

	source, err := os.ReadFile("../../examples/counter/counter_templ.go")
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(source), "return n + e.By", "return n + e.By*(1+n/3)", 1)
	if broken == string(source) {
		t.Fatal("the handler is not where it was")
	}
	out, err = goTest(t, "TestRecording", map[string]string{files.TestName: copied, "counter_templ.go": broken})
	if err == nil || !strings.Contains(out, `frame 7, after Add {"By":1}, differs from the recording, at output:nth-child(2)`) {
		t.Errorf("on a build whose handler is broken: %v\n%s", err, out)
	}
	t.Logf("on a build whose handler is broken:\n%s", out)
}
