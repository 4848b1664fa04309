package live

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/token"
)

// page is what a page keeps wherever it is mounted: it travels in the page token.
type page struct {
	id     uuid.UUID
	key    [16]byte // secret of the hashes of its trees
	route  string
	url    string // path and query
	nonce  string
	locale string
	client string // version of the client that the page has loaded
}

// pageTokenForm begins the page token's data: a page of another build may have another form.
const pageTokenForm = 1

// sealPage makes the page token: the form, id and key, and the strings, each after its length. Every page carries it.
func (a *App) sealPage(p *page, s session) string {
	data := append([]byte{pageTokenForm}, p.id[:]...)
	data = append(data, p.key[:]...)
	for _, text := range []string{p.route, p.url, p.nonce, p.locale, p.client} {
		data = append(binary.AppendUvarint(data, uint64(len(text))), text...)
	}
	return a.ring.Seal(token.Page, data, s.id[:], time.Now().Add(a.options.TokenAge))
}

func (a *App) openPage(sealed string, s session) (*page, error) {
	data, err := a.ring.Open(token.Page, sealed, s.id[:], time.Now())
	if err != nil {
		return nil, fmt.Errorf("page token: %w", err)
	}
	p := &page{}
	foreign := fmt.Errorf("page token of another build: %w", token.ErrExpired)
	if len(data) < 1+len(p.id)+len(p.key) || data[0] != pageTokenForm {
		return nil, foreign
	}
	data = data[1:]
	data = data[copy(p.id[:], data):]
	data = data[copy(p.key[:], data):]
	for _, text := range []*string{&p.route, &p.url, &p.nonce, &p.locale, &p.client} {
		n, size := binary.Uvarint(data)
		if size <= 0 || n > uint64(len(data)-size) {
			return nil, foreign
		}
		data = data[size:]
		*text, data = string(data[:n]), data[n:]
	}
	return p, nil
}

func (a *App) newPage(rt *route, r *http.Request) *page {
	p := &page{route: rt.name, url: r.URL.RequestURI(), nonce: a.options.Nonce(r), locale: a.options.Locale(r), client: clientVersion}
	var random [len(p.id) + len(p.key)]byte // one call of the random source for both
	rand.Read(random[:])                    // never fails, see crypto/rand
	copy(p.key[:], random[copy(p.id[:], random[:]):])
	p.id[6], p.id[8] = p.id[6]&0x0f|0x40, p.id[8]&0x3f|0x80 // RFC 9562, version 4
	return p
}

// serveGET answers a page's GET, HEAD and WebSocket upgrade.
func (rt *route) serveGET(w http.ResponseWriter, r *http.Request) {
	if rt.arrive(r) {
		return
	}
	if isUpgrade(r) {
		rt.group.app.serveSocket(w, r, rt)
		return
	}
	a := rt.group.app
	s, ok := a.sessionOf(r)
	if !ok {
		s = a.newSession()
	}
	if err := rt.group.authorize(r); err != nil {
		a.fail(w, r, err)
		return
	}
	asked := s
	a.present(r.Context(), &s)
	p := a.newPage(rt, r)
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	in, root, err := a.firstPage(rt, r, &s, p, bench)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer func() { bench.tree.HTML = root.html[:0] }()
	parked := false
	defer func() {
		if !parked {
			in.finish("nobody will connect")
		}
	}()
	a.keepCookie(w, r, asked, s)
	parked = in.writeDocument(w, r, root, bench, a.takeFlash(w, r, s), http.StatusOK)
}

// writeDocument answers a request with the layout around the view's first rendering, or with where the view leads. It
// reports whether the instance was parked; otherwise nobody will connect to it.
func (in *instance) writeDocument(w http.ResponseWriter, r *http.Request, root *root, bench *workbench, flash []FlashMessage, status int) (parked bool) {
	a := in.app
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	var out sink
	out.b = bench.frame[:0]
	defer func() { bench.frame = out.b }()
	info := Page{Title: in.title, Flash: append(flash, in.takeFlash()...), Nonce: in.page.nonce, Locale: in.page.locale, Path: r.URL.Path}
	ctx := context.WithValue(r.Context(), envKey{}, in.env)
	if in.page.nonce != "" {
		ctx = templ.WithNonce(ctx, in.page.nonce)
	}
	if a.options.Dev {
		ctx = context.WithValue(ctx, devKey{}, true)
	}
	if err := in.route.group.layout()(info, root).Render(ctx, &out); err != nil {
		a.fail(w, r, fmt.Errorf("render the layout: %w", err))
		return false
	}
	if !root.rendered {
		a.fail(w, r, errors.New("the layout does not render its body"))
		return false
	}
	if in.patched && in.redirect == "" {
		in.redirect = in.request.URL.RequestURI()
	}
	if in.redirect != "" {
		a.giveFlash(w, r, in.session, info.Flash)
		http.Redirect(w, r, in.redirect, http.StatusSeeOther)
		return false
	}
	if parked = r.Method != http.MethodHead && !isPrefetch(r); parked {
		a.registry.park(in, len(root.html))
	}
	h.Set("Content-Length", strconv.Itoa(len(out.b))) // saves the chunks
	w.WriteHeader(status)
	w.Write(out.b) // an error means that the browser is gone: the parked instance expires
	return parked
}

