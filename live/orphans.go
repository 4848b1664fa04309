package live

// holds reports whether a child is still part of the page. A child that was taken away is another one when it comes back.
func (in *instance) holds(c *child) bool {
	return in.family != nil && in.family.children[c.value.Addr().UnsafePointer()] == c
}

// endOrphans ends the timers, subscriptions and functions of children that are gone.
func (in *instance) endOrphans() {
	if !in.orphans {
		return
	}
	in.orphans = false
	gone := func(c *child) bool { return c != nil && !in.holds(c) }
	var subs []*subscription
	in.mu.Lock()
	for t := range in.timers {
		if gone(t.child) {
			t.stop()
		}
	}
	for sub := range in.subs {
		if gone(sub.child) {
			subs = append(subs, sub)
		}
	}
	in.mu.Unlock()
	for _, sub := range subs {
		in.app.topics.end(sub)
	}
	for field, job := range in.jobs {
		if gone(job.child) {
			job.cancel()
			delete(in.jobs, field)
			if in.family.children[job.child.value.Addr().UnsafePointer()] == nil {
				field.(interface{ abandon() }).abandon() // the pointer may be put back, and nobody loads then
			}
		}
	}
}
