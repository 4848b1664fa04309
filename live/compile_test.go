package live_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a component needs is an argument: without it, the program does not compile.
func TestAMissingArgumentDoesNotCompile(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const body = `package scores

import "github.com/a-h/templ"

func Complete() templ.Component { return Table(Scores{}) }
`
	for missing, source := range map[string]string{"": body, "not enough arguments in call to Table": strings.Replace(body, "Scores{}", "", 1),
		"cannot use": strings.Replace(body, "Scores{}", `"a title"`, 1)} {
		file := filepath.Join(t.TempDir(), "more.go")
		overlay := filepath.Join(t.TempDir(), "overlay.json")
		list, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(dir, "internal/testviews/scores/more.go"): file}})
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{file: []byte(source), overlay: list} {
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "./internal/testviews/scores").CombinedOutput()
		if (err == nil) != (missing == "") || !strings.Contains(string(out), missing) {
			t.Errorf("want %q, got %v\n%s", missing, err, out)
		}
	}
}