// isPrefetch reports whether the browser only guesses that the page will be wanted.
func isPrefetch(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}

// suspectText is what the user reads on a page that starts from its defaults, because it panics with what is stored.
const suspectText = "What you saved before cannot be shown. The page starts afresh and saves nothing; what you saved is kept."

// firstPage mounts and renders a page for a browser. A session that has ended is replaced by another one. A page that
// panics with what is stored starts from its defaults: the browser would be locked out of it otherwise. What it returns
// is the caller's to finish or park; the HTML is the bench's.
func (a *App) firstPage(rt *route, r *http.Request, s *session, p *page, bench *workbench) (*instance, *root, error) {
	in, root, err := a.mountAndRender(rt, r, *s, p, mountOptions{}, bench)
	if errors.Is(err, ErrSessionEnded) {
		*s = a.newSession()
		in, root, err = a.mountAndRender(rt, r, *s, p, mountOptions{}, bench)
	}
	var crash *panicked
	if errors.As(err, &crash) && rt.stores(nil) && !s.new {
		a.log.Error("a page panics, perhaps with what is stored: it starts from its defaults", "view", rt.viewType.name,
			"err", err, "stack", string(crash.stack))
		if in, root, err = a.mountAndRender(rt, r, *s, p, mountOptions{defaults: true}, bench); err == nil {
			in.socket.Flash("error", suspectText)
		}
	}
	if err == nil && in.stashed != nil && in.stashed.handle != nil {
		s.from = nil // its values have come over
	}
	return in, root, err
}

func (a *App) mountAndRender(rt *route, r *http.Request, s session, p *page, o mountOptions, bench *workbench) (*instance, *root, error) {
	in, err := a.mount(rt, r, s, p, o)
	if err != nil {
		return nil, nil, err
	}
	root, err := in.firstRender(bench)
	if err != nil {
		in.finish("not rendered")
		return nil, nil, err
	}
	return in, root, nil
}

type mountOptions struct {
	samePage bool // the page comes back: its own fields are recovered too
	defaults bool // stored values are suspect: neither recover nor save
	referer  string
}

// mount makes an instance and runs everything up to its first rendering. The caller owns it until it is parked or
// attached, or finishes it: messages wait until then.
func (a *App) mount(rt *route, r *http.Request, s session, p *page, o mountOptions) (_ *instance, err error) {
	in := &instance{app: a, typ: rt.viewType, route: rt, session: s, page: p,
		env: &env{nonce: p.nonce, locale: p.locale}, scheduled: true}
	in.key = diff.NewKey(p.key)
	in.ctx, in.cancel = context.WithCancel(context.WithValue(context.WithoutCancel(r.Context()), recordingKey{}, &in.recording))
	in.socket = Socket{in: in}
	in.request = slimRequest(r)
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, debug.Stack()}
			a.log.Error("panic while mounting", "view", rt.viewType.name, "err", err, "stack", string(err.(*panicked).stack))
		}
		if err != nil {
			in.mounting = false
			in.finish("not mounted")
		}
	}()
	if err := a.registry.admit(); err != nil {
		return nil, err
	}
	v, err := rt.factory(r)
	if err != nil {
		return nil, err
	}
	in.view = v
	in.value = reflect.ValueOf(v).Elem()
	in.mounting, in.defaults, in.referer = true, o.defaults, o.referer
	if in.recovery, err = in.recover(o.samePage); err != nil {
		return nil, err
	}
	if o.defaults {
		in.recovery.Status = Failed
	}
	if len(in.typ.children) > 0 {
		in.family = newFamily(in)
	}
	in.marks = make(assigns.Marks, len(rt.assigns.Fields()))
	in.scanFields(nil)
	if !rt.embedded {
		in.readQuery(r.URL, true)
		if u, _ := in.writeQuery(); u != nil {
			in.request.URL = u // it says what was recovered, too
		}
	}
	for _, hook := range rt.group.options.OnMount {
		if err := hook(in.ctx, &in.socket); err != nil {
			return nil, err
		}
	}
	in.mounted = true
	if m, ok := v.(Mounter); ok {
		if err := m.Mount(in.ctx, &in.socket); err != nil {
			return nil, err
		}
	}
	if h, ok := v.(ParamsHandler); ok {
		if err := h.Params(in.ctx, &in.socket, in.request.URL); err != nil {
			return nil, err
		}
	}
	if err := in.land(); err != nil {
		return nil, err
	}
	in.mounting = false
	in.note()
	return in, nil
}

// keptHeaders are the headers of a page's request that its factory can still read when the page is mounted again.
var keptHeaders = []string{"Cookie", "User-Agent", "Accept-Language", "Authorization", "X-Forwarded-For",
	"X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Forwarded", "Traceparent"}

// slimRequest returns a copy of r without what costs memory for as long as the page lives.
func slimRequest(r *http.Request) *http.Request {
	slim := new(http.Request)
	*slim = *r.WithContext(context.WithoutCancel(r.Context()))
	slim.Body, slim.GetBody, slim.Response = http.NoBody, nil, nil
	slim.Form, slim.PostForm, slim.MultipartForm = nil, nil, nil
	slim.Method = http.MethodGet
	slim.Header = http.Header{}
	for _, name := range keptHeaders {
		if v, ok := r.Header[name]; ok {
			slim.Header[name] = v
		}
	}
	return slim
}
