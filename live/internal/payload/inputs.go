package payload

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
)

// input is what a form may name: a value, or a list of values if the input is repeated.
type input struct {
	typ   reflect.Type // of one value
	text  string       // what is said to the user of a value that cannot be converted
	lists []bool       // for each pair of brackets in the name: an index (not a map's key) stands in it
}

// inputs are a form's inputs by their names with the brackets emptied: rows[].tags.
type inputs map[string]input

const maxNesting = 8

// inputName checks a form tag.
func inputName(tag string) (string, error) {
	name, options, _ := strings.Cut(tag, ",")
	if name == "" || name == "-" || options != "" && options != "omitempty" {
		return "", fmt.Errorf("has the form tag %q, which names no input", tag)
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || strings.ContainsRune("[].\"\\`", r) }); i >= 0 {
		return "", fmt.Errorf("has the form tag %q; a name has no %q (structs and lists add dots and brackets themselves)", tag, name[i])
	}
	return name, nil
}

// add lists what the type t under a name reads; at is the Go field, for errors.
func (ins inputs) add(at, name string, t reflect.Type, lists []bool, open []reflect.Type) error {
	if t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Pointer {
		t = t.Elem()
	}
	for _, o := range open {
		if o == t {
			return fmt.Errorf("field %s: %v contains itself, which no form can", at, t)
		}
	}
	if len(lists) > maxNesting || len(open) > 2*maxNesting {
		return fmt.Errorf("field %s is nested too deeply for a form", at)
	}
	if isLeaf(t) {
		ins[name] = input{t, textOf(t), lists}
		return nil
	}
	open = append(open[:len(open):len(open)], t)
	switch t.Kind() {
	case reflect.Slice:
		elem := t.Elem()
		if elem.Kind() == reflect.Uint8 {
			return fmt.Errorf("field %s (%v) cannot come from a form; use a string", at, t)
		}
		if elem.Kind() == reflect.Pointer {
			elem = elem.Elem()
		}
		if isLeaf(elem) {
			ins[name] = input{elem, textOf(elem), lists}
		}
		return ins.add(at, name+"[]", t.Elem(), append(lists[:len(lists):len(lists)], true), open)
	case reflect.Map:
		if !isLeaf(t.Key()) || parserOf(t.Key()) != nil || t.Key().Kind() == reflect.Bool {
			return fmt.Errorf("field %s (%v) cannot come from a form, because its keys are neither strings nor integers", at, t)
		}
		return ins.add(at, name+"[]", t.Elem(), append(lists[:len(lists):len(lists)], false), open)
	case reflect.Struct:
		found := false
		for i := range t.NumField() {
			sf := t.Field(i)
			tag, ok := sf.Tag.Lookup("form")
			if !ok || tag == "-" {
				continue
			}
			inner := at + "." + sf.Name
			if !sf.IsExported() {
				return fmt.Errorf("field %s is unexported, so its tag means nothing; export it or remove the tag", inner)
			}
			if sf.Anonymous {
				return fmt.Errorf("field %s is embedded with a form tag; give it a name", inner)
			}
			part, err := inputName(tag)
			if err != nil {
				return fmt.Errorf("field %s (%v) %w", inner, sf.Type, err)
			}
			if err := ins.add(inner, name+"."+part, sf.Type, lists, open); err != nil {
				return err
			}
			found = true
		}
		if !found {
			return fmt.Errorf("field %s (%v) has no field with a form tag", at, t)
		}
		return nil
	}
	return fmt.Errorf("field %s (%v) cannot come from a form", at, t)
}

// isLeaf reports whether one value of a form fills in a t.
func isLeaf(t reflect.Type) bool {
	switch k := t.Kind(); {
	case t == reflect.TypeFor[time.Time](), reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return true
	default:
		return k == reflect.String || k == reflect.Bool || k >= reflect.Int && k <= reflect.Float64 && k != reflect.Uintptr
	}
}

func textOf(t reflect.Type) string {
	switch k := t.Kind(); {
	case t == reflect.TypeFor[time.Time]():
		return "must be a date or a time"
	case parserOf(t) != nil && k != reflect.Float32 && k != reflect.Float64:
		return "is not valid"
	case k == reflect.Bool:
		return "must be on or off"
	case k == reflect.Int || k == reflect.Int64:
		return "must be a whole number"
	case k >= reflect.Int && k <= reflect.Int64:
		low := int64(-1) << (t.Bits() - 1)
		return fmt.Sprintf("must be a whole number from %d to %d", low, -1-low)
	case k == reflect.Uint || k == reflect.Uint64:
		return "must be a whole number, not below 0"
	case k >= reflect.Uint && k <= reflect.Uint64:
		return fmt.Sprintf("must be a whole number from 0 to %d", uint64(math.MaxUint64)>>(64-t.Bits()))
	case k == reflect.Float32 || k == reflect.Float64:
		return "must be a number"
	}
	return "is not valid"
}

// find looks up an input by the name in a form; ends are where its brackets end. Names with brackets or dots in wrong
// places are found never, so the decoder does not meet them.
func (ins inputs) find(name string) (in input, ends []int, ok bool) {
	bracket := strings.IndexByte(name, '[')
	if bracket < 0 {
		in, ok = ins[name]
		return in, nil, ok && len(in.lists) == 0
	}
	empty := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		empty = append(empty, name[i])
		switch name[i] {
		case ']':
			return in, nil, false
		case '[':
			n := strings.IndexAny(name[i+1:], "[]")
			if n < 0 || name[i+1+n] == '[' || len(ends) == maxNesting {
				return in, nil, false
			}
			i += n + 1
			empty = append(empty, ']')
			ends = append(ends, i+1)
		}
	}
	in, ok = ins[string(empty)]
	return in, ends, ok && len(in.lists) == len(ends)
}

// trim takes the space around what is no text, and gives nil for a single input left empty: no value was given.
func (in input) trim(list []string) []string {
	if in.typ.Kind() == reflect.String {
		return list
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.TrimSpace(s)
	}
	if len(out) == 1 && out[0] == "" {
		return nil
	}
	return out
}
