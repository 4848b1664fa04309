package live

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
)

// secretText is what is printed, logged and recorded of a [Secret].
const secretText = "[redacted]"

// Secret is a value of a view or an event that is stored like any other, and neither printed, logged nor recorded: it
// prints as [redacted], and in a recording it is that text where T is a string, and the zero value otherwise. Render and
// handlers read it with Reveal; a view with a Secret records neither HTML nor patches.
//
// The zero value holds T's zero value. In JSON, and so where stored fields are kept, a Secret is what T is. Two are equal
// where what they reveal is; == does not tell.
type Secret[T any] struct {
	value *T // never changed; a pointer, because fmt cannot call Format within unexported fields, and prints an address
}

// SecretOf returns a secret.
func SecretOf[T any](value T) Secret[T] { return Secret[T]{&value} }

// Reveal returns the value.
func (s Secret[T]) Reveal() T {
	if s.value == nil {
		var zero T
		return zero
	}
	return *s.value
}

// String returns [redacted].
func (s Secret[T]) String() string { return secretText }

// Format writes [redacted], whatever the verb.
func (s Secret[T]) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(secretText)) }

// LogValue returns [redacted].
func (s Secret[T]) LogValue() slog.Value { return slog.StringValue(secretText) }

// MarshalJSON encodes the value.
func (s Secret[T]) MarshalJSON() ([]byte, error) { return json.Marshal(s.Reveal()) }

// UnmarshalJSON decodes the value. An error does not repeat it.
func (s *Secret[T]) UnmarshalJSON(data []byte) error {
	var value T
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Errorf("not a valid %v", reflect.TypeFor[Secret[T]]())
	}
	s.value = &value
	return nil
}

// UnmarshalText takes an input's text, so that a form field can be a Secret: as it is where T is a string, and as JSON
// otherwise.
func (s *Secret[T]) UnmarshalText(text []byte) error {
	var value T
	if v := reflect.ValueOf(&value).Elem(); v.Kind() == reflect.String {
		v.SetString(string(text))
		s.value = &value
		return nil
	}
	return s.UnmarshalJSON(text)
}

// Redact takes the value out, for recordings. The zero value of a string stays what it is.
func (s *Secret[T]) Redact() {
	var value T
	if v := reflect.ValueOf(&value).Elem(); v.Kind() == reflect.String && reflect.ValueOf(s.Reveal()).Len() > 0 {
		v.SetString(secretText)
	}
	s.value = &value
}
