package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/replay"
)

// shelve writes a recording into a directory.
func shelve(t *testing.T) (dir, id string) {
	t.Helper()
	dir = t.TempDir()
	writer := replay.OpenWriter(replay.NewCatalog(local.Dir(dir), replay.CatalogOptions{}), replay.WriterOptions{})
	encoder, err := replay.NewEncoder(replay.EncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	summary := replay.Summary{ID: replay.NewID()}
	output, err := writer.Begin(summary)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []replay.Entry{
		{Mount: &replay.Mount{View: "main.Counter", URL: "/c", Effect: &replay.Effect{Keyframe: true, HTML: []byte("<output>0</output>")}}},
		{At: time.Second, Turn: &replay.Turn{Cause: replay.Cause{Kind: replay.CauseEvent, Name: "Add", Payload: []byte(`{"By":1}`)}, Error: "oh\x1b[2J\nno",
			Effect: &replay.Effect{Patch: []byte(`[0,0,"1"]`)}}},
		{At: 2 * time.Second, Log: &replay.Log{Message: "counted", Attrs: []replay.Attr{{Key: "n", Value: "1"}}}},
		{At: 3 * time.Second, Exit: &replay.Exit{Reason: replay.ExitClosed}},
	} {
		if err := encoder.Append(x); err != nil {
			t.Fatal(err)
		}
		summary.Count(&x)
	}
	output.Write(encoder.Cut())
	output.Finish(summary)
	if err := writer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir, summary.ID
}

func TestRun(t *testing.T) {
	dir, id := shelve(t)
	file := filepath.Join(t.TempDir(), "raw.tar")
	for _, c := range []struct{ args, want, err string }{
		{"list DIR", "main.Counter  /c", ""},
		{"list DIR counter", id, ""},
		{"show DIR ID", "    1.000  frame 2      event Add {\"By\":1}  error: oh [2J no\n    2.000               log: counted n=1\n    3.000               closed\n", ""},
		{"show DIR ID -frame 2", "<output>1</output>\n", ""},
		{"show -frame 2 DIR ID", "<output>1</output>\n", ""},
		{"show DIR ID -frame 3", "", "frame 3: there are 2"},
		{"show DIR ID -frame -1", "", "frame -1"},
		{"export DIR ID", "<iframe id=\"page\" sandbox", ""},
		{"export -raw DIR ID", "summaries/" + id, ""},
		{"show FILE", "frame 1      main.Counter at /c", ""},
		{"export FILE", "<iframe id=\"page\" sandbox", ""},
		{"export FILE -raw", "", "want one of"},
		{"list FILE", "", "want one of"},
		{"show DIR", "", "want one of"},
		{"show DIR gone", "", "file does not exist"},
		{"show DIR/gone ID", "", "name the directory"},
		{"show main.go", "", "no recording that was exported"},
		{"forget DIR ID", "", "want one of"},
		{"list", "", "want one of"},
		{"show -x", "", "want one of"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), strings.Fields(strings.NewReplacer("DIR", dir, "ID", id, "FILE", file).Replace(c.args)), &out)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if (err == nil) != (c.err == "") || !strings.Contains(text, c.err) || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v\n%s", c.args, err, out.String())
		}
		if c.args == "export -raw DIR ID" {
			if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
