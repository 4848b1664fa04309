package live

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// query is a field with a `query` tag: a part of the page's URL.
type query struct {
	name   string
	index  []int
	preset string // what the URL need not say
	push   bool   // a change makes a new history entry
	stored bool
}

// queries are the fields of a view type that its URL holds, by type: *[]query.
var queries sync.Map

// queryFields returns the fields of a view's struct type that are tagged `query:"name[,default=VALUE][,push]"`.
func queryFields(t reflect.Type) ([]query, error) {
	if known, ok := queries.Load(t); ok {
		return known.([]query), nil
	}
	var fields []query
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("query")
		if !ok {
			continue
		}
		q, err := parseQuery(f, tag)
		if err != nil {
			return nil, fmt.Errorf("%v: field %s: query:%q: %w", t, f.Name, tag, err)
		}
		if slices.ContainsFunc(fields, func(other query) bool { return other.name == q.name }) {
			return nil, fmt.Errorf("%v: field %s: query:%q: another field has this name", t, f.Name, tag)
		}
		fields = append(fields, q)
	}
	queries.Store(t, fields)
	return fields, nil
}

func parseQuery(f reflect.StructField, tag string) (query, error) {
	name, options, _ := strings.Cut(tag, ",")
	q := query{name: name, index: f.Index}
	_, q.stored = f.Tag.Lookup("stored")
	scratch := reflect.New(f.Type).Elem()
	switch {
	case name == "":
		return q, fmt.Errorf("no name")
	case !f.IsExported():
		return q, fmt.Errorf("the field is not exported")
	case !scanned(scratch, nil):
		return q, fmt.Errorf("a %v has no place in a URL: want a string, a bool, a number, a []string, or a type with UnmarshalText and MarshalText", f.Type)
	}
	for options != "" {
		var option string
		option, options, _ = strings.Cut(options, ",")
		switch value, isDefault := strings.CutPrefix(option, "default="); {
		case option == "push":
			q.push = true
		case isDefault && !scanned(scratch, []string{value}):
			return q, fmt.Errorf("the default %q is no %v", value, f.Type)
		case isDefault:
			q.preset = value
		default:
			return q, fmt.Errorf("unknown option %q, want default=VALUE or push", option)
		}
	}
	scanned(scratch, q.presets())
	if q.preset = strings.Join(texts(scratch), "\x00"); f.Type.Kind() == reflect.Slice && q.preset != "" {
		return q, fmt.Errorf("a list has no default")
	}
	return q, nil
}

// presets are the values of a URL that does not name the field.
func (q *query) presets() []string {
	if q.preset == "" {
		return nil
	}
	return []string{q.preset}
}

// scanned sets a field to values of a URL, none meaning its zero value, and reports whether it can hold them.
func scanned(v reflect.Value, values []string) bool {
	v.SetZero()
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String && !isText(v.Type()) {
		for _, value := range values {
			value = strings.ToValidUTF8(value, "\uFFFD")
			v.Set(reflect.Append(v, reflect.ValueOf(value).Convert(v.Type().Elem())))
		}
		return true
	}
	value := ""
	if len(values) > 0 {
		value = strings.ToValidUTF8(values[0], "\uFFFD") // as in JSON, or what is recovered would render otherwise
	}
	if isText(v.Type()) {
		if len(values) == 0 {
			return true
		}
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(value)); err != nil {
			v.SetZero()
			return false
		}
		return true
	}
	none := len(values) == 0
	switch v.Kind() {
	case reflect.String:
		v.SetString(value)
		return true
	case reflect.Bool:
		on, err := strconv.ParseBool(value)
		v.SetBool(on)
		return none || err == nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(value, 10, v.Type().Bits())
		if err == nil {
			v.SetInt(n)
		}
		return none || err == nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(value, 10, v.Type().Bits())
		if err == nil {
			v.SetUint(n)
		}
		return none || err == nil
	case reflect.Float32, reflect.Float64:
		x, err := strconv.ParseFloat(value, v.Type().Bits())
		if err == nil && x == x && x-x == 0 { // neither NaN nor infinite: JSON has neither
			v.SetFloat(x)
			return true
		}
		return none
	}
	return false
}

