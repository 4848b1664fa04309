// Package bugtest runs the tests that are made of recordings: what a user did, taken again, must show what the user saw,
// or, once the fixture says so, what the user should have seen.
//
//	func TestRecording7ikbjlsn(t *testing.T) {
//		bugtest.Run(t, newApp, "testdata/recording-7ikbjlsn-17.json")
//	}
//
// [replay.Recording.GoTest] writes such a test, and so do `replay test` of replay.Command and the replay page.
package bugtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
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
// changed. Nothing else happens to the page: its timers and topics, and what is sent to it, are not heard.
func Run(t *testing.T, newApp func(*testing.T) *live.App, fixture string) {
	t.Helper()
	data, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatalf("bugtest: %v", err)
	}
	run(t, newApp, fixture, data)
}

// RunJSON is Run with the fixture's contents.
func RunJSON(t *testing.T, newApp func(*testing.T) *live.App, fixture string) {
	t.Helper()
	run(t, newApp, "the fixture", []byte(fixture))
}

func run(t *testing.T, newApp func(*testing.T) *live.App, name string, data []byte) {
	t.Helper()
	f, err := replay.ReadFixture(data)
	if err != nil {
		t.Fatalf("bugtest: %s: %v", name, err)
	}
	if err := Replay(t, newApp(t), f); err != nil {
		t.Fatalf("bugtest: %s: %v", name, err)
	}
}

// Difference is a frame that is not rendered as it was.
type Difference struct {
	Frame int
	Cause string                 // of the turn before it
	HTML  *replay.HTMLDifference // nil: of the recorded rendering only the hash is known
	Was   []byte                 // the whole views
	Now   []byte
}

func (d *Difference) Error() string {
	text := fmt.Sprintf("frame %d, after %s, differs from the recording", d.Frame, d.Cause)
	if d.HTML == nil {
		return text + "; only hashes are recorded of the view, as something in it is redacted. It is now\n" + string(d.Now)
	}
	return text + ", " + d.HTML.String() +
		"\nIf the handler reads what is in no field of the view, such as a database or the time, let the test's app have the same, or make the test again with -set, which sets what such a turn changed."
}

// Replay takes the turns of a fixture again on an app that has served nothing yet. The error is a [*Difference], or says why
// a turn cannot be taken, or did not go as it was recorded.
func Replay(t testing.TB, app *live.App, f *replay.Fixture) error {
	t.Helper()
	if app.ViewType(f.View) == nil {
		return fmt.Errorf("the app has no view %s: was it renamed, or is its page not registered in the test's app?", f.View)
	}
	livetest.Hush(t, app)
	p := player{t: t, f: f, page: livetest.Open(t, app, f.URL)}
	for i := range f.Steps {
		if err := p.step(&f.Steps[i], i == 0); err != nil {
			return err
		}
		if f.Steps[i].Panic != "" {
			return nil // the page has ended
		}
	}
	return nil
}

// player is a page that takes turns again.
type player struct {
	t     testing.TB
	f     *replay.Fixture
	page  *livetest.Page
	shown []byte // what the browser showed, as of the frame before
	frame int
}

