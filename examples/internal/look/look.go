// Package look is what the examples' pages have in common: a layout and a stylesheet.
package look

import (
	"embed"
	"net/http"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

//go:embed base.css
var files embed.FS

// path is where the stylesheet is served.
const path = "/look/"

// Mount serves the stylesheet.
func Mount(app *live.App) { app.Mount(path, http.FileServerFS(files)) }

// Layout returns a layout with the example's name, a sentence below its pages, and the path of a stylesheet of its own.
func Layout(name, sentence, style string) live.Layout {
	return func(p live.Page, body templ.Component) templ.Component {
		return document(p, name, sentence, style, body)
	}
}
