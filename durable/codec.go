package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The JSON form. Each level is an object whose unknown members are kept.

type object map[string]json.RawMessage

// take moves a member into v, if it is there.
func (o object) take(name string, v any) error {
	raw, ok := o[name]
	if !ok {
		return nil
	}
	delete(o, name)
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// rest returns the members that nobody took.
func (o object) rest() map[string]json.RawMessage {
	if len(o) == 0 {
		return nil
	}
	return o
}

func decodeDocument(data []byte) (*document, error) {
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("null is no document")
	}
	d := &document{}
	var shared object
	var views, drafts map[string]object
	for _, member := range []struct {
		name string
		into any
	}{
		{"generation", &d.generation}, {"revision", &d.revision}, {"nonce", &d.nonce}, {"created", &d.created},
		{"written", &d.written}, {"expires", &d.expires}, {"state", &d.state}, {"to", &d.to}, {"renewed", &d.renewed},
		{"shared", &shared}, {"views", &views}, {"drafts", &drafts}, {"applied", &d.applied},
	} {
		if err := o.take(member.name, member.into); err != nil {
			return nil, err
		}
	}
	d.extra = o.rest()
	if d.generation == "" || d.state != alive && d.state != frozen && d.state != dead {
		return nil, fmt.Errorf("generation %q, state %q", d.generation, d.state)
	}
	var err error
	if shared != nil {
		if d.shared, err = decodeKeys(shared); err != nil {
			return nil, fmt.Errorf("shared: %w", err)
		}
	}
	for name, o := range views {
		if d.views == nil {
			d.views = map[string]*keys{}
		}
		if d.views[name], err = decodeKeys(o); err != nil {
			return nil, fmt.Errorf("view %s: %w", name, err)
		}
	}
	for page, o := range drafts {
		if d.drafts == nil {
			d.drafts = map[string]*draft{}
		}
		dr := &draft{}
		if err := o.take("expires", &dr.expires); err != nil {
			return nil, fmt.Errorf("draft: %w", err)
		}
		if err := o.take("epoch", &dr.epoch); err != nil {
			return nil, fmt.Errorf("draft: %w", err)
		}
		k, err := decodeKeys(o)
		if err != nil {
			return nil, fmt.Errorf("draft: %w", err)
		}
		dr.keys = *k
		d.drafts[page] = dr
	}
	return d, nil
}

func decodeKeys(o object) (*keys, error) {
	var all map[string]object
	if err := o.take("keys", &all); err != nil {
		return nil, err
	}
	k := &keys{values: make(map[string]*value, len(all)), extra: o.rest()}
	for name, o := range all {
		v := &value{raw: o["v"]}
		delete(o, "v")
		if v.raw == nil {
			return nil, fmt.Errorf("key %s has no value", name)
		}
		if err := o.take("r", &v.revision); err != nil {
			return nil, err
		}
		if err := o.take("n", &v.version); err != nil {
			return nil, err
		}
		v.extra = o.rest()
		k.values[name] = v
	}
	return k, nil
}

// encode returns the JSON form.
func (d *document) encode() []byte {
	w := &writer{}
	w.open(d.extra)
	w.member("generation", d.generation)
	w.member("revision", d.revision)
	w.member("nonce", d.nonce)
	w.member("created", d.created)
	w.member("written", d.written)
	w.member("expires", d.expires)
	if d.state != alive {
		w.member("state", d.state)
	}
	if d.to != "" {
		w.member("to", d.to)
	}
	if d.renewed {
		w.member("renewed", true)
	}
	if d.shared != nil {
		w.name("shared")
		d.shared.encode(w, func() {})
	}
	if len(d.views) > 0 {
		w.name("views")
		w.open(nil)
		for name, k := range d.views {
			w.name(name)
			k.encode(w, func() {})
		}
		w.close()
	}
	if len(d.drafts) > 0 {
		w.name("drafts")
		w.open(nil)
		for page, dr := range d.drafts {
			w.name(page)
			dr.keys.encode(w, func() {
				w.member("expires", dr.expires)
				if dr.epoch > 0 {
					w.member("epoch", dr.epoch)
				}
			})
		}
		w.close()
	}
	if len(d.applied) > 0 {
		w.member("applied", d.applied)
	}
	w.close()
	return w.b.Bytes()
}

func (k *keys) encode(w *writer, more func()) {
	w.open(k.extra)
	more()
	w.name("keys")
	w.open(nil)
	for name, v := range k.values {
		w.name(name)
		w.open(v.extra)
		w.name("v")
		w.b.Write(v.raw)
		w.member("r", v.revision)
		if v.version != 0 {
			w.member("n", v.version)
		}
		w.close()
	}
	w.close()
	w.close()
}

// writer writes nested objects.
type writer struct {
	b     bytes.Buffer
	first bool
}

func (w *writer) open(extra map[string]json.RawMessage) {
	w.b.WriteByte('{')
	w.first = true
	for name, raw := range extra {
		w.name(name)
		w.b.Write(raw)
	}
}

func (w *writer) close() {
	w.b.WriteByte('}')
	w.first = false
}

func (w *writer) name(name string) {
	if !w.first {
		w.b.WriteByte(',')
	}
	w.first = false
	w.value(name)
	w.b.WriteByte(':')
}

func (w *writer) member(name string, v any) {
	w.name(name)
	w.value(v)
}

func (w *writer) value(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and maps of them always encode
	}
	w.b.Write(b)
}
