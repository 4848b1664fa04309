package live

import (
	"container/list"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Stash keeps the stored fields of views: what outlives an instance. Its methods are called by the goroutine of one
// page and may block that page; they are called for many pages at once.
type Stash interface {
	// Load returns the values stored at a place; nil means that nothing is stored there.
	Load(ctx context.Context, at Place) (map[string]json.RawMessage, error)
	// Save stores values beside those that are there already.
	Save(ctx context.Context, at Place, values map[string]json.RawMessage) error
}

// Place is where a view's values are stored.
type Place struct {
	Sessions []string // the browser session's storage ids, newest secret first; values are saved under the first
	View     string   // the view type
	Page     string   // the page whose draft it is; empty for values of the whole session
}

// scope is how long a stored field is remembered.
type scope uint8

const (
	perSession scope = iota + 1 // every mount of this browser
	perPage                     // the same page coming back
)

// stored is a field with a `stored` tag.
type stored struct {
	field int // index in assigns.Type.Fields
	key   string
	scope scope
}

// parseStored reads a tag `stored:"scope,key=name"`.
func parseStored(name, tag string) (stored, error) {
	s := stored{key: name}
	parts := strings.Split(tag, ",")
	switch parts[0] {
	case "", "session":
		s.scope = perSession
	case "reconnect":
		s.scope = perPage
	default:
		return s, fmt.Errorf("field %s: stored:%q: no scope is called %q, want session or reconnect", name, tag, parts[0])
	}
	for _, option := range parts[1:] {
		key, ok := strings.CutPrefix(option, "key=")
		if !ok || key == "" {
			return s, fmt.Errorf("field %s: stored:%q: unknown option %q", name, tag, option)
		}
		s.key = key
	}
	return s, nil
}

// storedFields returns the stored fields of a view type, of which an unexported one is an error.
func (t *viewType) storedFields() ([]stored, error) {
	for i := range t.typ.NumField() {
		if f := t.typ.Field(i); !f.IsExported() && !f.Anonymous {
			if _, ok := f.Tag.Lookup("stored"); ok {
				return nil, fmt.Errorf("%v: field %s: stored, but not exported", t.typ, f.Name)
			}
		}
	}
	var all []stored
	seen := map[string]string{}
	for i, f := range t.assigns.Fields() {
		tag, ok := f.Tag.Lookup("stored")
		if !ok {
			continue
		}
		s, err := parseStored(f.Name, tag)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", t.typ, err)
		}
		if other, ok := seen[s.key]; ok {
			return nil, fmt.Errorf("%v: the fields %s and %s are both stored as %q", t.typ, other, f.Name, s.key)
		}
		seen[s.key], s.field = f.Name, i
		all = append(all, s)
	}
	return all, nil
}

// recover sets the view's stored fields. The page's own are recovered only when the same page comes back.
func (in *instance) recover(ctx context.Context, samePage bool) Recovery {
	if len(in.typ.stored) == 0 || in.session.new {
		return Recovery{Status: Fresh}
	}
	found := Recovery{Status: NotFound}
	for _, scope := range []scope{perSession, perPage} {
		if scope == perPage && !samePage || !slices.ContainsFunc(in.typ.stored, func(s stored) bool { return s.scope == scope }) {
			continue
		}
		values, err := in.app.stash.Load(ctx, in.place(scope))
		if err != nil {
			in.app.log.ErrorContext(ctx, "recover stored fields", "view", in.typ.name, "err", err)
			// What is stored must not be overwritten by what starts from defaults.
			found.Status, in.frozen = Failed, true
			in.showError(0, "What you saved before cannot be read at the moment. Changes on this page are not saved; load it again later.")
			continue
		}
		for _, s := range in.typ.stored {
			raw, ok := values[s.key]
			if s.scope != scope || !ok {
				continue
			}
			if err := in.typ.assigns.DecodeField(raw, in.value, s.field); err != nil {
				in.app.log.WarnContext(ctx, "recover stored field", "view", in.typ.name, "field", s.key, "err", err)
				found.Lost = append(found.Lost, s.key)
			} else if found.Status == NotFound {
				found.Status = Recovered
			}
		}
	}
	if found.Status == NotFound && len(found.Lost) > 0 {
		found.Status = Failed
	}
	return found
}

