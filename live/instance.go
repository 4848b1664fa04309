package live

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/diff"
	"github.com/livelong-dev/livelong/live/internal/wire"
)

// instance is a mounted view.
//
// It has a mailbox and a scheduled flag. The first message starts a runner, a goroutine that handles the messages one
// by one, clears the flag and ends; the fields in the second block belong to the runner. When the mailbox is empty and
// something is to be sent, the runner renders, gives up its ownership and becomes the writer: messages that arrive
// while it writes get a new runner, which handles them and leaves their rendering to the writer, when it is done. So
// an idle page has no goroutine but its connection's reader, and a slow browser merges patches instead of queueing them.
type instance struct {
	app     *App
	route   *route
	typ     *viewType
	session session
	page    *page
	env     *env
	key     diff.Key
	ctx     context.Context
	cancel  context.CancelFunc

	mu        sync.Mutex
	mailbox   []message
	single    [1]message // where a message waits that waits alone
	room      *sync.Cond // made by the reader that has to wait for room in the mailbox
	scheduled bool       // a runner owns the instance
	writing   bool       // a former runner writes frames
	ending    bool       // asked to end: no browser gets it any more
	ended     bool
	parked    bool
	notified  bool          // a newsMessage waits
	pending   bool          // something is to be rendered or sent
	conn      *connection   // nil: parked or detached
	frames    [][]byte      // to be written
	kept      [][]byte      // sent or to be sent, and not confirmed
	keptBytes int           // of kept
	lost      bool          // kept was given up: only a resync can resume
	heard     bool          // the browser has the answer to its last join
	unheard   bool          // the newest attach was answered as a mount, and no later one heard of
	deaf      bool          // events come from the page before: see wire.Joined
	left      []departure   // the pages it was navigated from, as long as the browser may show one of them
	unasked   bool          // that mount followed a crash: what the connection has heard says nothing of it
	size      int           // bytes of the tree last sent
	count     int           // frames down since the mount
	confirmed int           // of these, those the browser has applied
	received  int           // the newest event's number
	attach    int64         // the number of attaches
	timer     *time.Timer   // see lifecycle.go
	due       time.Time     // when the timer fires; zero: it is not running
	until     time.Time     // when waiting for a browser ends
	active    time.Time     // when the last runner started
	awake     bool          // a message came since the tree was dropped
	waiting   *list.Element // in the registry, while parked or detached
	busySince time.Time     // since when the writer has not been ready
	proof     time.Time     // when what is unsaved must be proved at the latest; zero: nothing is
	cost      int           // what the instance counts there
	timers    map[*timer]struct{}
	subs      map[*subscription]struct{}
	sent      []chan sent // tests that wait until what they have sent is shown

	view       any           // a pointer to the struct
	value      reflect.Value // the struct
	request    *http.Request
	socket     Socket
	recovery   Recovery
	params     map[string]string
	reconnects int
	hooks      []*eventHook
	mounting   bool // Mount and what is before it are running
	mounted    bool // Mount was called, so Unmount must be
	defaults   bool // it was mounted with its defaults, and stored fields are not written: see crash
	stashed    *stashed
	marks      assigns.Marks
	dirty      bool       // fields differ from those last rendered
	tree       *diff.Tree // as last sent; nil: dropped
	parts      []part     // of its HTML
	family     *family    // nil: the view has no fields for children
	stale      bool       // the view's own template must run, not only those of children
	only       *child     // the turn was this child's alone
	loaded     *child     // the turn has brought a result for it
	orphans    bool       // children may be gone: see endOrphans
	emitted    []emission
	touched    []*child // of these it is known how they were when they rendered last
	putBack    int      // how often a child was put back
	tag        uint64   // content tag of the tree that was dropped
	shape      uint32   // its shape
	hasTag     bool
	resync     bool // the next frame carries the whole HTML
	htmlMode   bool // every frame does
	since      int  // the newest event received when it was mounted
	answered   int  // the newest event handled
	event      int  // the number of the event that is being handled
	out        wire.Extra
	urgent     bool // out must be sent even if nothing changed
	title      string
	redirect   string  // the browser is to load this
	course     *course // where the turn takes the page
	patched    bool    // while mounting, the page has asked for another URL
	jobs       map[any]*job
	first      *root     // rendered, to be shown by the attach that is on its way
	arrival    *course   // by which it was navigated to
	shown      string    // path and query that the browser has been told, or has joined with
	referer    string    // path and query of the page before
	visits     int       // navigations of this tab
	rec        *recorded // nil: not recorded
	recording  atomic.Pointer[recorded]
	recorder   *Recorder // set by Socket.Record
	unrecorded bool      // it is not to be recorded, or not any more
	crashedBy  RecordedEnd
	viewport   [3]float64
	attachedAt time.Time // when the first browser came
	rechecked  bool      // see GroupOptions.AuthorizeEvery
	crashed    time.Time // when the instance before it crashed; zero: none did
}

