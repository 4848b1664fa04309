// Package validate checks events by the struct tags of github.com/go-playground/validator:
//
//	type Edit struct {
//		live.FieldErrors
//		Target string `client:"target"`
//		Email  string `form:"email" validate:"required,email"`
//		Age    int    `form:"age" validate:"min=18"`
//	}
//
//	s.Form.Check(e, validate.Struct)
package validate

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/livelong-dev/livelong/live"
)

// Validate is the validator that Struct uses: register functions and aliases with it before the app starts. Inputs have the
// names of their form tags.
var Validate = New()

// opened is the name of an embedded struct: its fields are the event's own, so no input has this in its name.
const opened = "\x00"

// New returns a validator whose errors name inputs by their form tags.
func New() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("form"), ",")
		if f.Anonymous && name == "" {
			return opened
		}
		return name
	})
	return v
}

// Struct is a validator for [live.Form.Check]: it checks an event by its validate tags, with English texts that stand after
// a label. See [With] for others.
func Struct(event any) error { return With(Validate, English)(event) }

// With returns a validator for [live.Form.Check] that uses v, and text for what the user reads.
func With(v *validator.Validate, text func(validator.FieldError) string) func(event any) error {
	return func(event any) error {
		err := v.Struct(event)
		var failed validator.ValidationErrors
		if err == nil || !errors.As(err, &failed) {
			return err
		}
		fields := live.FieldErrors{}
		within := reflect.Indirect(reflect.ValueOf(event)).Type().Name() + "."
		for _, f := range failed {
			fields.SetFieldError(input(f, within), text(f))
		}
		return fields.Err()
	}
}

// input is the name of the input: of Order.rows[2].name it is rows[2].name. The type's own name may have dots: Edit[time.Time].
func input(f validator.FieldError, within string) string {
	return strings.ReplaceAll(strings.TrimPrefix(f.Namespace(), within), opened+".", "")
}

// English says what is wrong, to stand after the input's label: "must be at least 8 characters long".
func English(f validator.FieldError) string {
	n := f.Param()
	long := f.Kind() == reflect.String
	many := f.Kind() == reflect.Slice || f.Kind() == reflect.Map || f.Kind() == reflect.Array
	sized := func(what string) string {
		switch {
		case long:
			return fmt.Sprintf("must be %s %s characters long", what, n)
		case many:
			return fmt.Sprintf("must have %s %s entries", what, n)
		}
		return fmt.Sprintf("must be %s %s", what, n)
	}
	switch f.Tag() {
	case "required", "required_if", "required_unless", "required_with", "required_without":
		return "must be filled in"
	case "min", "gte":
		return sized("at least")
	case "max", "lte":
		return sized("at most")
	case "len", "eq":
		return sized("exactly")
	case "gt":
		return sized("more than")
	case "lt":
		return sized("less than")
	case "ne":
		return "must not be " + n
	case "email":
		return "must be an e-mail address"
	case "url", "http_url", "uri":
		return "must be a URL"
	case "oneof":
		return "must be one of " + strings.Join(strings.Fields(n), ", ")
	case "alpha":
		return "must have letters only"
	case "alphanum":
		return "must have letters and digits only"
	case "numeric", "number":
		return "must be a number"
	case "uuid", "uuid4":
		return "must be a UUID"
	case "eqfield":
		return "must be the same as " + n
	case "unique":
		return "must not have the same entry twice"
	case "datetime":
		return "must be a date or a time"
	}
	return "is not valid"
}
