package live

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live/internal/assigns"
)

// childField is an exported field of a view that holds other views: a pointer to one, or a slice or map of such pointers.
type childField struct {
	typ  *viewType
	kind reflect.Kind
}

var viewInterface = reflect.TypeFor[View]()

// rootOnly are the methods that only the view of a page may have.
var rootOnly = map[string]reflect.Type{
	"Mount": reflect.TypeFor[Mounter](), "Params": reflect.TypeFor[ParamsHandler](), "Connected": reflect.TypeFor[Connector](),
	"StoredChanged": reflect.TypeFor[StoredWatcher](), "Title": reflect.TypeFor[Titler](), "Unmount": reflect.TypeFor[Unmounter](),
	"StoredName": reflect.TypeFor[StoredNamer](), "StoredVersion": reflect.TypeFor[StoredVersioner](), "MigrateStored": reflect.TypeFor[StoredMigrator](),
}

// childFields finds the fields that hold children. known are the types that are being looked at, as a view may hold
// children of its own type.
func (t *viewType) childFields(known map[reflect.Type]*viewType) error {
	for i, f := range t.assigns.Fields() {
		typ, kind := f.Type, f.Type.Kind()
		if kind == reflect.Slice || kind == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Pointer || typ.Elem().Kind() != reflect.Struct || !typ.Implements(viewInterface) {
			continue
		}
		typ = typ.Elem()
		if !typ.Implements(viewInterface) {
			return fmt.Errorf("%v: field %s: Render is a method of *%v; make it one of the value", t.typ, f.Name, typ)
		}
		child, ok := known[typ]
		if !ok {
			for _, name := range slices.Sorted(maps.Keys(rootOnly)) {
				if reflect.PointerTo(typ).Implements(rootOnly[name]) {
					return fmt.Errorf("%v: field %s: the child %v has a method %s, which nobody would call: only the view of a page has one; its Mount prepares the children", t.typ, f.Name, typ, name)
				}
			}
			var err error
			if child, err = newViewType(typ, func(view any) templ.Component { return view.(View).Render() }, known); err != nil {
				return fmt.Errorf("%v: field %s: %w", t.typ, f.Name, err)
			}
		}
		if len(child.queries) > 0 {
			return fmt.Errorf("%v: field %s: the child %v has a field for the URL, %s, which only the view of a page has", t.typ, f.Name, typ, child.queries[0].name)
		}
		for i := range child.stored {
			if child.stored[i].Scope == ScopeShared {
				return fmt.Errorf("%v: field %s: the child %v shares its stored field %q; let the page's view do that", t.typ, f.Name, typ, child.stored[i].Name)
			}
		}
		if t.children == nil {
			t.children = map[int]*childField{}
		}
		t.children[i] = &childField{typ: child, kind: kind}
	}
	return nil
}

// child is a view that another one holds. It is known by its address for as long as it can be reached through the exported
// fields of the views around it.
type child struct {
	at     unsafe.Pointer // of the view
	typ    *viewType
	view   any
	value  reflect.Value
	owner  *child // nil: the view of the page
	field  int    // the page's field through which it is reached
	id     string // its path of keys; empty until it is shown by [Child]
	marks  assigns.Marks
	rev    uint32  // grows when its own fields change
	shown  uint32  // the pass that showed it last
	host   *child  // whose template shows it
	place  int     // where it is to be looked for among the grafts there
	drawn  drawing // as last sent
	next   drawing // as to be sent
	seen   uint32  // the scan that reached it last
	socket Socket
	before *snapshot // its fields before the turns since it was last rendered; see [instance.restore]
}

// family is what an instance knows of the children of its view.
type family struct {
	in       *instance
	children map[unsafe.Pointer]*child
	byID     map[string]*child
	scans    uint32
	passes   uint32
	reached  int      // children in this scan
	order    []*child // in which they are adopted
	next     int      // of them
	changed  []*child // since they were last sent
}

// begin begins a scan.
func (f *family) begin() {
	f.scans++
	f.reached, f.next = 0, 0
}

// change notes that a child's own fields have changed.
func (f *family) change(c *child) {
	c.rev++
	if len(f.changed) <= maxRegrafted && !slices.Contains(f.changed, c) {
		f.changed = append(f.changed, c)
	}
}

