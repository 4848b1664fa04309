package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/examples/internal/serve"
	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// problems are the errors that are shown in the form of a rule.
func problems(t *testing.T, page *livetest.Page, want ...string) {
	t.Helper()
	if got := page.Texts(".rule .live-problem"); !slices.Equal(got, want) {
		t.Errorf("wrong: %q, want %q", got, want)
	}
}

// rule enters a rule.
func rule(page *livetest.Page, name, metric, side, limit, period string) {
	for _, f := range [][2]string{{"name", name}, {"metric", metric}, {"side", side}, {"limit", limit}, {"for", period}} {
		page.Type("#rule-"+f[0], f[1])
	}
}

func TestRuleIsCheckedWhileItIsEntered(t *testing.T) {
	watched(t, "/", func(page *livetest.Page) {
		problems(t, page)
		page.Type("#rule-limit", "much")
		problems(t, page, "must be a number")
		if by, _ := page.Attr("#rule-limit", "aria-describedby"); !page.Has("#"+by, "must be a number") {
			t.Errorf("the limit is described by %q", by)
		}
		page.Type("#rule-limit", "101")
		problems(t, page, "must be from 0 to 100")
		page.Type("#rule-metric", "Goroutines")
		problems(t, page)
		page.Click(".rule button")
		problems(t, page, "must be filled in")
		if got := page.Value("#rule-limit"); got != "101" {
			t.Errorf("after a refused submit the limit is %q", got)
		}
		page.Type("#rule-name", strings.Repeat("x", 41))
		problems(t, page, "must be at most 40 characters long")
		rule(page, "Busy", "CPU", "above", "40", "5")
		problems(t, page)
		page.Click(".rule button")
		problems(t, page)
		shows(t, page, ".alerts li .says", "CPU above 40 % for 5 s")
		for selector, want := range map[string]string{"#rule-name": "", "#rule-limit": "", "#rule-metric": "CPU", "#rule-for": "5"} {
			if got := page.Value(selector); got != want {
				t.Errorf("after a rule was made %s is %q, want %q", selector, got, want)
			}
		}
		page.Type("#rule-name", "Busy")
		problems(t, page, "is the name of another rule")
	})
}

func TestRulesFire(t *testing.T) {
	watched(t, "/", func(page *livetest.Page) { // after a second the CPU is at 50 % for ever
		for _, r := range [][5]string{
			{"busy", "CPU", "above", "49.9", "5"}, {"not so busy", "CPU", "above", "50", "1"}, {"idle", "CPU", "below", "50.1", "1"},
			{"load", "Load", "above", "0.49", "1"}, {"talk", "Network", "above", "0.002", "1"}, {"heap", "Heap", "above", "3.2", "1"},
		} {
			rule(page, r[0], r[1], r[2], r[3], r[4])
			page.Click(".rule button")
			problems(t, page)
		}
		firing := func(when, want string) {
			t.Helper()
			if got := page.Text(".alerts [role=status]"); got != want {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		page.Sleep(time.Second)
		firing("after a second", "Firing: idle, load, talk.")
		page.Sleep(5 * time.Second)
		firing("after six", "Firing: busy, idle, load, talk.")
		shows(t, page, ".alerts .fires strong", "busy", "idle", "load", "talk")
		shows(t, page, ".alerts li:not(.fires) .now", "50.0 %", "3.15 MB")
		shows(t, page, ".alerts li.fires .now", "fires 50.0 %", "fires 50.0 %", "fires 0.50", "fires 2.50 kB/s")
		page.Click("[aria-label='Remove busy']")
		firing("busy removed", "Firing: idle, load, talk.")
	})
}

func TestRulesAreBounded(t *testing.T) {
	watched(t, "/", func(page *livetest.Page) {
		for i := range maxRules + 1 {
			rule(page, "rule "+string(rune('a'+i)), "CPU", "above", "1", "1")
			page.Click(".rule button")
		}
		problems(t, page, "There are ten rules. Remove one first.")
		if got := page.Count(".alerts li"); got != maxRules {
			t.Errorf("%d rules", got)
		}
	})
}

// Rules are the browser's; what is being entered is the page's own.
func TestRulesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		browser := livetest.NewBrowser(t, app)
		page, other := browser.Open("/"), browser.Open("/")
		rule(page, "Busy", "CPU", "above", "40", "5")
		page.Click(".rule button")
		page.Type("#rule-name", "half")
		page.AwaitSaved()
		synctest.Wait()
		shows(t, other, ".alerts li strong", "Busy")
		if got := other.Value("#rule-name"); got != "" {
			t.Errorf("another page's draft has the name %q", got)
		}
		page.Drop()
		page.Sleep(time.Hour) // its instance is gone
		page.Connect()
		if got := page.Value("#rule-name"); page.Joined() != "mount" || got != "half" {
			t.Errorf("%s: the draft has the name %q", page.Joined(), got)
		}
		again := browser.Open("/")
		shows(t, again, ".alerts li strong", "Busy")
		if got := again.Value("#rule-name"); got != "" {
			t.Errorf("a new page's draft has the name %q", got)
		}
	})
}

func TestRulesWithoutJavaScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := monitor(t)
		page := livetest.NewBrowser(t, app).Load("/")
		rule(page, "", "Memory", "above", "nine", "1")
		page.Click(".rule button")
		problems(t, page, "must be filled in", "must be a number")
		for selector, want := range map[string]string{"#rule-limit": "nine", "#rule-metric": "Memory", "#rule-for": "1"} {
			if got := page.Value(selector); got != want {
				t.Errorf("%s is %q, want %q", selector, got, want)
			}
		}
		rule(page, "Full", "Memory", "above", "9", "1")
		page.Click(".rule button")
		problems(t, page)
		shows(t, page, ".alerts li .says", "Memory above 9 % for 1 s")
		shows(t, page, ".alerts [role=status]", "Firing: Full.")
		page.Click("[aria-label='Remove Full']")
		shows(t, page, ".alerts li")
	})
}

// A rule of a gauge that this host does not have, from a page that was made elsewhere.
func TestRuleOfAGaugeThatIsNotThere(t *testing.T) {
	alone := reading{At: time.Unix(1, 0), Go: goRuntime{Goroutines: 1}}
	synctest.Test(t, func(t *testing.T) {
		app, err := newApp(serve.Config{
			Secrets: [][]byte{[]byte("a secret for tests, 32 bytes long")}, Go: func(f func(context.Context)) { go f(t.Context()) },
		}, nil, &tail{}, "", func() reading { return alone })
		if err != nil {
			t.Fatal(err)
		}
		page := livetest.Open(t, app, "/")
		page.PushForm("Watch", "name=Busy&metric=CPU&side=above&limit=1&for=1")
		problems(t, page, "cannot be read on this host")
	})
	d := Dashboard{Rules: []Rule{{Metric: "CPU", Side: "above", For: 1}}}
	if d.fires(d.Rules[0]) || d.now(d.Rules[0]) != "unknown" {
		t.Errorf("fires %v, at %s", d.fires(d.Rules[0]), d.now(d.Rules[0]))
	}
	var _ live.View = d
}
