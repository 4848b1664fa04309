package validate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/validate"
)

type order struct {
	Name     string   `form:"name" validate:"required,min=3,max=5"`
	Email    string   `form:"email" validate:"omitempty,email"`
	Count    int      `form:"count" validate:"gte=1,lt=10"`
	Size     string   `form:"size" validate:"omitempty,oneof=S M L"`
	Tags     []string `form:"tags" validate:"max=2,dive,alpha"`
	Site     string   `form:"site" validate:"omitempty,url"`
	Twice    string   `form:"twice" validate:"eqfield=Name"`
	Unusual  string   `form:"unusual" validate:"omitempty,isbn"`
	internal string
}

func TestStruct(t *testing.T) {
	good := order{Name: "abc", Count: 2, Twice: "abc"}
	if err := validate.Struct(good); err != nil {
		t.Error(err)
	}
	bad := order{Name: "ab", Email: "x", Count: 10, Size: "XL", Tags: []string{"a", "1", "c"}, Site: "x", Twice: "b", Unusual: "x", internal: "y"}
	var form live.Form
	if form.Check(bad, validate.Struct) || form.Check(&bad, validate.Struct) {
		t.Fatal("nothing is wrong")
	}
	want := map[string]string{
		"name": "must be at least 3 characters long", "email": "must be an e-mail address", "count": "must be less than 10",
		"size": "must be one of S, M, L", "tags": "must have at most 2 entries", "site": "must be a URL", "twice": "must be the same as Name",
		"unusual": "is not valid",
	}
	if fmt.Sprint(form.Errors) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", form.Errors, want)
	}
	bad = order{Tags: []string{"a", "1"}, Count: 1}
	form.Check(bad, validate.Struct)
	if form.Errors["name"] != "must be filled in" || form.Errors["tags[1]"] != "must have letters only" {
		t.Errorf("%v", form.Errors)
	}
}

func TestWithOtherTexts(t *testing.T) {
	german := validate.With(validate.New(), func(f validator.FieldError) string { return "stimmt nicht (" + f.Tag() + ")" })
	err := german(order{Name: "abc", Twice: "abc"})
	if err == nil || !strings.Contains(err.Error(), "count stimmt nicht (gte)") {
		t.Error(err)
	}
	if err := validate.Struct("no struct"); err == nil || errors.As(err, &validator.ValidationErrors{}) {
		t.Errorf("%v", err)
	}
}

// person is embedded, so its inputs are the event's.
type person struct {
	Name string  `form:"name" validate:"required"`
	Home address `form:"home"`
}

type address struct {
	City string `form:"city" validate:"required"`
}

func TestFieldsOfEmbeddedStructs(t *testing.T) {
	type Person struct{ person }
	type move struct {
		live.FieldErrors
		Person
		People map[int]address `form:"people" validate:"dive"`
	}
	var form live.Form
	form.Check(move{People: map[int]address{7: {}}}, validate.Struct)
	want := map[string]string{"name": "must be filled in", "home.city": "must be filled in", "people[7].city": "must be filled in"}
	if fmt.Sprint(form.Errors) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", form.Errors, want)
	}
}

// edit is an event for values of any type; its name has dots of its own: edit[time.Time].
type edit[T any] struct {
	Rows  []line `form:"rows" validate:"dive"`
	Value T
}

type line struct {
	Name string `form:"name" validate:"required"`
}

func TestNamesOfInputsInGenericEvents(t *testing.T) {
	for _, event := range []any{edit[time.Time]{Rows: []line{{}}}, &edit[int]{Rows: []line{{}}}, struct {
		Rows []line `form:"rows" validate:"dive"`
	}{[]line{{}}}} {
		var form live.Form
		if form.Check(event, validate.Struct); form.Errors["rows[0].name"] == "" || len(form.Errors) != 1 {
			t.Errorf("%T: %q", event, form.Errors)
		}
	}
}
