package live

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/js"
)

// Layout is the document around a view. It is rendered once per page load and not patched afterwards; it must render
// body exactly once, and [Script] in the head.
type Layout func(p Page, body templ.Component) templ.Component

// Page is what a [Layout] may show.
type Page struct {
	Title  string         // of the view, see [Titler]
	Flash  []FlashMessage // to be shown by [FlashRegion]
	Nonce  string         // see Options.Nonce
	Locale string         // see Options.Locale
	Path   string         // of the URL
}

// FlashMessage is a sentence for the user, see [Socket.Flash].
type FlashMessage struct{ Kind, Text string }

var elementName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// asset is a file of the client, served under its hash.
type asset struct {
	path, kind   string
	plain, small []byte // small: gzip
}

func newAsset(name, kind string, data []byte) *asset {
	sum := sha256.Sum256(data)
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is valid
	z.Write(data)                                           // a Buffer never fails
	z.Close()
	return &asset{path: "/_live/" + hex.EncodeToString(sum[:8]) + "/" + name, kind: kind, plain: data, small: buf.Bytes()}
}

var (
	script  = newAsset("livelong.js", "text/javascript; charset=utf-8", js.Auto)
	latency = newAsset("latency.js", "text/javascript; charset=utf-8", js.Latency)
	style   = newAsset("livelong.css", "text/css; charset=utf-8", js.Style)
)

// devKey is in the context of a layout in development.
type devKey struct{}

// clientVersion names the client of this build.
var clientVersion = strings.Split(script.path, "/")[2][:8]

func (f *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.Write(f.small)
		return
	}
	w.Write(f.plain)
}

func (a *App) serveAssets() {
	a.mux.Handle("GET "+script.path, script)
	a.mux.Handle("GET "+style.path, style)
	if a.options.Dev {
		a.mux.Handle("GET "+latency.path, latency)
	}
}

// Script loads the client. It belongs into the head of every [Layout]. Attributes adjust the client, such as
// `data-reconnect-max`; see docs/client.md. With Options.Dev it also loads what makes the network slow on request.
func Script(attributes ...templ.Attributer) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		nonce := ""
		if n := templ.GetNonce(ctx); n != "" {
			nonce = ` nonce="` + templ.EscapeString(n) + `"`
		}
		if ctx.Value(devKey{}) != nil {
			if _, err := io.WriteString(w, `<script defer src="`+latency.path+`"`+nonce+`></script>`); err != nil {
				return err
			}
		}
		if err := writeTag(ctx, w, "script", ` defer src="`+script.path+`"`+nonce, attributes...); err != nil {
			return err
		}
		_, err := io.WriteString(w, `</script>`)
		return err
	})
}

// Styles loads a small stylesheet for the connection status, flash messages and errors.
func Styles() templ.Component { return templ.Raw(`<link rel="stylesheet" href="` + style.path + `">`) }

// TitleOptions are what stands around the titles of views.
type TitleOptions struct {
	Prefix, Suffix string // of each title, such as " · Shop"
	Default        string // instead of an empty title
}

// Title renders the document's title element, for the head of a [Layout]: the view's title, see [Titler], between a
// prefix and a suffix. The client puts later titles between the same.
func Title(p Page, o TitleOptions) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		title := p.Title
		if title == "" {
			title = o.Default
		}
		e := templ.EscapeString[string]
		_, err := io.WriteString(w, `<title data-prefix="`+e(o.Prefix)+`" data-suffix="`+e(o.Suffix)+`" data-default="`+e(o.Default)+`">`+
			e(o.Prefix+title+o.Suffix)+`</title>`)
		return err
	})
}

// FlashRegion shows flash messages: those of the page load, and those that come later.
func FlashRegion(p Page) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		b.WriteString(`<div data-live-flash role="status" aria-live="polite">`)
		for _, m := range p.Flash {
			b.WriteString(`<div class="live-flash live-flash-` + templ.EscapeString(m.Kind) + `"><span>` + templ.EscapeString(m.Text) +
				`</span><button type="button" data-live-dismiss aria-label="Dismiss">×</button></div>`)
		}
		b.WriteString(`</div>`)
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// sealed returns the HTML with the session's seal in its plain forms.
func (b *root) sealed() []byte {
	if !bytes.Contains(b.html, []byte(emptySeal)) {
		return b.html
	}
	seal := strings.Replace(emptySeal, `value=""`, `value="`+b.in.app.postSeal(b.in.session)+`"`, 1)
	return bytes.ReplaceAll(b.html, []byte(emptySeal), []byte(seal))
}

// root renders the root element around the view's HTML; it is the body of a layout.
type root struct {
	in       *instance
	html     []byte
	tag      string
	socket   string // the socket's path, where it is not the page's own
	rendered bool
}

// Render implements [templ.Component].
func (b *root) Render(ctx context.Context, w io.Writer) error {
	b.rendered = true
	c := b.in.typ.container
	attrs := c.Attrs
	if st := b.in.stashed; st != nil && st.handle == nil {
		// The client sets the class of a page that is stored; this one must be seen without it, too.
		attrs = maps.Clone(attrs)
		if attrs == nil {
			attrs = templ.Attributes{}
		}
		class, _ := attrs["class"].(string)
		attrs["class"] = strings.TrimSpace(class + " live-unavailable")
	}
	own := ` data-live="` + b.in.app.sealPage(b.in.page, b.in.session) + `"`
	if b.tag != "" {
		own += ` data-live-tag="` + b.tag + `"`
	}
	if b.in.recorderOf() != nil {
		own += ` data-live-recorded` // so that the client says how large its window is
	}
	if b.socket != "" {
		own += ` data-live-socket="` + templ.EscapeString(b.socket) + `"`
	}
	if err := writeTag(ctx, w, c.Tag, own, attrs); err != nil {
		return err
	}
	if _, err := w.Write(b.sealed()); err != nil {
		return err
	}
	_, err := io.WriteString(w, `</`+c.Tag+`>`)
	return err
}
