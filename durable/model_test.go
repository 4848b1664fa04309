package durable_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

// model lets tabs on several nodes do whatever tabs do with one session, under faults, and knows what may be stored then.
//
// It acts one step after the other, and numbers them. A write is before another if it was seen to be acknowledged before
// the other began, or if the same tab made it earlier; else their order is not known.
type model struct {
	t       *testing.T
	random  *rand.Rand
	bucket  *durabletest.Memory
	bus     *bus // nil: nodes do not hear of each other
	nodes   []*node
	session live.StashSession // as nodes know it that are started next
	tabs    []*tab
	pages   []string // that were ever open
	now     int
	writes  map[string][]*written
	adds    []*written
	did     map[string]int
	forget  bool     // the control: stores forget their write ids
	trace   []string // what was done
	wrong   []string
}

type node struct {
	session live.StashSession // as its secrets make it
	faulty  *durabletest.Faulty
	store   *durable.Store
	away    bool
	restart func() *durable.Store
}

type tab struct {
	*page
	node    *node
	view    string
	zombie  int  // since when it may not write any more; 0: it may
	doubt   bool // a tab that replaces it could not be told whether it has
	waiting []*written
}

// written is a value that was written, or a delete, which writes nothing.
type written struct {
	value        string
	by           *tab
	n            uint64
	start, acked int
	refused      bool
}

func (w *written) before(other *written) bool {
	return w.acked > 0 && w.acked < other.start || w.by == other.by && w.n < other.n
}

// late reports whether w was begun by a tab that had been replaced.
func (w *written) late() bool { return w.by.zombie > 0 && w.by.zombie < w.start }

func newModel(t *testing.T, seed uint64, forget bool) *model {
	m := &model{t: t, forget: forget, random: rand.New(rand.NewPCG(seed, 3)), bucket: durabletest.NewMemory(), writes: map[string][]*written{}, did: map[string]int{}}
	m.bucket.Latency = 3 * time.Millisecond
	m.session = ids("old")
	if m.random.IntN(2) == 0 {
		m.bus = &bus{subs: map[string]map[int]func([]byte){}}
	}
	for i := range 3 {
		n := &node{faulty: durabletest.NewFaulty(m.bucket, durabletest.FaultyOptions{Seed: seed*8 + uint64(i) + 1})}
		n.restart = func() *durable.Store {
			n.faulty.SetRates(nil)
			n.faulty.Partition(durabletest.None)
			n.away, n.session = false, m.session
			st := openUnclosed(t, n.faulty, func(o *durable.Options) {
				o.IdleAfter = []time.Duration{time.Millisecond, 40 * time.Millisecond, time.Minute}[m.random.IntN(3)]
				o.CommitEvery = []time.Duration{-1, 20 * time.Millisecond}[m.random.IntN(2)]
				o.RequestTimeout, o.FlushTimeout = 500*time.Millisecond, 5*time.Second
			})
			t.Cleanup(func() { st.Close(context.Background()) })
			if m.forget {
				st.ForgetWriteIDs()
			}
			if m.bus != nil {
				st.UseBus(m.bus)
			}
			n.faulty.SetRates(map[durabletest.Fault]float64{durabletest.NotSent: .04, durabletest.AnswerLost: .06,
				durabletest.Late: .06, durabletest.Unavailable: .04, durabletest.Slow: .04})
			return st
		}
		n.store = n.restart()
		m.nodes = append(m.nodes, n)
	}
	return m
}

// path is where a key lies.
func (p *tab) path(k live.StoredKey) string {
	return []string{"view." + p.view, "draft." + p.id, "shared"}[k.Scope] + "." + k.Name
}

func (m *model) tell(format string, args ...any) {
	m.trace = append(m.trace, fmt.Sprintf("%d: ", m.now)+fmt.Sprintf(format, args...))
}

func (m *model) bad(format string, args ...any) {
	m.tell(format, args...)
	m.wrong = append(m.wrong, m.trace[len(m.trace)-1])
}

func pick[T any](m *model, all []T) T { return all[m.random.IntN(len(all))] }

