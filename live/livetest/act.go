package livetest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing/synctest"

	"golang.org/x/net/html"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

func settle() { synctest.Wait() }

// binding is the value of a live-… attribute: see PROTOCOL.md of the wire.
type binding struct {
	name   string
	child  string // the id of the child that the element belongs to
	client []string
	keys   []string
	value  json.RawMessage
}

func parseBinding(s string) binding {
	head, value, _ := strings.Cut(s, " ")
	parts := strings.Split(head, ";")
	b := binding{name: parts[0]}
	if value != "" {
		b.value = json.RawMessage(value)
	}
	for _, option := range parts[1:] {
		if list, ok := strings.CutPrefix(option, "c="); ok {
			b.client = strings.Split(list, ",")
		}
		if list, ok := strings.CutPrefix(option, "k="); ok {
			b.keys = strings.Split(list, ",")
		}
	}
	return b
}

// send sends an event and waits until it is answered.
func (p *Page) send(b binding, form interface{ Encode() string }, client map[string]any) int {
	p.t.Helper()
	if p.ws == nil {
		p.t.Fatalf("livetest: %s: the page is not connected", b.name)
	}
	p.mu.Lock()
	p.n++
	n := p.n
	p.mu.Unlock()
	up := wire.Up{Kind: wire.Event, N: n, Name: b.name, Payload: wire.Payload{Value: b.value}, Target: b.child}
	if form != nil {
		up.Payload.Form = form.Encode()
	}
	for _, key := range b.client {
		if v, ok := client[key]; ok {
			if up.Payload.Client == nil {
				up.Payload.Client = map[string]json.RawMessage{}
			}
			up.Payload.Client[key], _ = json.Marshal(v)
		}
	}
	frame, err := wire.AppendUp(nil, up)
	if err != nil {
		p.t.Fatalf("livetest: %v", err)
	}
	p.write(frame)
	p.wait("answer to "+b.name, func() bool { return p.ref >= n })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ref < n {
		p.t.Fatalf("livetest: the connection ended before %s was answered: %s", b.name, p.failure)
	}
	return n
}

// bound finds the binding of an event on an element or the nearest element around it.
func (p *Page) bound(n *html.Node, event string) (*html.Node, binding) {
	p.t.Helper()
	for at := n; at != nil && at != p.root.Parent; at = at.Parent {
		if attr(at, "live-"+event) != "" {
			return at, p.binding(at, event)
		}
	}
	p.t.Fatalf("livetest: nothing is bound to %s on %s or around it", event, describe(n))
	return nil, binding{}
}

// binding is what is bound to an event on an element.
func (p *Page) binding(at *html.Node, event string) binding {
	b := parseBinding(attr(at, "live-"+event))
	b.child = p.childAt(at)
	return b
}

// childAt returns the id of the child that an element belongs to; empty: the page's own view.
func (p *Page) childAt(n *html.Node) string {
	for at := n; at != nil && at != p.root.Parent; at = at.Parent {
		if has(at, "live-child") {
			return attr(at, "live-key")
		}
	}
	return ""
}

// Click clicks the one element that matches a CSS selector and, when given, contains a text. A button that submits a
// form does so, and a [live.Link] is followed.
func (p *Page) Click(selector string, text ...string) {
	p.t.Helper()
	n := p.one(selector, text)
	if disabled(n) {
		p.t.Fatalf("livetest: %s is disabled", describe(n))
	}
	if form := p.formOf(n); form != nil && !p.hasBinding(n, form, "live-click") {
		switch kind(n) {
		case "submit", "image":
			p.submit(form, n)
			return
		case "reset":
			p.reset(form)
			return
		}
	}
	for at := n; at != nil && !has(n, "live-click"); at = at.Parent {
		if at.Data == "a" && has(at, "live-link") {
			p.follow(attr(at, "href"), attr(at, "live-link"))
			return
		}
	}
	_, b := p.bound(n, "click")
	p.send(b, nil, map[string]any{"value": attr(n, "value"), "target": attr(n, "name"), "x": 0, "y": 0})
}

func (p *Page) hasBinding(n, until *html.Node, name string) bool {
	for at := n; at != nil && at != until; at = at.Parent {
		if has(at, name) {
			return true
		}
	}
	return false
}

