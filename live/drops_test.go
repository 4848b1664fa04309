package live_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

// scripted is a view with several kinds of markup, whose events say what to do with it.
type scripted struct {
	Last  int    `stored:"session"` // the newest event applied
	Count int    `stored:"session"`
	Rows  []int  `stored:"reconnect"`
	Draft string `stored:"reconnect"`
	Text  string
	Class string
	book  *book
}

// book is where an app's scripted views write down what happened to them. Reading it is safe while nothing runs.
type book struct {
	applied []int          // events by number, of all instances
	drafts  map[int]string // as they were after an event
	rows    map[int][]int
	view    *scripted // the newest instance's
	socket  *live.Socket
	start   scripted // what it was mounted with
}

type (
	Step   struct{ N, Op, Arg int }
	Server struct{ Arg int }
)

func (*scripted) Events() []live.Handler {
	return []live.Handler{live.On((*scripted).Step), live.OnMessage((*scripted).Server)}
}

func (v *scripted) Mount(_ context.Context, s *live.Socket) error {
	v.book.view, v.book.socket, v.book.start = v, s, *v
	return nil
}

func (v *scripted) Step(_ context.Context, _ *live.Socket, e Step) error {
	v.Last, v.Count = e.N, v.Count+1
	random := rand.New(rand.NewPCG(uint64(e.Arg), 0))
	switch e.Op {
	case 0, 1: // grow
		v.Rows = slices.Insert(slices.Clone(v.Rows), random.IntN(len(v.Rows)+1), e.N)
	case 2: // shrink
		if n := len(v.Rows); n > 0 {
			from := random.IntN(n)
			v.Rows = slices.Delete(slices.Clone(v.Rows), from, min(n, from+1+random.IntN(3)))
		}
	case 3: // reorder
		v.Rows = slices.Clone(v.Rows)
		random.Shuffle(len(v.Rows), func(i, j int) { v.Rows[i], v.Rows[j] = v.Rows[j], v.Rows[i] })
	case 4:
		v.Draft = fmt.Sprintf("mine <%d>", e.N)
	case 5:
		v.Text = strings.Repeat(fmt.Sprint("text & ", e.N, " "), e.Arg%40)
	case 6:
		v.Class = []string{"", "a", "a b", `"`}[e.Arg%4]
	}
	if len(v.Rows) > 30 {
		v.Rows = slices.Clone(v.Rows[:10])
	}
	v.book.applied = append(v.book.applied, e.N)
	v.book.drafts[e.N], v.book.rows[e.N] = v.Draft, v.Rows
	return nil
}

func (v *scripted) Server(_ context.Context, _ *live.Socket, m Server) error {
	switch m.Arg % 3 {
	case 0:
		v.Text = fmt.Sprint("the server said ", m.Arg)
	case 1:
		v.Text, v.Class = "", ""
	case 2:
		v.Class = fmt.Sprint("c", m.Arg)
	}
	return nil
}

func (v scripted) Render() templ.Component {
	var b strings.Builder
	fmt.Fprintf(&b, `<h1>%d of %d</h1>`, v.Last, v.Count)
	if v.Class != "" {
		fmt.Fprintf(&b, `<hr class="%s"/>`, templ.EscapeString(v.Class))
	}
	fmt.Fprintf(&b, `<p title="%s">%s</p><!-- rows --><ul>`, templ.EscapeString(v.Class), templ.EscapeString(v.Text))
	for i, r := range v.Rows {
		fmt.Fprintf(&b, `<li id="r%d" data-odd="%t"><b>%d</b> row</li>`, r, i%2 == 1, r)
	}
	fmt.Fprintf(&b, `</ul><textarea>%s</textarea><input value="%s"/>`, templ.EscapeString(v.Draft), templ.EscapeString(v.Draft))
	return templ.Raw(b.String())
}

// drops is a random life of one page whose connection breaks again and again.
type drops struct {
	t      *testing.T
	random *rand.Rand
	browser,
	stranger *livetest.Browser
	page *visitor
	book *book
	apps []*live.App
	node int

	mayEnd   bool // instances may be gone when the page comes back
	slept    time.Duration
	answered int // the newest event that was, when the connection was lost
	checked  int // events applied, in their order
	log      []string

	lost, resumed, fresh, silent, thieves, inJoin int
}

// ServeHTTP is what is before several nodes.
func (d *drops) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.apps[d.node].ServeHTTP(w, r) }

