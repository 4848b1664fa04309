package replay

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// What is taken down of a view of which something is redacted is developed later: the redacted fields are rendered, and
// the frame gets the hash of that.

// cloned is an entry of its own, for the queue.
func cloned(x Entry) Entry {
	own := func(e *Effect) *Effect {
		if e == nil {
			return nil
		}
		c := *e
		c.Parts = slices.Clone(e.Parts)
		for i := range c.Parts {
			c.Parts[i].Fields = slices.Clone(c.Parts[i].Fields)
			for j := range c.Parts[i].Fields {
				f := &c.Parts[i].Fields[j]
				f.JSON = bytes.Clone(f.JSON)
			}
		}
		return &c
	}
	switch {
	case x.Mount != nil:
		m := *x.Mount
		m.Effect = own(m.Effect)
		x.Mount = &m
	case x.Turn != nil:
		t := *x.Turn
		t.Cause.Payload = bytes.Clone(t.Cause.Payload)
		t.Effect = own(t.Effect)
		x.Turn = &t
	}
	return x
}

// maxQueued is how much of one recording waits to be developed. A page that changes faster than it can be rendered a second
// time has gaps.
const maxQueued = 4 << 20

// enqueue leaves an entry to the background. t.mu is held.
func (t *take) enqueue(x Entry) {
	effect := x.effect()
	if t.missed != "" && effect != nil && effect.Keyframe {
		gap := Entry{At: x.At, Gap: &Gap{Reason: t.missed}}
		t.missed = ""
		t.queue = append(t.queue, gap)
		t.summary.Count(&gap)
	}
	if x.Exit == nil && t.queued > maxQueued {
		t.missed = "the page changed faster than its redacted fields could be rendered"
	}
	if x.Exit == nil && t.missed != "" {
		return
	}
	t.queue = append(t.queue, cloned(x))
	t.queued += entryOverhead + sizeOf(effect)
	if x.Turn != nil {
		t.queued += len(x.Turn.Cause.Payload)
	}
	t.summary.Count(&x)
	if t.queued > maxBuffered && !t.developing && t.started {
		t.developing = true
		t.r.work.Add(1)
		go func() {
			defer t.r.work.Done()
			t.flush(false)
			t.mu.Lock()
			t.developing = false
			t.mu.Unlock()
		}()
	}
}

const entryOverhead = 200

func sizeOf(e *Effect) (n int) {
	if e == nil {
		return 0
	}
	for _, p := range e.Parts {
		for _, f := range p.Fields {
			n += len(f.Name) + len(f.JSON)
		}
	}
	return n
}

// make develops and encodes what waits for that.
func (t *take) make() {
	t.making.Lock()
	defer t.making.Unlock()
	t.mu.Lock()
	queue := t.queue
	t.queue, t.queued = nil, 0
	t.mu.Unlock()
	for i := range queue {
		t.develop(queue[i])
	}
}

func (t *take) develop(x Entry) {
	if e := x.effect(); e != nil {
		merge(&t.raw, e)
		if _, all := t.enc.KeyframeDue(); all && !e.Keyframe {
			e.Keyframe, e.Parts = true, []Part{{}}
			for _, name := range slices.Sorted(maps.Keys(t.raw)) {
				e.Parts[0].Fields = append(e.Parts[0].Fields, Field{name, t.raw[name]})
			}
		}
	}
	counted := x
	err := t.r.redactor.Sanitize(&x, t.view.Name(), t.enc.Last)
	if err != nil {
		t.r.o.Logger.Error("replay: an entry is not recorded", "recording", t.id, "err", err)
	} else {
		if e := x.effect(); e != nil {
			merge(&t.now, e)
			e.Hash, e.Patch, e.HTML, e.Sum = t.hash(), nil, nil, nil
		}
		err = t.enc.Append(x)
	}
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.summary.uncount(&counted)
		t.lose(counted.At, err)
	}
}

// merge takes over the fields of an effect.
func merge(fields *map[string]json.RawMessage, e *Effect) {
	if e.Keyframe || *fields == nil {
		*fields = map[string]json.RawMessage{}
	}
	for _, p := range e.Parts {
		for _, f := range p.Fields {
			if f.JSON == nil {
				delete(*fields, f.Name)
			} else {
				(*fields)[f.Name] = f.JSON
			}
		}
	}
}

