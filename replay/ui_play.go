package replay

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// clockwork is how a playhead moves.
type clockwork struct {
	gen    int // of the timer: a tick of another one is late
	placed bool
	f, e   int // what the URL said last

	wall time.Time     // when the playhead was at rec
	rec  time.Duration // a time of the recording
}

type (
	toggle struct{} // play, pause
	seek   struct{ To int }
	scrub  struct {
		To string `client:"value"` // milliseconds
	}
	speed  struct{ Speed float64 }
	idle   struct{}
	loop   struct{}
	follow struct{}

	tick struct{ gen int }
)

const (
	idleAfter   = 3 * time.Second        // a gap that is longer is idle
	idlePause   = 500 * time.Millisecond // what is left of it when idle time is skipped
	showEvery   = 500 * time.Millisecond // how often the time is shown while nothing happens
	settleAfter = 400 * time.Millisecond // until the URL follows the playhead
)

var speeds = []float64{0.5, 1, 2, 5, 10}

// move takes the playhead to a step.
func (p *player) move(ctx context.Context, s *live.Socket, to int) {
	_, steps, _, _, _ := p.tape.index()
	if len(steps) == 0 {
		return
	}
	p.Pos = max(0, min(to, len(steps)-1))
	p.At, p.clock.placed = steps[p.Pos].at, true
	p.clock.wall, p.clock.rec = time.Now(), p.At
	p.show(ctx)
}

// jump is move by the user: what is followed is followed no more.
func (p *player) jump(ctx context.Context, s *live.Socket, to int) {
	p.Following = false
	p.move(ctx, s, to)
	if p.Playing {
		p.arm(s)
		return
	}
	p.settleSoon(s)
}

// settleSoon lets the URL follow once the playhead rests.
func (p *player) settleSoon(s *live.Socket) {
	p.clock.gen++
	s.After(settleAfter, settle{p.clock.gen})
}

func (p *player) settle(_ context.Context, _ *live.Socket, m settle) error {
	if m.gen == p.clock.gen && !p.Playing {
		p.address()
	}
	return nil
}

func (p *player) seek(ctx context.Context, s *live.Socket, e seek) error {
	if e.To >= 0 && e.To < p.Steps {
		p.jump(ctx, s, e.To)
	}
	return nil
}

func (p *player) scrub(ctx context.Context, s *live.Socket, e scrub) error {
	ms, err := strconv.ParseFloat(e.To, 64)
	if err != nil || !(ms >= 0) || ms > 1e12 {
		return nil
	}
	_, steps, _, _, _ := p.tape.index()
	p.jump(ctx, s, stepAt(steps, time.Duration(ms*float64(time.Millisecond))))
	if p.At = min(time.Duration(ms)*time.Millisecond, p.Length); !p.Playing {
		p.clock.rec = p.At
	}
	return nil
}

// toggle plays, or pauses.
func (p *player) toggle(ctx context.Context, s *live.Socket, _ toggle) error {
	if p.Playing {
		p.pause(s)
		return nil
	}
	if p.Steps < 2 {
		return nil
	}
	p.Following = false
	if p.Pos >= p.Steps-1 || p.looping() && (p.At < p.LoopFrom || p.At >= p.LoopTo) {
		p.rewind(ctx, s)
	}
	p.Playing = true
	p.clock.wall, p.clock.rec = time.Now(), p.At
	p.arm(s)
	return nil
}

// rewind goes back to where playing begins.
func (p *player) rewind(ctx context.Context, s *live.Socket) {
	to := 0
	if p.looping() {
		_, steps, _, _, _ := p.tape.index()
		to = stepAt(steps, p.LoopFrom)
	}
	p.move(ctx, s, to)
}

func (p player) looping() bool { return p.LoopTo > p.LoopFrom }

// pause stops where the playhead is, between two steps too.
func (p *player) pause(s *live.Socket) {
	p.At, p.Playing = p.now(), false
	p.clock.rec = p.At
	p.settleSoon(s)
}

// now is the time of the recording at which the playhead is.
func (p *player) now() time.Duration {
	if !p.Playing {
		return p.At
	}
	at := p.clock.rec + time.Duration(float64(time.Since(p.clock.wall))*p.Speed)
	_, steps, _, _, _ := p.tape.index()
	if p.Pos+1 < len(steps) {
		at = min(at, steps[p.Pos+1].at)
	}
	return at
}

