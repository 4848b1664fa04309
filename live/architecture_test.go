package live_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/livelong-dev/livelong/"

type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// TestArchitecture keeps the directions of ARCHITECTURE.md true.
func TestArchitecture(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	pure := []string{"live/internal/diff", "live/internal/wire", "live/internal/token", "live/internal/assigns", "js"}
	sockets := []string{"live", "live/livetest", "bench/load", "bench/floor"}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for n := 0; ; n++ {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			if n < 10 {
				t.Fatalf("only %d packages were found", n)
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			own := strings.HasPrefix(i, module)
			to := strings.TrimPrefix(i, module)
			switch {
			case slices.Contains(pure, name) && own:
				t.Errorf("%s imports %s, and should import nothing of the module", name, to)
			case name == "live" && own && to != "js" && !strings.HasPrefix(to, "live/internal/"):
				t.Errorf("live imports %s", to)
			case name == "replay/cmd/replay": // a program chooses its archive
			case name == "replay/bugtest" && own && (to == "live" || to == "live/livetest"): // it takes turns of a page again
			case strings.HasPrefix(name, "replay") && own && strings.HasPrefix(to, "durable"),
				strings.HasPrefix(name, "durable") && own && strings.HasPrefix(to, "replay"):
				t.Errorf("%s imports %s: they agree by structure", name, to)
			case name == "replay" && own && to != "live" && to != "js":
				t.Errorf("replay imports %s", to)
			case strings.HasPrefix(name, "replay/") && own && to != "replay" && !strings.HasPrefix(to, name+"/"):
				t.Errorf("%s imports %s", name, to)
			case strings.HasPrefix(i, "modernc.org/") || strings.HasPrefix(i, "github.com/jackc/"):
				t.Errorf("%s imports the driver %s, which is the program's to choose", name, i)
			case i == "github.com/coder/websocket" && !slices.Contains(sockets, name):
				t.Errorf("%s imports the WebSocket library", name)
			}
		}
		if strings.HasPrefix(name, "examples/") {
			for _, d := range p.Deps {
				if strings.Contains(d, "aws") || strings.Contains(d, "nats-io") || d == "database/sql" {
					t.Errorf("%s links %s", name, d)
				}
			}
		}
	}
}

func TestOnlyOneFileKnowsTheWebSocketLibrary(t *testing.T) {
	out, err := exec.Command("grep", "-l", "coder/websocket\"", "-r", "--include=*.go", "--exclude=*_test.go", "--exclude-dir=livetest", ".").Output()
	if err != nil || strings.TrimSpace(string(out)) != "./transport.go" {
		t.Errorf("%s %v", out, err)
	}
}
