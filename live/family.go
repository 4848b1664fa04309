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
		if typ.Size() == 0 {
			return fmt.Errorf("%v: field %s: the child %v has no fields, so two of them cannot be told apart; give it one, or make it a component", t.typ, f.Name, typ)
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
	// What an update touches comes first: children are many, and often out of the processor's cache.
	typ    *viewType
	view   any
	value  reflect.Value
	marks  assigns.Marks
	few    [2]uint64 // the marks, when there are no more
	id     string    // its path of keys; empty until it is shown by [Child]
	rev    uint32    // grows when its own fields change
	news   uint32    // the scan that has found a change in it, or in those that it holds
	host   *child    // whose template shows it
	place  int       // where it is to be looked for among the grafts there
	path   [4]uint32 // to where it stands in what was sent last, as patches write it, if it is no longer
	steps  int       // of path
	pathIn uint32    // of [family.kept], for which the path holds
	shown  uint32    // the pass that showed it last
	drawn  drawing   // as last sent
	next   drawing   // as to be sent

	owner   *child // nil: the view of the page
	field   int    // the page's field through which it is reached
	open    []byte // the open tag of its element
	held    [][]held
	seen    uint32 // the scan that reached it last; one that was found where it was does not note it
	counted uint32 // by [family.count]
	socket  Socket

	// Its fields before the turns since it was last rendered, and the same without the results that have come since, for which
	// no handler of it can be blamed: see [instance.restore].
	before, without *snapshot
}

// family is what an instance knows of the children of its view.
type family struct {
	in       *instance
	children map[unsafe.Pointer]*child
	byID     map[string]*child
	scans    uint32
	passes   uint32
	held     [][]held // by the page's view: by field
	missing  []*child // in this scan: they are not where they were
	found    []*held  // with changes, by a sweep
	twice    bool     // a child was held in two places
	moved    bool     // in this scan a child has got another holder, or one more
	counts   uint32
	changed  []*child // since they were last sent
	kept     uint32   // grows when what children stand in is another tree
}

// held is a child in a field, as a scan has found it.
type held struct {
	at   unsafe.Pointer
	mark uint64 // of all its fields
	c    *child
}

// change notes that a child's own fields have changed.
func (f *family) change(c *child) {
	c.rev++
	if c != f.in.only && c != f.in.loaded {
		c.without = nil // if it does not render, a view around may be to blame
	}
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
	f.scans++
	own, _, changed = f.look(nil, f.in.typ, f.in.value, f.in.marks, &f.held, changed)
	f.miss()
	return changed, own
}

// scanChild is scan for one child and those that it holds, and reports too whether anything has changed.
func (f *family) scanChild(c *child) (own, anything bool) {
	f.scans++
	own, anything = f.lookInto(c)
	f.miss()
	return own, anything
}

// miss ends the children that this scan has found nowhere.
func (f *family) miss() {
	if len(f.missing) > 0 || f.moved {
		f.count()
	}
	gone := false
	for _, c := range f.missing {
		gone = f.forget(c) || gone
	}
	clear(f.missing)
	f.missing = f.missing[:0]
	if gone {
		f.in.lose(func(c *child) bool { return !f.in.holds(c) })
	}
}

// count goes through all that is held, as the last scans have found it. It notes who holds each child, the first one if
// there are several, and that it is not missing.
func (f *family) count() {
	f.counts++
	f.moved = false
	f.countIn(nil, f.held)
}

func (f *family) countIn(owner *child, lists [][]held) {
	for field, list := range lists {
		if owner != nil {
			field = owner.field
		}
		for i := range list {
			c := list[i].c
			if c.counted == f.counts {
				f.twice = true
				continue
			}
			c.counted, c.seen, c.owner, c.field = f.counts, f.scans, owner, field
			f.countIn(c, c.held)
		}
	}
}

// forget ends a child that nobody holds any more, with those that it held itself.
func (f *family) forget(c *child) (gone bool) {
	at := c.value.Addr().UnsafePointer()
	if c.seen == f.scans || f.children[at] != c || f.twice && f.in.anyChild(func(p reflect.Value) bool { return p.UnsafePointer() == at }) {
		return false
	}
	delete(f.children, at)
	if f.byID[c.id] == c {
		delete(f.byID, c.id)
	}
	for _, list := range c.held {
		for i := range list {
			f.forget(list[i].c)
		}
	}
	return true
}

// anyChild reports whether is returns true for a child that the page holds by now, known or not.
func (in *instance) anyChild(is func(p reflect.Value) bool) bool {
	return in.typ.anyChild(in.value, is, map[unsafe.Pointer]bool{})
}

func (t *viewType) anyChild(v reflect.Value, is func(p reflect.Value) bool, seen map[unsafe.Pointer]bool) (yes bool) {
	for i, cf := range t.children {
		each(v.FieldByIndex(t.assigns.Fields()[i].Index), cf.kind, func(_ uint64, p reflect.Value) {
			if !yes && !p.IsNil() && !seen[p.UnsafePointer()] {
				seen[p.UnsafePointer()] = true
				yes = is(p) || cf.typ.anyChild(p.Elem(), is, seen)
			}
		})
	}
	return yes
}

