package live

import "github.com/livelong-dev/livelong/live/internal/probe"

func init() {
	probe.Check = func(app any, report func(error)) { app.(*App).report = report }
	probe.Instances = func(app any) int {
		r := &app.(*App).registry
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.instances)
	}
}
