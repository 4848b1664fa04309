package replay

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/token"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"
)

// TestOptions are options of [Recording.GoTest]. The zero value is good.
type TestOptions struct {
	// Package is the package of the test; default main.
	Package string
	// App is an expression of a function that makes the app: func(*testing.T) *live.App. Default newApp.
	App string
	// Set names events and messages that are not taken again: the fields that they changed are set. It is for handlers
	// whose results depend on what the test's app cannot give. [Visits] names the URLs that the browser asked for.
	Set []string
	// Views are the app's: of a view of which something is redacted only hashes are recorded, and with Views the fixture
	// has the HTML that they are of, so that a test which fails can say how it differs.
	Views ViewTypes
}

// Visits is what [TestOptions.Set] calls the URLs that the browser asked for.
const Visits = "visits"

// TestFiles are a Go test and its fixture.
type TestFiles struct {
	TestName    string // recording_ID_test.go
	Test        []byte
	FixtureName string // testdata/recording-ID-17.json
	Fixture     []byte
}

// GoTest makes a test of a recording: it mounts the view with the fields of the first frame, takes the recorded turns again
// up to a frame, and compares each rendering with what was sent. A frame of 0 means the last one; when the recording ends
// with a panic, so does a test up to its last frame. It reads the whole recording up to there, and may block.
func (r *Recording) GoTest(ctx context.Context, frame int, o TestOptions) (*TestFiles, error) {
	f, err := r.Fixture(ctx, frame, o)
	if err != nil {
		return nil, err
	}
	last := 0
	for _, s := range f.Steps {
		last = max(last, s.Frame)
	}
	id := f.Recording[:min(8, len(f.Recording))]
	files := &TestFiles{TestName: "recording_" + id + "_test.go", FixtureName: fmt.Sprintf("testdata/recording-%s-%d.json", id, last)}
	if files.Fixture, err = f.encode(); err != nil {
		return nil, err
	}
	files.Test, err = f.source(o, "Run", strconv.Quote(files.FixtureName))
	return files, err
}

// GoTestSource is GoTest as one file, which holds its fixture: to be copied and pasted.
func (r *Recording) GoTestSource(ctx context.Context, frame int, o TestOptions) (string, error) {
	f, err := r.Fixture(ctx, frame, o)
	if err != nil {
		return "", err
	}
	data, err := f.encode()
	if err != nil {
		return "", err
	}
	data = bytes.TrimSpace(data)
	literal := "`" + strings.ReplaceAll(string(data), "`", `\u0060`) + "`"
	if !utf8.Valid(data) || bytes.ContainsRune(data, 0xfeff) {
		literal = strconv.Quote(string(data))
	}
	source, err := f.source(o, "RunJSON", literal)
	return string(source), err
}

// source writes the test. All that comes from the recording may be anything: it must not end a comment.
func (f *Fixture) source(o TestOptions, run, fixture string) ([]byte, error) {
	o.Package, o.App = cmp.Or(o.Package, "main"), cmp.Or(o.App, "newApp")
	if !token.IsIdentifier(o.Package) {
		return nil, fmt.Errorf("make a test: %q is no name of a package", o.Package)
	}
	if strings.ContainsFunc(o.App, unicode.IsControl) {
		return nil, errors.New("make a test: the function that makes the app must be named in one line")
	}
	last := &f.Steps[len(f.Steps)-1]
	id := strings.ReplaceAll(f.Recording[:min(8, len(f.Recording))], "-", "_")
	frame := 0
	for _, s := range f.Steps {
		frame = max(frame, s.Frame)
	}
	var b bytes.Buffer
	err := testTemplate.Execute(&b, map[string]any{
		"Package": o.Package, "App": o.App, "ID": strings.ToUpper(id[:1]) + id[1:], "View": oneLine(f.View), "URL": strconv.Quote(oneLine(f.URL)),
		"Build": oneLine(f.Build), "Names": list(f.names(), 8), "Given": f.given(), "Frame": frame, "Panic": oneLine(last.Panic),
		"Start": f.Start.Format(time.DateTime), "Redacted": f.Redacted, "Run": run, "Fixture": fixture,
	})
	return b.Bytes(), err
}

// oneLine is a text of anybody's, for a comment.
func oneLine(s string) string {
	return shorten(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s), 200)
}

// list names the first few.
func list(names []string, most int) string {
	if len(names) > most {
		names = append(names[:most:most], "…")
	}
	return strings.Join(names, ", ")
}

func joined(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

var testTemplate = template.Must(template.New("test").Parse(`package {{.Package}}

import (
	"testing"

	"github.com/livelong-dev/livelong/replay/bugtest"
)

// Taken from a recording of {{.View}} at {{.URL}}, {{.Start}} UTC, build {{.Build}}:
// each frame up to {{.Frame}} must be rendered as it was.
{{- with .Names}}
// Turns that are taken again: {{.}}.
{{- end}}
{{- with .Panic}}
// After the last frame the recorded build panicked: {{.}}.
{{- end}}
{{- with .Given}}
//
// What could not be taken again sets the fields that it changed:
{{- range .}}
//   - {{.}}
{{- end}}
{{- end}}
{{- if .Redacted}}
//
// Something of the view is redacted: the turns are taken again with what is recorded of them.
{{- end}}
//
// {{.App}} makes the app: func(*testing.T) *live.App.
func TestRecording{{.ID}}(t *testing.T) {
	bugtest.{{.Run}}(t, {{.App}}, {{.Fixture}})
}
`))
