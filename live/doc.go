// Package live is a server-driven UI framework: a page is a Go struct and a templ template, the server keeps the
// struct, the browser shows it, and a WebSocket carries events up and the smallest possible patches down.
//
// A view is a struct whose Render method returns a component. Its exported fields are its state: Render reads nothing
// else. Unexported fields are its dependencies. Events are structs too:
//
//	type Counter struct{ Count int }
//
//	type Add struct{ By int }
//
//	func (*Counter) Events() []live.Handler { return []live.Handler{live.On((*Counter).Add)} }
//
//	func (c *Counter) Add(ctx context.Context, s *live.Socket, e Add) error {
//		c.Count += e.By
//		return nil
//	}
//
//	templ (c Counter) Render() {
//		<output>{ strconv.Itoa(c.Count) }</output>
//		<button { live.Click(Add{By: 1})... }>+1</button>
//	}
//
// The files follow a request: [New] and [Handle] build the router (app.go), a GET mounts a view and answers the first
// page (page.go), the browser's WebSocket joins it (join.go), and the running instance handles events and sends
// patches (instance.go, update.go) until it ends (lifecycle.go). Stored fields are declared in stored.go, set when a
// view is mounted in recovery.go, watched in change.go, handed over in stashing.go, and taken from others in news.go.
// What leaves an instance and what reaches it from outside passes two seams: [Stash] and [Bus].
//
// Unless said otherwise, the methods of a view and of its [Socket] are called by one goroutine at a time, and may block
// only their own page.
package live
