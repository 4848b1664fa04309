package livetest

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// control is what the user did to a form control.
type control struct {
	value   *string
	checked *bool
	chosen  []string // of a select, where several can be chosen
	// What was rendered when the server was told, and for which it counts; "" before.
	told string
}

// Type replaces the value of a text field, a textarea or a select, and reports the change.
func (p *Page) Type(selector, value string) {
	p.t.Helper()
	p.enter(p.one(selector, nil), value)
}

func (p *Page) enter(n *html.Node, value string) {
	p.t.Helper()
	p.usable(n)
	switch kind(n) {
	case "select":
		p.choose(n, []string{value})
		return
	case "checkbox", "radio":
		p.t.Fatalf("livetest: %s takes no text: Check it", describe(n))
	case "text", "textarea":
		if has(n, "readonly") {
			p.t.Fatalf("livetest: %s is read-only", describe(n))
		}
		if _, err := strconv.ParseFloat(value, 64); attr(n, "type") == "number" && value != "" && err != nil {
			p.t.Fatalf("livetest: %s takes a number, and browsers keep %q to themselves: PushForm sends it", describe(n), value)
		}
	default:
		p.t.Fatalf("livetest: %s takes no text", describe(n))
	}
	p.control(n).value = &value
	p.report(n)
}

// Check ticks or clears a checkbox, or chooses a radio button, and reports the change.
func (p *Page) Check(selector string, on bool) {
	p.t.Helper()
	p.tick(p.one(selector, nil), on)
}

func (p *Page) tick(n *html.Node, on bool) {
	p.t.Helper()
	p.usable(n)
	switch kind(n) {
	case "checkbox":
	case "radio":
		if !on {
			p.t.Fatalf("livetest: %s cannot be cleared: choose another one", describe(n))
		}
		off, form := false, p.formOf(n)
		for _, other := range p.all(`input[type=radio]`) {
			if attr(other, "name") == attr(n, "name") && p.formOf(other) == form {
				p.control(other).checked = &off
			}
		}
	default:
		p.t.Fatalf("livetest: %s cannot be ticked", describe(n))
	}
	p.control(n).checked = &on
	p.report(n)
}

// Choose chooses options of a select, by their values, and reports the change. Where several can be chosen it is these and
// no others, which may be none.
func (p *Page) Choose(selector string, values ...string) {
	p.t.Helper()
	n := p.one(selector, nil)
	p.usable(n)
	p.choose(n, values)
}

func (p *Page) choose(n *html.Node, values []string) {
	p.t.Helper()
	if n.Data != "select" {
		p.t.Fatalf("livetest: %s has no options", describe(n))
	}
	if !has(n, "multiple") && len(values) != 1 {
		p.t.Fatalf("livetest: %s takes one option, not %d", describe(n), len(values))
	}
	known := map[string]bool{} // value → whether it is disabled
	for _, o := range options(n) {
		known[optionValue(o)] = disabled(o)
	}
	for _, v := range values {
		if off, ok := known[v]; !ok {
			p.t.Fatalf("livetest: %s has no option %q; it has %q", describe(n), v, slices.Sorted(maps.Keys(known)))
		} else if off {
			p.t.Fatalf("livetest: the option %q of %s is disabled", v, describe(n))
		}
	}
	p.control(n).chosen = append([]string{}, values...)
	p.report(n)
}

// Fill fills in fields of the one form that matches a selector, by their names and in the order of these, and reports each
// change: text is typed, options are chosen, the radio button with the value is; a checkbox is ticked for "on" or its value
// and cleared for "". What the form does not have, or a user could not enter, fails the test.
func (p *Page) Fill(form string, fields map[string]string) {
	p.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := p.one(form, nil) // each change may have rendered another one
		if f.Data != "form" {
			p.t.Fatalf("livetest: %s is no form", describe(f))
		}
		var found *html.Node
		var names, values []string
		for n := range p.elements(f) {
			if attr(n, "name") != name {
				names = append(names, attr(n, "name"))
				continue
			}
			switch kind(n) {
			case "hidden", "submit", "button", "image", "reset":
				continue
			case "radio":
				values = append(values, checkValue(n))
				if checkValue(n) != fields[name] {
					continue
				}
			}
			if found == nil {
				found = n
			}
		}
		switch {
		case found == nil && values != nil:
			p.t.Fatalf("livetest: %s has no choice %q of %s; it has %q", describe(f), fields[name], name, values)
		case found == nil:
			slices.Sort(names)
			p.t.Fatalf("livetest: %s has no field %q; it has %q", describe(f), name, slices.DeleteFunc(slices.Compact(names), func(s string) bool { return s == "" || strings.HasPrefix(s, "live-") }))
		case kind(found) == "radio":
			p.tick(found, true)
		case kind(found) == "checkbox":
			if v := fields[name]; v != "" && v != "on" && v != checkValue(found) {
				p.t.Fatalf("livetest: %s is ticked or not, and cannot be %q", describe(found), v)
			}
			p.tick(found, fields[name] != "")
		default:
			p.enter(found, fields[name])
		}
	}
}