// due is how long it takes until the next step: what was recorded, by the speed.
func (p *player) due(steps []step) time.Duration {
	next, here := steps[p.Pos+1].at, steps[p.Pos].at
	if p.SkipIdle && next-here > idleAfter {
		return max(0, idlePause-time.Since(p.clock.wall))
	}
	return max(0, time.Duration(float64(next-p.clock.rec)/p.Speed)-time.Since(p.clock.wall))
}

// arm starts the timer for the next step, or to show how time passes before it.
func (p *player) arm(s *live.Socket) {
	p.clock.gen++
	if p.stop != nil {
		p.stop()
	}
	_, steps, _, _, _ := p.tape.index()
	if p.Pos+1 >= len(steps) {
		p.end(s)
		return
	}
	d := p.due(steps)
	if d > showEvery+showEvery/2 {
		d = showEvery
	}
	p.stop = s.After(d, tick{p.clock.gen})
}

// end is where there is nothing more to play.
func (p *player) end(s *live.Socket) {
	p.Playing = false
	p.At = p.Length
	p.settleSoon(s)
}

// tick goes on.
func (p *player) tick(ctx context.Context, s *live.Socket, m tick) error {
	if m.gen != p.clock.gen || !p.Playing {
		return nil
	}
	_, steps, _, _, _ := p.tape.index()
	to, next := p.Pos, p.clock
	for p.Pos+1 < len(steps) && p.due(steps) <= 0 {
		if at := steps[p.Pos+1].at; p.looping() && at > p.LoopTo {
			break
		} else if p.SkipIdle && at-steps[p.Pos].at > idleAfter {
			next.wall, next.rec = p.clock.wall.Add(idlePause), at
		} else {
			next.wall, next.rec = p.clock.wall.Add(time.Duration(float64(at-p.clock.rec)/p.Speed)), at
		}
		// Where it should have been is where it counts from: no delay adds up.
		p.clock.wall, p.clock.rec = next.wall, next.rec
		p.Pos++
	}
	if p.Pos != to {
		p.At = steps[p.Pos].at
		p.show(ctx)
	} else {
		p.At = p.now()
	}
	switch {
	case p.looping() && (p.At >= p.LoopTo || p.Pos+1 < len(steps) && steps[p.Pos+1].at > p.LoopTo && p.due(steps) <= 0 || p.Pos+1 >= len(steps)):
		p.rewind(ctx, s)
	case p.Pos+1 >= len(steps):
		p.end(s)
		return nil
	}
	p.arm(s)
	return nil
}

func (p *player) speed(_ context.Context, s *live.Socket, e speed) error {
	for _, known := range speeds {
		if e.Speed != known {
			continue
		}
		p.At = p.now()
		p.clock.wall, p.clock.rec = time.Now(), p.At
		if p.Speed = known; p.Playing {
			p.arm(s)
		}
	}
	return nil
}

func (p *player) idle(_ context.Context, s *live.Socket, _ idle) error {
	p.At = p.now()
	p.clock.wall, p.clock.rec = time.Now(), p.At
	if p.SkipIdle = !p.SkipIdle; p.Playing {
		p.arm(s)
	}
	return nil
}

// loop takes the range's beginning, then its end, then none.
func (p *player) loop(_ context.Context, _ *live.Socket, _ loop) error {
	at := p.now()
	switch {
	case p.LoopTo == 0:
		p.LoopFrom, p.LoopTo = at, -1
	case p.LoopTo < 0 && at != p.LoopFrom:
		p.LoopFrom, p.LoopTo = min(p.LoopFrom, at), max(p.LoopFrom, at)
	default:
		p.LoopFrom, p.LoopTo = 0, 0
	}
	return nil
}

// follow goes to what is happening now.
func (p *player) follow(ctx context.Context, s *live.Socket, _ follow) error {
	if !p.Live {
		return nil
	}
	p.Playing, p.Following = false, true
	p.move(ctx, s, p.Steps-1)
	p.settleSoon(s)
	return nil
}

// loopText says what the button for a range does next.
func (p player) loopText() string {
	switch {
	case p.LoopTo == 0:
		return "Loop"
	case p.LoopTo < 0:
		return "Loop " + clock(p.LoopFrom) + " – here"
	}
	return "Loop " + clock(p.LoopFrom) + " – " + clock(p.LoopTo)
}

func speedText(speed float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(speed, 'f', -1, 64), ".0") + "×"
}