func (p *player) step(s *replay.Step, first bool) error {
	cause := "the mount"
	if !first {
		cause = describe(s)
	}
	at := fmt.Sprintf("after frame %d: ", p.frame)
	if s.Frame > 0 {
		at = fmt.Sprintf("frame %d: ", s.Frame)
		p.frame = s.Frame
		if err := p.expect(s); err != nil {
			return fmt.Errorf("%sthe fixture's patch does not fit: %w", at, err)
		}
	}
	taken, err := p.take(s)
	switch {
	case err != nil:
		return fmt.Errorf("%s%s cannot be taken again: %w", at, cause, err)
	case s.Panic != "" && taken.Crashed == nil:
		return fmt.Errorf("%s%s panics no more: %s was recorded. If that was the bug, remove \"panic\" from the fixture", at, cause, s.Panic)
	case s.Panic != "":
		return nil
	case taken.Crashed != nil:
		return fmt.Errorf("%s%s panics: %w", at, cause, taken.Crashed)
	}
	differs := p.compare(s, taken, cause)
	if s.Merged != nil && (differs != nil || taken.Failed != nil && s.Error == "") {
		p.t.Logf("bugtest: %s%s alone does not lead there: %s, and both were shown by one frame; its fields are set", at, cause, s.Why)
		if taken, err = p.again(livetest.Turn{Fields: s.Merged}); err != nil {
			return fmt.Errorf("%s%w", at, err)
		}
		return p.compare(s, taken, s.Why)
	}
	switch {
	case taken.Failed != nil && s.Error == "":
		return fmt.Errorf("%s%s fails, and did not when it was recorded: %w", at, cause, taken.Failed)
	case taken.Failed == nil && s.Error != "" && s.Set == nil && s.URL == "":
		return fmt.Errorf("%s%s does not fail any more: %q was recorded. If that was the bug, remove \"error\" from the fixture", at, cause, s.Error)
	}
	return differs
}

// take does what the step says.
func (p *player) take(s *replay.Step) (livetest.Taken, error) {
	if s.URL == "" {
		return p.again(livetest.Turn{Event: s.Event, Message: s.Message, Child: s.Child, Value: s.Value, Fields: s.Set})
	}
	p.page.Visit(s.URL)
	if p.page.Joined() == "mount" { // the page has ended, and was mounted afresh
		return livetest.Taken{Crashed: errors.New("the log says how")}, nil
	}
	if to := p.page.Redirected(); to != "" {
		return livetest.Taken{}, fmt.Errorf("it leads to %s", to)
	}
	if how := p.page.Joined(); how == "navigate" {
		return livetest.Taken{}, fmt.Errorf("it leads to another view, at %s", p.page.URL())
	}
	return p.again(livetest.Turn{})
}

func (p *player) again(turn livetest.Turn) (livetest.Taken, error) {
	turn.Nonce, turn.Locale = p.f.Nonce, p.f.Locale
	taken, err := p.page.Again(turn)
	if taken.Failed != nil || taken.Crashed != nil {
		// What the user read then is read again; what the page shows is compared.
		p.page.Await("what the user is told", func() bool { return p.page.Error() != "" || p.page.Redirected() != "" })
	}
	return taken, err
}

// expect brings what the browser showed up to a step's frame.
func (p *player) expect(s *replay.Step) (err error) {
	switch {
	case s.HTML != "":
		p.shown, err = live.ApplyPatches([]byte(s.HTML))
	case len(s.Patch) > 0 && p.shown != nil:
		p.shown, err = live.ApplyPatches(p.shown, s.Patch)
	}
	return err
}

// compare returns a *Difference, or nil.
func (p *player) compare(s *replay.Step, taken livetest.Taken, cause string) error {
	if s.Frame == 0 {
		return nil
	}
	markup := []byte(taken.HTML)
	if p.shown == nil {
		var key [16]byte
		copy(key[:], p.f.Key)
		if s.Hash == 0 || live.Hash(markup, key) == s.Hash {
			return nil
		}
		return &Difference{Frame: s.Frame, Cause: cause, Now: markup}
	}
	if d := replay.Differ(p.shown, markup); d != nil {
		return &Difference{Frame: s.Frame, Cause: cause, HTML: d, Was: p.shown, Now: markup}
	}
	return nil
}

func describe(s *replay.Step) string {
	name := cmp.Or(s.Event, s.Message)
	switch {
	case s.URL != "":
		return "the URL " + s.URL
	case name == "" && s.Why != "":
		return "what is set here (" + s.Why + ")"
	case name == "":
		return "nothing that is recorded"
	}
	var value bytes.Buffer
	if json.Compact(&value, s.Value) != nil || value.Len() > 200 {
		return name
	}
	return name + " " + value.String()
}