// step does one thing.
func (m *model) step() {
	m.now++
	what := pick(m, []string{"attach", "back", "put", "put", "put", "delete", "add", "commit", "reset", "flush", "close",
		"sleep", "sleep", "pause", "away", "restart"})
	if len(m.tabs) == 0 {
		what = "attach"
	}
	m.did[what]++
	var p *tab
	if len(m.tabs) > 0 {
		p = pick(m, m.tabs)
	}
	switch what {
	case "attach":
		if len(m.tabs) < 6 {
			m.attach("")
		}
	case "back":
		m.attach(pick(m, m.pages))
	case "put", "delete", "add":
		m.write(p, what)
	case "commit":
		m.commit(p)
	case "reset":
		if m.random.IntN(3) == 0 {
			m.reset(p)
		}
	case "flush":
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(m.random.IntN(300))*time.Millisecond)
		p.handle.Flush(ctx)
		cancel()
	case "close":
		m.drop(p)
	case "sleep":
		time.Sleep(time.Duration(m.random.IntN(60)) * time.Millisecond)
	case "pause":
		time.Sleep(time.Duration(m.random.IntN(3000)) * time.Millisecond)
	case "away":
		n := pick(m, m.nodes)
		m.tell("node %d: away %v", slices.Index(m.nodes, n), !n.away)
		if n.away = !n.away; n.away {
			n.faulty.Partition(pick(m, []durabletest.Fault{durabletest.Unavailable, durabletest.Hang}))
		} else {
			n.faulty.Partition(durabletest.None)
		}
	case "restart":
		if m.random.IntN(4) == 0 {
			m.restart(pick(m, m.nodes))
		}
	}
	m.look()
}

// look notes what is acknowledged.
func (m *model) look() {
	m.now++
	for _, p := range m.tabs {
		m.lookAt(p)
	}
}

func (m *model) lookAt(p *tab) {
	p.take()
	p.waiting = slices.DeleteFunc(p.waiting, func(w *written) bool {
		if w.n <= p.saved && w.acked == 0 {
			w.acked = m.now
		}
		return w.acked > 0
	})
}

// attach opens a page, or one of these that was open before, and checks what it shows.
func (m *model) attach(back string) {
	n := pick(m, m.nodes)
	view := "view"
	if back == "" && m.random.IntN(4) == 0 {
		view = "other"
	}
	for _, p := range m.tabs {
		if p.id == back {
			view = p.view
		}
	}
	began := m.now
	q, err := tryAttach(m.t, n.store, live.Attachment{Session: n.session, View: view, Page: back, Back: back != ""})
	m.now++
	m.tell("node %d: %v attaches %v, back %q: %v", slices.Index(m.nodes, n), n.session.IDs, view, back, err)
	if err != nil {
		if errors.Is(err, live.ErrSessionEnded) {
			m.bad("the session has ended")
		}
		for _, p := range m.tabs {
			p.doubt = p.doubt || p.id == back
		}
		return
	}
	p := &tab{page: q, node: n, view: view}
	for _, old := range m.tabs {
		if old.id == p.id && old.zombie == 0 {
			old.zombie = m.now
		}
	}
	if back == "" {
		m.pages = append(m.pages, p.id)
	}
	m.tabs = append(m.tabs, p)
	for path := range m.writes {
		if scope, key, ok := m.concerns(p, path); ok {
			m.check(path, p.show(keyName(live.StoredKey{Scope: scope, Name: key})), began)
		}
	}
}

// concerns reports under which key a tab shows what lies at a path.
func (m *model) concerns(p *tab, path string) (live.StashScope, string, bool) {
	for _, key := range modelKeys {
		for _, scope := range []live.StashScope{live.ScopeView, live.ScopePage, live.ScopeShared} {
			if p.path(live.StoredKey{Scope: scope, Name: key}) == path {
				return scope, key, true
			}
		}
	}
	return 0, "", false
}

var modelKeys = []string{"a", "b"}

