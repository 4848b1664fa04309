package replay

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// eventRow is a line of the Events tab.
type eventRow struct {
	jump
	Kind, Icon, Name, Text, Err string
	At                          time.Duration
	Here                        bool
}

type logRow struct {
	jump
	Level, Message, Attrs string
	At                    time.Duration
	Future                bool
}

// timeline is what is drawn of the whole recording, in ten-thousandths of its length.
type timeline struct {
	Marks      []mark2
	Idle, Gaps []bar
}

type mark2 struct {
	X          int
	Kind, Text string
}

// height is how far the mark reaches: what the user did stands out.
func (m mark2) height() string {
	if m.Kind == "server" {
		return " 40V60"
	}
	return " 14V60"
}

type bar struct {
	X, W int
	Text string
}

const (
	lineUnits = 10_000
	binUnits  = 40 // marks that are nearer to each other are drawn as one
	maxRows   = 300
	maxOld    = 3   // frames below the one on the stage
	rowChunk  = 100 // the window of rows moves by so many
)

// icons and words of the kinds of steps.
var kinds = [...]struct{ icon, class, word string }{
	stepMount: {"i-open", "open", "page opened"}, stepEvent: {"i-event", "event", "event"}, stepURL: {"i-url", "nav", "change of the URL"},
	stepMessage: {"i-message", "message", "message of the server"}, stepStored: {"i-stored", "stored", "stored state"},
	stepConnect: {"i-connect", "connect", "connection"}, stepGap: {"i-gap", "gap", "gap"}, stepExit: {"i-exit", "exit", "end"},
}

// drawLine draws the timeline.
func drawLine(steps []step) timeline {
	var l timeline
	total := length(steps)
	unit := func(at time.Duration) int {
		if total == 0 {
			return 0
		}
		return int(at * lineUnits / total)
	}
	type bin struct {
		rank, count int
		first       *step
		kind        string
	}
	bins := map[int]*bin{}
	var order []int
	for i := range steps {
		st := &steps[i]
		if i > 0 {
			if before := steps[i-1].at; st.at-before > idleAfter {
				l.Idle = append(l.Idle, bar{unit(before), max(1, unit(st.at)-unit(before)), "nothing for " + span(st.at-before)})
			}
		}
		if st.kind == stepGap {
			l.Gaps = append(l.Gaps, bar{unit(st.at), 60, "something is missing: " + short(st.text+st.err, 120)})
		}
		x := unit(st.at) / binUnits
		b := bins[x]
		if b == nil {
			b = &bin{rank: -1}
			bins[x] = b
			order = append(order, x)
		}
		b.count++
		rank, class := 0, "server"
		switch {
		case st.err != "" || st.kind == stepGap:
			rank, class = 4, "error"
		case st.kind == stepEvent:
			rank, class = 3, "event"
		case st.kind == stepURL:
			rank, class = 2, "nav"
		case st.kind == stepMessage:
			rank = 1
		}
		if rank > b.rank {
			b.rank, b.first, b.kind = rank, st, class
		}
	}
	for _, x := range order {
		b := bins[x]
		text := fine(b.first.at) + " " + b.first.name
		if b.first.err != "" {
			text += ": " + b.first.err
		}
		if b.count > 1 {
			text += fmt.Sprintf(", and %d more", b.count-1)
		}
		l.Marks = append(l.Marks, mark2{min(unit(b.first.at), lineUnits), b.kind, text})
	}
	return l
}

// show fills in what the page shows at the playhead.
func (p *player) show(ctx context.Context) {
	rec, steps, frames, logs, _ := p.tape.index()
	if p.Pos >= len(steps) {
		return
	}
	p.Frame = steps[p.Pos].frame
	leads := p.leads(steps)
	p.jumps(steps, frames, leads)
	p.Rows, p.Logs, p.State, p.Info = nil, nil, nil, frameInfo{}
	switch p.Tab {
	case "events":
		p.rows(steps, leads)
	case "logs":
		for _, l := range logs[:min(len(logs), 1000)] {
			to := stepAt(steps, l.at) // it was written between this step and the next
			p.Logs = append(p.Logs, logRow{jump: leads(to), Level: levelName(l.level), Message: l.message, Attrs: l.attrs, At: l.at, Future: to > p.Pos})
		}
	case "state":
		p.state(ctx, rec)
	case "frame":
		p.inspect(ctx, rec, steps)
	}
	p.shoot()
}