// settle notes that everything has been sent.
func (f *family) settle() {
	clear(f.changed)
	f.changed = f.changed[:0]
}

func newFamily(in *instance) *family {
	return &family{in: in, children: map[unsafe.Pointer]*child{}, byID: map[string]*child{}}
}

// scan notes what has changed in all views since the last scan. It appends the fields of the page's view that changed, as
// far down as they reach, to changed, and reports whether that view's own template has to run for them.
func (f *family) scan(changed []int) (all []int, own bool) {
	f.begin()
	own, _, changed = f.look(nil, f.in.typ, f.in.value, f.in.marks, changed)
	clear(f.order[f.next:])
	f.order = f.order[:f.next]
	if f.reached == len(f.children) {
		return changed, own
	}
	gone := false
	for at, c := range f.children {
		if c.seen != f.scans {
			gone = true
			delete(f.children, at)
			if f.byID[c.id] == c {
				delete(f.byID, c.id)
			}
		}
	}
	if gone {
		f.in.leave(func(c *child) bool { return c.seen != f.scans })
	}
	return changed, own
}

// look notes what has changed in a view and those it holds: own is for its own template, anything includes its children.
func (f *family) look(owner *child, t *viewType, v reflect.Value, marks assigns.Marks, changed []int) (own, anything bool, fields []int) {
	for i := range marks {
		cf := t.children[i]
		if cf == nil {
			if now := t.assigns.MarkField(v, i); now != marks[i] {
				marks[i], own, anything = now, true, true
				changed = append(changed, i)
			}
			continue
		}
		inside := false
		order := assigns.NewSum()
		each(v.FieldByIndex(t.assigns.Fields()[i].Index), cf.kind, func(key uint64, p reflect.Value) {
			order.Add(key, p.UnsafePointer())
			c := f.adopt(owner, i, cf.typ, p)
			if c.seen == f.scans {
				return // held twice
			}
			c.seen = f.scans
			f.reached++
			ownOfChild, inChild := f.lookInto(c)
			inside = inside || inChild
			own = own || ownOfChild && c.id == "" // nobody shows it but its owner's template
		})
		if now := order.Sum(); now != marks[i] {
			marks[i], own, inside = now, true, true
		}
		if inside {
			anything = true
			changed = append(changed, i)
		}
	}
	return own, anything, changed
}

// lookInto is look for one child.
func (f *family) lookInto(c *child) (own, anything bool) {
	if c.typ.children == nil {
		own = c.typ.assigns.UpdateAny(c.marks, c.value)
		anything = own
	} else {
		own, anything, _ = f.look(c, c.typ, c.value, c.marks, nil)
	}
	if own {
		f.change(c)
	}
	return own, anything
}

// adopt returns what is known of a child.
func (f *family) adopt(owner *child, field int, t *viewType, p reflect.Value) *child {
	at := p.UnsafePointer()
	// Mostly they come in the order of the scan before.
	if f.next < len(f.order) && f.order[f.next].at == at && f.order[f.next].typ == t {
		f.next++
		return f.order[f.next-1]
	}
	c := f.children[at]
	if c == nil || c.typ != t {
		c = f.welcome(owner, field, t, p)
	}
	if f.next < len(f.order) {
		f.order[f.next] = c
	} else {
		f.order = append(f.order, c)
	}
	f.next++
	return c
}

// welcome notes a child that was not there before.
func (f *family) welcome(owner *child, field int, t *viewType, p reflect.Value) *child {
	at := p.UnsafePointer()
	if owner != nil {
		field = owner.field
	}
	c := &child{at: at, typ: t, view: p.Interface(), value: p.Elem(), owner: owner, field: field, rev: 1, marks: make(assigns.Marks, len(t.assigns.Fields()))}
	c.socket = Socket{in: f.in, child: c}
	f.children[at] = c
	return c
}

// each calls f for the children in a field, which is no nil pointer, with a fingerprint of the map key, if there is one.
func each(field reflect.Value, kind reflect.Kind, f func(key uint64, p reflect.Value)) {
	switch kind {
	case reflect.Pointer:
		if !field.IsNil() {
			f(0, field)
		}
	case reflect.Slice:
		for i := range field.Len() {
			if p := field.Index(i); !p.IsNil() {
				f(0, p)
			}
		}
	case reflect.Map:
		for it := field.MapRange(); it.Next(); {
			if p := it.Value(); !p.IsNil() {
				f(assigns.HashKey(it.Key()), p)
			}
		}
	}
}

