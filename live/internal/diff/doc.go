// Package diff finds what changed between two renders of a view and says it in as few bytes as possible.
//
// The data's way through the files:
//
//	HTML ── parse.go, lockstep.go, tag.go, hash.go ──► Tree ── diff.go, align.go, encode.go ──► patch
//	                                                    │
//	                                                    └── dom.go ◄── apply.go ── patch
//
// [Parser.Parse] reads the bytes a template wrote, in lockstep with the tree of the render before: where bytes
// reappear, the old nodes are copied and nothing is tokenised. [Differ.Append] walks two trees by the hashes of
// their subtrees and writes a patch. Both keep their scratch between calls and allocate nothing once warm.
//
// The tree is what a browser builds from the same bytes. Where that cannot be known from the bytes alone (an
// element left open, <div/>, a second <body>), Parse reports a [SyntaxError] and guesses nothing. What a browser
// builds differently because of where an element stands (a <div> inside a <p>) is found by [CheckNesting], which
// is too slow for production and meant for tests and development.
//
// [Tree.DOM], [Apply] and [ShapeOf] are the browser's side in Go: they let a test, an in-memory browser or a
// replay apply a patch the way the client does.
//
// The wire form of patches is described in PROTOCOL.md of live/internal/wire.
package diff