// look notes what has changed in a view and those it holds: own is for its own template, anything includes its children.
func (f *family) look(owner *child, t *viewType, v reflect.Value, marks assigns.Marks, lists *[][]held, changed []int) (own, anything bool, fields []int) {
	if *lists == nil {
		*lists = make([][]held, len(marks))
	}
	for i := range marks {
		cf := t.children[i]
		if cf == nil {
			if now := t.assigns.MarkField(v, i); now != marks[i] {
				marks[i], own, anything = now, true, true
				changed = append(changed, i)
			}
			continue
		}
		field := v.FieldByIndex(t.assigns.Fields()[i].Index)
		list := &(*lists)[i]
		ownOfChild, inside, known := f.sweep(cf, field, *list)
		if !known {
			var now uint64
			if ownOfChild, inside, now = f.meet(owner, i, cf, field, list); now != marks[i] {
				marks[i], ownOfChild, inside = now, true, true
			}
		}
		own = own || ownOfChild
		if inside {
			anything = true
			changed = append(changed, i)
		}
	}
	return own, anything, changed
}

// sweep is look for the children in a slice that holds those it did in the scan before, as most do: it reads what is in them
// and little else.
func (f *family) sweep(cf *childField, field reflect.Value, list []held) (own, inside, known bool) {
	if cf.kind != reflect.Slice || len(list) == 0 || len(list) != field.Len() {
		return false, false, false
	}
	leaf, found := cf.typ.children == nil, f.found[:0]
	for i, p := range unsafe.Slice((*unsafe.Pointer)(field.UnsafePointer()), len(list)) {
		h := &list[i]
		if p != h.at {
			clear(found)
			return false, false, false
		}
		if leaf && cf.typ.assigns.MarkAll(p) != h.mark {
			found = append(found, h)
		}
	}
	into := func(c *child) {
		ownOfChild, _ := f.lookInto(c)
		own, inside = own || ownOfChild && c.id == "", inside || c.news == f.scans
	}
	if !leaf {
		for i := range list {
			into(list[i].c)
		}
		return own, inside, true
	}
	// They are looked into when all are known: so the processor fetches one while it waits for another.
	for _, h := range found {
		h.mark = cf.typ.assigns.MarkAll(h.at)
		into(h.c)
	}
	clear(found)
	if f.found = found[:0]; cap(found) > maxFound {
		f.found = nil
	}
	return own, inside, true
}

// maxFound bounds the room that is kept for what a sweep finds.
const maxFound = 64

// meet is look for the children in a field, whichever they are, and returns its fingerprint.
func (f *family) meet(owner *child, at int, cf *childField, field reflect.Value, list *[]held) (own, inside bool, mark uint64) {
	order := assigns.NewSum()
	old, now := *list, make([]held, 0, len(*list)+1)
	next := 0 // of the old ones, if they come as they did
	leaf := cf.typ.children == nil
	each(field, cf.kind, func(key uint64, p reflect.Value) {
		h := held{at: p.UnsafePointer()}
		order.Add(key, h.at)
		if h.at == nil {
			return // but its place counts
		}
		if known := f.children[h.at]; known != nil && known.typ == cf.typ && known.seen == f.scans {
			f.twice = true // it is the first holder's
			inside = inside || known.news == f.scans
			return
		}
		if leaf {
			h.mark = cf.typ.assigns.MarkAll(h.at)
		}
		same := false
		if next < len(old) && old[next].at == h.at {
			h.c, same = old[next].c, leaf && old[next].mark == h.mark && cf.kind == reflect.Slice
			next++
		} else {
			h.c = f.adopt(owner, at, cf.typ, p)
		}
		h.c.seen = f.scans
		if !same {
			ownOfChild, _ := f.lookInto(h.c)
			own = own || ownOfChild && h.c.id == "" // nobody shows it but its owner's template
			inside = inside || h.c.news == f.scans  // found just now, or by another holder
		}
		now = append(now, h)
	})
	for _, h := range old {
		if h.c.seen != f.scans {
			f.missing = append(f.missing, h.c) // it may be elsewhere
		}
	}
	*list = now
	return own, inside, order.Sum()
}

// lookInto is look for one child.
func (f *family) lookInto(c *child) (own, anything bool) {
	if c.typ.children == nil {
		own = c.typ.assigns.UpdateAny(c.marks, c.value)
		anything = own
	} else {
		own, anything, _ = f.look(c, c.typ, c.value, c.marks, &c.held, nil)
	}
	if own {
		f.change(c)
	}
	if anything {
		c.news = f.scans
	}
	return own, anything
}

// adopt returns what is known of a child.
func (f *family) adopt(owner *child, field int, t *viewType, p reflect.Value) *child {
	if owner != nil {
		field = owner.field
	}
	c := f.children[p.UnsafePointer()]
	if c == nil || c.typ != t {
		return f.welcome(owner, field, t, p)
	}
	f.moved = f.moved || c.owner != owner || c.field != field
	return c
}

// welcome notes a child that was not there before.
func (f *family) welcome(owner *child, field int, t *viewType, p reflect.Value) *child {
	c := &child{typ: t, view: p.Interface(), value: p.Elem(), owner: owner, field: field, rev: 1}
	if n := len(t.assigns.Fields()); n <= len(c.few) {
		c.marks = c.few[:n]
	} else {
		c.marks = make(assigns.Marks, n)
	}
	c.socket = Socket{in: f.in, child: c}
	f.children[p.UnsafePointer()] = c
	return c
}

// each calls f for the pointers in a field, nil ones too, with a fingerprint of the map key, if there is one.
func each(field reflect.Value, kind reflect.Kind, f func(key uint64, p reflect.Value)) {
	switch kind {
	case reflect.Pointer:
		f(0, field)
	case reflect.Slice:
		for i := range field.Len() {
			f(0, field.Index(i))
		}
	case reflect.Map:
		for it := field.MapRange(); it.Next(); {
			f(assigns.HashKey(it.Key()), it.Value())
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
