package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// player is the page that plays one recording. Its fields are one viewer's playhead and what that one looks at.
type player struct {
	F       int    `query:"f"` // the frame that the URL leads to; 0: the first
	E       int    `query:"e"` // the step, counted from 1, where that is no frame of its own
	T       string `query:"t"` // a time in milliseconds, from the form of plain browsers
	Tab     string `query:"tab,default=events"`
	Reading string `query:"reading,default=sent"`
	Zoom    string `query:"zoom,default=fit"`
	Outline bool   `query:"outline"`
	Changes bool   `query:"changes"` // of the state, the difference only
	Find    string `query:"find"`
	Confirm bool   `query:"delete"`

	Base, ID string
	Sum      Summary
	Facts    facts
	Loading  bool
	Trouble  string // why the recording cannot be played
	Down     bool   // it is the store's

	Steps    int
	Frames   int
	Pos      int // the playhead: a step, from 0
	Frame    int // on the screen
	At       time.Duration
	Length   time.Duration
	Playing  bool
	Speed    float64
	SkipIdle bool
	LoopFrom time.Duration // LoopTo > LoopFrom: a range is played again and again; LoopTo < 0: its end is not chosen yet
	LoopTo   time.Duration

	Live      bool // it is being made
	Following bool
	Lag       time.Duration // how long ago it was, what was the newest when it came

	Jumps    jumps
	Line     timeline
	Rows     []eventRow // of the Events tab
	Skipped  int        // rows before them
	Left     int        // and after them
	Matching int
	Logs     []logRow
	State    []node
	Info     frameInfo
	Shots    []shot
	Verified check2
	Related  []related
	Stage    stageInfo
	CanTest  bool
	CanMove  [2]bool // may export, may delete

	ui    *ui
	tape  *tape
	stop  func() // of the timer
	clock clockwork
	shown int // how many shots there were
	from  func()
}

// check2 is what the header says of the frames.
type check2 struct{ Verified, Wrong, Of, All int }

// jumps are where the transport leads to.
type jumps struct{ First, PrevEvent, PrevFrame, NextFrame, NextEvent, NextError, Last jump }

// jump is a step to go to.
type jump struct {
	To   int    // -1: there is none
	Href string // the same without a socket
}

// shot is a frame's document in the stage. Those before stay below the newest, until that is drawn.
type shot struct {
	Key   int
	Src   string
	Title string
	Old   bool
}

type stageInfo struct {
	Width, Height int
	Redacted      bool
}

// facts are what does not change.
type facts struct {
	Params, Session []pair
	Recovered       string
	Locale          string
	Viewport        string
	Exit            ExitReason
	ExitError       string
	Stack           string
	Ended           time.Time
}

type pair struct{ Key, Value string }

// related is another page of the same browser session.
type related struct {
	ID, View, URL string
	Start         time.Time
	Duration      time.Duration
	Errors        int
	Live, Here    bool
}

// Events implements live.Eventful.
func (*player) Events() []live.Handler {
	return []live.Handler{
		live.On((*player).toggle), live.On((*player).seek), live.On((*player).scrub), live.On((*player).speed), live.On((*player).idle),
		live.On((*player).loop), live.On((*player).follow), live.On((*player).filter), live.On((*player).copyTest), live.On((*player).delete),
		live.On((*player).retry), live.On((*player).look),
		live.OnMessage((*player).tick), live.OnMessage((*player).news), live.OnMessage((*player).ready), live.OnMessage((*player).checked),
		live.OnMessage((*player).recheck), live.OnMessage((*player).settle),
	}
}

type (
	filter struct {
		Find string `form:"find"`
	}
	look     struct{ At, To string }
	copyTest struct{}
	discard  struct{}
	retry    struct{}

	news    struct{} // there is more of a running recording
	ready   struct{} // the index was read
	checked struct{} // more frames were verified
	recheck struct{} // of a page for which another one verifies
	settle  struct{ gen int }
)

// Title implements live.Titler.
func (p player) Title() string { return title(p.Sum.View) + " · " + p.ID }

const pollEvery = 2 * time.Second

// Mount implements live.Mounter.
func (p *player) Mount(ctx context.Context, s *live.Socket) error {
	sum, err := p.ui.visible(s.Request(), p.ID)
	if err != nil {
		return err
	}
	p.Sum, p.Live = sum, sum.Node != ""
	p.CanMove = [2]bool{p.ui.ask(s.Request(), ActionExport, &sum) == nil, !p.Live && p.ui.ask(s.Request(), ActionDelete, &sum) == nil}
	p.tape = p.ui.tapeOf(p.ID)
	if p.Loading = !p.tape.wait(ctx, patience); p.Loading {
		go func() {
			<-p.tape.ready
			_ = s.Send(ready{})
		}()
	} else {
		if p.Live {
			p.ui.rec.handOver(ctx, p.ID)
			p.tape.extend(ctx)
		}
		p.begin(ctx, s)
	}
	return nil
}

