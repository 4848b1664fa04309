// Package look is what the examples' pages have in common: layouts and stylesheets.
package look

import (
	"embed"
	"net/http"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

//go:embed *.css
var files embed.FS

// path is where the stylesheets are served.
const path = "/look/"

// Mount serves the stylesheets.
func Mount(app *live.App) { app.Mount(path, http.FileServerFS(files)) }

// Link is one below the page.
type Link struct{ Path, Text string }

// Layout returns a layout that shows pages on a card, with the example's name, a sentence and links below the card, and
// the path of a stylesheet of its own.
func Layout(name, sentence, style string, links ...Link) live.Layout {
	return func(p live.Page, body templ.Component) templ.Component {
		return document(p, name, sentence, links, []string{path + "card.css", style}, nil, body)
	}
}

// Wide is [Layout] for pages that fill the window, with the path of a script of their own.
func Wide(name, sentence, style, script string, links ...Link) live.Layout {
	return func(p live.Page, body templ.Component) templ.Component {
		return document(p, name, sentence, links, []string{style}, []string{script}, body)
	}
}