// check judges a value that was read by a request that began at a step.
func (m *model) check(path, value string, began int) {
	all := m.writes[path]
	if value == "" {
		for _, w := range all {
			erased := func(d *written) bool { return d.value == "" && !d.refused && !d.late() && !d.before(w) }
			if w.value != "" && w.acked > 0 && w.acked < began && !slices.ContainsFunc(all, erased) {
				m.bad("%s is gone: %s of %s was acknowledged at %d", path, w.value, w.by.id, w.acked)
			}
		}
		return
	}
	i := slices.IndexFunc(all, func(w *written) bool { return w.value == value })
	if i < 0 {
		m.bad("%s is %s, which nobody wrote", path, value)
		return
	}
	found := all[i]
	if found.refused || found.late() {
		m.bad("%s is %s: refused %v, written at %d by a tab that was replaced at %d", path, value, found.refused, found.start, found.by.zombie)
	}
	for _, w := range all {
		if w.acked > 0 && w.acked < began && found.before(w) {
			m.bad("%s is %s of step %d, and %q of step %d was acknowledged at %d", path, value, found.start, w.value, w.start, w.acked)
		}
	}
}

func (m *model) note(p *tab, path, value string, n uint64) *written {
	w := &written{value: value, by: p, n: n, start: m.now}
	m.writes[path] = append(m.writes[path], w)
	p.waiting = append(p.waiting, w)
	return w
}

func (m *model) key() live.StoredKey {
	return live.StoredKey{Scope: live.StashScope(m.random.IntN(3)), Name: pick(m, modelKeys)}
}

func (m *model) write(p *tab, what string) {
	k, value := m.key(), strconv.Itoa(m.now)
	op := put(k, value)
	switch what {
	case "delete":
		value, op.Put = "", nil
	case "add":
		op = add(shared("n"), 1)
	}
	if p.tryWrite(op) != nil {
		return
	}
	if what == "delete" {
		p.mu.Lock()
		delete(p.shows, keyName(k))
		p.mu.Unlock()
	}
	if what == "add" {
		w := &written{by: p, n: p.n, start: m.now}
		m.adds, p.waiting = append(m.adds, w), append(p.waiting, w)
		return
	}
	m.note(p, p.path(k), value, p.n)
	m.tell("%s on node %d: write %d: %s = %q", p.id, slices.Index(m.nodes, p.node), p.n, p.path(k), value)
}

// commit makes a gated change. As in package live, a tab ends whose change is not known to be stored.
func (m *model) commit(p *tab) {
	k, value := m.key(), strconv.Itoa(m.now)
	w := &written{value: value, by: p, n: p.n + 1, start: m.now}
	ctx, cancel := context.WithTimeout(context.Background(), pick(m, []time.Duration{5, 50, 20_000})*time.Millisecond)
	defer cancel()
	m.tell("%s on node %d: commit %s = %q", p.id, slices.Index(m.nodes, p.node), p.path(k), value)
	n, err := p.handle.Commit(ctx, []live.StashOp{put(k, value)})
	m.now++
	m.writes[p.path(k)] = append(m.writes[p.path(k)], w)
	if err != nil {
		m.tell("refused: %v", err)
		w.refused = !errors.Is(err, durable.ErrUnknown)
		m.drop(p)
		return
	}
	w.n, w.acked = n, m.now
	p.mu.Lock()
	p.n, p.shows[keyName(k)], p.local[keyName(k)] = n, value, n
	p.mu.Unlock()
}

func (m *model) reset(p *tab) {
	if p.tryWrite(live.StashOp{Reset: true}) != nil {
		return
	}
	for _, scope := range []live.StashScope{live.ScopeView, live.ScopePage} {
		for _, key := range modelKeys {
			k := live.StoredKey{Scope: scope, Name: key}
			m.note(p, p.path(k), "", p.n)
		}
	}
	m.tell("%s on node %d: write %d: reset", p.id, slices.Index(m.nodes, p.node), p.n)
}

func (m *model) drop(p *tab) {
	m.lookAt(p)
	p.handle.Close()
	m.tabs = slices.DeleteFunc(m.tabs, func(q *tab) bool { return q == p })
}

