package live

import (
	"context"
	"net/http"
	"net/url"
)

// destination is what a URL of this app leads to.
type destination struct {
	route   *route // nil: no page of the app, or the middleware has answered itself
	request *http.Request
	err     error // of Authorize

	origin context.Context // what the request was made of, before any middleware
}

type (
	destinationKey struct{}
	originKey      struct{}
)

// routeOf returns the page that a URL belongs to, nil for none, without asking anything of the app.
func (a *App) routeOf(from *http.Request, u *url.URL) *route {
	_, pattern := a.mux.Handler(&http.Request{Method: http.MethodGet, URL: u, Host: from.Host})
	if rt := a.routes[pattern]; rt != nil && !rt.embedded {
		return rt
	}
	return nil
}

// find asks the app where a URL leads: a GET of it, with what is kept of the page's own request, goes through all
// middleware up to the page's route, which authorizes it and answers nothing. It may block.
func (a *App) find(from *http.Request, u *url.URL) *destination {
	if a.routeOf(from, u) == nil {
		return &destination{}
	}
	d := &destination{origin: from.Context()}
	if before, ok := d.origin.Value(destinationKey{}).(*destination); ok {
		d.origin = before.origin
	} else if origin, ok := d.origin.Value(originKey{}).(context.Context); ok {
		d.origin = context.WithoutCancel(origin)
	}
	r := from.Clone(context.WithValue(d.origin, destinationKey{}, d))
	plain := *u
	plain.Fragment, plain.RawFragment = "", ""
	r.URL, r.RequestURI, r.Body = &plain, plain.RequestURI(), http.NoBody
	a.handler.ServeHTTP(&unanswered{http.Header{}}, r)
	return d
}

// arrive notes where a request of find has come to. It reports whether r is one.
func (rt *route) arrive(r *http.Request) bool {
	d, ok := r.Context().Value(destinationKey{}).(*destination)
	if ok {
		d.route, d.request = rt, slimRequest(r)
		d.err = rt.group.authorize(r)
	}
	return ok
}

// unanswered takes the answer to a request whose asker reads none.
type unanswered struct{ header http.Header }

func (u *unanswered) Header() http.Header         { return u.header }
func (u *unanswered) Write(p []byte) (int, error) { return len(p), nil }
func (u *unanswered) WriteHeader(int)             {}
