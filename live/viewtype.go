package live

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/livelong-dev/livelong/live/internal/diff"
)

// ViewType is what is known of a registered view type: what a recording of one of its instances needs to be made and to be
// shown again. Its methods may be called from any goroutine.
type ViewType viewType

// ViewType returns the view type of a name, as [ViewType.Name] gives it; nil when no page of the app has it.
func (a *App) ViewType(name string) *ViewType {
	for _, rt := range a.routes {
		if rt.viewType.name == name {
			return (*ViewType)(rt.viewType)
		}
	}
	return nil
}

// Name returns the type with its package: main.Counter.
func (t *ViewType) Name() string { return t.name }

// Type returns the view's struct type.
func (t *ViewType) Type() reflect.Type { return t.typ }

// Fields returns the exported fields of the view, in the order in which they are counted.
func (t *ViewType) Fields() []reflect.StructField {
	var fields []reflect.StructField
	for _, f := range t.assigns.Fields() {
		fields = append(fields, reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag, Index: f.Index})
	}
	return fields
}

// Value returns a field of a view, which is a pointer to the struct.
func (t *ViewType) Value(view any, field int) reflect.Value {
	return reflect.ValueOf(view).Elem().FieldByIndex(t.assigns.Fields()[field].Index)
}

// AppendField appends a field's JSON to dst, as it is stored and recorded.
func (t *ViewType) AppendField(dst []byte, view any, field int) ([]byte, error) {
	return t.assigns.EncodeField(dst, reflect.ValueOf(view).Elem(), field)
}

// AppendValue appends the JSON of a value of a field's type to dst.
func (t *ViewType) AppendValue(dst []byte, v reflect.Value, field int) ([]byte, error) {
	return t.assigns.Fields()[field].AppendJSON(dst, v)
}

// New returns a view with these fields, by their names, and defaults where there are none; those that the type does not
// have any more, or that do not fit, are named in lost. No factory is called.
func (t *ViewType) New(fields map[string]json.RawMessage) (view any, lost []string) {
	v := reflect.New(t.typ)
	for i, f := range t.assigns.Fields() {
		raw, ok := fields[f.Name]
		if !ok {
			continue
		}
		delete(fields, f.Name)
		if !t.decode(raw, v.Elem(), i) {
			lost = append(lost, f.Name)
		}
	}
	for name := range fields {
		lost = append(lost, name)
	}
	slices.Sort(lost)
	return v.Interface(), lost
}

// decode sets a field. A type's own methods may panic on what they do not know.
func (t *ViewType) decode(raw json.RawMessage, into reflect.Value, field int) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return t.assigns.DecodeField(raw, into, field) == nil
}

// Render renders a view as its page does. A panic of Render comes back as an error.
func (t *ViewType) Render(view any, nonce, locale string) ([]byte, error) {
	var out sink
	if err := (*viewType)(t).render(view, &env{nonce: nonce, locale: locale}, &out); err != nil {
		return nil, err
	}
	return out.b, nil
}

// Title returns the title of a view; empty for one that has none, or panics.
func (t *ViewType) Title(view any) (title string) {
	defer func() {
		if recover() != nil {
			title = ""
		}
	}()
	if v, ok := view.(Titler); ok {
		return v.Title()
	}
	return ""
}

// Hash returns the content tag of a view's HTML under a page's key; 0 when it is not well formed.
func Hash(markup []byte, key [16]byte) uint64 {
	tree, k := parseView(markup, key)
	if tree == nil {
		return 0
	}
	return tree.Tag(k)
}

func parseView(markup []byte, key [16]byte) (*diff.Tree, *diff.Key) {
	k := diff.NewKey(key)
	tree, err := diff.ParseWhole(slices.Clone(markup), &k)
	if err != nil {
		return nil, &k
	}
	return tree, &k
}

// ApplyPatches returns the HTML that a browser shows which was sent a view's HTML and then patches. Its elements and texts
// are as they were sent, but written anew: without patches, it brings HTML into the form in which two can be compared. It
// fails when the HTML is not well formed, or does not fit the patches. Attributes are sorted: those that a patch sets come
// last in an element, wherever the view renders them.
func ApplyPatches(markup []byte, patches ...[]byte) ([]byte, error) {
	tree, _ := parseView(markup, [16]byte{})
	if tree == nil {
		return nil, errors.New("the recorded HTML is not well formed")
	}
	root := tree.DOM()
	for i, patch := range patches {
		if err := diff.Apply(root, patch); err != nil {
			return nil, fmt.Errorf("apply patch %d: %w", i+1, err)
		}
	}
	for n := range root.Descendants() {
		slices.SortFunc(n.Attr, func(a, b html.Attribute) int {
			return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Key, b.Key))
		})
	}
	var b bytes.Buffer
	if err := html.Render(&b, root); err != nil {
		return nil, fmt.Errorf("write recorded HTML: %w", err)
	}
	return b.Bytes(), nil
}