// at returns the child that a pointer points into, or nil.
func (f *family) at(p reflect.Value) *child {
	for _, c := range f.children {
		if within(p, c.value) {
			return c
		}
	}
	return nil
}

// pathOf returns the id of a child: the keys of those around it and its own.
func pathOf(outer, key string) string {
	key = pathEscape.Replace(key)
	if outer == "" {
		return key
	}
	return outer + "/" + key
}

var pathEscape = strings.NewReplacer("~", "~0", "/", "~1")

// snapshot is what a child was: its fields, and which children it held.
type snapshot struct {
	fields   [][]byte
	children map[int]reflect.Value
}

// snapshot returns nil when a field cannot be encoded: then the child cannot be put back.
func (c *child) snapshot() *snapshot {
	s := &snapshot{fields: make([][]byte, len(c.typ.assigns.Fields())), children: map[int]reflect.Value{}}
	for i, f := range c.typ.assigns.Fields() {
		if cf := c.typ.children[i]; cf != nil {
			s.children[i] = copyHolder(c.value.FieldByIndex(f.Index))
			continue
		}
		raw, err := c.typ.assigns.EncodeField(nil, c.value, i)
		if err != nil {
			return nil
		}
		s.fields[i] = raw
	}
	return s
}

// restore puts the child back; it keeps its unexported fields.
func (s *snapshot) restore(c *child) bool {
	for i, f := range c.typ.assigns.Fields() {
		if held, ok := s.children[i]; ok {
			c.value.FieldByIndex(f.Index).Set(held)
		} else if c.typ.assigns.DecodeField(s.fields[i], c.value, i) != nil {
			return false
		}
	}
	return true
}

// copyHolder copies a pointer, or a slice or map of pointers.
func copyHolder(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch {
	case v.Kind() == reflect.Slice && !v.IsNil():
		c.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v))
	case v.Kind() == reflect.Map && !v.IsNil():
		c.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for it := v.MapRange(); it.Next(); {
			c.SetMapIndex(it.Key(), it.Value())
		}
	}
	return c
}

// decodeField is [assigns.Type.DecodeField] for a field of a view. Children that the field holds already stay those they
// are, with what is in their unexported fields.
func (t *viewType) decodeField(raw []byte, v reflect.Value, i int) error {
	cf := t.children[i]
	if cf == nil {
		return t.assigns.DecodeField(raw, v, i)
	}
	field := v.FieldByIndex(t.assigns.Fields()[i].Index)
	before := copyHolder(field)
	if err := t.assigns.DecodeField(raw, v, i); err != nil {
		return err
	}
	cf.keep(before, field)
	return nil
}

// keep replaces the children in now by those in before, in their place or under their key, and gives these the fields of
// the ones they replace.
func (cf *childField) keep(before, now reflect.Value) {
	switch cf.kind {
	case reflect.Pointer:
		if !before.IsNil() && !now.IsNil() {
			cf.typ.become(before.Elem(), now.Elem())
			now.Set(before)
		}
	case reflect.Slice:
		for i := range min(before.Len(), now.Len()) {
			if a, b := before.Index(i), now.Index(i); !a.IsNil() && !b.IsNil() {
				cf.typ.become(a.Elem(), b.Elem())
				b.Set(a)
			}
		}
	case reflect.Map:
		for it := before.MapRange(); it.Next(); {
			if b := now.MapIndex(it.Key()); b.IsValid() && !b.IsNil() && !it.Value().IsNil() {
				cf.typ.become(it.Value().Elem(), b.Elem())
				now.SetMapIndex(it.Key(), it.Value())
			}
		}
	}
}

// become gives a view the exported fields of another one.
func (t *viewType) become(v, other reflect.Value) {
	for i, f := range t.assigns.Fields() {
		into, from := v.FieldByIndex(f.Index), other.FieldByIndex(f.Index)
		if cf := t.children[i]; cf != nil {
			cf.keep(copyHolder(into), from)
		}
		into.Set(from)
	}
}