// message is what a mailbox holds.
type message interface{}

type (
	userMessage struct {
		value any
		to    *child        // nil: the page's view
		from  *subscription // of the topic it comes from; nil: it was sent to this view alone
	}
	eventMessage struct {
		up      wire.Up
		refused string // not empty: it is only answered, with this text
	}
	attachMessage struct {
		conn *connection
		how  wire.How
		join wire.Options
		at   string // path and query that the browser shows
		same bool   // the browser cannot have received the attach before: this one takes its number
	}
	controlMessage struct{ kind wire.Kind }
	tickMessage    struct{}
	proofMessage   struct{} // the writer was too slow to prove what is unsaved
	endMessage     struct{ why string }
)

func (in *instance) log() *slog.Logger { return in.app.log.With("view", in.typ.name) }

// post1 puts a message from the server into the mailbox.
func (in *instance) post1(m message) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended {
		return ErrEnded
	}
	if in.app.hushed && fromApp(m) {
		return nil
	}
	if _, ok := m.(userMessage); ok && in.full() {
		return ErrMailboxFull
	}
	in.push(m)
	return nil
}

// full reports whether there is no room for messages that anybody may send, however many. The caller holds mu.
func (in *instance) full() bool {
	if len(in.mailbox) < in.app.options.Mailbox {
		return false
	}
	if in.parked {
		in.endSoon("its mailbox was full before a browser came") // nobody may ever come; the browser's socket mounts afresh
	}
	return true
}

// push appends a message and starts a runner where none is. The caller holds mu.
func (in *instance) push(m message) {
	if in.queue(m); !in.scheduled && !in.parked {
		in.start()
	}
}

// queue appends a message. The caller holds mu.
func (in *instance) queue(m message) {
	if in.mailbox == nil {
		in.mailbox = in.single[:0]
	}
	in.mailbox = append(in.mailbox, m)
}

// postEvent puts an event of the browser into the mailbox, and waits while that is full.
func (in *instance) postEvent(c *connection, up wire.Up, refused string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waitForRoom(c)
	switch {
	case in.conn != c && !in.ended:
		return nil // another connection has resumed the page, and will be sent the event
	case up.N <= in.received:
		return nil // sent again on resume, and received before
	case up.N > in.received+1:
		return &wire.FrameError{Reason: fmt.Sprintf("event %d follows event %d", up.N, in.received)}
	}
	in.received = up.N
	if !in.ended && !in.deaf {
		in.push(eventMessage{up, refused})
	}
	return nil
}

// waitForRoom blocks a connection's reader while the mailbox is full. The caller holds mu, which is released meanwhile.
func (in *instance) waitForRoom(c *connection) {
	for len(in.mailbox) >= in.app.options.Mailbox && !in.ended && in.conn == c {
		if in.room == nil {
			in.room = sync.NewCond(&in.mu)
		}
		in.room.Wait()
	}
}

// work handles messages until there are none, then sends what they changed. The instance is scheduled.
func (in *instance) work() {
	defer in.app.registry.runners.Done()
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		if len(in.mailbox) > 0 {
			if m := in.open(); m != nil && !in.ended {
				in.mu.Unlock()
				changed := in.turn(m)
				in.mu.Lock()
				if changed && !in.pending {
					in.pending = true
					in.busySince = time.Now()
				}
			}
			continue
		}
		in.mailbox, in.single[0] = nil, nil
		if in.ended || in.conn == nil || in.writing || !in.pending && len(in.frames) == 0 {
			if in.ended || in.conn == nil || !in.writing {
				in.answerSent()
			}
			break
		}
		conn := in.conn
		in.writing = true
		if in.pending {
			in.pending = false
			in.mu.Unlock()
			in.update() // still the owner
			in.mu.Lock()
		}
		if in.scheduled = false; len(in.mailbox) > 0 {
			in.start()
		}
		in.write(conn)
		in.writing = false
		if in.scheduled {
			return // the other runner finds what is left to send
		}
		in.scheduled = true
	}
	in.scheduled = false
	in.arm()
}

// open takes the next message out of the mailbox; nil when nobody wants it any more. The caller holds mu.
func (in *instance) open() message {
	m := in.mailbox[0]
	in.mailbox[0] = nil
	in.mailbox = in.mailbox[1:]
	if in.room != nil {
		in.room.Broadcast()
	}
	switch m := m.(type) {
	case userMessage:
		if m.from != nil && m.from.over {
			return nil
		}
	case interface{ open() message }:
		return m.open()
	}
	return m
}