// restart stops a node, which may lose what is not acknowledged, and starts it again.
func (m *model) restart(n *node) {
	m.tell("node %d is started again", slices.Index(m.nodes, n))
	began := time.Now()
	err := n.store.Close(context.Background())
	if took := time.Since(began); took > 6*time.Second {
		m.bad("closing took %v", took)
	}
	for _, p := range slices.Clone(m.tabs) {
		if p.node == n {
			m.lookAt(p)
			if err == nil && len(p.waiting) > 0 && p.err == nil && !p.doubt {
				m.bad("the store says that all is saved, and %d writes are not", len(p.waiting))
			}
			m.drop(p)
		}
	}
	n.store = n.restart()
}

// calm ends all faults, and lets all become durable and known.
func (m *model) calm() {
	for _, n := range m.nodes {
		n.faulty.SetRates(nil)
		n.faulty.Partition(durabletest.None)
		n.faulty.Settle(context.Background())
	}
	time.Sleep(time.Minute)
	for i := range 2 { // without a bus, a node hears of the others when it writes
		for j, p := range m.tabs {
			if p.tryWrite(put(shared(fmt.Sprint("last", j)), strconv.Itoa(i))) == nil {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				if err := p.handle.Flush(ctx); err != nil && !errors.Is(err, live.ErrSuperseded) && !errors.Is(err, live.ErrSessionEnded) {
					m.bad("flush: %v", err)
				}
				cancel()
			}
			time.Sleep(time.Second)
		}
	}
	m.look()
	m.look()
}

// values are what is stored of a session, by path; nil if there is no such object.
func (m *model) values(id string) map[string]string {
	data, _, err := m.bucket.Get(context.Background(), "sessions/"+id, "")
	if err != nil {
		return nil
	}
	type keys struct {
		Keys map[string]struct{ V json.RawMessage }
	}
	var d struct {
		State         string
		Shared        keys
		Views, Drafts map[string]keys
	}
	_, plain, _ := bytes.Cut(data, []byte("\n"))
	if err := json.Unmarshal(plain, &d); err != nil {
		m.t.Fatal(err)
	}
	found := map[string]string{"state": d.State}
	note := func(path string, k keys) {
		for name, v := range k.Keys {
			found[path+"."+name] = string(v.V)
		}
	}
	note("shared", d.Shared)
	for name, k := range d.Views {
		note("view."+name, k)
	}
	for name, k := range d.Drafts {
		note("draft."+name, k)
	}
	return found
}

// settle checks what is left once all is calm, stored under an id.
func (m *model) settle(id string) {
	m.calm()
	found := m.values(id)
	if found == nil || found["state"] != "" {
		m.t.Fatalf("there is no session: %v", found)
	}
	for path := range m.writes {
		m.check(path, found[path], m.now)
	}
	sure, most := 0, 0
	for _, w := range m.adds {
		if w.acked > 0 {
			sure++
		}
		if w.acked > 0 || !w.late() {
			most++
		}
	}
	if n, _ := strconv.Atoi(found["shared.n"]); n < sure || n > most {
		m.bad("the count is %d, want %d to %d", n, sure, most)
	}
	for _, p := range m.tabs {
		if p.zombie > 0 {
			if p.err == nil {
				m.bad("%s was replaced at %d, and was not told", p.id, p.zombie)
			}
			continue
		}
		if p.doubt && errors.Is(p.err, live.ErrSuperseded) {
			continue
		}
		if p.err != nil || p.saved != p.n || p.trouble {
			m.bad("%s: saved %d of %d, trouble %v, %v", p.id, p.saved, p.n, p.trouble, p.err)
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(m.writes)) {
			if scope, key, ok := m.concerns(p, path); ok {
				if got := p.show(keyName(live.StoredKey{Scope: scope, Name: key})); got != found[path] {
					m.bad("%s shows %s as %q, stored is %q", p.id, path, got, found[path])
				}
			}
		}
	}
}
