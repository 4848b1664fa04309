package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Form is what a view knows of one of its forms, beside the values: what is wrong, and which inputs the user has been to.
// It is an exported field of the view:
//
//	type Signup struct {
//		Email string
//		Form  live.Form
//	}
//
//	type Edit struct {
//		live.FieldErrors
//		Target string `client:"target"`
//		Email  string `form:"email" validate:"required,email"`
//	}
//
//	func (s *Signup) Edit(_ context.Context, _ *live.Socket, e Edit) error {
//		s.Email = e.Email
//		s.Form.Check(e, validate.Struct)
//		return nil
//	}
//
//	templ (s Signup) Render() {
//		<label for="email">Email</label>
//		<input id="email" value={ s.Email } { s.Form.Input("email")... }/>
//		@s.Form.Problem("email")
//	}
type Form struct {
	Errors map[string]string // by the input's name
	Used   []string          // inputs that the user has been to, sorted
	Sent   bool              // the form was submitted: all inputs count as used
}

// resetTarget is what a field tagged `client:"target"` holds when a reset button was pressed. No input has this name.
const resetTarget = "[reset]"

// What a form remembers of the inputs that a user has been to: their names are what the browser says.
const (
	maxUsed     = 1000
	maxUsedName = 256
)

// Check takes over what is wrong with an event that carries the form: what could not be converted, if the event embeds
// [FieldErrors], and then what the validators say of it. It reports whether nothing is.
//
// An event with a field tagged `client:"target"` that says which input was changed is a change, and that input is used from
// now on; where it says that a reset button was pressed, no input counts as used any more. Any other event is a submit. A
// validator returns nil, what [FieldErrors.Err] makes, or an error that wraps that; package
// validate has one for struct tags. Any other error is for no input in particular: its name is empty. A validator that panics
// counts as such an error; its stack is logged by slog's default logger.
func (f *Form) Check(event any, validators ...func(event any) error) (ok bool) {
	found := map[string]string{}
	add := func(errs FieldErrors) {
		for name, text := range errs {
			if _, known := found[name]; !known {
				found[name] = text
			}
		}
	}
	v := reflect.Indirect(reflect.ValueOf(event))
	change, target := false, ""
	if v.Kind() == reflect.Struct {
		for _, field := range reflect.VisibleFields(v.Type()) {
			switch {
			case field.Type == reflect.TypeFor[FieldErrors]():
				add(v.FieldByIndex(field.Index).Interface().(FieldErrors))
			case field.Tag.Get("client") == "target" && field.Type.Kind() == reflect.String:
				change, target = true, v.FieldByIndex(field.Index).String()
			}
		}
	}
	for _, validate := range validators {
		err := checked(event, validate)
		wrong := (*invalid)(nil)
		switch {
		case err == nil:
		case errors.As(err, &wrong):
			add(wrong.fields)
		default:
			add(FieldErrors{"": err.Error()})
		}
	}
	f.Errors = nil
	if len(found) > 0 {
		f.Errors = found
	}
	switch {
	case target == resetTarget:
		f.Used, f.Sent = nil, false
	case target != "":
		f.Use(target)
	case !change:
		f.Sent = true
	}
	return len(found) == 0
}

// checked runs a validator. Its panic must not end the page, which would tell the next instance of the same text.
func checked(event any, validate func(any) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			slog.Error("a validator panicked", "event", fmt.Sprintf("%T", event), "err", v, "stack", string(debug.Stack()))
			err = FieldErrors{"": "This could not be checked."}.Err()
		}
	}()
	return validate(event)
}

// Use notes that the user has been to an input. A form remembers 1,000 of them, with names of up to 256 bytes.
func (f *Form) Use(name string) {
	if i, known := slices.BinarySearch(f.Used, name); !known && len(f.Used) < maxUsed && len(name) <= maxUsedName {
		// A copy: the view's last rendering may be of the old one.
		f.Used = slices.Insert(slices.Clone(f.Used), i, name)
	}
}

// Reset forgets everything, after the form was saved for example.
func (f *Form) Reset() { *f = Form{} }

// Shown returns the text of what is wrong with an input, as soon as the user has been to it or has submitted the form; the
// input that nobody has touched shows no error.
func (f Form) Shown(name string) string {
	if _, used := slices.BinarySearch(f.Used, name); !used && !f.Sent {
		return ""
	}
	return f.Errors[name]
}

// General is what is wrong with the form and no input in particular, once it was submitted.
func (f Form) General() string {
	if !f.Sent {
		return ""
	}
	return f.Errors[""]
}

// Wrong returns the names of the inputs whose errors are shown, sorted.
func (f Form) Wrong() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(f.Errors)) {
		if name != "" && f.Shown(name) != "" {
			names = append(names, name)
		}
	}
	return names
}

// Input returns the attributes of an input: its name and, when an error is shown, aria-invalid and aria-describedby, which
// names what [Form.Problem] renders.
func (f Form) Input(name string) templ.Attributer {
	attrs := templ.OrderedAttributes{{Key: "name", Value: name}}
	if f.Shown(name) != "" {
		attrs = append(attrs, templ.KeyValue[string, any]{Key: "aria-invalid", Value: "true"},
			templ.KeyValue[string, any]{Key: "aria-describedby", Value: problemID(name)})
	}
	return attrs
}

// Problem renders the error of an input, nothing where none is shown. Further attributes go onto its element.
func (f Form) Problem(name string, attributes ...templ.Attributer) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		text := f.Shown(name)
		if text == "" {
			return nil
		}
		if err := writeTag(ctx, w, "p", ` class="live-problem" id="`+templ.EscapeString(problemID(name))+`"`, attributes...); err != nil {
			return err
		}
		_, err := io.WriteString(w, templ.EscapeString(text)+`</p>`)
		return err
	})
}

// problemID is the id of what is wrong with an input: rows[2].name has the id problem-rows-2-name.
func problemID(name string) string {
	return "problem-" + strings.Trim(strings.NewReplacer("[", "-", "]", "", ".", "-", " ", "-").Replace(name), "-")
}

// Err returns the errors as one error, for [Form.Check]; nil when there are none.
func (f FieldErrors) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &invalid{f}
}

// invalid is what is wrong with a form.
type invalid struct{ fields FieldErrors }

func (i *invalid) Error() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(i.fields)) {
		parts = append(parts, name+" "+i.fields[name])
	}
	return strings.Join(parts, "; ")
}
