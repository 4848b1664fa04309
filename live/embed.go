package live

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live/internal/diff"
)

// Embedded is a view type to be put into pages that the app does not serve itself, made by [Embed].
type Embedded struct{ route *route }

// Embed registers the view V under a name, for pages of other handlers. Its sockets connect to [Options.SocketPath],
// which the foreign page's origin must serve; its Authorize and factory see the foreign page's request at first, and at
// later joins one with the same URL.
func Embed[V View](r Router, name string, factory func(*http.Request) (*V, error)) *Embedded {
	rt := newRoute(r.group(), "embed "+name, factory)
	rt.embedded = true
	return &Embedded{rt}
}

// Render mounts the view for a request and returns it as a component, to be rendered once into the answer. It sets the
// browser's session cookie, so it must be called before the answer's body is written. The page must load [Script].
func (e *Embedded) Render(w http.ResponseWriter, r *http.Request) (templ.Component, error) {
	a := e.route.group.app
	if err := e.route.group.authorize(r); err != nil {
		return nil, err
	}
	s, ok := a.sessionOf(r)
	if !ok {
		s = a.newSession()
	}
	asked := s
	a.present(r.Context(), &s)
	var bench workbench
	bench.tree = &diff.Tree{}
	in, root, err := a.firstPage(e.route, r, &s, a.newPage(e.route, r), &bench)
	if err != nil {
		return nil, fmt.Errorf("embed %s: %w", e.route.name, err)
	}
	a.keepCookie(w, r, asked, s)
	root.socket = a.options.SocketPath
	if r.Method == http.MethodHead || isPrefetch(r) {
		in.finish("nobody will connect")
	} else {
		a.registry.park(in, len(root.html))
	}
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error { return root.Render(ctx, w) }), nil
}

// serveEmbeddedSocket answers the sockets of embedded views.
func (a *App) serveEmbeddedSocket(w http.ResponseWriter, r *http.Request) {
	if !isUpgrade(r) {
		a.fail(w, r, &StatusError{Status: http.StatusUpgradeRequired})
		return
	}
	a.serveSocket(w, r, nil)
}
