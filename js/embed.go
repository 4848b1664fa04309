// Package js holds the browser's side of the framework, built from src and embedded, so that an app needs nothing but
// its own binary.
package js

import _ "embed"

var (
	// Auto is the client that connects by itself: a classic script, loaded by live.Script.
	//
	//go:embed dist/livelong.auto.js
	Auto []byte

	// Latency is a slow network for trying an app out: a classic script, loaded by live.Script before the client in
	// development.
	//
	//go:embed dist/livelong.latency.js
	Latency []byte

	// Style is the stylesheet of the connection status, flash messages and errors, loaded by live.Styles.
	//
	//go:embed dist/livelong.css
	Style []byte
)