var (
	textReader = reflect.TypeFor[encoding.TextUnmarshaler]()
	textWriter = reflect.TypeFor[encoding.TextMarshaler]()
)

// isText reports whether the type says itself how it is written.
func isText(t reflect.Type) bool {
	return t.Implements(textWriter) && reflect.PointerTo(t).Implements(textReader)
}

// texts is a field as a URL says it.
func texts(v reflect.Value) []string {
	if isText(v.Type()) {
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return nil
		}
		return []string{string(text)}
	}
	switch v.Kind() {
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			all = append(all, v.Index(i).String())
		}
		return all
	case reflect.Bool:
		if v.Bool() {
			return []string{"1"}
		}
		return []string{"0"}
	case reflect.Float32, reflect.Float64:
		return []string{strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())}
	case reflect.String:
		return []string{v.String()}
	}
	return []string{fmt.Sprint(v.Interface())}
}

// said is the field's part of a URL: nothing when the field has its default.
func (q *query) said(view reflect.Value) []string {
	all := texts(view.FieldByIndex(q.index))
	if strings.Join(all, "\x00") == q.preset {
		return nil
	}
	return all
}

// Query returns the query of a URL for a view: "?sort=cpu&q=nginx" of its fields tagged `query`, less those that have
// their defaults; "?" when all have. A link to another state of the same page is made of a copy of the view:
//
//	func (d Dash) sortedBy(column string) string { d.Sort = column; return live.Query(d) }
//
//	<a { live.Link(d.sortedBy("cpu"))... }>CPU</a>
//
// It panics when view is no struct, or a pointer to one, or has a bad tag.
func Query(view any) string {
	v := reflect.Indirect(reflect.ValueOf(view))
	if v.Kind() != reflect.Struct {
		panic(fmt.Sprintf("live.Query: %T is no struct", view))
	}
	fields, err := queryFields(v.Type())
	if err != nil {
		panic("live.Query: " + err.Error())
	}
	values := url.Values{}
	for i := range fields {
		if all := fields[i].said(v); all != nil {
			values[fields[i].name] = all
		}
	}
	return "?" + values.Encode()
}

// readQuery sets the view's fields to what a URL says. At a mount a field that is stored, and of which the URL says
// nothing, stays as it was recovered.
func (in *instance) readQuery(u *url.URL, mounting bool) {
	if len(in.typ.queries) == 0 {
		return
	}
	values := u.Query()
	for i := range in.typ.queries {
		q := &in.typ.queries[i]
		said, ok := values[q.name]
		field := in.value.FieldByIndex(q.index)
		if ok && scanned(field, said) || !ok && mounting && q.stored {
			continue
		}
		scanned(field, q.presets())
	}
}

// writeQuery returns the page's URL with a query that says what the view's fields do; nil when it does already. push
// reports whether a field has changed that wants a history entry.
func (in *instance) writeQuery() (u *url.URL, push bool) {
	if len(in.typ.queries) == 0 || in.route.embedded {
		return nil, false
	}
	values := in.request.URL.Query()
	changed := false
	for i := range in.typ.queries {
		q := &in.typ.queries[i]
		said := q.said(in.value)
		scratch := reflect.New(in.value.FieldByIndex(q.index).Type()).Elem()
		if old, ok := values[q.name]; !ok || !scanned(scratch, old) {
			scanned(scratch, q.presets())
		}
		if slices.Equal(texts(scratch), texts(in.value.FieldByIndex(q.index))) {
			continue
		}
		changed, push = true, push || q.push
		if delete(values, q.name); said != nil {
			values[q.name] = said
		}
	}
	if !changed {
		return nil, false
	}
	to := *in.request.URL
	to.RawQuery = values.Encode()
	return &to, push
}
