package live

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/token"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// App serves views. It is an [http.Handler]; [App.Run] and [App.Serve] serve it and stop it in order.
type App struct {
	options Options
	limits  wire.Limits
	log     *slog.Logger
	ring    *token.Ring
	stash   Stash
	mux     *http.ServeMux
	handler http.Handler // the mux, in its middleware
	wrapped bool         // there is middleware
	root    Group
	topics  topics
	origin  *http.CrossOriginProtection

	routes map[string]*route // by name, for embedded views
	stored storedTypes
	report func(error) // what checks find; nil: no checks
	hushed bool        // messages of timers, topics, Send and Async reach nobody: see probe.Hush

	registry registry
}

// New returns an app. It starts nothing. It panics when the secrets are missing or too weak, or Origins is malformed.
func New(o Options) *App {
	o = o.withDefaults()
	a := &App{
		options: o, limits: o.limits(), log: o.Logger, stash: o.Stash, mux: http.NewServeMux(),
		origin: http.NewCrossOriginProtection(), routes: map[string]*route{},
	}
	a.root.app, a.handler = a, a.mux
	a.topics.init(a, o.Bus)
	a.registry.init(a)
	if a.stash == nil {
		a.stash = newMemory(memoryLimit)
	}
	if u, ok := a.stash.(BusUser); ok {
		u.UseBus(a.topics.bus)
	}
	if err := a.openRing(); err != nil {
		panic(fmt.Sprintf("live.New: %v", err))
	}
	for _, pattern := range o.Origins {
		if err := checkOriginPattern(pattern); err != nil {
			panic(fmt.Sprintf("live.New: %v", err))
		}
	}
	if o.Dev {
		a.report = func(err error) { a.log.Error("check failed", "err", err) }
	}
	a.serveAssets()
	a.mux.HandleFunc("GET "+o.SocketPath, a.serveEmbeddedSocket)
	a.mux.HandleFunc("GET "+sessionPath, a.serveSession)
	return a
}

// ExampleSecret is the secret that documentation shows. Outside development an app refuses to start with it.
const ExampleSecret = "an example secret, never for real use!"

func (a *App) openRing() error {
	secrets := a.options.Secrets
	if len(secrets) == 0 && a.options.Dev {
		secret := make([]byte, token.MinSecret)
		rand.Read(secret)
		secrets = [][]byte{secret}
	}
	if len(secrets) == 0 {
		return errors.New("Options.Secrets is empty: give at least one secret of 32 random bytes")
	}
	for i, s := range secrets {
		if !a.options.Dev && bytes.Equal(s, []byte(ExampleSecret)) {
			return fmt.Errorf("secret %d is the example from the documentation: make one of your own, outside version control", i+1)
		}
	}
	var err error
	a.ring, err = token.New(secrets...)
	return err
}

// Router is an [App] or a [Group] of one.
type Router interface{ group() *Group }

func (a *App) group() *Group { return &a.root }

// Group is a set of pages with one authorization and one layout.
type Group struct {
	app     *App
	options GroupOptions
}

// GroupOptions configure a [Group]; those not given are the app's.
type GroupOptions struct {
	// Authorize decides whether a request may have a page of this group. It is asked for each GET, each join of a
	// socket and each navigation inside one, and may block. nil allows it; the error is answered as [StatusError] and
	// [RedirectTo] say, one that is neither with 403.
	Authorize func(*http.Request) error
	// AuthorizeEvery is the time after which Authorize is asked again about a page that stays open, with what is kept of
	// its request. One that is not allowed any more is ended, and its browser asks for the page. Defaults to never.
	AuthorizeEvery time.Duration
	// OnMount hooks run in this order before a view's own Mount. An error ends the mount: later hooks and Mount do not
	// run. See [RedirectTo].
	OnMount []func(ctx context.Context, s *Socket) error
	// Layout is around the views.
	Layout Layout
	// Recorder is told what the group's pages do. Defaults to the app's; see also [Unrecorded].
	Recorder Recorder
}

// Group returns a group of pages.
func (a *App) Group(o GroupOptions) *Group { return &Group{app: a, options: o} }

func (g *Group) group() *Group { return g }

func (g *Group) authorize(r *http.Request) error {
	if g.options.Authorize == nil {
		return nil
	}
	err := g.ask(r)
	var redirect *redirection
	var status *StatusError
	if err != nil && !errors.As(err, &redirect) && !errors.As(err, &status) {
		err = &StatusError{Status: http.StatusForbidden, Err: err}
	}
	return err
}

// ask calls Authorize. One that panics allows nothing.
func (g *Group) ask(r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &StatusError{Status: http.StatusInternalServerError, Err: &panicked{v, debug.Stack()}}
			g.app.log.Error("panic in Authorize", "err", err, "stack", string(debug.Stack()))
		}
	}()
	return g.options.Authorize(r)
}

func (g *Group) layout() Layout {
	if g.options.Layout != nil {
		return g.options.Layout
	}
	return g.app.options.Layout
}

// route is where a view type is served.
type route struct {
	name  string // the pattern, or "embed NAME"
	group *Group
	*viewType
	factory  func(*http.Request) (any, error)
	embedded bool
}

