package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live/internal/token"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Patch gives the page another URL of the same view, such as "?sort=cpu" or, where the pattern has a wildcard,
// "/hosts/8": once the method that is running has returned, [ParamsHandler] is called and the browser has a new history
// entry. Of several calls in one turn the last one counts. The URL's fields, see [Query], need no call: the framework
// patches the URL when they have changed.
//
// A URL of another host or view is refused with an error, and so is every one in a view that is embedded in a foreign
// page. While a page is being mounted by a GET, the answer is a redirect.
func (s *Socket) Patch(target string, options ...NavigationOption) error {
	in := s.in
	if in.route.embedded {
		return fmt.Errorf("patch to %q: the view is embedded, its page's URL is not its own", target)
	}
	u, err := sameOrigin(target, in.request.URL, in.request.Host)
	if err == nil && u == nil {
		err = errors.New("it is on another host")
	}
	if err == nil && in.app.routeOf(in.request, u) != in.route {
		err = fmt.Errorf("it does not lead to %s", in.route.name)
	}
	if err != nil {
		return fmt.Errorf("patch to %q: %w", target, err)
	}
	in.course = newCourse(u, options)
	return nil
}

// Navigate shows another page of the app, or this one afresh: once the method that is running has returned, the view at
// target is mounted over the same socket, and takes this one's place when it is ready. Flash messages go along. A page
// outside of this [Group], and every page in a view that is embedded in a foreign one, is loaded by the browser; one of
// another host is refused with an error, see [Socket.Redirect].
func (s *Socket) Navigate(target string, options ...NavigationOption) error {
	u, err := sameOrigin(target, s.in.request.URL, s.in.request.Host)
	if err == nil && u == nil {
		err = errors.New("it is on another host: use Redirect")
	}
	if err != nil {
		return fmt.Errorf("navigate to %q: %w", target, err)
	}
	s.in.course = newCourse(u, options)
	s.in.course.fresh = true
	return nil
}

// Referer returns the URL, path and query, of the page that this one was navigated from over the socket; otherwise what
// the browser's request says.
func (s *Socket) Referer() string {
	if s.in.referer != "" {
		return s.in.referer
	}
	return s.in.request.Header.Get("Referer")
}

// course is where a turn takes the page.
type course struct {
	url   *url.URL // path, query, fragment
	mode  string   // see wire.Visit
	fresh bool     // mount, even the same view
	event int      // that asked for it; 0: the server did
	away  string   // not empty: the browser is to load this, and url is nil
}

// leads reports whether it is a patch to u.
func (c *course) leads(u *url.URL) bool {
	return c != nil && c.away == "" && !c.fresh && c.url.String() == u.String()
}

func newCourse(u *url.URL, options []NavigationOption) *course {
	c := &course{url: u, mode: wire.Push}
	if slices.ContainsFunc(options, func(o NavigationOption) bool { return o.replace }) {
		c.mode = wire.Replace
	}
	return c
}

// maxURL bounds the bytes of a URL that a browser asks for.
const maxURL = 8 << 10

// visit decodes what a link, or the browser's back button, asks for.
func (in *instance) visit(value json.RawMessage, event int) error {
	refuse := func(why string) error { return &badEvent{errors.New("navigation: " + why)} }
	var v wire.Visit
	if err := json.Unmarshal(value, &v); err != nil {
		return refuse("want an object of to, mode and fresh")
	}
	if v.Mode != wire.Push && v.Mode != wire.Replace && v.Mode != wire.Pop {
		return refuse("the mode is push, replace or pop")
	}
	if len(v.To) > maxURL || len(v.To) == 0 || v.To[0] != '/' {
		return refuse("want a path of this app")
	}
	to, hash, _ := strings.Cut(v.To, "#")
	u, err := sameOrigin(to, in.request.URL, in.request.Host)
	if err != nil || u == nil {
		return refuse("want a path of this app")
	}
	// Browsers leave a lone percent sign in a hash alone.
	u.RawFragment = hash
	if u.Fragment, err = url.PathUnescape(hash); err != nil {
		u.Fragment = hash
	}
	in.course = &course{url: u, mode: v.Mode, fresh: v.Fresh, event: event}
	return nil
}

// maxHops bounds how often Params may patch the URL in one go.
const maxHops = 20

var errHops = errors.New("too many redirects")

const hopsText = "This page leads to itself again and again, so it was left where it is: too many redirects."