func newDrops(t *testing.T, random *rand.Rand, nodes int) *drops {
	d := &drops{t: t, random: random, mayEnd: nodes > 1}
	d.book = &book{drafts: map[int]string{0: ""}, rows: map[int][]int{}}
	stash := live.NewMemory(64 << 20)
	for range nodes {
		app := newApp(func(o *live.Options) { o.Stash = stash })
		live.Handle(app, "GET /drops", func(r *http.Request) (*scripted, error) {
			if r.URL.RawQuery != "" {
				return &scripted{book: &book{drafts: map[int]string{}, rows: map[int][]int{}}}, nil
			}
			return &scripted{book: d.book}, nil
		})
		d.apps = append(d.apps, app)
	}
	for _, app := range d.apps[1:] {
		livetest.NewBrowser(t, app) // shuts it down
	}
	d.stranger = livetest.NewBrowser(t, d.apps[0]).Through(d)
	d.browser = livetest.NewBrowser(t, d.apps[0]).Through(d)
	d.page = newVisitor(t, d.browser, "/drops")
	return d
}

func (d *drops) fatalf(format string, args ...any) {
	d.t.Helper()
	d.t.Fatalf("after %s\n%s", strings.Join(d.log[max(0, len(d.log)-40):], " "), fmt.Sprintf(format, args...))
}

func (d *drops) note(format string, args ...any) { d.log = append(d.log, fmt.Sprintf(format, args...)) }

// round joins the page, checks it, lets something happen and loses the connection.
func (d *drops) round() {
	how, in, out := cut, int64(whole), int64(whole)
	if d.random.IntN(4) == 0 && d.slept < 25*time.Second && d.page.secret != "" {
		how = d.random.IntN(3)
		if d.random.IntN(2) == 0 {
			in = d.random.Int64N(600) // the answer, or what is sent again, is lost somewhere
		} else {
			out = d.random.Int64N(300) // the join is, or what is sent with it
		}
		d.note("join(%d,%d,%d)", how, in, out)
		d.inJoin++
	} else {
		d.note("join")
	}
	joined := d.page.connect(how, in, out)
	if joined {
		d.page.flush()
		synctest.Wait()
	}
	if in == whole && out == whole {
		if !joined {
			d.fatalf("the join is not answered")
		}
		d.check()
		d.happen()
	}
	d.lose()
}

// check compares the page, which has just been joined, with the server.
func (d *drops) check() {
	d.t.Helper()
	p, b := d.page, d.book
	switch how := p.join.How; {
	case how == wire.Mount && !d.mayEnd:
		d.fatalf("a fresh instance answers within the grace time")
	case how == wire.Mount:
		d.fresh++
		last := b.start.Last
		if last < d.answered || last > 0 && !slices.Contains(b.applied, last) {
			d.fatalf("the fresh instance knows event %d, want at least %d, which was answered", last, d.answered)
		}
		if b.start.Draft != b.drafts[last] || !slices.Equal(b.start.Rows, b.rows[last]) {
			d.fatalf("the fresh instance has draft %q and rows %v, want %q and %v", b.start.Draft, b.start.Rows, b.drafts[last], b.rows[last])
		}
		switch tag, sent := p.joined.Extra.Tag, p.joined.Extra.HTML != nil; {
		case tag == "" || sent == (tag == p.showed):
			d.fatalf("the page showed %q, the fresh instance %q, HTML sent: %t", p.showed, tag, sent)
		case !sent:
			d.silent++
		}
	case how == wire.Resume:
		d.resumed++
	}
	d.slept = 0
	d.same()
}

// same compares what the page shows with what the server's fields render, and the events made with those applied.
func (d *drops) same() {
	d.t.Helper()
	p, b := d.page, d.book
	var markup strings.Builder
	b.view.Render().Render(context.Background(), &markup)
	root := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, _ := html.ParseFragment(strings.NewReader(markup.String()), root)
	for _, n := range nodes {
		root.AppendChild(n)
	}
	if got, want := p.shows(), innerHTML(root); got != want {
		d.fatalf("the page shows\n%s, want\n%s", got, want)
	}
	for i := max(1, d.checked); i < len(b.applied); i++ {
		if b.applied[i] <= b.applied[i-1] {
			d.fatalf("event %d follows event %d", b.applied[i], b.applied[i-1])
		}
	}
	if n := len(b.applied); !d.mayEnd && n != p.newest || b.view.Count > n {
		d.fatalf("%d events applied, %d counted, %d made", n, b.view.Count, p.newest)
	}
	if len(p.waiting) > 0 || p.newest > 0 && p.ref > p.newest {
		d.fatalf("%d events wait, the newest is %d, answered %d", len(p.waiting), p.newest, p.ref)
	}
	if p.refusals > 0 {
		d.fatalf("%d events were refused", p.refusals)
	}
	d.checked = len(b.applied)
}

