// Package bugtest makes tests of recordings: what a user did, taken again, must show what the user saw, or, once the bug is
// mended and the fixture made anew, what the user should have seen.
package bugtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

// Run takes the turns of a fixture again and compares each rendering with the recorded one; the test fails at the first
// that differs, and says how. newApp makes the app, with what its views depend on as it should be for the test; the page is
// mounted at the recorded URL, and its exported fields are then set to the recorded ones.
//
// Turns that cannot be taken again, such as messages of which only the type is recorded, set the fields that they have
// changed. Timers of the view do run; a page whose rendering depends on them should be recorded without.
func Run(t *testing.T, newApp func(*testing.T) *live.App, fixture string) {
	t.Helper()
	data, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatalf("bugtest: %v", err)
	}
	f, err := replay.ReadFixture(data)
	if err != nil {
		t.Fatalf("bugtest: %s: %v", fixture, err)
	}
	if err := Replay(t, newApp(t), f); err != nil {
		t.Fatalf("bugtest: %v", err)
	}
}

// Difference is a frame that is not rendered as it was.
type Difference struct {
	Frame     int
	Cause     string // of the turn before it
	Was, Now  string // from where they part
	WhatWas   []byte // the whole views
	WhatIsNow []byte
}

func (d *Difference) Error() string {
	return fmt.Sprintf("frame %d, after %s, differs from the recording:\nwas  …%s\nnow  …%s", d.Frame, d.Cause, d.Was, d.Now)
}

// Replay takes the turns of a fixture again on an app. The error is a [*Difference], or says why a turn cannot be taken.
func Replay(t testing.TB, app *live.App, f *replay.Fixture) error {
	t.Helper()
	if app.ViewType(f.View) == nil {
		return fmt.Errorf("the app has no view %s", f.View)
	}
	page := livetest.Open(t, app, f.URL)
	var sent []byte
	for i, s := range f.Steps {
		cause := "the first frame"
		markup := ""
		var err error
		switch {
		case s.URL != "":
			cause = "the URL " + s.URL
			page.Visit(s.URL)
			if to := page.Redirected(); to != "" {
				return fmt.Errorf("frame %d: %s leads to %s", s.Frame, cause, to)
			}
			markup, err = page.Again(livetest.Turn{})
		case i > 0 && s.Event == "" && s.Message == "" && s.Set == nil && s.Frame == 0:
			continue
		default:
			if i > 0 {
				cause = describe(s)
			}
			markup, err = page.Again(livetest.Turn{Event: s.Event, Message: s.Message, Value: s.Value, Fields: s.Set})
		}
		for page.Error() != "" {
			// What the user read then is read again; what the page shows is compared.
		}
		if err != nil {
			return fmt.Errorf("frame %d: %s: %w", s.Frame, cause, err)
		}
		if s.Frame == 0 {
			continue
		}
		if sent, err = expected(sent, s); err != nil {
			return fmt.Errorf("frame %d: %w", s.Frame, err)
		}
		if err := compare(f, s, cause, sent, []byte(markup)); err != nil {
			return err
		}
	}
	return nil
}

// expected returns what the browser showed after a step.
func expected(before []byte, s replay.Step) ([]byte, error) {
	switch {
	case s.HTML != "":
		return live.ApplyPatches([]byte(s.HTML))
	case len(s.Patch) > 0 && before != nil:
		return live.ApplyPatches(before, s.Patch)
	}
	return before, nil
}

func compare(f *replay.Fixture, s replay.Step, cause string, sent, markup []byte) error {
	var key [16]byte
	copy(key[:], f.Key)
	if s.Hash != 0 && live.Hash(markup, key) == s.Hash {
		return nil
	}
	if sent == nil {
		return fmt.Errorf("frame %d, after %s, differs from the recording; of the view only hashes are recorded, as something in it is redacted. It is now\n%s",
			s.Frame, cause, markup)
	}
	now, err := live.ApplyPatches(markup)
	if err != nil {
		return fmt.Errorf("frame %d: %w", s.Frame, err)
	}
	if bytes.Equal(now, sent) {
		return nil
	}
	at := 0
	for at < len(now) && at < len(sent) && now[at] == sent[at] {
		at++
	}
	around := func(b []byte) string { return string(bytes.ToValidUTF8(b[max(0, at-40):min(len(b), at+60)], nil)) }
	return &Difference{Frame: s.Frame, Cause: cause, Was: around(sent), Now: around(now), WhatWas: sent, WhatIsNow: now}
}

func describe(s replay.Step) string {
	name := s.Event
	if name == "" {
		name = s.Message
	}
	if name == "" {
		return s.Why
	}
	var value bytes.Buffer
	if json.Compact(&value, s.Value) != nil || value.Len() > 200 {
		return name
	}
	return name + " " + value.String()
}
