package replay

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"

	"github.com/livelong-dev/livelong/live"
)

// LogHandler returns a handler that gives each record written with the context of a view's method two attributes more, the
// recording's id and the frame that was on the screen, and takes it down in the recording. Records of other contexts pass
// as they are.
func LogHandler(next slog.Handler) slog.Handler { return &logHandler{next: next} }

type logHandler struct {
	next   slog.Handler
	groups []string
	attrs  []slog.Attr // of the groups so far, nested
}

// Enabled implements [slog.Handler].
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	rec := live.RecordingOf(ctx)
	if rec == nil {
		return h.next.Handle(ctx, record)
	}
	id, frame := rec.Position()
	if t := takeIn(ctx); t != nil {
		var own []slog.Attr
		record.Attrs(func(a slog.Attr) bool {
			own = append(own, a)
			return true
		})
		t.log(record.Level, record.Message, append(h.attrs[:len(h.attrs):len(h.attrs)], nested(h.groups, own)...))
	}
	record = record.Clone()
	record.AddAttrs(slog.String("recording", id), slog.Int("frame", frame))
	return h.next.Handle(ctx, record)
}

// nested puts attributes into groups.
func nested(groups []string, attrs []slog.Attr) []slog.Attr {
	for i := len(groups) - 1; i >= 0 && len(attrs) > 0; i-- {
		attrs = []slog.Attr{{Key: groups[i], Value: slog.GroupValue(attrs...)}}
	}
	return attrs
}

// WithAttrs implements [slog.Handler].
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.next.WithAttrs(attrs), h.groups, append(h.attrs[:len(h.attrs):len(h.attrs)], nested(h.groups, attrs)...)}
}

// WithGroup implements [slog.Handler].
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &logHandler{h.next.WithGroup(name), append(h.groups[:len(h.groups):len(h.groups)], name), h.attrs}
}

// log takes a log record down, redacted.
func (t *take) log(level slog.Level, message string, attrs []slog.Attr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.survive()
	if t.over {
		return
	}
	kept := t.red.Attrs(attrs) // first: a message may repeat what they hold
	t.emit(Entry{At: t.since(), Log: &Log{Level: int(level), Message: t.red.Text(message), Attrs: kept}})
	t.tell()
	if t.lines++; t.lines >= t.r.o.MaxEvents {
		t.settle()
		t.finish(&Exit{Reason: ExitTruncated})
	}
}

// Link returns the path at which the frame is seen that is on the screen of the page whose method was called with ctx,
// below the path at which the UI is mounted, such as "/replay/"; empty when the page is not recorded.
func Link(ctx context.Context, base string) string {
	rec := live.RecordingOf(ctx)
	if rec == nil {
		return ""
	}
	id, frame := rec.Position()
	return FramePath(base, id, frame)
}

// FramePath returns the path at which a frame of a recording is seen.
func FramePath(base, id string, frame int) string {
	return base + url.PathEscape(id) + "?f=" + strconv.Itoa(frame)
}
