// Package probe lets livetest look inside an app without a word of it in the public API.
package probe

// Check makes an app check each rendering, for purity and nesting, and report what it finds. Package live sets it; it
// must be called before the app serves anything.
var Check func(app any, report func(error))

// Instances returns how many instances an app has, parked and detached ones included. Package live sets it.
var Instances func(app any) int