// Handle serves the view V at a pattern of [http.ServeMux] that begins with "GET "; it also answers the HEAD, the POST
// of plain forms and the WebSocket of such a page. The factory makes a view with its defaults and dependencies; its
// error is answered as [StatusError] says.
//
// Handle panics, naming type and field, when V cannot be a view: an exported field that cannot be encoded, two events
// of one name, a bad stored tag.
func Handle[V View](r Router, pattern string, factory func(*http.Request) (*V, error)) {
	path, ok := strings.CutPrefix(pattern, "GET ")
	if !ok {
		panic(fmt.Sprintf("live.Handle: pattern %q does not begin with \"GET \"", pattern))
	}
	rt := newRoute(r.group(), pattern, factory)
	mux := r.group().app.mux
	mux.HandleFunc(pattern, rt.serveGET)
	mux.HandleFunc("POST "+path, rt.servePOST)
}

func newRoute[V View](g *Group, name string, factory func(*http.Request) (*V, error)) *route {
	t, err := typeOf[V]()
	if err != nil {
		panic(fmt.Sprintf("live: %s: %v", name, err))
	}
	if err := g.app.stored.add(t); err != nil {
		panic(fmt.Sprintf("live: %s: %v", name, err))
	}
	if _, ok := g.app.routes[name]; ok {
		panic(fmt.Sprintf("live: %s is registered twice", name))
	}
	rt := &route{name: name, group: g, viewType: t, factory: func(r *http.Request) (any, error) {
		v, err := factory(r)
		if err == nil && v == nil {
			err = fmt.Errorf("the factory of %s returned no view and no error", name)
		}
		return v, err
	}}
	g.app.routes[name] = rt
	return rt
}

// viewType is what is known of a view type once it is registered.
type viewType struct {
	typ      reflect.Type // the struct
	name     string
	assigns  *assigns.Type
	handlers handlers

	queries       []query
	stored        []stored
	storedName    string
	storedVersion int

	container Container
	component func(view any) templ.Component
	children  map[int]*childField // by the field
}

func typeOf[V View]() (*viewType, error) {
	typ := reflect.TypeFor[V]()
	if typ.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%v is not a struct", typ)
	}
	return newViewType(typ, func(view any) templ.Component { return (*view.(*V)).Render() }, map[reflect.Type]*viewType{})
}

// newViewType looks at a view type, and at those of the children that it may hold.
func newViewType(typ reflect.Type, component func(view any) templ.Component, known map[reflect.Type]*viewType) (*viewType, error) {
	t := &viewType{typ: typ, name: typ.String(), component: component}
	known[typ] = t
	var err error
	if t.assigns, err = assigns.Of(typ); err != nil {
		return nil, err
	}
	zero := reflect.New(typ).Interface()
	if e, ok := zero.(Eventful); ok {
		if t.handlers, err = index(typ, e.Events()); err != nil {
			return nil, err
		}
	}
	if err = t.storedFields(zero); err != nil {
		return nil, err
	}
	if t.queries, err = queryFields(typ); err != nil {
		return nil, err
	}
	t.container.Tag = "div"
	if c, ok := zero.(Contained); ok {
		t.container = c.Container()
		fill(&t.container.Tag, "div")
		if !elementName.MatchString(t.container.Tag) {
			return nil, fmt.Errorf("%v: Container: %q is no lower-case element name", typ, t.container.Tag)
		}
	}
	if err = t.childFields(known); err != nil {
		return nil, err
	}
	return t, nil
}

// clone returns a new view with the same exported fields.
func (t *viewType) clone(view any) (any, error) {
	v, err := t.assigns.Clone(reflect.ValueOf(view).Elem())
	if err != nil {
		return nil, err
	}
	return v.Addr().Interface(), nil
}

// Mountable is a handler that is made of pages of its own, such as the one of package replay: it registers them below a
// prefix that ends with a slash.
type Mountable interface {
	http.Handler
	MountOn(a *App, prefix string)
}

// Mount serves h under a path prefix that ends with a slash, which is stripped. A [Mountable] registers its pages instead.
func (a *App) Mount(prefix string, h http.Handler) {
	if m, ok := h.(Mountable); ok {
		m.MountOn(a, prefix)
		return
	}
	a.mux.Handle(prefix, http.StripPrefix(strings.TrimSuffix(prefix, "/"), h))
}

// ServeHTTP implements [http.Handler].
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.wrapped {
		// A navigation inside a socket passes the middleware again, and must not find in the context what it has put there.
		r = r.WithContext(context.WithValue(r.Context(), originKey{}, r.Context()))
	}
	a.handler.ServeHTTP(w, r)
}

// Wrap puts middleware around all that the app serves, sockets included: sessions of your own, logging, further routes.
// It must be called before the app serves anything. A ResponseWriter of the middleware must let
// [http.ResponseController] reach the one it wraps, or sockets cannot be opened. The outermost is the one added last.
//
// A navigation inside a socket passes through the middleware, too, as a GET whose answer nobody reads; what the
// middleware answers itself, instead of calling its next handler, the browser loads. So a guard in it holds everywhere.
func (a *App) Wrap(middleware func(http.Handler) http.Handler) {
	a.handler, a.wrapped = middleware(a.handler), true
}

// Run listens on addr and serves until ctx ends; see [App.Serve].
func (a *App) Run(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return a.Serve(ctx, l)
}

// Serve serves the app on l until ctx ends, then stops: no new pages, requests under way finish, every instance ends,
// browsers are told to come back, and the stash is closed, if it can be. It returns nil after a stop in order.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: a, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn)}
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { failed <- server.Serve(l) })
	defer wg.Wait()
	a.log.Info("listening", "url", "http://"+l.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := errors.Join(server.Shutdown(stop), a.Shutdown(stop))
	if s, ok := a.stash.(interface{ Close(context.Context) error }); ok {
		err = errors.Join(err, s.Close(stop))
	}
	return err
}

// newPageID returns the id of a page: random, unique among all nodes.
func newPageID() uuid.UUID { return uuid.New() }