// hash is that of what the redacted fields render; 0 when they do not.
func (t *take) hash() uint64 {
	view, _ := t.view.New(maps.Clone(t.now))
	markup, err := t.view.Render(view, t.nonce, t.locale)
	if err != nil {
		return 0
	}
	return live.Hash(markup, t.key)
}

// flush hands over what was recorded so far. A page on which nobody has done anything is held back: it may be discarded.
func (t *take) flush(now bool) {
	t.mu.Lock()
	redacted := t.redacted
	t.mu.Unlock()
	if redacted {
		t.make()
		t.making.Lock()
		defer t.making.Unlock()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return // what is left in the encoder is close's
	}
	if size, _ := t.enc.Pending(); !t.started && size < maxBuffered {
		return
	}
	if redacted != t.redacted {
		return // it has just become so: the next time
	}
	if t.pending && !redacted && (now || t.since()-t.at > time.Second) {
		t.settle()
	}
	t.handOn()
}

// abandon gives the recording up, and frees what it holds: the archive does not take it. t.mu is held.
func (t *take) abandon() {
	t.over = true
	t.queue, t.buf, t.values, t.list, t.turn = nil, nil, nil, nil, Turn{}
	r := t.r
	r.work.Add(1)
	go func() { // the recorder's lock comes first
		defer r.work.Done()
		r.mu.Lock()
		delete(r.takes, t.id)
		r.mu.Unlock()
		t.notify()
	}()
}

// watchDelay is how long a recording that is watched waits for more before it is handed over.
const watchDelay = 100 * time.Millisecond

// watch calls f after everything new has reached the archive.
func (t *take) watch(f func()) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watchers[&f] = struct{}{}
	t.tell()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers, &f)
	}
}

// tell hands over what is new, for those who watch. t.mu is held.
func (t *take) tell() {
	if len(t.watchers) == 0 || t.flushing || t.over {
		return
	}
	t.flushing = true
	time.AfterFunc(watchDelay, func() {
		t.mu.Lock()
		t.flushing = false
		t.mu.Unlock()
		t.flush(true)
		t.output.Then(t.notify)
	})
}

// notify calls those who watch.
func (t *take) notify() {
	t.mu.Lock()
	watchers := slices.Collect(maps.Keys(t.watchers))
	t.mu.Unlock()
	for _, f := range watchers {
		(*f)()
	}
}

var (
	inputTag  = regexp.MustCompile(`(?i)<input\b[^>]*>`)
	isSecret  = regexp.MustCompile(`(?i)\stype\s*=\s*["']?password\b`)
	inputName = regexp.MustCompile(`(?i)\sname\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))`)
)

// passwordInputs returns the names of inputs that hide what is typed.
func passwordInputs(markup []byte) (names []string) {
	if !bytes.Contains(bytes.ToLower(markup), []byte("password")) {
		return nil
	}
	for _, tag := range inputTag.FindAll(markup, -1) {
		if m := inputName.FindSubmatch(tag); m != nil && isSecret.Match(tag) {
			names = append(names, string(slices.Concat(m[1:]...)))
		}
	}
	return names
}

// newPasswordInputs is passwordInputs of what a frame may have brought. Every turn comes here, so only a patch that says
// so leads to a look at the page.
func newPasswordInputs(f *live.RecordedFrame) []string {
	says := func(word string) bool { return bytes.Contains(f.Patch, []byte(word)) }
	switch {
	case len(f.Patch) == 0:
		return passwordInputs(f.HTML)
	case !says("password") && !says("Password") && !says("PASSWORD"):
		return nil
	case f.HTML == nil:
		return passwordInputs(bytes.ReplaceAll(f.Patch, []byte(`\"`), []byte(`"`)))
	}
	return passwordInputs(f.HTML)
}

var browsers = []struct{ name, mark string }{
	{"Edge", "Edg/"}, {"Opera", "OPR/"}, {"Samsung Internet", "SamsungBrowser/"}, {"Firefox", "Firefox/"}, {"Chrome", "Chrome/"}, {"Safari", "Version/"},
}

// browserName makes a label of a User-Agent: "Firefox 130".
func browserName(agent string) string {
	for _, b := range browsers {
		if _, rest, ok := strings.Cut(agent, b.mark); ok {
			version, _, _ := strings.Cut(rest, ".")
			if len(version) > 4 {
				version = version[:4]
			}
			return b.name + " " + version
		}
	}
	return ""
}
