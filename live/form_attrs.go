package live

import (
	"fmt"

	"github.com/a-h/templ"
)

// Busy is what a button reads from when it is pressed until its event, or the submit of its form, is answered: "Saving…".
// Then it has its own content again, the same nodes. Meanwhile it is disabled, as are all submit buttons of a form that is
// being submitted.
func Busy(text string) templ.Attributer { return named("live-busy", text) }

// Overwrite makes a control, or all controls of a form, show what is rendered whenever version is another one than in the
// rendering before: also where the user has typed, and where the focus is. Otherwise a value that is rendered as before
// changes nothing in the browser. What was typed after the event that is being answered stays, and so does a composition.
//
//	<textarea name="text" { live.Overwrite(c.Inserted)... }>{ c.Text }</textarea>
func Overwrite[T ~string | ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64](version T) templ.Attributer {
	return named("live-overwrite", fmt.Sprint(version))
}

// Guard asks the user before a page is left whose form was edited since its submit was last answered, or is dirty as the
// view knows: by a link, by the browser's buttons, or by closing the tab, where browsers ask in their own words.
func Guard(question string, dirty bool) templ.Attributer {
	attrs := templ.OrderedAttributes{{Key: "live-guard", Value: question}}
	if dirty {
		attrs = append(attrs, templ.KeyValue[string, any]{Key: "live-dirty", Value: true})
	}
	return attrs
}

// Recover sends e, with what the user has entered, to an instance that does not know of it: after a crash, or where another
// server took over and it was not stored. Without it that is the event of [Change]. It goes onto the element that has that.
func Recover(e any) templ.Attributer { return bind("live-recover", e, nil) }

// NoRecover leaves such an instance without it: the page shows what was entered, and the view does not know.
func NoRecover() templ.Attributer { return named("live-recover", "") }

// Native makes the browser send a form by itself, to the form's action, once its submit was answered and ready is true:
// the view has checked it, and something else takes it, such as the login of another server. The button is that of the
// submit. Nothing is sent over the socket any more, and the page is left.
func Native(ready bool) templ.Attributer {
	if !ready {
		return templ.OrderedAttributes{}
	}
	return named("live-native", "")
}

func named(name, value string) templ.Attributer {
	a := &attribute{value: value}
	return a.named(name)
}