// usable fails the test where a user could not use a control.
func (p *Page) usable(n *html.Node) {
	p.t.Helper()
	if !slices.Contains([]string{"input", "textarea", "select"}, n.Data) {
		p.t.Fatalf("livetest: %s is no field: it takes no text and no choice", describe(n))
	}
	if disabled(n) {
		p.t.Fatalf("livetest: %s is disabled", describe(n))
	}
}

func (p *Page) control(n *html.Node) *control {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state[n] == nil {
		p.state[n] = &control{}
	}
	return p.state[n]
}

// report sends the change of a control, if anything is bound to it.
func (p *Page) report(n *html.Node) {
	p.t.Helper()
	if p.ws == nil {
		return // as in a browser without JavaScript, the form carries it
	}
	form := p.formOf(n)
	at := n
	for ; at != nil && at != p.root.Parent; at = at.Parent {
		if has(at, "live-change") && (at.Data != "form" || at == form) {
			break
		}
	}
	if at == nil || at == p.root.Parent {
		for at = form; at != nil && !has(at, "live-change"); at = at.Parent {
		}
	}
	if at == nil {
		return
	}
	p.mu.Lock()
	p.state[n].told = rendered(n)
	p.mu.Unlock()
	values := url.Values{}
	if at.Data == "form" {
		values = p.values(at, nil)
	} else {
		p.add(values, n)
	}
	p.send(p.binding(at, "change"), values, map[string]any{"target": nameOf(n), "value": p.value(n)})
}

// Submit submits the one form that matches a selector, without a button.
func (p *Page) Submit(selector string) {
	p.t.Helper()
	n := p.one(selector, nil)
	if n.Data != "form" {
		p.t.Fatalf("livetest: %s is no form", describe(n))
	}
	p.submit(n, nil)
}

func (p *Page) submit(form, submitter *html.Node) {
	p.t.Helper()
	if p.ws == nil {
		p.post(form, submitter)
		return
	}
	_, b := p.bound(form, "submit")
	client := map[string]any{}
	if submitter != nil {
		client["submitter"] = nameOf(submitter)
	}
	n := p.send(b, p.values(form, submitter), client)
	p.mu.Lock()
	refused := p.refused[n]
	p.mu.Unlock()
	if !refused { // what was typed stays when the server could not take it
		p.forget(form)
	}
}

// reset does what a reset button does, and reports it.
func (p *Page) reset(form *html.Node) {
	p.t.Helper()
	p.forget(form)
	if attr(form, "live-change") != "" && p.ws != nil {
		p.send(p.binding(form, "change"), p.values(form, nil), map[string]any{"target": "[reset]"})
	}
}

// forget makes a form show what the server rendered, as after a page load.
func (p *Page) forget(form *html.Node) {
	for n := range p.elements(form) {
		p.mu.Lock()
		delete(p.state, n)
		p.mu.Unlock()
	}
}

// values collects a form's fields as a browser does: in document order, without disabled controls and with the value
// of the button that submits.
func (p *Page) values(form, submitter *html.Node) url.Values {
	values := url.Values{}
	for n := range p.elements(form) {
		if n == submitter && attr(n, "name") != "" {
			values.Add(attr(n, "name"), attr(n, "value"))
		} else {
			p.add(values, n)
		}
	}
	return values
}

func (p *Page) add(values url.Values, n *html.Node) {
	name := attr(n, "name")
	if name == "" || disabled(n) {
		return
	}
	switch kind(n) {
	case "submit", "button", "image", "reset", "file":
	case "checkbox", "radio":
		if p.checked(n) {
			values.Add(name, checkValue(n))
		}
	case "select":
		for _, v := range p.chosen(n) {
			values.Add(name, v)
		}
	default:
		values.Add(name, p.value(n))
	}
}