// begin fills in what the index says.
func (p *player) begin(ctx context.Context, s *live.Socket) {
	rec, _, _, _, err := p.tape.index()
	p.Loading, p.Trouble, p.Down = false, "", false
	if p.Live && errors.Is(err, fs.ErrNotExist) {
		p.Loading = true // nothing of it has reached the archive yet
		return
	}
	if err != nil || rec == nil {
		p.Trouble, p.Down = "it cannot be read", true
		if err != nil {
			p.Trouble, p.Down = short(err.Error(), 400), !isDamage(err)
		}
		p.ui.forgetTape(p.tape)
		return
	}
	if p.Sum.View == "" {
		p.Sum = rec.Summary
	}
	if rec.Finished {
		p.Sum, p.Live = rec.Summary, false
	}
	p.Stage = stageInfo{1280, 800, p.Sum.Redacted}
	if m := rec.Mount; m != nil {
		if m.Viewport.Width > 0 && m.Viewport.Height > 0 {
			p.Stage.Width, p.Stage.Height = min(m.Viewport.Width, 8192), min(m.Viewport.Height, 8192)
			p.Facts.Viewport = fmt.Sprintf("%d × %d", m.Viewport.Width, m.Viewport.Height)
			if m.Viewport.Scale > 0 && m.Viewport.Scale != 1 {
				p.Facts.Viewport += fmt.Sprintf(" at %g×", m.Viewport.Scale)
			}
		}
		p.Facts.Params, p.Facts.Locale = nil, m.Locale
		for _, k := range slices.Sorted(maps.Keys(m.Params)) {
			p.Facts.Params = append(p.Facts.Params, pair{k, short(strings.Join(m.Params[k], ", "), 200)})
		}
		p.Facts.Session = nil
		for _, k := range slices.Sorted(maps.Keys(m.Session)) {
			p.Facts.Session = append(p.Facts.Session, pair{k, short(m.Session[k], 200)})
		}
		p.Facts.Recovered = strings.Join(m.Recovered, ", ")
	}
	p.CanTest = rec.Mount != nil
	p.relate(ctx, s.Request())
	p.refreshIndex()
}

// forgetTape lets the next viewer read the index again.
func (u *ui) forgetTape(t *tape) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tapes[t.id] == t {
		delete(u.tapes, t.id)
		u.order = slices.DeleteFunc(u.order, func(x *tape) bool { return x == t })
	}
}

// refreshIndex takes over how much there is.
func (p *player) refreshIndex() {
	rec, steps, frames, _, _ := p.tape.index()
	p.Steps, p.Frames, p.Length = len(steps), len(frames), length(steps)
	if rec != nil && rec.Finished && p.Live {
		p.Live, p.Following, p.Sum = false, false, rec.Summary
	}
	if n := len(steps); n > 0 && steps[n-1].kind == stepExit {
		x := steps[n-1]
		p.Facts.Ended = p.Sum.Start.Add(x.at)
		p.Facts.ExitError = x.err
		p.Facts.Exit = p.Sum.Exit
	}
	p.Line = drawLine(steps)
	p.count()
}

// count says how many frames are verified.
func (p *player) count() {
	c := check2{All: p.Frames}
	for _, v := range p.tape.checked() {
		c.Of++
		switch v {
		case Verified:
			c.Verified++
		case Differs, Broken, NotBuilt:
			c.Wrong++
		}
	}
	c.All = max(c.All, c.Of) // those that cannot be known count, too
	p.Verified = c
}

// relate finds the other pages of the browser session.
func (p *player) relate(ctx context.Context, r *http.Request) {
	p.Related = nil
	if p.Sum.Session == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	found, err := p.ui.rec.Query(ctx, Query{Session: p.Sum.Session, Limit: maxRelated})
	running, err2 := p.ui.rec.Active(ctx)
	if err != nil || err2 != nil {
		p.ui.log().Warn("replay: the pages of a session cannot be read", "err", errors.Join(err, err2))
	}
	seen := map[string]bool{}
	for _, s := range append(running, found.Summaries...) {
		if s.Session != p.Sum.Session || seen[s.ID] || p.ui.may(r, &s) != nil {
			continue
		}
		seen[s.ID] = true
		p.Related = append(p.Related, related{s.ID, s.View, s.URL, s.Start, s.Duration(), s.Errors, s.Node != "", s.ID == p.ID})
	}
	slices.SortFunc(p.Related, func(a, b related) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID)) })
	if len(p.Related) == 1 {
		p.Related = nil
	}
}

