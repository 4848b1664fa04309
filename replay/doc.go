// Package replay keeps recordings of sessions: what a server-side view held and showed, turn by turn.
//
// The data's way through the files:
//
//	entry.go ─► encoder.go ─► segment.go ─► writer.go ─► archive.go             recording
//	             splice.go     codec.go      catalog.go, index.go, retention.go
//	archive.go ─► recording.go ─► decoder.go ─► entry.go                        replaying
//	redact*.go, sanitizer.go                                                    what never gets that far
//	ui*.go                                                                      the pages that list and play them
//
// An [Encoder] belongs to one instance and turns its entries into chunks, in memory; a [Writer] compresses them to
// segments and puts these into an [Archive]; a [Catalog] lists what an archive holds, removes what is too old, and opens a
// [Recording], which finds a frame by reading one keyframe span. FORMAT.md describes the bytes.
package replay
