package live

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/livelong-dev/livelong/live/internal/token"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// Socket is an instance's side of the connection to its browser. Views receive it in every call; it is the same for an
// instance's whole life. Its methods may be called only while a method of the view runs, by that goroutine, unless
// their comment says otherwise.
type Socket struct {
	in    *instance
	child *child // whose socket it is; nil: the page's view
}

// ErrEnded means that the instance has ended.
var ErrEnded = errors.New("the instance has ended")

// ErrMailboxFull means that as many messages wait for the instance as [Options.Mailbox] allows.
var ErrMailboxFull = errors.New("the instance's mailbox is full")

// Send hands the view whose socket it is a message, which its [OnMessage] handler for the message's type receives in a later
// turn. Any goroutine may call it, at any time; it does not block. Its errors are [ErrEnded] and [ErrMailboxFull], with which
// the message is dropped: as many wait as [Options.Mailbox] allows. A page that no browser has come for yet is ended then; its
// browser mounts it afresh. A message to a [Child] that is gone is dropped without an error.
func (s *Socket) Send(message any) error { return s.in.post1(userMessage{message, s.child, nil}) }

// After sends the view a message after d, unless stop is called or the view ends before: the page's with its instance, a
// [Child] with the turn that takes it away. A lost connection does not stop it. The message finds room in every mailbox, and
// is not handled any more when a handler calls stop while it waits.
func (s *Socket) After(d time.Duration, message any) (stop func()) {
	return s.in.startTimer(d, 0, s.child, userMessage{message, s.child, nil})
}

// Every is After for a message each d. Like the ticks of a [time.Ticker], those that come while the one before waits to be
// handled are left out.
func (s *Socket) Every(d time.Duration, message any) (stop func()) {
	return s.in.startTimer(d, d, s.child, userMessage{message, s.child, nil})
}

// Reply answers the event that is being handled: the promise of the client's push resolves to v, as JSON.
// Outside an event it does nothing.
func (s *Socket) Reply(v any) {
	if n := s.in.event; n > 0 {
		s.in.out.Reply = append(s.in.out.Reply, [2]any{n, v})
		s.in.urgent = true
	}
}

// Push dispatches an event named `live:NAME` on the browser's window, with v as its detail, as JSON.
func (s *Socket) Push(name string, v any) {
	s.in.out.Push = append(s.in.out.Push, [2]any{name, v})
	s.in.urgent = true
}

// Flash shows the user a sentence, in the layout's [FlashRegion]. The kind becomes a class: info, success, error.
func (s *Socket) Flash(kind, text string) {
	s.in.out.Flash = append(s.in.out.Flash, [2]any{kind, text})
	s.in.urgent = true
}

// Redirect makes the browser load another page: a path of this app, or an http or https URL. Anything else, such as a
// javascript: URL, is refused with an error. Of several calls of this, Patch and Navigate in one turn the last one counts.
// See [Socket.Navigate] for pages of this app.
func (s *Socket) Redirect(target string) error {
	if err := checkTarget(target); err != nil {
		return err
	}
	s.in.course = &course{away: target}
	return nil
}

// View returns the view, for hooks: a pointer to its struct.
func (s *Socket) View() any {
	view, _ := s.in.viewAt(s.child)
	return view
}

// Recovery says what became of the view's stored fields.
func (s *Socket) Recovery() Recovery { return s.in.recovery }

// URL returns the page's URL: path and query. The caller must not change it.
func (s *Socket) URL() *url.URL { return s.in.request.URL }

// PathValue returns the value of a wildcard of the pattern the page was registered with; empty without one, as in a
// view that is embedded in a foreign page.
func (s *Socket) PathValue(name string) string {
	if s.in.route.embedded {
		return "" // the foreign page's pattern is not ours
	}
	return s.in.request.PathValue(name)
}

// Request returns what is kept of the request that mounted the page: its URL, host, remote address and the headers
// Cookie, User-Agent, Accept-Language, Authorization, Forwarded, X-Forwarded-*, X-Request-Id and Traceparent.
func (s *Socket) Request() *http.Request { return s.in.request }

// ConnectParams returns what the client's `connect({params})` sent. It is known from Connected on; before, nil.
func (s *Socket) ConnectParams() map[string]string { return s.in.params }

// Reconnects counts how often the page has come back: 0 until its first connection was lost.
func (s *Socket) Reconnects() int { return s.in.reconnects }

// Outdated reports whether the page was loaded from another build, with another client: one that a deploy has left
// behind. It works as long as the two speak one protocol; a view may ask the user to load it again.
func (s *Socket) Outdated() bool { return s.in.page.client != clientVersion }

// Hook runs f before each event of the browser, after decoding. When f returns an error, neither later hooks nor the
// view's handler run; [ErrHalt] stops them without an error, and f may have called [Socket.Reply]. Detach removes the
// hook.
func (s *Socket) Hook(f func(ctx context.Context, s *Socket, event any) error) (detach func()) {
	h := &eventHook{f}
	s.in.hooks = append(s.in.hooks, h)
	return func() {
		// A copy: the hooks may be running.
		s.in.hooks = slices.DeleteFunc(slices.Clone(s.in.hooks), func(x *eventHook) bool { return x == h })
	}
}

type eventHook struct {
	f func(context.Context, *Socket, any) error
}

// ErrHalt stops the handling of an event without an error, see [Socket.Hook].
var ErrHalt = errors.New("halt")

// flashCookie carries flash messages over a redirect.
const flashCookie = "livelong_flash"

const flashAge = time.Minute

// giveFlash lets the next page show messages.
func (a *App) giveFlash(w http.ResponseWriter, r *http.Request, s session, messages []FlashMessage) {
	if len(messages) == 0 {
		return
	}
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Value: a.ring.Seal(token.Flash, encodeFlash(messages), s.id[:], time.Now().Add(flashAge)),
		Path: "/", MaxAge: int(flashAge.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: a.secure(r)})
}

// takeFlash returns the messages given before a redirect.
func (a *App) takeFlash(w http.ResponseWriter, r *http.Request, s session) []FlashMessage {
	cookie, err := r.Cookie(flashCookie)
	if err != nil || r.Method == http.MethodHead || isPrefetch(r) {
		return nil
	}
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	data, err := a.ring.Open(token.Flash, cookie.Value, s.id[:], time.Now())
	if err != nil {
		return nil
	}
	return decodeFlash(data)
}

// takeFlash returns the instance's messages that no frame has carried yet.
func (in *instance) takeFlash() []FlashMessage {
	var messages []FlashMessage
	for _, m := range in.out.Flash {
		kind, _ := m[0].(string)
		text, _ := m[1].(string)
		messages = append(messages, FlashMessage{kind, text})
	}
	in.out.Flash = nil
	return messages
}

// maxErrors bounds the errors of one frame: a mailbox of events may fail before the writer is ready.
const maxErrors = 256

// showError tells the user that event n (0: none) failed or was refused.
func (in *instance) showError(n int, text string) {
	if len(in.out.Error) < maxErrors && !slices.Contains(in.out.Error, [2]any{n, text}) {
		in.out.Error = append(in.out.Error, [2]any{n, text})
	}
	in.urgent = true
}

// clearOut forgets what the last frame has carried.
func (in *instance) clearOut() { in.out, in.urgent, in.redirect = wire.Extra{}, false, "" }