// leads returns what makes the jump to a step.
func (p *player) leads(steps []step) func(i int) jump {
	rest := p.href(func(p *player) { p.F, p.E = 0, 0 })[1:]
	if rest != "" {
		rest = "&" + rest
	}
	return func(i int) jump {
		if i < 0 || i >= len(steps) {
			return jump{To: -1}
		}
		q := "?f=" + strconv.Itoa(steps[i].frame)
		if !steps[i].own {
			q += "&e=" + strconv.Itoa(i+1)
		}
		return jump{i, q + rest}
	}
}

func (p *player) jumps(steps []step, frames []int, leads func(int) jump) {
	find := func(from, by int, ok func(*step) bool) jump {
		for i := from; i >= 0 && i < len(steps); i += by {
			if ok(&steps[i]) {
				return leads(i)
			}
		}
		return jump{To: -1}
	}
	own := func(s *step) bool { return s.own }
	last := len(steps) - 1
	p.Jumps = jumps{
		PrevEvent: find(p.Pos-1, -1, func(s *step) bool { return s.user() || s.kind == stepMount }), NextEvent: find(p.Pos+1, 1, (*step).user),
		PrevFrame: find(p.Pos-1, -1, own), NextFrame: find(p.Pos+1, 1, own),
		NextError: find(p.Pos+1, 1, func(s *step) bool { return s.err != "" }), First: jump{To: -1}, Last: jump{To: -1},
	}
	if p.Jumps.NextError.To < 0 { // again from the beginning
		p.Jumps.NextError = find(0, 1, func(s *step) bool { return s.err != "" })
	}
	if p.Pos > 0 {
		p.Jumps.First = leads(0)
	}
	if p.Pos < last {
		p.Jumps.Last = leads(last)
	}
}

// rows fills in the Events tab: those that match, around the playhead.
func (p *player) rows(steps []step, leads func(int) jump) {
	words := strings.Fields(strings.ToLower(p.Find))
	var found []int
	here := 0
	for i := range steps {
		if len(words) > 0 && !steps[i].matches(words) {
			continue
		}
		if i <= p.Pos {
			here = len(found)
		}
		found = append(found, i)
	}
	from, to := 0, len(found)
	if p.Matching = len(found); len(found) > maxRows {
		from = max(0, here/rowChunk*rowChunk-rowChunk)
		to = min(len(found), from+maxRows)
	}
	p.Skipped, p.Left = from, len(found)-to
	for _, i := range found[from:to] {
		st := &steps[i]
		p.Rows = append(p.Rows, eventRow{jump: leads(i), Kind: kinds[st.kind].class, Icon: kinds[st.kind].icon, Name: st.name, Text: st.text, Err: st.err, At: st.at,
			Here: len(found) > 0 && i == found[here] && i <= p.Pos})
	}
}

func (s *step) matches(words []string) bool {
	text := strings.ToLower(s.name + "\n" + s.text + "\n" + s.err + "\n" + kinds[s.kind].word)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// shoot puts the frame onto the stage, above the one before.
func (p *player) shoot() {
	src := p.Base + url.PathEscape(p.ID) + "/frames/" + strconv.Itoa(max(1, p.Frame)) + "?reading=" + p.Reading
	if p.Outline {
		src += "&outline=1"
	}
	if n := len(p.Shots); n > 0 && p.Shots[n-1].Src == src {
		return
	}
	p.shown++
	next := shot{Key: p.shown, Src: src, Title: fmt.Sprintf("Frame %d, %s", p.Frame, readingName(p.Reading))}
	// Those before stay below until it is drawn; a fast playback is there before the second last is.
	old := slices.Clone(p.Shots[max(0, len(p.Shots)-maxOld):])
	for i := range old {
		old[i].Old = true
	}
	p.Shots = append(old, next)
}

// liveText says how near a viewer is who follows.
func (p player) liveText() string {
	if p.Lag > 0 {
		return "Live, " + span(p.Lag) + " behind"
	}
	return "Live"
}

func readingName(reading string) string {
	switch reading {
	case readBuilt:
		return "as this build renders it"
	case readDiff:
		return "what differs in this build"
	}
	return "as it was sent"
}

func levelName(level int) string {
	switch {
	case level >= 8:
		return "error"
	case level >= 4:
		return "warn"
	case level >= 0:
		return "info"
	}
	return "debug"
}

// units is a time in ten-thousandths of the recording.
func (p player) units(at time.Duration) int {
	if p.Length == 0 {
		return 0
	}
	return int(min(at, p.Length) * lineUnits / p.Length)
}
