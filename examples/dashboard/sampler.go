package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// Sample is what a host was like in one second. Every viewer shares it and changes nothing in it.
type Sample struct {
	Number    int // counts samples, from 1
	Gauges    []Gauge
	Processes []Process
	Lines     []Line
}

// Gauge is a figure and its last minute.
type Gauge struct {
	Name, Value, Detail string
	Bars                []int // oldest first; the last one is of the sample's number
	Top                 int   // the height of a full scale
}

// Process is a row of the table.
type Process struct {
	PID, Parent       int
	Name, User, State string
	CPU               int    // tenths of a percent of one processor
	Memory            uint64 // bytes
	Threads           int
}

// barCount is how many samples a gauge shows.
const barCount = 60

// sampler reads the host once a second, for all viewers together.
type sampler struct {
	read  func() reading
	lines *tail
	topic live.Topic[Sample]

	mu   sync.Mutex
	last Sample

	before reading // of run's goroutine, and before it of newSampler
	bars   map[string][]int
}

// newSampler takes the first sample.
func newSampler(host string, read func() reading, lines *tail) *sampler {
	s := &sampler{read: read, lines: lines, topic: live.NewTopic[Sample]("dashboard of " + host), bars: map[string][]int{}}
	s.before = read()
	s.take(s.before)
	return s
}

// run publishes a sample a second until ctx ends.
func (s *sampler) run(ctx context.Context, app *live.App) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.topic.Publish(ctx, app, s.take(s.read())); err != nil && ctx.Err() == nil {
			slog.Error("a sample was not published", "err", err)
		}
	}
}

// latest returns the newest sample.
func (s *sampler) latest() Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// take makes a sample of a reading and the one before.
func (s *sampler) take(now reading) Sample {
	sample := Sample{Number: s.latest().Number + 1, Processes: processes(s.before, now), Lines: s.lines.newest()}
	for _, m := range measures(s.before, now) {
		bars := append(s.bars[m.Name], m.Bar)
		// A copy: viewers hold on to what they were given.
		bars = append([]int(nil), bars[max(0, len(bars)-barCount):]...)
		s.bars[m.Name] = bars
		sample.Gauges = append(sample.Gauges, Gauge{m.Name, m.Value, m.Detail, bars, scale(m.Top, bars)})
	}
	s.before = now
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = sample
	return sample
}

// scale is top, or else the next of 1, 2, 5, 10, 20 … that no bar exceeds: it seldom changes.
func scale(top int, bars []int) int {
	if top > 0 {
		return top
	}
	most := slices.Max(bars)
	for top = 1; most > top; {
		for _, step := range [...]int{2, 5, 10} {
			if top*step >= most {
				return top * step
			}
		}
		top *= 10
	}
	return top
}
