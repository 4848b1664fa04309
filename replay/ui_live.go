package replay

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// Connected implements live.Connector.
func (p *player) Connected(ctx context.Context, s *live.Socket) error {
	if s.Reconnects() > 0 || p.from != nil {
		return nil
	}
	p.from = func() {}
	if p.Live {
		p.watch(s)
	}
	if !p.Loading && p.Trouble == "" {
		p.check(ctx, s)
	}
	return nil
}

// watch is told of what is new of a running recording.
func (p *player) watch(s *live.Socket) {
	stop, mine := p.ui.rec.Watch(p.ID, func() { _ = s.Send(news{}) })
	if !mine {
		stop = s.Every(pollEvery, news{})
	}
	p.from = stop
}

// check verifies the frames of a finished recording, in the background.
func (p *player) check(ctx context.Context, s *live.Socket) {
	if p.Live {
		return
	}
	if len(p.tape.checked()) >= p.Frames {
		p.count() // the last may have come since it was called before
		return
	}
	if !p.tape.claim() { // another viewer's page is at it, which may leave before it is done
		s.After(checkEvery, recheck{})
		return
	}
	go p.tape.verify(ctx, func() { _ = s.Send(checked{}) })
}

// checkEvery is how often a page looks at what is verified for another one.
const checkEvery = time.Second

func (p *player) recheck(ctx context.Context, s *live.Socket, _ recheck) error {
	p.check(ctx, s)
	p.count()
	return nil
}

// Unmount implements live.Unmounter.
func (p *player) Unmount(context.Context) {
	if p.from != nil {
		p.from()
	}
}

func (p *player) ready(ctx context.Context, s *live.Socket, _ ready) error {
	p.begin(ctx, s)
	if p.Trouble == "" && !p.Loading {
		p.check(ctx, s)
		return p.Params(ctx, s, s.URL())
	}
	return nil
}

func (p *player) checked(_ context.Context, _ *live.Socket, _ checked) error {
	p.count()
	return nil
}

// news takes over what is new of a running recording.
func (p *player) news(ctx context.Context, s *live.Socket, _ news) error {
	if !p.Live {
		return nil
	}
	before, following := p.Steps, p.Following
	p.tape.extend(ctx)
	sum, err := p.ui.summary(ctx, p.ID)
	if errors.Is(err, fs.ErrNotExist) {
		p.Live, p.Following, p.Trouble = false, false, "it was discarded: nobody did anything in it, or its store did not take it"
		return nil
	}
	if err == nil {
		p.Sum, p.Live = sum, sum.Node != ""
	}
	if p.Live && p.ui.rec.takeOf(p.ID) == nil && sum.Node == p.ui.rec.Catalog.o.Node {
		s.After(pollEvery, news{}) // it was given up, or its end is on its way
	}
	if p.Loading {
		if p.begin(ctx, s); !p.Loading && p.Trouble == "" {
			return p.Params(ctx, s, s.URL())
		}
		return nil
	}
	p.refreshIndex()
	if !p.Live {
		p.Following = false
		p.from()
		p.from = func() {}
		p.check(ctx, s)
	}
	_, steps, _, _, _ := p.tape.index()
	if len(steps) == 0 {
		return nil
	}
	if len(steps) > before {
		p.Lag = max(0, p.ui.rec.o.Now().Sub(p.Sum.Start.Add(length(steps))).Truncate(10*time.Millisecond))
	}
	if following {
		p.move(ctx, s, len(steps)-1)
		p.Following = p.Live
	} else {
		p.show(ctx)
	}
	return nil
}