// happen lets the user and the server do something, the last of it over a line that breaks.
func (d *drops) happen() {
	p := d.page
	breaking := d.random.IntN(2) == 0
	steps := d.random.IntN(6)
	for i := range steps {
		if breaking && i == max(0, steps-3) {
			how, in, out := d.random.IntN(3), d.random.Int64N(400), d.random.Int64N(400)
			switch d.random.IntN(3) {
			case 0:
				in = whole
			case 1:
				out = whole
			}
			d.note("breaks(%d,%d,%d)", how, in, out)
			p.line.breaks(how, in, out)
		}
		switch act := d.random.IntN(12); act {
		default:
			d.event()
		case 6, 7:
			arg := d.random.IntN(1000)
			d.note("server%d", arg)
			d.book.socket.Send(Server{arg})
		case 8:
			d.note("k")
			p.write(fmt.Sprintf("[%d]", p.applied()))
		case 9:
			d.note("settle")
			synctest.Wait()
			if !breaking {
				d.same()
			}
		case 10:
			d.note("idle")
			p.write(fmt.Sprintf("[%d]", p.applied()))
			time.Sleep(12 * time.Second)
		case 11:
			if d.mayEnd && !breaking {
				d.steal()
			}
		}
	}
	if d.random.IntN(2) == 0 {
		synctest.Wait()
	}
}

func (d *drops) event() {
	op, arg := d.random.IntN(7), d.random.IntN(1000)
	d.page.event("Step", func(n int) any {
		d.note("e%d:%d", n, op)
		return Step{n, op, arg}
	})
}

// steal joins with the page's secrets, as somebody else.
func (d *drops) steal() {
	p := d.page
	p.write(`[0,"ping"]`) // the server must know that the newest secret has come
	synctest.Wait()
	secret := "AAAA" + p.secret
	b := d.browser
	switch n := len(p.secrets); d.random.IntN(3) {
	case 0:
		if n < 2 {
			return
		}
		secret = p.secrets[n-2-d.random.IntN(min(n-1, 5))]
	case 1:
		b, secret = d.stranger, p.secret
	}
	d.note("steal")
	d.thieves++
	thief := newVisitor(d.t, b, "/drops?other")
	thief.secret = secret
	if !thief.connect(cut, whole, whole) || thief.join.How == wire.Resume || thief.secret == p.secret {
		d.fatalf("a thief is answered %+v", thief.joined)
	}
	if strings.Contains(thief.shows(), "mine") {
		d.fatalf("a thief reads the draft: %s", thief.shows())
	}
	thief.ws.CloseNow()
	synctest.Wait()
	d.same()
}

// lose loses the connection, and lets time pass.
func (d *drops) lose() {
	p := d.page
	d.lost++
	old := p.ws
	switch d.random.IntN(4) {
	case 0: // the server does not notice yet
		p.line.breaks(1+d.random.IntN(2), 0, 0)
		p.offline()
		d.note("silence")
		time.AfterFunc(30*time.Second, func() { old.CloseNow() })
	default:
		p.offline()
		old.CloseNow()
		d.note("drop")
	}
	d.answered = p.ref
	for range d.random.IntN(3) - 1 {
		d.event() // offline
	}
	if d.book.socket != nil && d.random.IntN(3) == 0 {
		d.book.socket.Send(Server{d.random.IntN(1000)})
	}
	pause := []time.Duration{0, time.Millisecond, 100 * time.Millisecond, 3 * time.Second, 11 * time.Second}[d.random.IntN(5)]
	if d.mayEnd && d.random.IntN(3) == 0 {
		if d.random.IntN(2) == 0 {
			pause = 5 * time.Minute
		} else {
			d.node = (d.node + 1) % len(d.apps)
		}
	}
	d.note("%v@%d", pause, d.node)
	d.slept += pause
	time.Sleep(pause)
}

func (v *visitor) applied() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.k
}

// Wherever a connection breaks, the page that comes back shows what the server has, and each event was applied once.
func TestDrops(t *testing.T) {
	var lost, resumed, inJoin, events int
	for range 10 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDrops(t, rand.New(rand.NewPCG(seed, 0)), 1)
				for d.lost < 1000/raced {
					d.round()
				}
				lost, resumed, inJoin, events = lost+d.lost, resumed+d.resumed, inJoin+d.inJoin, events+d.page.newest
			})
		})
	}
	t.Logf("%d drops, %d of them while joining; %d resumes checked, %d events applied once each", lost, inJoin, resumed, events)
}

// The same, where the instance may be gone: the grace time is over, or another node answers.
func TestDropsOfPagesThatAreGone(t *testing.T) {
	var lost, resumed, fresh, silent, thieves int
	for range 10 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDrops(t, rand.New(rand.NewPCG(seed, 0)), 3)
				for d.lost < 300/raced {
					d.round()
				}
				lost, resumed, fresh, silent, thieves = lost+d.lost, resumed+d.resumed, fresh+d.fresh, silent+d.silent, thieves+d.thieves
			})
		})
	}
	t.Logf("%d drops: %d resumes, %d fresh instances, %d of which sent no HTML; %d foreign secrets refused", lost, resumed, fresh, silent, thieves)
	if silent == 0 || thieves == 0 {
		t.Error("too little happened")
	}
}
