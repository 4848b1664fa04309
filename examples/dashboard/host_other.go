//go:build !linux

package main

import (
	"runtime"
	"time"
)

const pageSize = 0 // no processes are read

// host reads Go's own runtime: there is no /proc here.
type host struct{}

func newHost() *host { return &host{} }

// label says what is measured.
func (*host) label() string {
	return "this server alone: its host can be read on Linux only, not on " + runtime.GOOS
}

// read takes a reading.
func (*host) read() reading { return reading{At: time.Now(), Go: readRuntime()} }
