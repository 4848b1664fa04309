package durable_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

// Whatever tabs on three nodes do with a session, and whatever the network does: what was acknowledged is replaced by
// later writes only, tabs that were replaced write nothing, and all tabs end up showing what is stored. See model.
func TestRandomSessions(t *testing.T) {
	base := rand.Uint64N(1 << 40)
	t.Logf("seeds from %d", base)
	did, n, writes, acked := map[string]int{}, rounds(200), 0, 0
	for i := range n {
		seed := base + uint64(i)
		bubble(t, func(t *testing.T) {
			m := randomSession(t, seed, false)
			for what, n := range m.did {
				did[what] += n
			}
			for _, all := range append(slices.Collect(maps.Values(m.writes)), m.adds) {
				for _, w := range all {
					writes++
					if w.acked > 0 {
						acked++
					}
				}
			}
			if len(m.wrong) > 0 {
				t.Errorf("seed %d: %s\n\nsteps:\n%s", seed, strings.Join(m.wrong, "\n"), strings.Join(m.trace, "\n"))
			}
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d random sessions: %d writes, %d of them acknowledged, none lost; steps %v", n, writes, acked, did)
}

// The control: without write ids, counts are done twice, and the model finds it, in about one of six sessions.
func TestWithoutWriteIDsRandomSessionsAreBad(t *testing.T) {
	const most = 200
	for i := range most {
		var wrong []string
		bubble(t, func(t *testing.T) { wrong = randomSession(t, uint64(i), true).wrong })
		if len(wrong) > 0 {
			t.Logf("control without write ids: random session %d is bad: %s", i+1, wrong[0])
			return
		}
	}
	t.Errorf("none of %d sessions is bad: the model would find nothing", most)
}

func randomSession(t *testing.T, seed uint64, forget bool) *model {
	m := newModel(t, seed, forget)
	// With something stored under the first id, there is something to move.
	first := attach(t, open(t, m.bucket), m.session)
	first.write(put(view("first"), "1"))
	first.flush()
	first.handle.Close()
	rotate := m.random.IntN(120)
	id := "old"
	for i := range 60 {
		if i == rotate {
			// One node has the new secret, and those that are started later; the others have only the old one.
			id, m.session = "new", live.StashSession{IDs: []string{"new", "old"}}
			m.restart(m.nodes[0])
			m.did["rotate"]++
		}
		if m.step(); len(m.wrong) > 0 {
			return m
		}
	}
	if m.values("new") == nil {
		id = "old" // nobody came to a node with the new secret
	}
	if m.random.IntN(3) == 0 {
		m.renew()
		id = "renewed"
	}
	m.settle(id)
	if m.random.IntN(3) == 0 && len(m.wrong) == 0 {
		m.end()
	}
	for _, n := range m.nodes {
		if err := n.store.Close(context.Background()); err != nil {
			m.bad("close: %v", err)
		}
	}
	return m
}

// renew gives the browser another session, as a login does: the values come over once, and the holders of the old one are
// left behind.
func (m *model) renew() {
	m.did["renew"]++
	m.session = live.StashSession{IDs: []string{"renewed"}, From: m.session.IDs}
	for _, n := range m.nodes {
		n.faulty.Partition(durabletest.None)
		n.session = m.session
	}
	left, before := m.tabs, m.now
	for m.values("renewed") == nil || len(m.tabs) == len(left) {
		m.attach("")
		if time.Sleep(time.Second); m.now > before+100 {
			m.t.Fatal("the session does not come over")
		}
	}
	m.now++
	for _, p := range left {
		if p.zombie == 0 {
			p.zombie = m.now
		}
	}
}

// end logs out: no tab writes any more, and nobody finds the session.
func (m *model) end() {
	m.did["end"]++
	if err := m.nodes[0].store.End(context.Background(), m.session); err != nil {
		m.t.Fatal(err)
	}
	for i, n := range m.nodes {
		if _, err := tryAttach(m.t, n.store, live.Attachment{Session: m.session, View: "view"}); !errors.Is(err, live.ErrSessionEnded) {
			m.bad("node %d finds an ended session: %v", i, err)
		}
	}
	for _, p := range m.tabs {
		p.tryWrite(put(view("a"), "1"))
	}
	time.Sleep(time.Minute)
	for _, p := range m.tabs {
		if p.take().Err == nil {
			m.bad("%s is not told that its session has ended", p.id)
		}
	}
	if found := m.values(m.session.IDs[0]); found["state"] != "dead" || len(found) != 1 {
		m.bad("left of the session: %v", found)
	}
}
