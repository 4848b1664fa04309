// Package replaytest is for tests of archives, and of what uses them: a conformance suite, and an archive in memory that
// counts and fails.
package replaytest