// save stashes the stored fields among the changed ones.
func (in *instance) save(ctx context.Context, changed []int) error {
	for _, scope := range []scope{perSession, perPage} {
		var values map[string]json.RawMessage
		for _, s := range in.typ.stored {
			if s.scope != scope || !slices.Contains(changed, s.field) {
				continue
			}
			raw, err := in.typ.assigns.EncodeField(nil, in.value, s.field)
			if err != nil {
				return fmt.Errorf("stash field %s: %w", s.key, err)
			}
			if values == nil {
				values = map[string]json.RawMessage{}
			}
			values[s.key] = raw
		}
		if values == nil {
			continue
		}
		if err := in.app.stash.Save(ctx, in.place(scope), values); err != nil {
			return fmt.Errorf("stash: %w", err)
		}
	}
	return nil
}

func (in *instance) place(s scope) Place {
	at := Place{Sessions: in.app.storageIDs(in.session), View: in.typ.name}
	if s == perPage {
		at.Page = in.page.id.String()
	}
	return at
}

// Update changes a field by a function of its present value: a counter counted in two tabs at once loses nothing where
// the stash can run f again on a newer value. f must be pure. On a field that is not stored it is an assignment.
func Update[T any](s *Socket, field *T, f func(T) T) {
	if !s.in.owns(reflect.ValueOf(field)) {
		panic(fmt.Sprintf("live.Update: the %T is no field of %v", field, s.in.typ.typ))
	}
	*field = f(*field)
}

// owns reports whether p points into the view.
func (in *instance) owns(p reflect.Value) bool {
	start, size := in.value.Addr().Pointer(), in.value.Type().Size()
	at := p.Pointer()
	return at >= start && at+p.Type().Elem().Size() <= start+size
}

// memory is the stash of an app that has none: stored fields live in this process, bounded, the least recently used
// forgotten first.
type memory struct {
	mu     sync.Mutex
	limit  int // bytes
	size   int
	places map[string]*list.Element // of *remembered
	order  *list.List               // most recently used first
}

type remembered struct {
	key    string
	values map[string]json.RawMessage
	size   int
}

const memoryLimit = 64 << 20

func newMemory(limit int) *memory {
	return &memory{limit: limit, places: map[string]*list.Element{}, order: list.New()}
}

// Load implements [Stash].
func (m *memory) Load(_ context.Context, at Place) (map[string]json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range at.Sessions {
		if e, ok := m.places[at.key(id)]; ok {
			m.order.MoveToFront(e)
			return maps.Clone(e.Value.(*remembered).values), nil
		}
	}
	return nil, nil
}

// Save implements [Stash].
func (m *memory) Save(_ context.Context, at Place, values map[string]json.RawMessage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := at.key(at.Sessions[0])
	e, ok := m.places[key]
	if !ok {
		e = m.order.PushFront(&remembered{key: key, values: map[string]json.RawMessage{}, size: len(key)})
		m.places[key] = e
		m.size += len(key)
	}
	m.order.MoveToFront(e)
	r := e.Value.(*remembered)
	for k, v := range values {
		grown := len(v) - len(r.values[k])
		if _, ok := r.values[k]; !ok {
			grown += len(k)
		}
		r.values[k] = v
		r.size += grown
		m.size += grown
	}
	for m.size > m.limit && m.order.Len() > 1 {
		last := m.order.Remove(m.order.Back()).(*remembered)
		delete(m.places, last.key)
		m.size -= last.size
	}
	return nil
}

func (p Place) key(session string) string { return session + "\x00" + p.View + "\x00" + p.Page }
