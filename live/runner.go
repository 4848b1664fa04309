package live

import (
	"sync/atomic"
	"time"
)

// start makes a goroutine the instance's runner. The caller holds mu.
func (in *instance) start() {
	in.schedule()
	go in.run()
}

// schedule is start for a caller that then has [instance.work] called, by whichever goroutine.
func (in *instance) schedule() {
	in.scheduled = true
	in.active = time.Now()
	in.app.registry.runners.Add(1)
}

// run is a runner that works for one instance.
func (in *instance) run() {
	growStack(false)
	in.work()
}

// growStack makes the stack of a runner as large as most of what it calls needs, while there is hardly anything on it that
// has to be moved: a goroutine begins with 2 KiB, and moving it from deep within costs more than all else of a small turn.
// Every call makes room, but only one with use clears it; there is none.
//
//go:noinline
func growStack(use bool) byte {
	if !use {
		return 0
	}
	var room [6 << 10]byte
	return last(room[:])
}

//go:noinline
func last(b []byte) byte { return b[len(b)-1] }

// crowd are instances that have got something to do at once. As few goroutines work for them as keep the processors busy:
// to start one and to grow its stack would cost more than most of their turns do. While some wait there is always a
// goroutine that has not begun, so that none waits for one whose handler blocks.
type crowd struct {
	instances []*instance // each is scheduled
	next      atomic.Int64
	coming    atomic.Bool // a goroutine has been started that has not begun
}

func (c *crowd) start() {
	if len(c.instances) > 0 {
		c.coming.Store(true)
		go c.run()
	}
}

func (c *crowd) run() {
	growStack(false)
	c.coming.Store(false)
	for {
		i := int(c.next.Add(1)) - 1
		if i >= len(c.instances) {
			return
		}
		if i < len(c.instances)-1 && c.coming.CompareAndSwap(false, true) {
			go c.run()
		}
		in := c.instances[i]
		c.instances[i] = nil // a handler that blocks keeps no other page
		in.work()
	}
}
