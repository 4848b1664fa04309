package replay

import (
	"slices"
	"strings"
	"time"
)

// Query says which summaries are wanted. The zero value means the 25 newest.
type Query struct {
	// Text is looked for in [Summary.SearchText]: every word of it, each anywhere, in any case.
	Text string
	// View, User, Build and Session must be equal, where they are not empty.
	View, User, Build, Session string
	Errors                     bool // only those with errors
	// Since and Until bound the start: Since <= start < Until. Zero: no bound.
	Since, Until  time.Time
	Offset, Limit int // a Limit of 0 means 25, a negative one all
}

// defaultLimit is how many summaries a page of a list has.
const defaultLimit = 25

// Result is what was found, the newest first.
type Result struct {
	Summaries []Summary // from Offset, at most Limit
	Total     int       // how many match
	Errors    int       // how many of those have errors
}

// Words returns the words of Text, in lower case. Every [Indexer] looks for them in the same way.
func (q *Query) Words() []string { return strings.Fields(strings.ToLower(q.Text)) }

// Matches reports whether a summary is one of those that are wanted, whatever Offset and Limit say.
func (q *Query) Matches(s *Summary) bool {
	if q.View != "" && q.View != s.View || q.User != "" && q.User != s.User || q.Build != "" && q.Build != s.Build ||
		q.Session != "" && q.Session != s.Session || q.Errors && s.Errors == 0 ||
		!q.Since.IsZero() && s.Start.Before(q.Since) || !q.Until.IsZero() && !s.Start.Before(q.Until) {
		return false
	}
	words := q.Words()
	if len(words) == 0 {
		return true
	}
	text := s.SearchText()
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// LimitOr returns the number of summaries wanted at most, of n there are.
func (q *Query) LimitOr(n int) int {
	switch {
	case q.Limit < 0:
		return n
	case q.Limit == 0:
		return defaultLimit
	}
	return q.Limit
}

// choose answers a query from all summaries, which are ordered.
func (q *Query) choose(all []Summary) Result {
	var r Result
	for i := range all {
		s := &all[i]
		if !q.Matches(s) {
			continue
		}
		if r.Total >= q.Offset && len(r.Summaries) < q.LimitOr(len(all)) {
			r.Summaries = append(r.Summaries, *s)
		}
		r.Total++
		if s.Errors > 0 {
			r.Errors++
		}
	}
	return r
}
