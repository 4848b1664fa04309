package main

import "fmt"

// report prints the rows and remembers which are over their limits.
type report struct {
	slack  float64 // factor on the limits of CPU
	failed []string
}

func (r *report) head() {
	fmt.Printf("%-52s %10s %10s %7s %10s\n", "", "live", "floor", "ratio", "at most")
}

// row prints a figure, beside the floor's and with its limit where there are any (0: none). why says how the limit is
// made.
func (r *report) row(name string, live, floor, limit float64, why string) {
	beside, bound := fmt.Sprintf("%10s %7s", "", ""), ""
	if floor > 0 {
		beside = fmt.Sprintf("%10.2f %7.2f", floor, live/floor)
	}
	if limit > 0 {
		verdict := "PASS"
		if live > limit {
			verdict = "FAIL"
			r.failed = append(r.failed, fmt.Sprintf("%s: %.2f, at most %.2f", name, live, limit))
		}
		bound = fmt.Sprintf("%10.2f  %s  %s", limit, verdict, why)
	}
	fmt.Printf("%-52s %10.2f %s %s\n", name, live, beside, bound)
}

// cpu is row for a figure of CPU, whose limit has slack.
func (r *report) cpu(name string, live, floor, limit float64, why string) {
	if r.slack != 1 {
		why = fmt.Sprintf("%g × %s", r.slack, why)
	}
	r.row(name, live, floor, limit*r.slack, why)
}
