package replay_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/replay"
)

// start is when all recordings of these tests begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// form is a view as a recorder sees it: a counter, and a note that is typed.
type form struct {
	Count int
	Note  string
}

func (f *form) html() []byte {
	return fmt.Appendf(nil, `<main class="form"><h1>Delivery note</h1><output id="count">%d</output><button live-click="Add {&#34;By&#34;:1}" class="primary">+1</button><form live-change="Edit;d=20"><label for="note">Note for the driver</label><textarea id="note" name="note" rows="4">%s</textarea><p class="hint">%d of 1000 characters</p><button type="submit">Save</button></form></main>`, f.Count, f.Note, len(f.Note))
}

func (f *form) fields() []replay.Part {
	note, _ := json.Marshal(f.Note)
	return []replay.Part{{Fields: []replay.Field{{Name: "Count", JSON: strconv.AppendInt(nil, int64(f.Count), 10)}, {Name: "Note", JSON: note}}}}
}

func (f *form) mount() replay.Entry {
	html := f.html()
	sum := sha256.Sum256(html)
	return replay.Entry{Mount: &replay.Mount{
		View: "main.Form", Route: "GET /deliveries/{id}", URL: "/deliveries/17?tab=note", Params: url.Values{"id": {"17"}}, Build: "v1.2.3",
		Viewport: replay.Viewport{Width: 1280, Height: 720, Scale: 2}, Locale: "en", Start: start, Key: []byte("0123456789abcdef"),
		Effect: &replay.Effect{Keyframe: true, Parts: f.fields(), Hash: 1, HTML: html, Sum: sum[:], Title: "Delivery note"},
	}}
}

// typed is the turn that a typed character causes.
func (f *form) typed(at time.Duration, c string, hash uint64) replay.Entry {
	f.Note += c
	payload, _ := json.Marshal(struct{ Note string }{f.Note})
	note, _ := json.Marshal(f.Note)
	patch := fmt.Appendf(nil, `[0,[3,[1,0,%s,2,0,"%d of 1000 characters"]]]`, note, len(f.Note))
	return replay.Entry{At: at, Turn: &replay.Turn{
		Cause:  replay.Cause{Kind: replay.CauseEvent, Name: "Edit", Payload: payload},
		Effect: &replay.Effect{Parts: []replay.Part{{Fields: []replay.Field{{Name: "Note", JSON: note}}}}, Patch: patch, Hash: hash},
	}}
}

// prose is what is typed.
const prose = `Dear team, the shipment of 400 units to Rotterdam arrived this morning and three pallets were damaged in transit. ` +
	`Please have the carrier notified, and order replacements from the second supplier before Friday, so that the customer can be served as promised. ` +
	`I have put the photographs into the folder that you know, together with the signed papers and the form for the insurance.`

// words is text of a length.
func words(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString([]string{"alpha ", "beta ", "gämma ", "delta\n", `"quoted" `, "<b> ", "日本 ", "x"}[r.IntN(8)])
	}
	return b.String()
}

func encoder(t testing.TB, o replay.EncoderOptions) *replay.Encoder {
	t.Helper()
	e, err := replay.NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func add(t testing.TB, e *replay.Encoder, x replay.Entry) {
	t.Helper()
	if err := e.Append(x); err != nil {
		t.Fatal(err)
	}
}
