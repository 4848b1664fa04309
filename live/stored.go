package live

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// stored is a field with a `stored` tag.
type stored struct {
	field int // index in assigns.Type.Fields
	StoredKey
	names []string // the key's, and then those it had before
}

// index is the place of a name among a field's; -1 when it is none of them.
func (s *stored) index(name string) int { return slices.Index(s.names, name) }

// parseStored reads a tag `stored:"scope,key=name,was=name,shared"`.
func parseStored(name, tag string) (stored, error) {
	s := stored{StoredKey: StoredKey{Name: name}}
	refuse := func(format string, args ...any) (stored, error) {
		return s, fmt.Errorf("field %s: stored:%q: %s", name, tag, fmt.Sprintf(format, args...))
	}
	var was []string
	parts := strings.Split(tag, ",")
	switch parts[0] {
	case "", "session":
	case "reconnect":
		s.Scope = ScopePage
	default:
		return refuse("no scope is called %q, want session or reconnect", parts[0])
	}
	for _, option := range parts[1:] {
		kind, value, _ := strings.Cut(option, "=")
		switch {
		case kind == "key" && value != "":
			s.Name = value
		case kind == "was" && value != "":
			was = append(was, value)
		case option == "shared" && s.Scope == ScopePage:
			return refuse("a value of one page cannot be shared")
		case option == "shared":
			s.Scope = ScopeShared
		default:
			return refuse("unknown option %q, want key=name, was=name or shared", option)
		}
	}
	s.names = append([]string{s.Name}, was...)
	return s, nil
}

// storedFields finds what the view type stores, and under which name and version.
func (t *viewType) storedFields(zero any) error {
	if err := misplacedStored(t.typ, "", true); err != nil {
		return fmt.Errorf("%v: %w", t.typ, err)
	}
	seen := map[string]string{}
	for i, f := range t.assigns.Fields() {
		tag, ok := f.Tag.Lookup("stored")
		if !ok {
			continue
		}
		s, err := parseStored(f.Name, tag)
		if err != nil {
			return fmt.Errorf("%v: %w", t.typ, err)
		}
		for _, name := range s.names {
			if other, ok := seen[name]; ok {
				return fmt.Errorf("%v: the fields %s and %s are both stored as %q", t.typ, other, f.Name, name)
			}
			seen[name] = f.Name
		}
		s.field = i
		t.stored = append(t.stored, s)
	}
	t.storedName = t.name
	if n, ok := zero.(StoredNamer); ok {
		if t.storedName = n.StoredName(); t.storedName == "" {
			return fmt.Errorf("%v: StoredName is empty", t.typ)
		}
	}
	if v, ok := zero.(StoredVersioner); ok {
		if t.storedVersion = v.StoredVersion(); t.storedVersion < 0 {
			return fmt.Errorf("%v: StoredVersion is %d, want 0 or more", t.typ, t.storedVersion)
		}
	}
	return nil
}

// misplacedStored refuses tags on fields that cannot be stored: unexported ones, and parts of another field.
func misplacedStored(t reflect.Type, in string, view bool) error {
	for i := range t.NumField() {
		f := t.Field(i)
		at := in + f.Name
		_, tagged := f.Tag.Lookup("stored")
		opened := view && f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag == ""
		switch {
		case tagged && !f.IsExported():
			return fmt.Errorf("field %s: stored, but not exported", at)
		case tagged && !view:
			return fmt.Errorf("field %s: stored, but a part of another field: only whole fields of the view are stored", at)
		case f.Type.Kind() == reflect.Struct && (opened || f.IsExported()):
			if err := misplacedStored(f.Type, at+".", opened); err != nil {
				return err
			}
		}
	}
	return nil
}

// storedTypes is what the views of an app store: a stored name has one view type, a shared key one Go type.
type storedTypes struct {
	views  map[string]reflect.Type
	shared map[string]sharedField
}

type sharedField struct {
	view, typ reflect.Type
	name      string
}

// add refuses a view type that would take what another stores for its own.
func (s *storedTypes) add(t *viewType) error {
	if !t.stores(nil) {
		return nil
	}
	if other, ok := s.views[t.storedName]; ok && other != t.typ {
		return fmt.Errorf("%v and %v both store as %q: give one a StoredName method", other, t.typ, t.storedName)
	}
	shared := map[string]sharedField{}
	for i := range t.stored {
		if t.stored[i].Scope != ScopeShared {
			continue
		}
		f := &t.assigns.Fields()[t.stored[i].field]
		for _, name := range t.stored[i].names {
			if other, ok := s.shared[name]; ok && other.typ != f.Type {
				return fmt.Errorf("%v: field %s shares %q as %v, and %v: field %s as %v: a shared key has one type",
					t.typ, f.Name, name, f.Type, other.view, other.name, other.typ)
			}
			shared[name] = sharedField{t.typ, f.Type, f.Name}
		}
	}
	if s.views == nil {
		s.views, s.shared = map[string]reflect.Type{}, map[string]sharedField{}
	}
	s.views[t.storedName] = t.typ
	maps.Copy(s.shared, shared)
	return nil
}
