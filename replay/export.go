package replay

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/livelong-dev/livelong/live"
)

//go:embed export.html
var exportPage string

var exportTemplate = template.Must(template.New("export").Parse(exportPage))

// exportPolicy lets the exported page load nothing, and run nothing.
const exportPolicy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline' data:; img-src data:; font-src data:">`

// exported is what the player in the file plays.
type exported struct {
	Before string          `json:"before"` // the document around the view
	After  string          `json:"after"`
	Width  int             `json:"width"`
	Height int             `json:"height"`
	Frames []exportedFrame `json:"frames"`
}

// exportedFrame is a frame as a change of the one before: so many UTF-16 units of its beginning and end stay.
type exportedFrame struct {
	At     int64  `json:"at"` // milliseconds
	Cause  string `json:"cause"`
	Error  string `json:"error,omitempty"`
	Keep   int    `json:"keep"`
	Insert string `json:"insert"`
	End    int    `json:"end"`
}

// ExportHTML writes a recording as one HTML file that plays without a server: what was sent, frame by frame, in the document
// and with the stylesheets that stood around it. Nothing of the page runs, and nothing is loaded. Of a view of which
// something is redacted, the frames are rendered by views, which may be nil. It reads the whole recording, and blocks.
func (r *Recording) ExportHTML(ctx context.Context, views ViewTypes, w io.Writer) error {
	fail := func(err error) error { return fmt.Errorf("export recording %s: %w", r.Summary.ID, err) }
	x := exported{Width: 1280, Height: 720}
	if r.Mount != nil && r.Mount.Viewport.Width > 0 {
		x.Width, x.Height = r.Mount.Viewport.Width, r.Mount.Viewport.Height
	}
	x.Before, x.After = r.inlined(ctx)
	var sent, shown []byte
	n, lost := 0, false
	for entry, err := range r.Entries(ctx) {
		if err != nil {
			return fail(err)
		}
		f := exportedFrame{At: entry.At.Milliseconds(), Cause: causeText(entry)}
		e := entry.effect()
		switch {
		case entry.Gap != nil:
			// What comes next is a keyframe. Which number it has is not known when a segment is lost.
			sent, lost = nil, lost || entry.Gap.Err != nil
			f.Cause, f.Error = "something is missing", entry.Gap.Reason
		case e == nil:
			continue
		default:
			n++
			sent = r.sentNow(sent, e)
		}
		next := sent
		switch {
		case entry.Gap != nil:
			next = []byte("<p>Something of the recording is missing here.</p>")
		case next == nil:
			next = []byte("<p>What this frame showed is not recorded.</p>")
			if lost {
				break
			}
			if s, err := r.Screen(ctx, views, n); err == nil && s.Built != nil {
				next = s.Built
			}
		}
		if entry.Turn != nil {
			f.Error = entry.Turn.Error
		}
		f.Keep, f.Insert, f.End = splitFrame(shown, next)
		x.Frames = append(x.Frames, f)
		shown = next
	}
	data, err := json.Marshal(x) // escapes < and >, so it cannot end its script element
	if err != nil {
		return fail(err)
	}
	s := &r.Summary
	err = exportTemplate.Execute(w, map[string]any{
		"View": s.View, "URL": s.URL, "Start": s.Start.Format(time.DateTime) + " UTC", "Build": s.Build, "Frames": len(x.Frames), "Data": template.JS(data),
		"Nonce": rand.Text(),
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// sentNow is what the browser shows after an effect; nil when that is not recorded, or damaged.
func (r *Recording) sentNow(before []byte, e *Effect) []byte {
	switch {
	case e.HTML != nil:
		if sent, err := live.ApplyPatches(e.HTML); err == nil {
			return sent
		}
		return e.HTML // it is not well formed, and so was sent whole
	case e.Patch != nil && before != nil:
		if sent, err := live.ApplyPatches(before, e.Patch); err == nil {
			return sent
		}
	}
	return nil
}

// splitFrame returns what of next is new, between so many units of its beginning and end that are those of shown.
func splitFrame(shown, next []byte) (keep int, insert string, end int) {
	head := 0
	for head < len(shown) && head < len(next) && shown[head] == next[head] {
		head++
	}
	for head > 0 && !(utf8.RuneStart(byteAt(shown, head)) && utf8.RuneStart(byteAt(next, head))) {
		head--
	}
	tail := 0
	for tail < len(shown)-head && tail < len(next)-head && shown[len(shown)-1-tail] == next[len(next)-1-tail] {
		tail++
	}
	for tail > 0 && !utf8.RuneStart(next[len(next)-tail]) {
		tail--
	}
	return units(next[:head]), string(next[head : len(next)-tail]), units(next[len(next)-tail:])
}

// byteAt is b[i], or that of an end.
func byteAt(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// units counts the UTF-16 units of a text, as JavaScript does.
func units(b []byte) (n int) {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if b = b[size:]; r > 0xffff {
			n++
		}
		n++
	}
	return n
}

func causeText(x *Entry) string {
	if x.Turn == nil {
		return "the mount"
	}
	c := &x.Turn.Cause
	return cmp.Or(c.Name, c.URL, c.Kind.String())
}

// inlined is the document around the view, before and after it, with its assets in it.
func (r *Recording) inlined(ctx context.Context) (before, after string) {
	bare := `<!DOCTYPE html><html><head><meta charset="utf-8">` + exportPolicy + `</head><body>`
	if r.Summary.Document == "" {
		return bare, `</body></html>`
	}
	shell, err := ReadShell(ctx, r.archive, r.Summary.Document)
	if err != nil {
		return bare, `</body></html>`
	}
	before, after, ok := strings.Cut(shell.Document, live.DocumentBody)
	if !ok {
		return bare, `</body></html>`
	}
	i := inliner{r: r, kinds: map[string]string{}, left: maxInlined}
	for _, a := range shell.URLs {
		if strings.Trim(a.Kind, "abcdefghijklmnopqrstuvwxyz0123456789/+.-") == "" {
			i.kinds[a.Name] = a.Kind
		}
	}
	before, after = i.into(ctx, before, true), i.into(ctx, after, true)
	return strings.Replace(before, "<head>", "<head>"+exportPolicy, 1), after
}

// maxInlined bounds the bytes that assets become in an exported file: a stylesheet may name one often.
const maxInlined = 64 << 20

// inliner puts assets where texts refer to them.
type inliner struct {
	r     *Recording
	kinds map[string]string // by name
	left  int
}

// into puts assets into a text: also stylesheets, and what they refer to, if it is the document.
func (i *inliner) into(ctx context.Context, text string, document bool) string {
	for _, name := range slices.Sorted(maps.Keys(i.kinds)) {
		ref, kind := AssetScheme+name, i.kinds[name]
		n := strings.Count(text, ref)
		if n == 0 || kind == "text/css" && !document {
			continue
		}
		data, err := Asset(ctx, i.r.archive, name)
		if err != nil {
			continue
		}
		if kind == "text/css" {
			data = []byte(i.into(ctx, string(data), false))
		}
		url := "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
		if n > i.left/len(url) {
			continue
		}
		i.left -= n * len(url)
		text = strings.ReplaceAll(text, ref, url)
	}
	return text
}
