package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
)

// Fixture is a part of a recording from which a test takes its turns again; see package bugtest.
type Fixture struct {
	Recording string    `json:"recording"`
	View      string    `json:"view"`
	URL       string    `json:"url"`
	Start     time.Time `json:"start"`
	Build     string    `json:"build,omitempty"`
	Nonce     string    `json:"nonce,omitempty"`
	Locale    string    `json:"locale,omitempty"`
	Key       []byte    `json:"key,omitempty"` // of the hashes
	Redacted  bool      `json:"redacted,omitempty"`
	Steps     []Step    `json:"steps"`
}

// Step is one turn, or with the first frame none, and what was on the screen after it.
type Step struct {
	Event   string          `json:"event,omitempty"`
	Message string          `json:"message,omitempty"`
	Value   json.RawMessage `json:"value,omitempty"`
	URL     string          `json:"visit,omitempty"` // the browser asked for it
	// Set are fields that are set instead of a turn that cannot be taken again: a message without its payload, a change that
	// another tab has stored. Why says so.
	Set map[string]json.RawMessage `json:"set,omitempty"`
	Why string                     `json:"why,omitempty"`

	Frame int             `json:"frame,omitempty"` // 0: nothing was rendered
	HTML  string          `json:"html,omitempty"`  // the whole view, as it was sent
	Patch json.RawMessage `json:"patch,omitempty"` // or what changed
	Hash  uint64          `json:"hash,omitempty"`  // of the rendering, for views of which no HTML is recorded
}

// TestOptions are options of [Recording.GoTest].
type TestOptions struct {
	// Package is the package of the test; default main.
	Package string
	// App is an expression of a function that makes the app: func(*testing.T) *live.App. Default newApp.
	App string
}

// TestFiles are a Go test and its fixture.
type TestFiles struct {
	TestName    string // recording_ID_test.go
	Test        []byte
	FixtureName string // testdata/recording-ID-17.json
	Fixture     []byte
}

// GoTest makes a test of a recording: it mounts the view with the fields of the first frame, takes the recorded turns again
// up to a frame, and compares each rendering with what was sent. A frame of 0 means the last one. It reads the whole
// recording up to there, and may block.
func (r *Recording) GoTest(ctx context.Context, frame int, o TestOptions) (*TestFiles, error) {
	f, err := r.Fixture(ctx, frame)
	if err != nil {
		return nil, err
	}
	last, turns := 0, 0
	for _, s := range f.Steps {
		last = max(last, s.Frame)
		if s.Event != "" || s.Message != "" || s.URL != "" || s.Set != nil {
			turns++
		}
	}
	id := f.Recording[:min(8, len(f.Recording))]
	files := &TestFiles{TestName: "recording_" + id + "_test.go", FixtureName: fmt.Sprintf("testdata/recording-%s-%d.json", id, last)}
	if files.Fixture, err = json.MarshalIndent(f, "", " "); err != nil {
		return nil, fmt.Errorf("write the fixture of recording %s: %w", f.Recording, err)
	}
	var b bytes.Buffer
	err = testTemplate.Execute(&b, map[string]any{
		"Package": cmp.Or(o.Package, "main"), "App": cmp.Or(o.App, "newApp"), "ID": strings.ToUpper(id[:1]) + id[1:], "F": f,
		"Turns": turns, "Frame": last, "Fixture": files.FixtureName, "Start": f.Start.Format(time.DateTime),
	})
	files.Test = b.Bytes()
	return files, err
}

var testTemplate = template.Must(template.New("test").Parse(`package {{.Package}}

import (
	"testing"

	"github.com/livelong-dev/livelong/replay/bugtest"
)

// Taken from a recording of {{.F.View}} at {{printf "%q" .F.URL}}, {{.Start}} UTC, build {{.F.Build}}:
// {{.Turns}} turns, up to frame {{.Frame}}. {{.App}} makes the app, as func(*testing.T) *live.App.
func TestRecording{{.ID}}(t *testing.T) {
	bugtest.Run(t, {{.App}}, "{{.Fixture}}")
}
`))

// Fixture returns what a test of the recording needs, up to a frame; 0 means the last one.
func (r *Recording) Fixture(ctx context.Context, frame int) (*Fixture, error) {
	m := r.Mount
	if m == nil {
		return nil, fmt.Errorf("make a test of recording %s: its beginning is lost: %w", r.Summary.ID, ErrDamaged)
	}
	f := &Fixture{Recording: r.Summary.ID, View: m.View, URL: m.URL, Start: m.Start, Build: m.Build, Nonce: m.Nonce, Locale: m.Locale,
		Key: r.Key, Redacted: m.Redacted || r.Summary.Redacted}
	n := 0
	for x, err := range r.Entries(ctx) {
		if err != nil {
			return nil, err
		}
		if x.Gap != nil {
			return nil, fmt.Errorf("make a test of recording %s: something is missing after frame %d: %s; choose an earlier frame", r.Summary.ID, n,
				cmp.Or(x.Gap.Reason, fmt.Sprint(x.Gap.Err)))
		}
		step, ok := stepOf(x)
		if ok {
			if e := x.effect(); e != nil {
				n++
				step.Frame, step.Hash = n, e.Hash
				if !f.Redacted {
					step.Patch, step.HTML = e.Patch, string(e.HTML)
				}
				if n == 1 {
					step.Set = map[string]json.RawMessage{}
					fields(step.Set, e)
				}
			}
			f.Steps = append(f.Steps, step)
		}
		if n > 0 && n == frame {
			return f, nil
		}
	}
	if frame > n {
		return nil, fmt.Errorf("make a test of recording %s: there is no frame %d, it has %d", r.Summary.ID, frame, n)
	}
	return f, nil
}

// stepOf says how a turn is taken again.
func stepOf(x *Entry) (s Step, ok bool) {
	if x.Mount != nil {
		return s, true
	}
	if x.Turn == nil {
		return s, false
	}
	c := &x.Turn.Cause
	set := func(why string) {
		s.Why = why
		if e := x.effect(); e != nil {
			s.Set = map[string]json.RawMessage{}
			fields(s.Set, e)
		}
	}
	switch c.Kind {
	case CauseEvent:
		s.Event, s.Value = c.Name, c.Payload
		if c.Payload == nil && x.Turn.Error != "" {
			s.Event = "" // it was refused before a handler ran
			set("the event was refused")
		}
	case CauseParams:
		s.URL = c.URL
	case CauseMessage:
		if c.Payload != nil {
			s.Message, s.Value = c.Name, c.Payload
		} else {
			set("of the message " + c.Name + " only the type is recorded")
		}
	case CauseStored:
		if len(c.Keys) == 0 {
			return s, x.effect() != nil
		}
		set("another tab or server had stored it")
	default:
		set("the browser came back")
	}
	return s, true
}

// fields takes the fields of an effect over.
func fields(into map[string]json.RawMessage, e *Effect) {
	for _, p := range e.Parts {
		for _, f := range p.Fields {
			if p.Path == "" && f.JSON != nil {
				into[f.Name] = f.JSON
			}
		}
	}
}

// ReadFixture reads what [Recording.GoTest] has written.
func ReadFixture(data []byte) (*Fixture, error) {
	var f Fixture
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read a fixture: %w", err)
	}
	if len(f.Steps) == 0 || f.Steps[0].Frame != 1 || f.View == "" {
		return nil, errors.New("read a fixture: it has no first frame: make it again, with GoTest of a recording")
	}
	return &f, nil
}
