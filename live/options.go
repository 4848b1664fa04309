package live

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Options configure an [App]. The zero value of each field means its default.
type Options struct {
	// Secrets authenticate cookies and page tokens, newest first; each has at least 32 bytes. Required, but in
	// development, where an app without any makes one up and pages do not survive a restart.
	Secrets [][]byte

	// Dev turns on what helps while developing: the checks of each rendering, errors shown in full.
	Dev bool

	// Stash keeps stored fields. Defaults to 64 MiB in this process, the least recently used forgotten first.
	Stash Stash

	// AttachTimeout is how long a page that is being mounted waits for its stored values before it is shown without
	// them, as unavailable. Defaults to 5 s.
	AttachTimeout time.Duration
	// GateTimeout is how long a [Gated] event, and a form posted without JavaScript, wait until their changes are
	// durable. Defaults to 10 s.
	GateTimeout time.Duration

	// Recorder is told what instances do, so that it can be seen again; see package replay. Defaults to none.
	Recorder Recorder

	// Bus carries topics between the nodes of an app. Defaults to one that reaches this process only.
	Bus Bus

	// Logger defaults to slog.Default().
	Logger *slog.Logger

	// Layout is around the views of groups that have none of their own. Defaults to [DefaultLayout].
	Layout Layout

	// Origins lists further origins whose pages may open sockets, as patterns of path.Match over `scheme://host`.
	// The page's own origin always may.
	Origins []string

	// SecureCookie marks the session cookie Secure even when the request came without TLS, as it does behind a
	// proxy that ends TLS.
	SecureCookie bool

	// SocketPath is where views embedded in foreign pages connect. Defaults to /_live/socket.
	SocketPath string

	// Nonce and Locale give a page its Content-Security-Policy nonce and locale, which Render reads with [Nonce] and
	// [Locale]. They are asked once per page load.
	Nonce  func(*http.Request) string
	Locale func(*http.Request) string

	// ParkFor is how long a page's instance waits for the browser's socket. Defaults to 10 s.
	ParkFor time.Duration
	// MaxParked and MaxParkedBytes bound the instances that wait; beyond, the oldest is ended, and its socket mounts
	// afresh. An instance counts 4 KiB and its HTML. Default to 4,096 and 64 MiB.
	MaxParked, MaxParkedBytes int

	// Grace is how long an instance waits for a browser whose connection was lost. Defaults to 60 s.
	Grace time.Duration
	// MaxDetached and MaxDetachedBytes bound the instances that wait, likewise. Default to 4,096 and 64 MiB.
	MaxDetached, MaxDetachedBytes int

	// IdleAfter is the quiet time after which an instance forgets the HTML it has sent. Defaults to 10 s.
	IdleAfter time.Duration

	// Silence is how long a socket may be silent before it is taken for dead; the client sends something at least
	// every 30 s. Defaults to 75 s.
	Silence time.Duration

	// WriteTimeout is how long a browser may take to accept a frame before its socket is closed, to be resumed.
	// Defaults to 30 s.
	WriteTimeout time.Duration

	// Mailbox is the most messages that wait for an instance. Beyond, events of the browser are read no further until
	// there is room, [Socket.Send] fails with [ErrMailboxFull], messages of topics are dropped and the view is told by
	// [Missed]; a page that no browser has come for yet is ended, to be mounted afresh. Timers and results of [Async] wait
	// besides. Defaults to 256.
	Mailbox int

	// TokenAge is how long a page token is good: a page left open and asleep for longer is loaded again. Defaults to
	// 14 days.
	TokenAge time.Duration

	// MaxFrame is the most bytes in one frame from a browser. Defaults to 128 KiB.
	MaxFrame int
	// MaxDepth is how deep JSON from a browser may nest. Defaults to 32.
	MaxDepth int
	// Events and Burst are the events a browser may send per second and at once; what goes beyond is refused visibly.
	// Default to 200 and 400.
	Events, Burst int
	// MaxForm is the most bytes in a form posted without JavaScript. Defaults to 1 MiB.
	MaxForm int64

	// Compression deflates frames over 512 bytes, each on its own. It costs CPU and is worth it on slow networks.
	Compression bool
}

func (o Options) withDefaults() Options {
	fill(&o.SocketPath, "/_live/socket")
	fill(&o.AttachTimeout, 5*time.Second)
	fill(&o.GateTimeout, 10*time.Second)
	fill(&o.ParkFor, 10*time.Second)
	fill(&o.MaxParked, 4096)
	fill(&o.MaxParkedBytes, 64<<20)
	fill(&o.Grace, time.Minute)
	fill(&o.MaxDetached, 4096)
	fill(&o.MaxDetachedBytes, 64<<20)
	fill(&o.IdleAfter, 10*time.Second)
	fill(&o.Silence, 75*time.Second)
	fill(&o.WriteTimeout, 30*time.Second)
	fill(&o.Mailbox, 256)
	fill(&o.TokenAge, 14*24*time.Hour)
	fill(&o.MaxForm, 1<<20)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Layout == nil {
		o.Layout = DefaultLayout
	}
	if o.Nonce == nil {
		o.Nonce = func(*http.Request) string { return "" }
	}
	if o.Locale == nil {
		o.Locale = func(*http.Request) string { return "" }
	}
	return o
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) limits() wire.Limits {
	return wire.Limits{Frame: o.MaxFrame, Depth: o.MaxDepth, Events: o.Events, Burst: o.Burst}.WithDefaults()
}