// entered is what the user did to a control, as long as the server has rendered nothing else since it was told.
func (p *Page) entered(n *html.Node) control {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.state[n]
	if c == nil || c.told != "" && c.told != rendered(n) {
		return control{}
	}
	return *c
}

// rendered is what the server makes of a control.
func rendered(n *html.Node) string {
	var b strings.Builder
	b.WriteString("=" + attr(n, "value"))
	if has(n, "checked") {
		b.WriteString("+")
	}
	for at := n; at != nil; at = at.Parent {
		b.WriteString(attr(at, "live-overwrite"))
	}
	if n.Data == "textarea" {
		b.WriteString(text(n))
	}
	for _, o := range options(n) {
		if has(o, "selected") {
			b.WriteString("\n" + optionValue(o))
		}
	}
	return b.String()
}

func (p *Page) checked(n *html.Node) bool {
	if c := p.entered(n); c.checked != nil {
		return *c.checked
	}
	return has(n, "checked")
}

// chosen are the values of the options of a select that are chosen.
func (p *Page) chosen(n *html.Node) []string {
	c := p.entered(n)
	var first *string
	mine, theirs := []string{}, []string{}
	for _, o := range options(n) {
		v := optionValue(o)
		if disabled(o) {
			continue
		}
		if first == nil {
			first = &v
		}
		if slices.Contains(c.chosen, v) {
			mine = append(mine, v)
		}
		if has(o, "selected") {
			theirs = append(theirs, v)
		}
	}
	switch {
	case c.chosen != nil && (has(n, "multiple") || len(mine) > 0):
		return mine
	case has(n, "multiple"):
		return theirs
	case len(theirs) > 0:
		return theirs[len(theirs)-1:]
	case first != nil:
		return []string{*first}
	}
	return nil
}

// value is what a control holds: what was typed, or else what is rendered.
func (p *Page) value(n *html.Node) string {
	if n.Data == "select" {
		return strings.Join(p.chosen(n), ",")
	}
	if c := p.entered(n); c.value != nil {
		return *c.value
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n.Data == "textarea" {
		return text(n)
	}
	return attr(n, "value")
}

// elements are a form's controls, wherever they stand.
func (p *Page) elements(form *html.Node) func(func(*html.Node) bool) {
	return slices.Values(slices.DeleteFunc(p.all("button,input,select,textarea"), func(n *html.Node) bool { return p.formOf(n) != form }))
}

// formOf is the form that a control belongs to: the one that it names, or else the one around it.
func (p *Page) formOf(n *html.Node) *html.Node {
	if !has(n, "form") {
		return ancestor(n, "form")
	}
	return find(p.document, func(f *html.Node) bool { return f.Data == "form" && attr(f, "id") == attr(n, "form") })
}

// kind is what a control is like: an input of a type that has none of its own is a text.
func kind(n *html.Node) string {
	switch n.Data {
	case "input":
		switch t := strings.ToLower(attr(n, "type")); t {
		case "checkbox", "radio", "hidden", "submit", "button", "image", "reset", "file":
			return t
		}
		return "text"
	case "button":
		if t := strings.ToLower(attr(n, "type")); t == "button" || t == "reset" {
			return t
		}
		return "submit"
	}
	return n.Data
}

// disabled reports whether a control, or what it stands in, cannot be used.
func disabled(n *html.Node) bool {
	if has(n, "disabled") {
		return true
	}
	for at, below := n.Parent, n; at != nil; at, below = at.Parent, at {
		switch {
		case at.Data == "optgroup" && n.Data == "option" && has(at, "disabled"):
			return true
		case at.Data == "fieldset" && has(at, "disabled") && n.Data != "option":
			first := find(at, func(c *html.Node) bool { return c.Data == "legend" && c.Parent == at })
			if below != first {
				return true
			}
		}
	}
	return false
}

func options(n *html.Node) []*html.Node {
	var all []*html.Node
	for o := range n.Descendants() {
		if n.Data == "select" && o.Type == html.ElementNode && o.Data == "option" {
			all = append(all, o)
		}
	}
	return all
}

func optionValue(o *html.Node) string {
	if has(o, "value") {
		return attr(o, "value")
	}
	return clean(text(o))
}

func checkValue(n *html.Node) string {
	if has(n, "value") {
		return attr(n, "value")
	}
	return "on"
}

// nameOf is how an event calls a control.
func nameOf(n *html.Node) string {
	if name := attr(n, "name"); name != "" {
		return name
	}
	return attr(n, "id")
}
