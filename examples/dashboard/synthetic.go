package main

import (
	"math/rand/v2"
	"strconv"
)

// Bounds of what a URL may ask for.
const (
	maxRows = 10_000
	maxHz   = 20
)

// synthetic makes up processes, for those who want to see many rows change often. The same number of rows gives the
// same processes, which change in the same way.
type synthetic struct {
	random *rand.Rand
	next   int // process id
	rows   []Process
}

func newSynthetic(rows int) *synthetic {
	s := &synthetic{random: rand.New(rand.NewPCG(1, uint64(rows))), next: 1, rows: make([]Process, rows)}
	for i := range s.rows {
		s.rows[i] = s.process()
	}
	return s
}

var (
	programs = [...]string{"nginx", "postgres", "redis-server", "worker", "node", "python3", "envoy", "sshd", "cron", "prometheus"}
	accounts = [...]string{"root", "www-data", "postgres", "redis", "app", "nobody"}
	states   = [...]string{"sleeping", "sleeping", "sleeping", "running", "idle", "waiting"}
)

func (s *synthetic) process() Process {
	r := s.random
	p := Process{
		PID: s.next, Parent: r.IntN(s.next), Name: programs[r.IntN(len(programs))] + "-" + strconv.Itoa(r.IntN(100)),
		User: accounts[r.IntN(len(accounts))], State: states[r.IntN(len(states))],
		CPU: s.load(), Memory: uint64(1+r.IntN(1<<20)) << 10, Threads: 1 + r.IntN(64),
	}
	s.next++
	return p
}

// load is what a process needs: most need little.
func (s *synthetic) load() int {
	x := s.random.Float64()
	return int(1000 * x * x * x * x * x)
}

// step changes one row in a hundred, and lets one process end and another begin.
func (s *synthetic) step() {
	r := s.random
	for range (len(s.rows) + 99) / 100 {
		p := &s.rows[r.IntN(len(s.rows))]
		p.CPU = (3*p.CPU + s.load()) / 4
		p.Memory += uint64(r.IntN(1<<10)) << 10
		p.State = states[r.IntN(len(states))]
	}
	s.rows[r.IntN(len(s.rows))] = s.process()
}