// travel takes the page where the turn has said, or to the URL that says what its fields do. It reports whether the
// instance has ended, or is to be ended by a crash.
func (in *instance) travel() (left bool, crash error) {
	start := in.request
	if in.redirect != "" {
		in.course = nil // the error of a method counts more
		return false, nil
	}
	for hops := 0; in.redirect == ""; hops++ {
		c := in.course
		in.course = nil
		if c == nil {
			u, push := in.writeQuery()
			if u == nil {
				return false, nil
			}
			c = &course{url: u, mode: wire.Replace}
			if push {
				c.mode = wire.Push
			}
		}
		if c.away != "" {
			in.load(c.away)
			return false, nil
		}
		if in.route.embedded {
			in.load(c.url.String()) // the document is another app's: no page of ours takes its place in it
			return false, nil
		}
		to := in.app.find(in.request, c.url)
		switch {
		case to.route == nil || to.route.group != in.route.group || to.err != nil && statusOf(to.err) < 500:
			in.load(c.url.String())
		case to.err != nil:
			in.fail(c.event, to.err)
		case to.route != in.route || c.fresh:
			return in.depart(c, to)
		default:
			if crash := in.patchTo(c, to, start, hops); crash != nil {
				return false, crash
			}
			continue
		}
		return false, nil
	}
	return false, nil
}

// load makes the browser load a page.
func (in *instance) load(target string) { in.redirect, in.out.To, in.urgent = target, target, true }

// carryFlash lets the page that the browser is about to load show the messages.
func (in *instance) carryFlash() {
	if in.out.To == "" {
		return
	}
	if flash := in.takeFlash(); len(flash) > 0 {
		in.out.Carry = in.app.ring.Seal(token.Flash, encodeFlash(flash), in.session.id[:], time.Now().Add(flashAge))
	}
}

// land takes a page that is being mounted to the URL that its Mount and Params ask for, and that its fields say.
func (in *instance) land() error {
	for hops := 0; ; hops++ {
		c := in.course
		in.course = nil
		switch u, _ := in.writeQuery(); {
		case c != nil && c.away != "":
			in.load(c.away)
			return nil
		case c != nil && c.fresh:
			in.load(c.url.String())
			return nil
		case c != nil:
			in.patched = true
		case u != nil:
			c = &course{url: u}
		default:
			return nil
		}
		if hops == maxHops {
			return &StatusError{Status: http.StatusLoopDetected, Err: &Error{Text: hopsText, Err: errHops}}
		}
		to := in.app.find(in.request, c.url)
		if to.err != nil {
			return to.err
		}
		if to.route != in.route {
			in.load(c.url.String())
			return nil
		}
		in.moveTo(to.request)
		in.readQuery(in.request.URL, false)
		if h, ok := in.view.(ParamsHandler); ok {
			if err := h.Params(in.ctx, &in.socket, in.request.URL); err != nil {
				return err
			}
		}
		if in.course.leads(c.url) {
			in.course = nil // it is there
		}
	}
}

// patchTo gives the page another URL of its view, or in the end leaves it at the one it started from. What Params asks
// for is in in.course afterwards.
func (in *instance) patchTo(c *course, to *destination, start *http.Request, hops int) (crash error) {
	in.moveTo(to.request)
	in.readQuery(in.request.URL, false)
	var err error
	if h, ok := in.view.(ParamsHandler); ok {
		err, crash = in.guard(func() error { return h.Params(in.ctx, &in.socket, in.request.URL) })
	}
	if crash != nil {
		return crash
	}
	if err == nil && in.course.leads(c.url) {
		in.course = nil // it is there
	}
	if err == nil && in.course != nil && in.course.away != "" {
		in.load(in.course.away)
		in.course = nil
	}
	if u, _ := in.writeQuery(); err == nil && (in.course != nil || u != nil) {
		if hops+1 < maxHops {
			if in.course == nil {
				in.course = &course{url: u}
			}
			in.course.event = c.event
			if in.course.mode = c.mode; c.mode == wire.Pop {
				in.course.mode = wire.Replace
			}
			return nil
		}
		err = &Error{Text: hopsText, Err: errHops}
	}
	if redirect, ok := errors.AsType[*redirection](err); ok {
		in.load(redirect.target)
		return nil
	}
	if err != nil {
		in.course = nil
		in.moveTo(start)
		in.readQuery(start.URL, false)
		if hopeless := c.mode == wire.Pop && !errors.Is(err, errHops); hopeless || statusOf(err) < 500 {
			in.load(c.url.String()) // as an answer to a GET the user sees what is wrong
			return nil
		}
		in.fail(c.event, err)
		return nil
	}
	in.tellURL(c)
	return nil
}

// moveTo makes another request the page's own.
func (in *instance) moveTo(to *http.Request) {
	r := &in.app.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	if was := in.request.URL.EscapedPath(); was != to.URL.EscapedPath() && r.instances[in.page.id] == in {
		r.depart(in, departure{in.page.id, in.attach, in.route, was})
	}
	in.request = to
}

// tellURL lets the browser know that the page has the URL of a course.
func (in *instance) tellURL(c *course) {
	op := [3]any{c.url.String(), c.mode, c.event}
	if n := len(in.out.URL); n > 0 && c.event == 0 && (c.mode == wire.Replace || n >= maxURLs) {
		// What waits for a browser is merged.
		last := &in.out.URL[n-1]
		last[0] = op[0]
	} else {
		in.out.URL = append(in.out.URL, op)
	}
	in.retoken()
	in.shown, in.urgent = in.request.URL.RequestURI(), true
}

