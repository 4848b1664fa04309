package replay

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/livelong-dev/livelong/live"
)

//go:embed export.html
var exportPage string

var exportTemplate = template.Must(template.New("export").Parse(exportPage))

// exportPolicy lets the exported page load nothing, and run nothing.
const exportPolicy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:">`

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
	n := 0
	for entry, err := range r.Entries(ctx) {
		if err != nil {
			return fail(err)
		}
		e := entry.effect()
		if e == nil {
			continue
		}
		n++
		switch {
		case e.HTML != nil:
			sent, err = live.ApplyPatches(e.HTML)
		case e.Patch != nil && sent != nil:
			sent, err = live.ApplyPatches(sent, e.Patch)
		case e.Patch == nil && e.HTML == nil:
			sent = nil
		}
		if err != nil {
			return fail(fmt.Errorf("frame %d: %w", n, err))
		}
		next := sent
		if next == nil {
			next = []byte("<p>What this frame showed is not recorded.</p>")
			if s, err := r.Screen(ctx, views, n); err == nil && s.Built != nil {
				next = s.Built
			}
		}
		f := splitFrame(shown, next)
		f.At, f.Cause = entry.At.Milliseconds(), causeText(entry)
		if entry.Turn != nil {
			f.Error = entry.Turn.Error
		}
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
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// splitFrame returns what of next is new, between what it begins and ends with as shown does.
func splitFrame(shown, next []byte) (f exportedFrame) {
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
	f.Keep, f.End = units(next[:head]), units(next[len(next)-tail:])
	f.Insert = string(next[head : len(next)-tail])
	return f
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
		return "start"
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
	kinds := map[string]string{}
	for _, a := range shell.URLs {
		kinds[a.Name] = a.Kind
	}
	before, after, ok := strings.Cut(shell.Document, live.DocumentBody)
	if !ok {
		return bare, `</body></html>`
	}
	inline := func(s string) string {
		for name, kind := range kinds {
			ref := AssetScheme + name
			if !strings.Contains(s, ref) {
				continue
			}
			data, err := Asset(ctx, r.archive, name)
			if err != nil {
				continue
			}
			if kind == "text/css" {
				data = r.inlinedCSS(ctx, data, kinds)
			}
			s = strings.ReplaceAll(s, ref, "data:"+kind+";base64,"+base64.StdEncoding.EncodeToString(data))
		}
		return s
	}
	before = strings.Replace(inline(before), "<head>", "<head>"+strings.Replace(exportPolicy, "style-src 'unsafe-inline'", "style-src 'unsafe-inline' data:", 1), 1)
	return before, inline(after)
}

// inlinedCSS puts what a stylesheet refers to into it.
func (r *Recording) inlinedCSS(ctx context.Context, css []byte, kinds map[string]string) []byte {
	for name, kind := range kinds {
		ref := []byte(AssetScheme + name)
		if kind == "text/css" || !bytes.Contains(css, ref) {
			continue
		}
		if data, err := Asset(ctx, r.archive, name); err == nil {
			css = bytes.ReplaceAll(css, ref, []byte("data:"+kind+";base64,"+base64.StdEncoding.EncodeToString(data)))
		}
	}
	return css
}
