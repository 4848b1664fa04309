package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Line is a line of this program's log.
type Line struct {
	Number      int
	Time, Level string
	Text        string
	Recording   string // of the page whose handler wrote it
	Frame       int    // that it showed
}

// tailLength is how many lines are kept, and maxText how much of each.
const (
	tailLength = 8
	maxText    = 200
)

// tail keeps the newest lines of the log.
type tail struct {
	mu    sync.Mutex
	lines []Line // the newest first; never changed, only replaced
	count int
}

func (t *tail) newest() []Line {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lines
}

// handler returns a slog handler that keeps what it hands on.
func (t *tail) handler(next slog.Handler) slog.Handler { return &tailHandler{next, t, ""} }

type tailHandler struct {
	slog.Handler
	tail  *tail
	attrs string // given before
}

// Handle implements [slog.Handler].
func (h *tailHandler) Handle(ctx context.Context, r slog.Record) error {
	l := Line{Time: r.Time.Format("15:04:05"), Level: strings.ToLower(r.Level.String())}
	text := r.Message + h.attrs
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "recording":
			l.Recording = a.Value.String()
		case "frame":
			l.Frame = int(a.Value.Int64())
		default:
			text += " " + a.String()
		}
		return true
	})
	l.Text = printable(text, maxText)
	h.tail.mu.Lock()
	h.tail.count++
	l.Number = h.tail.count
	h.tail.lines = slices.Insert(slices.Clone(h.tail.lines[:min(len(h.tail.lines), tailLength-1)]), 0, l)
	h.tail.mu.Unlock()
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h *tailHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	all := h.attrs
	for _, a := range attrs {
		all += fmt.Sprintf(" %s", a)
	}
	return &tailHandler{h.Handler.WithAttrs(attrs), h.tail, all}
}

// WithGroup implements [slog.Handler].
func (h *tailHandler) WithGroup(name string) slog.Handler {
	return &tailHandler{h.Handler.WithGroup(name), h.tail, h.attrs}
}
