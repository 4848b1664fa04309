package live

// Trees returns how many instances keep the tree they have sent. Nothing of the app may be running.
func Trees(a *App) int {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	n := 0
	for _, in := range a.registry.instances {
		in.mu.Lock()
		if in.tree != nil {
			n++
		}
		in.mu.Unlock()
	}
	return n
}

// StopChecking turns off what livetest asks of each rendering, for views that are wrong on purpose.
func StopChecking(a *App) { a.report = nil }
