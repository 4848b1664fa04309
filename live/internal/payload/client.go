package payload

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"

	"github.com/livelong-dev/livelong/live/internal/assigns"
)

// clientField is filled in by the browser.
type clientField struct {
	key   string
	index []int
	typ   reflect.Type
}

// newClientField accepts texts for key, target and submitter, numbers for x and y, and for value texts, numbers and
// booleans.
func newClientField(key string, f assigns.Field) (clientField, error) {
	k := f.Type.Kind()
	number := k >= reflect.Int && k <= reflect.Float64 && k != reflect.Uintptr
	switch key {
	case "key", "target", "submitter":
		if k != reflect.String {
			return clientField{}, fmt.Errorf("has the client key %q, which is a string", key)
		}
	case "value":
		if k != reflect.String && k != reflect.Bool && !number {
			return clientField{}, fmt.Errorf("has the client key %q, which is a string, a number or a bool", key)
		}
	case "x", "y":
		if !number {
			return clientField{}, fmt.Errorf("has the client key %q, which is a number", key)
		}
	default:
		return clientField{}, fmt.Errorf("has the unknown client key %q; there are key, value, target, submitter, x and y", key)
	}
	return clientField{key, f.Index, f.Type}, nil
}

// decode sets the field. A value that is missing or null leaves it zero: a click has no key. A number may come as a
// text, which is how inputs have it, and is rounded for a field without fractions, as pointers stand between pixels.
func (c clientField) decode(raw json.RawMessage, into reflect.Value) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if err := assigns.CheckDepth(raw, MaxDepth); err != nil {
		return err
	}
	fresh := reflect.New(c.typ)
	if c.typ.Kind() != reflect.String {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			switch raw = json.RawMessage(text); text {
			case "":
				return nil
			case "on":
				raw = json.RawMessage("true")
			case "off":
				raw = json.RawMessage("false")
			}
		}
		if c.typ.Kind() != reflect.Bool {
			var n float64
			if json.Unmarshal(raw, &n) == nil && n != math.Trunc(n) && c.typ.Kind() < reflect.Float32 {
				raw = fmt.Appendf(nil, "%.0f", math.Round(n))
			}
		}
	}
	if err := json.Unmarshal(raw, fresh.Interface()); err != nil {
		return fmt.Errorf("want %v", c.typ)
	}
	into.FieldByIndex(c.index).Set(fresh.Elem())
	return nil
}