const maxRelated = 100

// retry opens the recording again.
func (p *player) retry(_ context.Context, s *live.Socket, _ retry) error {
	return s.Navigate(s.URL().RequestURI(), live.Replace())
}

// Params implements live.ParamsHandler: the URL says where to look, and at what.
func (p *player) Params(ctx context.Context, s *live.Socket, u *url.URL) error {
	p.Tab = oneOf(p.Tab, "events", "state", "frame", "logs", "info")
	p.Reading = oneOf(p.Reading, readSent, readBuilt, readDiff)
	p.Zoom = oneOf(p.Zoom, "fit", "100")
	if p.Loading || p.Trouble != "" || p.Steps == 0 {
		return nil
	}
	_, steps, frames, _, _ := p.tape.index()
	to := p.Pos
	switch ms, err := strconv.ParseInt(p.T, 10, 64); {
	case p.T != "" && err == nil:
		to = stepAt(steps, time.Duration(ms)*time.Millisecond)
		p.T = ""
	case p.clock.placed && p.clock.f == p.F && p.clock.e == p.E:
		// The URL has followed, or says something else.
	case p.E > 0 && p.E <= len(steps) && steps[p.E-1].frame == p.F:
		to = p.E - 1
	case p.F > len(frames):
		to = len(steps) - 1
	case p.F > 0:
		to = frames[p.F-1]
	case !p.clock.placed && p.Live:
		p.Following, to = true, len(steps)-1
	case !p.clock.placed:
		to = 0
	default:
		to = 0
	}
	if to != p.Pos || !p.clock.placed {
		p.move(ctx, s, to)
	} else {
		p.show(ctx)
	}
	p.address()
	return nil
}

func oneOf(value string, all ...string) string {
	if slices.Contains(all, value) {
		return value
	}
	return all[0]
}

// address makes the URL that of the playhead.
func (p *player) address() {
	_, steps, _, _, _ := p.tape.index()
	if p.Pos < len(steps) {
		st := &steps[p.Pos]
		if p.F, p.E = st.frame, p.Pos+1; st.own || p.F == 0 {
			p.E = 0
		}
	}
	if p.Following || p.F == 1 && p.E == 0 {
		p.F, p.E = 0, 0
	}
	p.clock.f, p.clock.e = p.F, p.E
}

// href is the query of another state of the page.
func (p player) href(change func(*player)) string {
	p.Confirm, p.T = false, ""
	change(&p)
	return live.Query(p)
}

func (p *player) filter(_ context.Context, _ *live.Socket, e filter) error {
	p.Find = e.Find // Params shows what it finds
	return nil
}

// look changes what is looked at. The URL follows, and Params shows it.
func (p *player) look(_ context.Context, _ *live.Socket, e look) error {
	switch e.At {
	case "tab":
		p.Tab = e.To
	case "reading":
		if was := p.Reading; e.To != "next" {
			p.Reading = e.To
		} else {
			p.Reading = map[string]string{readSent: readBuilt, readBuilt: readDiff, readDiff: readSent}[was]
		}
	case "zoom":
		p.Zoom = e.To
	case "outline":
		p.Outline = e.To == "true"
	case "changes":
		p.Changes = e.To == "true"
	}
	return nil
}

// copyTest gives the browser a test that replays the recording up to this frame.
func (p *player) copyTest(ctx context.Context, s *live.Socket, _ copyTest) error {
	rec, err := p.tape.recording()
	if err != nil {
		return live.Errorf("The recording cannot be read. Try again.")
	}
	if err := p.ui.ask(s.Request(), ActionExport, &p.Sum); err != nil {
		return err
	}
	code, err := rec.GoTestSource(ctx, max(1, p.Frame), TestOptions{Views: p.ui.app})
	if err != nil {
		return &live.Error{Text: "No test can be made of this recording: " + err.Error(), Err: err}
	}
	s.Push("replay-copy", code)
	return nil
}

func (p *player) delete(ctx context.Context, s *live.Socket, _ discard) error {
	if _, err := p.ui.delete(ctx, s.Request(), []string{p.ID}); err != nil {
		return err
	}
	s.Flash("success", "1 recording was deleted.")
	return s.Navigate(p.Base)
}
