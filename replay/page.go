package replay

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// page is what an instance tells of itself. Its take is full after MaxEvents turns; one on which nobody has done anything by
// then, as on a dashboard that has been open for hours, is thrown away and begun anew, so that what somebody does at last is
// recorded.
type page struct {
	r     *Recorder
	start live.RecordStart
	take  atomic.Pointer[take]
}

// takeIn returns the take of the page whose method was called with ctx; nil when there is none.
func takeIn(ctx context.Context) *take {
	if p, ok := live.RecordingOf(ctx).(*page); ok {
		return p.take.Load()
	}
	return nil
}

// Position implements [live.Recording].
func (p *page) Position() (id string, frame int) { return p.take.Load().Position() }

// Turn implements [live.Recording].
func (p *page) Turn(rt *live.RecordedTurn) {
	if rt.Moved {
		p.start.URL = rt.URL
	}
	p.take.Load().Turn(rt)
}

// Frame implements [live.Recording].
func (p *page) Frame(f *live.RecordedFrame) {
	t := p.take.Load()
	if f.HTML == nil || !t.inVain.Load() {
		t.Frame(f)
		return
	}
	start := p.start
	start.Frame, start.Attached = *f, time.Now()
	start.Frame.Patch, start.Frame.Changed = nil, nil
	if fresh := p.r.begin(start); fresh != nil {
		p.take.Store(fresh)
	} else {
		t.inVain.Store(false) // that was said once
	}
}

// Saved implements [live.Recording].
func (p *page) Saved(state string) { p.take.Load().Saved(state) }

// End implements [live.Recording].
func (p *page) End(end live.RecordedEnd) { p.take.Load().End(end) }
