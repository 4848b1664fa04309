package live_test

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/live/validate"
)

// ledger is a view with a field of each kind that a form can fill in.
type ledger struct {
	Got   Kinds
	Wrong []string
	Form  live.Form
	Calls int
}

type Kinds struct {
	Text    string         `form:"text"`
	Int     int            `form:"int"`
	Small   int8           `form:"small"`
	Count   uint           `form:"count"`
	Port    uint16         `form:"port"`
	Float   float64        `form:"float"`
	Short   float32        `form:"short"`
	On      bool           `form:"on"`
	Day     time.Time      `form:"day"`
	Numbers []int          `form:"numbers"`
	Prices  map[string]int `form:"prices"`
	Rows    []sized        `form:"rows"`
	Deep    boxed          `form:"deep"`
}

type (
	sized struct {
		Size int `form:"size"`
	}
	boxed struct {
		Part sized `form:"part"`
	}
)

type (
	// Lenient is told what is wrong, Strict is refused.
	Lenient struct {
		live.FieldErrors
		Kinds
	}
	Strict struct{ Kinds }
	// Blast is checked by a validator that panics.
	Blast struct {
		Text string `form:"text"`
	}
	// Mistagged has a tag that no validator knows.
	Mistagged struct {
		Text string `form:"text" validate:"nonsense"`
	}
)

func (*ledger) Events() []live.Handler {
	return []live.Handler{
		live.On((*ledger).Lenient), live.On((*ledger).Strict), live.On((*ledger).Blast), live.On((*ledger).Mistagged),
	}
}

func (l *ledger) Lenient(_ context.Context, _ *live.Socket, e Lenient) error {
	l.Calls++
	l.Got, l.Wrong = e.Kinds, nil
	for name, text := range e.FieldErrors {
		l.Wrong = append(l.Wrong, name+" "+text)
	}
	slices.Sort(l.Wrong)
	return nil
}

func (l *ledger) Strict(_ context.Context, _ *live.Socket, e Strict) error {
	l.Calls++
	l.Got = e.Kinds
	return nil
}

func (l *ledger) Blast(_ context.Context, _ *live.Socket, e Blast) error {
	l.Calls++
	l.Got.Text = e.Text
	if l.Form.Check(e, func(any) error { panic("a bug") }) {
		l.Calls = -1
	}
	return nil
}

func (l *ledger) Mistagged(_ context.Context, _ *live.Socket, e Mistagged) error {
	l.Got.Text = e.Text
	if l.Form.Check(e, validate.Struct) {
		l.Calls = -1
	}
	return nil
}

func (l ledger) Render() templ.Component {
	return markup(`<output>%d</output><p id="text">%s</p><p id="wrong">%s</p><p id="general">%s</p>`, l.Calls, l.Got.Text, strings.Join(l.Wrong, "; "), l.Form.General())
}

func openLedger(t *testing.T) *livetest.Page {
	app := live.New(live.Options{Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}})
	live.Handle(app, "GET /", func(*http.Request) (*ledger, error) { return &ledger{}, nil })
	return livetest.Open(t, app, "/")
}

// wrongTypes are values that do not fit, and what is said of each.
var wrongTypes = map[string]string{
	"int=x":                            "int must be a whole number",
	"int=1.5":                          "int must be a whole number",
	"int=99999999999999999999":         "int must be a whole number",
	"small=128":                        "small must be a whole number from -128 to 127",
	"count=-1":                         "count must be a whole number, not below 0",
	"port=65536":                       "port must be a whole number from 0 to 65535",
	"float=1,5":                        "float must be a number",
	"float=Inf":                        "float must be a number",
	"short=1e40":                       "short must be a number",
	"on=perhaps":                       "on must be on or off",
	"day=tomorrow":                     "day must be a date or a time",
	"numbers=1&numbers=b&numbers=3":    "numbers must be a whole number",
	"prices[tea]=cheap":                "prices[tea] must be a whole number",
	"rows[0].size=1&rows[1].size=tall": "rows[1].size must be a whole number",
	"deep.part.size=x":                 "deep.part.size must be a whole number",
}

func TestWrongTypesAreToldByField(t *testing.T) {
	page := openLedger(t)
	for fields, want := range wrongTypes {
		page.PushForm("Lenient", "text=kept&unknown=1&Text=2&rows[0].unknown=3&"+fields)
		if got := page.Text("#wrong"); got != want || page.Text("#text") != "kept" {
			t.Errorf("%s: %q and text %q, want %q and what was right", fields, got, page.Text("#text"), want)
		}
	}
}

func TestWrongTypesAreRefusedWhereNobodyListens(t *testing.T) {
	page := openLedger(t)
	page.PushForm("Strict", "text=before")
	for fields := range wrongTypes {
		page.PushForm("Strict", "text=after&"+fields)
		if got := page.Error(); got == "" {
			t.Errorf("%s: nothing is said", fields)
		}
	}
	if page.Text("output") != "1" || page.Text("#text") != "before" {
		t.Errorf("called %s times, text %q", page.Text("output"), page.Text("#text"))
	}
	page.PushForm("Strict", "text=on+it+goes")
	if page.Text("#text") != "on it goes" {
		t.Errorf("text %q", page.Text("#text"))
	}
}

// What a form may ask for is counted before anything is made of it.
func TestHostileForms(t *testing.T) {
	page := openLedger(t)
	for name, fields := range map[string]string{
		"hugeIndex":    "rows[999999999].size=1",
		"overflow":     "rows[99999999999999999999999].size=1",
		"manyValues":   strings.Repeat("numbers=1&", 1001),
		"manyElements": "rows[999].size=1&" + strings.Repeat("numbers=1&", 1001),
		"badEncoding":  "text=%zz",
		"noIndex":      "rows[].size=1",
		"negative":     "rows[-1].size=1",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			page.PushRawForm("Lenient", fields)
			runtime.ReadMemStats(&after)
			if page.Error() == "" {
				t.Error("nothing is said")
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
				t.Errorf("%d bytes were allocated for a form of %d", grown, len(fields))
			}
		})
	}
	// Names that lead nowhere are ignored, however deep.
	for _, fields := range []string{
		"rows" + strings.Repeat("[0]", 5_000) + "=1", "deep" + strings.Repeat(".part", 5_000) + "=1",
		strings.Repeat("[", 20_000) + "=1", "rows[0" + strings.Repeat("]", 5_000) + ".size=1", "rows[0]size=1", "deep.part=1", "rows=1",
	} {
		page.PushForm("Lenient", "text=kept&"+fields)
		if page.Text("#text") != "kept" || page.Text("#wrong") != "" {
			t.Errorf("%.40s…: text %q, wrong %q", fields, page.Text("#text"), page.Text("#wrong"))
		}
		page.PushForm("Lenient", "text=")
	}
}

// A validator is the app's own, and its bug must not end the page: what is entered would be told the next instance, again
// and again.
func TestValidatorsThatPanic(t *testing.T) {
	page := openLedger(t)
	for _, event := range []string{"Blast", "Mistagged"} {
		page.PushForm(event, "text="+event)
		if page.Text("#text") != event || page.Text("#general") != "This could not be checked." {
			t.Errorf("%s: text %q, said %q", event, page.Text("#text"), page.Text("#general"))
		}
	}
	if page.Text("output") != "1" || page.Joined() != "adopt" {
		t.Errorf("called %s times, joined by %s", page.Text("output"), page.Joined())
	}
}