// maxURLs bounds the history entries that the server makes while a browser does not read.
const maxURLs = 32

// retoken gives the page a token for its path, when the browser's is for another one.
func (in *instance) retoken() {
	if path, _, _ := strings.Cut(in.shown, "?"); path == in.request.URL.EscapedPath() {
		return
	}
	p := *in.page
	p.url = in.request.URL.RequestURI()
	in.out.Token = in.app.sealPage(&p, in.session)
}

// correctURL tells a browser that has joined at another URL which one its page has.
func (in *instance) correctURL() {
	if in.route.embedded || in.shown == in.request.URL.RequestURI() {
		return
	}
	in.tellURL(&course{url: in.request.URL, mode: wire.Replace})
}

// depart mounts another page and lets it take the place of this one, which stays as it is when that fails.
func (in *instance) depart(c *course, to *destination) (left bool, crash error) {
	in.mu.Lock()
	attached, behind := in.conn != nil, len(in.left)
	in.mu.Unlock()
	if behind >= maxDepartures {
		in.fail(c.event, &Error{Text: hopsText, Err: errHops}) // the browser has not shown any of the last pages yet
		return false, nil
	}
	if !attached {
		in.course = c // the browser is taken along when it comes back
		return false, nil
	}
	in.changed()
	if err := in.flush(); err != nil {
		return false, err
	}
	known := in.session
	known.new = false // by now it may have stored something
	p := in.app.newPage(to.route, to.request)
	p.nonce, p.locale, p.client = in.page.nonce, in.page.locale, in.page.client // the document stays
	next, err := in.app.mountFirst(to, known, p, in.request.URL.RequestURI())
	redirect, panics := (*redirection)(nil), (*panicked)(nil)
	switch {
	case errors.Is(err, ErrSessionEnded):
		in.sendAway(err)
		return true, nil
	case errors.As(err, &redirect):
		in.load(redirect.target)
		return false, nil
	case err != nil && (statusOf(err) < 500 || c.mode == wire.Pop || errors.As(err, &panics) && to.route.stores(nil)):
		// The answer to a GET says what is wrong, and can do without what is stored.
		in.load(c.url.String())
		return false, nil
	case err != nil:
		in.fail(c.event, err)
		return false, nil
	}
	next.params, next.viewport, next.visits = in.params, in.viewport, in.visits+1
	next.out.Flash = append(in.out.Flash, next.out.Flash...)
	next.out.Push, next.out.Error = in.out.Push, in.out.Error
	next.arrival = c
	next.shown = next.request.URL.RequestURI()
	in.endTurn()
	in.app.registry.succeed(in, next)
	return true, nil
}

// mountFirst mounts a page and renders it, as its browser is still at another one.
func (a *App) mountFirst(to *destination, s session, p *page, referer string) (*instance, error) {
	next, err := a.mount(to.route, to.request, s, p, mountOptions{referer: referer})
	if err != nil {
		return nil, err
	}
	if next.redirect != "" {
		next.finish("it leads elsewhere")
		return nil, &redirection{next.redirect}
	}
	if err := next.renderFirst(); err != nil {
		next.finish("not rendered")
		return nil, err
	}
	return next, nil
}

// renderFirst renders the page's first state and keeps it until it is shown.
func (in *instance) renderFirst() error {
	bench := workbenches.Get().(*workbench)
	defer workbenches.Put(bench)
	b, err := in.firstRender(bench)
	if err != nil {
		return err
	}
	in.first = &root{in: in, html: slices.Clone(b.html), tag: b.tag}
	bench.tree.HTML = b.html
	return nil
}

// arrived puts the whole page into the answer that takes the browser to it.
func (in *instance) arrived(extra *wire.Extra) error {
	if in.first == nil {
		if err := in.renderFirst(); err != nil {
			return err
		}
	}
	in.page.url = in.request.URL.RequestURI() // Params may have corrected it, and the token is for its path
	var out sink
	err := in.first.Render(in.env.context(), &out)
	in.first = nil
	if err != nil {
		return err
	}
	in.dirty = false
	in.stash()
	in.shown = in.request.URL.RequestURI()
	html, title := string(out.b), in.title
	extra.HTML, extra.Title = &html, &title
	extra.Flash, extra.Push, extra.Error = in.out.Flash, in.out.Push, in.out.Error
	in.out.Flash, in.out.Push, in.out.Error = nil, nil, nil
	if in.hasTag {
		shape := in.shape
		extra.Shape = &shape
	}
	u := *in.request.URL
	u.Fragment, u.RawFragment = in.arrival.url.Fragment, in.arrival.url.RawFragment
	extra.URL = [][3]any{{u.String(), in.arrival.mode, in.arrival.event}}
	return nil
}
