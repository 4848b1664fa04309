package replay

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

//go:embed ui_static/replay.css ui_static/replay.js ui_static/frame.css
var uiFiles embed.FS

// uiVersion names the static files of this build.
var uiVersion = func() string {
	h := sha256.New()
	for _, name := range []string{"replay.css", "replay.js", "frame.css"} {
		data, err := uiFiles.ReadFile("ui_static/" + name)
		if err != nil {
			panic(err)
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}()

// file returns the address of a static file.
func (u *ui) file(name string) string { return u.base + "ui/static/" + uiVersion + "/" + name }

// files serves what is no page.
func (u *ui) files() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /ui/static/{version}/{name}", u.serveStatic)
	m.HandleFunc("GET /ui/assets/{document}/{name}", u.serveAsset)
	m.HandleFunc("POST /ui/import", u.serveImport)
	m.HandleFunc("GET /{id}/frames/{n}", u.serveFrame)
	m.HandleFunc("GET /{id}/export", u.serveExport)
	return m
}

func (u *ui) serveStatic(w http.ResponseWriter, r *http.Request) {
	data, err := uiFiles.ReadFile("ui_static/" + r.PathValue("name"))
	if err != nil || u.o.Authorize == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	if strings.HasSuffix(r.PathValue("name"), ".js") {
		h.Set("Content-Type", "text/javascript; charset=utf-8")
	}
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(data)
}

// assetAge is how long an address of an asset is good.
const assetAge = 12 * time.Hour

// sign returns the address of an asset of a document, good for a while: the frame that asks for it sends no cookies.
func (u *ui) sign(document, name string) string {
	until := u.rec.o.Now().Add(assetAge).Truncate(time.Hour).Unix()
	return fmt.Sprintf("%sui/assets/%s/%s?until=%d&sign=%s", u.base, document, name, until, u.signature(document, name, until))
}

func (u *ui) signature(document, name string, until int64) string {
	m := hmac.New(sha256.New, u.key)
	fmt.Fprintf(m, "asset %s %s %d", document, name, until)
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (u *ui) serveAsset(w http.ResponseWriter, r *http.Request) {
	document, name := r.PathValue("document"), r.PathValue("name")
	until, err := strconv.ParseInt(r.FormValue("until"), 10, 64)
	if u.o.Authorize == nil || err != nil || u.rec.o.Now().Unix() > until ||
		!hmac.Equal([]byte(r.FormValue("sign")), []byte(u.signature(document, name, until))) {
		http.NotFound(w, r)
		return
	}
	shell, err := u.shellOf(r.Context(), document)
	if err != nil {
		u.refuse(w, r, err)
		return
	}
	kind := ""
	for _, a := range shell.URLs {
		if a.Name == name {
			kind = a.Kind
		}
	}
	data, err := Asset(r.Context(), u.rec.archive, name)
	if err == nil && !keptKind(kind) {
		err = fs.ErrNotExist
	}
	if err != nil {
		u.refuse(w, r, err)
		return
	}
	if kind == "text/css" {
		f := framer{asset: func(name string) string { return u.sign(document, name) }}
		data = []byte(f.css(string(data)))
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")             // fonts; the address is the authorization
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // a sandbox is no origin
	h.Set("Cache-Control", "private, max-age=3600")
	w.Write(data)
}

// refuse answers 404 for what is not there, and 503 while the store is down.
func (u *ui) refuse(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if isDamage(err) || errors.Is(err, errHidden) || errors.Is(err, fs.ErrInvalid) || r.Context().Err() != nil {
		http.NotFound(w, r)
		return
	}
	u.log().Warn("replay: the archive does not answer", "path", r.URL.Path, "err", err)
	http.Error(w, "The store does not answer. Try again.", http.StatusServiceUnavailable)
}

// allowed answers 404 unless the request may do something with a recording.
func (u *ui) allowed(w http.ResponseWriter, r *http.Request, a Action) (Summary, bool) {
	s, err := u.visible(r, r.PathValue("id"))
	if err == nil && a != ActionView {
		err = u.ask(r, a, &s)
	}
	if err != nil {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
	}
	return s, err == nil
}

// serveFrame answers with the document of a frame.
func (u *ui) serveFrame(w http.ResponseWriter, r *http.Request) {
	s, ok := u.allowed(w, r, ActionView)
	if !ok {
		return
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 {
		http.NotFound(w, r)
		return
	}
	f := framer{style: u.file("frame.css")}
	document, err := u.frame(r.Context(), &f, &s, n, r.FormValue("reading"), r.FormValue("outline") != "")
	status := http.StatusOK
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			status = http.StatusNotFound
		}
		document = message(u.file("frame.css"), err)
	}
	h := w.Header()
	var own string
	if strings.ContainsAny(r.Host, " ;,'\"") {
		own = "https://invalid.invalid/"
	} else if own = r.Host + u.base; r.TLS != nil {
		own = "https://" + own
	}
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src "+own+"ui/"+f.styles()+"; img-src "+own+"ui/assets/ data:; font-src "+own+
		"ui/assets/ data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(document)
}

// frame makes the document of a frame.
func (u *ui) frame(ctx context.Context, f *framer, s *Summary, n int, reading string, outline bool) ([]byte, error) {
	rec, screenOf, err := u.open(ctx, s.ID, n)
	if err != nil {
		return nil, err
	}
	screen, err := screenOf(n)
	if err != nil {
		return nil, err
	}
	shown, other, err := screen.reading(reading)
	if err != nil {
		return nil, err
	}
	if reading != readDiff {
		other = nil
		if outline && n > 1 {
			if before, err := screenOf(n - 1); err == nil {
				other, _, _ = before.reading(reading)
			}
		}
	}
	if rec.Mount != nil {
		if at, err := url.Parse(rec.Mount.URL); err == nil {
			f.page = at.Path
		}
	}
	document := s.Document
	if t := u.rec.takeOf(s.ID); t != nil {
		document = t.shell.now()
	}
	if document != "" {
		if f.shell, err = u.shellOf(ctx, document); err != nil {
			u.log().Warn("replay: what stood around a recording is not there", "recording", s.ID, "err", err)
		}
	}
	f.asset = func(name string) string { return u.sign(document, name) }
	return f.document(shown, other, fmt.Sprintf("Frame %d", n))
}

// open returns a recording in which there is a frame; the player's own if it has it, so that little is read again.
func (u *ui) open(ctx context.Context, id string, n int) (*Recording, func(n int) (*Screen, error), error) {
	u.mu.Lock()
	t := u.tapes[id]
	u.mu.Unlock()
	if t != nil && t.wait(ctx, askTimeout) {
		rec, _, frames, _, _ := t.index()
		if rec != nil && (rec.Finished || n <= len(frames)) {
			return rec, func(n int) (*Screen, error) { return t.screen(ctx, rec, n) }, nil
		}
	}
	rec, err := u.rec.Get(ctx, id)
	return rec, func(n int) (*Screen, error) { return rec.Screen(ctx, u.app, n) }, err
}

// Readings of a frame.
const (
	readSent  = "sent"
	readBuilt = "built"
	readDiff  = "diff"
)

// reading returns the HTML of a frame in a reading, and what a difference is made to.
func (s *Screen) reading(reading string) (shown, other []byte, err error) {
	switch {
	case s.Verdict == Broken:
		return nil, nil, s.Err
	case reading == readBuilt && s.Built == nil:
		return nil, nil, s.Err
	case reading == readBuilt, s.Sent == nil && s.Built != nil:
		return s.Built, s.Sent, nil
	case s.Sent == nil && s.Err != nil:
		return nil, nil, s.Err
	}
	return s.Sent, s.Built, nil
}

// message is the document that stands for a frame which cannot be shown.
func message(style string, err error) []byte {
	title := "This frame cannot be shown"
	var b bytes.Buffer
	b.WriteString(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>` + title +
		`</title><link rel="stylesheet" href="` + html.EscapeString(style) + `"></head><body class="replay-message"><main><h1>` + title + `</h1><p>` +
		html.EscapeString(short(err.Error(), 600)) + `</p></main></body></html>`)
	return b.Bytes()
}

func (u *ui) serveExport(w http.ResponseWriter, r *http.Request) {
	s, ok := u.allowed(w, r, ActionExport)
	if !ok {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-tar")
	h.Set("Content-Disposition", `attachment; filename="recording-`+s.ID+`.tar"`)
	h.Set("Cache-Control", "no-store")
	started := &counted{w: w}
	if err := u.rec.Export(r.Context(), s.ID, started); err != nil {
		if started.n == 0 {
			h.Del("Content-Disposition")
			http.Error(w, "This recording cannot be exported: "+err.Error(), http.StatusConflict)
			return
		}
		u.log().Warn("replay: an export was cut short", "recording", s.ID, "err", err)
		panic(http.ErrAbortHandler) // so that the browser sees that it is not whole
	}
}

type counted struct {
	w io.Writer
	n int
}

func (c *counted) Write(p []byte) (int, error) {
	c.n += len(p)
	return c.w.Write(p)
}

var sameOrigin = http.NewCrossOriginProtection()

// serveImport takes a recording in, and leads to it, or back to the list with what is wrong.
func (u *ui) serveImport(w http.ResponseWriter, r *http.Request) {
	if u.ask(r, ActionImport, nil) != nil {
		http.NotFound(w, r)
		return
	}
	if err := sameOrigin.Check(r); err != nil {
		http.Error(w, "This form was sent from another site.", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxImported+1<<20)
	summary, err := u.importFrom(r)
	if err == nil {
		http.Redirect(w, r, u.base+url.PathEscape(summary.ID), http.StatusSeeOther)
		return
	}
	why := "store"
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		why = "large"
	case errors.Is(err, fs.ErrExist):
		why = "exists"
	case errors.Is(err, errNoFile):
		why = "none"
	case errors.Is(err, ErrFormat):
		why = "format"
	case isDamage(err):
		why = "damaged"
	}
	u.log().Info("replay: an import was refused", "err", err)
	http.Redirect(w, r, u.base+"?import="+why, http.StatusSeeOther)
}

var errNoFile = errors.New("no file was chosen")

func (u *ui) importFrom(r *http.Request) (Summary, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return Summary{}, errNoFile
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return Summary{}, errors.Join(errNoFile, err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			return u.rec.Import(r.Context(), part)
		}
	}
}

// importTexts say what was wrong with an import, and what to do.
var importTexts = map[string]string{
	"large":   "This file is too large: at most 512 MiB can be imported.",
	"exists":  "This recording is here already.",
	"none":    "Choose a file first: one that Export has made.",
	"format":  "Another, probably newer build has written this file. Import it there, or update this one.",
	"damaged": "This file is damaged, or not an exported recording. Nothing was imported. Export it again.",
	"store":   "The store did not take the recording. Try again.",
}