// write sends all frames. The caller holds mu, which is released meanwhile.
func (in *instance) write(conn *connection) {
	for len(in.frames) > 0 && in.conn == conn {
		frames := in.frames
		in.frames = nil
		in.mu.Unlock()
		var err error
		for _, f := range frames {
			if err = conn.write(in, f); err != nil {
				conn.transport.drop() // the reader notices and detaches
				break
			}
		}
		in.mu.Lock()
		if err != nil {
			return
		}
	}
}

// turn handles one message and reports whether something is to be sent. Afterwards everything it changed has left the
// instance, or waits for its rendering to be proved.
func (in *instance) turn(m message) (send bool) {
	defer in.catch()
	switch m := m.(type) {
	case endMessage:
		defer in.finish(m.why)
		if in.attach > 0 {
			if err := in.flush(); err != nil {
				in.log().Error("the last changes cannot be rendered and are not stashed", "err", err)
			}
		}
		return false
	case proofMessage:
		if err := in.flush(); err != nil {
			in.crash(err)
			return false
		}
		return in.urgent || in.saveChanged()
	case newsMessage:
		return in.hear()
	case recheckMessage:
		in.recheck()
		return false
	case tickMessage:
		return in.tick()
	case controlMessage:
		in.resync = true
		if m.kind == wire.HTML {
			in.sendWhole()
		}
		return true
	case attachMessage:
		in.mu.Lock()
		gone := in.conn != m.conn
		in.mu.Unlock()
		if gone {
			return false // the connection is lost already, or the browser has come by another one
		}
		if err := in.attached(m); err != nil {
			in.crash(err)
			return false
		}
		if _, ok := in.view.(Connector); !ok && in.course == nil {
			if in.rec != nil {
				in.beginTurn(turnOf(m))
				in.endTurn()
			}
			return in.dirty || in.resync || in.urgent || in.saveChanged()
		}
	}
	if m, ok := m.(injectMessage); ok {
		defer m.answer(in)
	}
	err, crash := in.guard(func() error {
		in.wake()
		in.beginTurn(turnOf(m))
		switch m := m.(type) {
		case attachMessage:
			if c, ok := in.view.(Connector); ok {
				return c.Connected(in.ctx, &in.socket)
			}
			return nil
		case eventMessage:
			in.event = m.up.N
			defer func() { in.event, in.answered = 0, max(in.answered, m.up.N) }()
			send = true // an event is always answered
			if m.refused != "" {
				return &badEvent{errors.New(m.refused)}
			}
			return in.handle(m.up)
		case userMessage:
			return in.receive(m)
		case asyncMessage:
			in.finishJob(m)
		case injectMessage:
			return in.takeAgain(m)
		}
		return nil
	})
	n := 0
	if m, ok := m.(eventMessage); ok {
		n = m.up.N
	}
	if crash != nil && in.only != nil && in.restore(&childFailed{in.only, crash}, false) {
		if again, ok := m.(injectMessage); ok {
			again.result.Failed = crash
		}
		crash, err = nil, nil
	}
	if failed, ok := errors.AsType[*unrendered](err); ok && crash == nil {
		crash = failed.err
	}
	if crash != nil {
		in.crash(crash)
		return false
	}
	if failed, ok := errors.AsType[*ungated](err); ok {
		in.retreat(failed.err)
		return false
	}
	if err != nil && !errors.Is(err, ErrHalt) {
		in.failTurn(err)
		in.fail(n, err)
	}
	if !in.conclude() {
		return false
	}
	return send || in.dirty || in.resync || in.urgent || in.saveChanged()
}

// conclude takes the page where the turn has said, and notes what it has changed. It reports whether the instance goes on.
func (in *instance) conclude() (goesOn bool) {
	left, crash := in.travel()
	if crash != nil {
		in.crash(crash)
	}
	if left || crash != nil {
		return false
	}
	in.changed()
	in.endOrphans()
	in.only, in.loaded = nil, nil
	in.endTurn()
	return true
}

// catch ends the instance when the app panics where nothing guards it: in a field's MarshalJSON, a Title, a Stash.
func (in *instance) catch() {
	if v := recover(); v != nil {
		in.crash(&panicked{v, debug.Stack()})
	}
}

// guard runs f, which calls the app's code, and turns a panic into crash.
func (in *instance) guard(f func() error) (err error, crash error) {
	defer func() {
		if v := recover(); v != nil {
			crash = &panicked{v, debug.Stack()}
		}
	}()
	return f(), nil
}