// post submits a form as a browser without JavaScript does, and shows the page it leads to.
func (p *Page) post(form, submitter *html.Node) {
	p.t.Helper()
	if !strings.EqualFold(attr(form, "method"), "post") {
		p.t.Fatalf("livetest: %s does not work without JavaScript: render it with live.Post", describe(form))
	}
	action, err := p.url.Parse(attr(form, "action"))
	if err != nil {
		p.t.Fatalf("livetest: %v", err)
	}
	r, err := http.NewRequest(http.MethodPost, action.RequestURI(), strings.NewReader(p.values(form, submitter).Encode()))
	if err != nil {
		p.t.Fatalf("livetest: %v", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	p.become(p.b.load(r))
}

// Key presses a key in the one element that matches a selector: live-keydown, on the element, around it or on the
// window.
func (p *Page) Key(selector, key string) {
	p.t.Helper()
	n := p.one(selector, nil)
	event := "keydown"
	if !p.hasBinding(n, p.root.Parent, "live-keydown") {
		event = "window-keydown"
		if n = find(p.root, func(n *html.Node) bool { return has(n, "live-window-keydown") }); n == nil {
			p.t.Fatalf("livetest: nothing is bound to keys on %q or around it", selector)
		}
	}
	_, b := p.bound(n, event)
	if len(b.keys) > 0 && !slices.ContainsFunc(b.keys, func(k string) bool { return strings.EqualFold(k, key) || key == " " && strings.EqualFold(k, "Space") }) {
		return
	}
	p.send(b, nil, map[string]any{"key": key, "value": p.value(n)})
}

// Focus and Blur move the focus to and away from an element.
func (p *Page) Focus(selector string) { p.t.Helper(); p.fire(selector, "focus") }

// Blur takes the focus away from an element.
func (p *Page) Blur(selector string) { p.t.Helper(); p.fire(selector, "blur") }

func (p *Page) fire(selector, event string) {
	p.t.Helper()
	n := p.one(selector, nil)
	_, b := p.bound(n, event)
	p.send(b, nil, map[string]any{"value": p.value(n), "target": attr(n, "name")})
}

// Push sends an event to the page's view as the client's push does, and returns what the handler replied; nil without a
// reply.
func (p *Page) Push(name string, payload any) json.RawMessage {
	p.t.Helper()
	return p.PushAt("", name, payload)
}

// PushTo is Push for the child that the one element which matches a selector belongs to.
func (p *Page) PushTo(selector, name string, payload any) json.RawMessage {
	p.t.Helper()
	return p.PushAt(p.childAt(p.one(selector, nil)), name, payload)
}

// PushAt is Push for the child of an id, as it is, for what only a forged page sends.
func (p *Page) PushAt(child, name string, payload any) json.RawMessage {
	p.t.Helper()
	value, err := json.Marshal(payload)
	if err != nil {
		p.t.Fatalf("livetest: push %s: %v", name, err)
	}
	if string(value) == "null" {
		value = nil
	}
	n := p.send(binding{name: name, child: child, value: value}, nil, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.replies[n]
}

// Confirm tells the server that all frames so far were applied, as the client does a second after the last event.
func (p *Page) Confirm() {
	p.t.Helper()
	p.mu.Lock()
	k := p.frames
	p.mu.Unlock()
	frame, err := wire.AppendUp(nil, wire.Up{Kind: wire.Confirm, N: k})
	if err != nil {
		p.t.Fatalf("livetest: %v", err)
	}
	p.write(frame)
}

// PushRaw sends an event whose value is JSON of any kind, as a script that is not this framework's client may.
func (p *Page) PushRaw(name, value string) {
	p.t.Helper()
	p.send(binding{name: name, value: json.RawMessage(value)}, nil, nil)
}

// PushRawForm is PushForm without a look at the fields.
func (p *Page) PushRawForm(name, fields string) {
	p.t.Helper()
	p.send(binding{name: name}, rawForm(fields), nil)
}

// rawForm are fields as they are sent.
type rawForm string

// Encode returns them.
func (f rawForm) Encode() string { return string(f) }

// PushForm sends an event with a form's fields, as application/x-www-form-urlencoded.
func (p *Page) PushForm(name, fields string) {
	p.t.Helper()
	form, err := url.ParseQuery(fields)
	if err != nil {
		p.t.Fatalf("livetest: push %s: %v", name, err)
	}
	p.send(binding{name: name}, form, nil)
}
