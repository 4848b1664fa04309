package payload

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/form/v4"

	"github.com/livelong-dev/livelong/live/internal/assigns"
)

// What one form may ask for.
const (
	MaxElements = 1000    // values of one input, and elements of one list
	MaxWork     = 100_000 // see formDecoder.keep
)

// formField is a field of the event that comes from the form.
type formField struct {
	name string
	assigns.Field
}

// formDecoder decodes the form's values into a struct that has the event's form fields only: F0, F1, …
type formDecoder struct {
	fields []formField
	shadow reflect.Type
	inputs inputs
	dec    *form.Decoder
}

// problem is an input whose value could not be converted.
type problem struct{ input, text string }

func (p problem) Error() string { return p.text }

func newFormDecoder(fields []formField) (*formDecoder, error) {
	d := &formDecoder{fields: fields, inputs: inputs{}, dec: form.NewDecoder()}
	d.dec.SetMode(form.ModeExplicit)
	d.dec.SetMaxArraySize(MaxElements)
	var shadow []reflect.StructField
	for i, f := range fields {
		if err := d.inputs.add(f.Name, f.name, f.Type, nil, nil); err != nil {
			return nil, err
		}
		shadow = append(shadow, reflect.StructField{
			Name: "F" + strconv.Itoa(i), Type: f.Type, Tag: reflect.StructTag("form:" + strconv.Quote(f.name)),
		})
	}
	d.shadow = reflect.StructOf(shadow)
	for _, in := range d.inputs {
		if parse := parserOf(in.typ); parse != nil {
			zero := reflect.Zero(in.typ).Interface()
			d.dec.RegisterCustomTypeFunc(func(values []string) (any, error) {
				if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
					return zero, nil
				}
				return parse(values[0])
			}, zero)
		}
	}
	return d, nil
}

// decode sets the form's fields. Problems are in the order of their inputs' names.
func (d *formDecoder) decode(values url.Values, into reflect.Value) ([]problem, error) {
	values, err := d.keep(values)
	if err != nil {
		return nil, err
	}
	shadow := reflect.New(d.shadow)
	err = d.dec.Decode(shadow.Interface(), values)
	for i, f := range d.fields {
		into.FieldByIndex(f.Index).Set(shadow.Elem().Field(i))
	}
	if err == nil {
		return nil, nil
	}
	failed, ok := errors.AsType[form.DecodeErrors](err)
	if !ok {
		return nil, err
	}
	var problems []problem
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		text := "is not valid"
		if in, _, ok := d.inputs.find(name); ok {
			text = in.text
		}
		problems = append(problems, problem{name, text})
	}
	return problems, nil
}

// keep returns the values that the fields name. The decoder below costs more than its input is long where a form has
// lists in lists: it reads an element once per input in it, and makes each list as long as its highest index says. So
// the work is counted first, and a form that would cost too much is refused.
func (d *formDecoder) keep(values url.Values) (url.Values, error) {
	kept := url.Values{}
	inside := map[string]int{}  // element, as in rows[2] → inputs within it
	longest := map[string]int{} // list, as in rows → its length
	for name, list := range values {
		in, ends, ok := d.inputs.find(name)
		if !ok {
			continue
		}
		if len(list) > MaxElements {
			return nil, fmt.Errorf("the input %.64q has more than %d values", name, MaxElements)
		}
		if list = in.trim(list); list == nil {
			continue
		}
		kept[name] = list
		for i, end := range ends {
			inside[name[:end]]++
			if !in.lists[i] {
				continue
			}
			start := strings.LastIndexByte(name[:end], '[')
			n, err := strconv.ParseUint(name[start+1:end-1], 10, 32)
			if err != nil || n >= MaxElements {
				return nil, fmt.Errorf("the input %.64q has an index that is no number below %d", name, MaxElements)
			}
			longest[name[:start]] = max(longest[name[:start]], int(n)+1)
		}
	}
	work := 0
	for name, list := range kept {
		_, ends, _ := d.inputs.find(name)
		visits := 1
		for _, end := range ends {
			start := strings.LastIndexByte(name[:end], '[')
			work += visits * longest[name[:start]]
			delete(longest, name[:start])
			if visits *= inside[name[:end]]; visits > MaxWork {
				break
			}
		}
		if work += visits * len(list); work > MaxWork {
			return nil, errors.New("the form has too many elements in lists")
		}
	}
	return kept, nil
}

// parserOf returns how a type that the decoder does not know, or takes too much for, reads an input's text.
func parserOf(t reflect.Type) func(string) (any, error) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return func(s string) (any, error) { return parseTime(strings.TrimSpace(s)) }
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return func(s string) (any, error) {
			v := reflect.New(t)
			err := v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
			return v.Elem().Interface(), err
		}
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		return func(s string) (any, error) {
			x, err := strconv.ParseFloat(s, t.Bits())
			if err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
				err = strconv.ErrRange // could not be encoded again
			}
			return reflect.ValueOf(x).Convert(t).Interface(), err
		}
	}
	return nil
}

// timeLayouts are those of HTML's date and time inputs, and of Go.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02", "15:04", "15:04:05", "2006-01"}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("not a time")
}
