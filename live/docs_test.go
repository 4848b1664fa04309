package live_test

import (
	"os"
	"regexp"
	"testing"
)

// Whoever follows the guide gets the generator whose code compiles with this module.
func TestGuideNamesTheVersionOfTempl(t *testing.T) {
	version := func(file, pattern string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s names no version", file)
		}
		return string(found[1])
	}
	if guide, module := version("../docs/views.md", `cmd/templ@(\S+)`), version("../go.mod", `github\.com/a-h/templ (\S+)`); guide != module {
		t.Errorf("docs/views.md says templ %s, go.mod %s", guide, module)
	}
}
