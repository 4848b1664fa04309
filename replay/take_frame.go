package replay

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/livelong-dev/livelong/live"
)

// effect takes a frame down: all fields, or those that have changed. When it finds a secret that the view shows, it takes
// no more HTML and patches of it. t.mu is held; what it returns is good until the next call.
func (t *take) effect(f *live.RecordedFrame, all bool) *Effect {
	found := t.red.found
	t.red.found = false
	known := t.red.newest()
	if t.take(f, all); t.red.newest() != known {
		t.take(f, all) // a field may hold what a later one has told to be a secret
	}
	inFields := t.red.found
	t.red.found = t.red.found || found
	if !t.redacted && (inFields || t.holds(f.Patch) || t.holds(f.HTML)) {
		t.redacted = true
		if !all {
			return t.effect(f, true)
		}
	}
	t.parts[0] = Part{Fields: t.list}
	t.eff = Effect{Keyframe: all, Parts: t.parts[:], Title: t.titled(f.Title)}
	e := &t.eff
	if t.redacted {
		return e
	}
	e.Hash = f.Hash
	if len(f.Patch) > 0 {
		e.Patch = f.Patch
	}
	// A keyframe has the HTML, and so has a frame that was sent as such.
	if due, _ := t.enc.KeyframeDue(); f.HTML != nil && (due || all) {
		e.HTML = f.HTML
		t.sum = sha256.Sum256(f.HTML)
		e.Sum = t.sum[:]
	} else if len(f.Patch) == 0 && f.HTML != nil {
		return t.again(f, all)
	}
	return e
}

// take takes fields down: all, or those that have changed.
func (t *take) take(f *live.RecordedFrame, all bool) {
	t.list, t.values = t.list[:0], t.values[:0]
	if all {
		for i := range t.fields {
			t.field(f.View, i)
		}
		return
	}
	for _, i := range f.Changed {
		t.field(f.View, i)
	}
}

// again makes a keyframe of a frame without a patch: what was sent is the HTML.
func (t *take) again(f *live.RecordedFrame, all bool) *Effect {
	if !all {
		return t.effect(f, true)
	}
	t.eff.HTML = f.HTML
	return &t.eff
}

// titled is the title, redacted.
func (t *take) titled(title string) string {
	if title != t.title {
		t.title, t.shownTitle = title, t.red.Text(title)
	}
	return t.shownTitle
}

// field appends a field's JSON to the list.
func (t *take) field(view any, i int) {
	f := &t.fields[i]
	from := len(t.values)
	if t.plain[i] && len(t.red.also) == 0 {
		values, err := t.view.AppendField(t.values, view, i)
		if err != nil {
			t.list = append(t.list, Field{Name: f.Name}) // a rendering cannot show it either
			return
		}
		t.values = values
	} else {
		data, keep, err := t.red.Field(Named{f.Name, f.Tag, t.view.Value(view, i)})
		if err != nil || !keep {
			t.list = append(t.list, Field{Name: f.Name})
			return
		}
		t.values = append(t.values, data...)
	}
	raw := t.values[from:len(t.values):len(t.values)]
	if t.holds(raw) {
		t.red.found = true
		raw = t.red.scrubJSON(raw)
	}
	t.list = append(t.list, Field{f.Name, raw})
}

// holds reports whether bytes hold one of the secrets.
func (t *take) holds(b []byte) bool {
	return len(b) > 0 && slices.ContainsFunc(t.red.secrets, func(s string) bool { return bytes.Contains(b, []byte(s)) })
}
