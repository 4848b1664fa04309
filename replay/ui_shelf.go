package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// shelf is the page that lists recordings.
type shelf struct {
	Text    string   `query:"q"`
	Errors  bool     `query:"errors"`
	Live    bool     `query:"live"`
	View    string   `query:"view"`
	Build   string   `query:"build"`
	Session string   `query:"session"`
	User    string   `query:"user"`
	Page    int      `query:"page,default=1,push"`
	Confirm string   `query:"confirm"` // what is about to be deleted: one, chosen, all
	IDs     []string `query:"id"`
	Import  string   `query:"import"` // what was wrong with one

	Base      string
	Rows      []row
	Now       time.Time // when they were read
	Saved     int       // of all that may be seen
	Running   int
	WithError int
	Found     int      // that match
	Views     []string // to filter by
	Builds    []string
	Down      string // why nothing is shown
	Loading   bool
	CanDelete bool
	CanImport bool
	Chosen    int // how many are about to be deleted

	ui *ui
}

// row is a line of the list.
type row struct {
	ID, View, URL, User, Browser, Build, Session, Exit, Damage string
	Start                                                      time.Time
	Duration, Lag                                              time.Duration
	Events, Errors, Gaps                                       int
	Bytes                                                      int64
	Live, Redacted, CanDelete                                  bool
	Known                                                      bool // Lag is
	Checked, Verified, Of, Wrong                               int  // of the frames under this build; Checked 0: unknown
}

type (
	choose struct {
		IDs []string `form:"id"`
	}
	search struct {
		Text  string `form:"q"`
		View  string `form:"view"`
		Build string `form:"build"`
	}
	remove struct{}
	again  struct{}

	refresh struct{}
	listed  struct{ listing }
)

// listing is what the archive says.
type listing struct {
	all  []Summary
	live []Summary
	err  error
}

// Events implements live.Eventful.
func (*shelf) Events() []live.Handler {
	return []live.Handler{live.On((*shelf).choose), live.On((*shelf).search), live.On((*shelf).remove), live.On((*shelf).again),
		live.OnMessage((*shelf).refresh), live.OnMessage((*shelf).listed)}
}

// Title implements live.Titler.
func (l shelf) Title() string { return "Recordings" }

const (
	perPage      = 25
	refreshEvery = 5 * time.Second
	patience     = time.Second // for the archive, before the page is shown without
)

// Mount implements live.Mounter.
func (l *shelf) Mount(ctx context.Context, s *live.Socket) error {
	l.CanImport = l.ui.ask(s.Request(), ActionImport, nil) == nil
	return nil
}

// Connected implements live.Connector.
func (l *shelf) Connected(_ context.Context, s *live.Socket) error {
	if s.Reconnects() == 0 {
		s.Every(refreshEvery, refresh{})
	}
	return nil
}

// Params implements live.ParamsHandler.
func (l *shelf) Params(ctx context.Context, s *live.Socket, _ *url.URL) error {
	l.Page = max(1, l.Page)
	l.load(ctx, s)
	return nil
}

func (l *shelf) refresh(ctx context.Context, s *live.Socket, _ refresh) error {
	l.load(ctx, s)
	return nil
}

func (l *shelf) again(ctx context.Context, s *live.Socket, _ again) error {
	l.load(ctx, s)
	return nil
}

func (l *shelf) search(ctx context.Context, s *live.Socket, e search) error {
	l.Text, l.View, l.Build, l.Page, l.Import = e.Text, e.View, e.Build, 1, ""
	return nil
}

// choose asks before the chosen ones are deleted.
func (l *shelf) choose(_ context.Context, s *live.Socket, e choose) error {
	if len(e.IDs) == 0 {
		return live.Errorf("Choose recordings first.")
	}
	l.Confirm, l.IDs = "chosen", e.IDs
	return nil
}

func (l *shelf) remove(ctx context.Context, s *live.Socket, _ remove) error {
	ids := l.IDs
	if l.Confirm == "all" {
		ids = nil
		found := l.ui.list(ctx)
		if found.err != nil {
			return &live.Error{Text: "The store does not answer, so nothing was deleted.", Err: found.err}
		}
		for i := range found.all {
			x := &found.all[i]
			if l.ui.may(s.Request(), x) == nil && l.ui.ask(s.Request(), ActionDelete, x) == nil {
				ids = append(ids, x.ID)
			}
		}
	}
	n, err := l.ui.delete(ctx, s.Request(), ids)
	if err != nil {
		return err
	}
	l.Confirm, l.IDs = "", nil
	s.Flash("success", plural(n, "recording was", "recordings were")+" deleted.")
	l.load(ctx, s)
	return nil
}

// list asks the archive for everything. Nothing is opened.
func (u *ui) list(ctx context.Context) (l listing) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	live, err := u.rec.Active(ctx)
	all, err2 := u.rec.Summaries(ctx)
	return listing{all, live, errors.Join(err, err2)}
}

// load reads the list. One that takes long is shown when it comes.
func (l *shelf) load(ctx context.Context, s *live.Socket) {
	done := make(chan listing, 1)
	u := l.ui
	go func() { done <- u.list(context.WithoutCancel(ctx)) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case found := <-done:
		l.show(s.Request(), found)
	case <-timer.C:
		l.Loading = l.Now.IsZero()
		go func() { _ = s.Send(listed{<-done}) }() // an instance that has ended needs none
	}
}

func (l *shelf) listed(_ context.Context, s *live.Socket, m listed) error {
	l.show(s.Request(), m.listing)
	return nil
}

// show fills in the page from what the archive has said.
func (l *shelf) show(r *http.Request, found listing) {
	u := l.ui
	l.Loading, l.Down = false, ""
	if found.err != nil {
		l.Down = short(found.err.Error(), 300)
		if l.Now.IsZero() {
			l.Rows = nil
		}
		u.log().Warn("replay: the list cannot be read", "err", found.err)
		return
	}
	l.Now = u.rec.o.Now().UTC().Truncate(time.Second)
	q := Query{Text: l.Text, View: l.View, User: l.User, Build: l.Build, Session: l.Session, Errors: l.Errors}
	l.Saved, l.Running, l.WithError, l.Found, l.CanDelete = 0, 0, 0, 0, false
	views, builds, running := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var rows []*Summary
	count := func(s *Summary, isLive bool) {
		if running[s.ID] || u.may(r, s) != nil {
			return
		}
		if isLive {
			running[s.ID] = true
			l.Running++
		} else {
			l.Saved++
		}
		if s.Errors > 0 {
			l.WithError++
		}
		views[s.View], builds[s.Build] = true, true
		if q.Matches(s) && (!l.Live || isLive) {
			rows = append(rows, s)
		}
	}
	for i := range found.live {
		count(&found.live[i], true)
	}
	for i := range found.all {
		count(&found.all[i], false)
	}
	l.Views, l.Builds = names(views), names(builds)
	l.Found = len(rows)
	l.Page = min(l.Page, max(1, (l.Found+perPage-1)/perPage))
	from := (l.Page - 1) * perPage
	l.Rows = l.Rows[:0:0]
	for _, s := range rows[from:min(from+perPage, len(rows))] {
		l.Rows = append(l.Rows, l.row(r, s, running[s.ID]))
	}
	for _, x := range l.Rows {
		l.CanDelete = l.CanDelete || x.CanDelete
	}
	l.Chosen = len(l.IDs)
	if l.Confirm == "all" {
		l.Chosen = l.Saved
	}
}

func (l *shelf) row(r *http.Request, s *Summary, isLive bool) row {
	x := row{ID: s.ID, View: s.View, URL: s.URL, User: s.User, Browser: s.Browser, Build: s.Build, Session: s.Session, Damage: s.Damage, Start: s.Start,
		Duration: s.Duration(), Events: s.Events, Errors: s.Errors, Gaps: s.Gaps, Bytes: s.Bytes, Live: isLive, Redacted: s.Redacted}
	switch {
	case s.Exit == ExitUnknown && !isLive && s.Damage == "":
		x.Exit = "cut off"
	case s.Exit != ExitClosed && s.Exit != ExitUnknown:
		x.Exit = s.Exit.String()
	}
	switch {
	case isLive && s.Node == l.ui.rec.Catalog.o.Node:
		x.Lag, x.Known = max(0, l.Now.Sub(s.End()).Truncate(time.Second)), true
	case isLive: // by another process, which has said only that it began
		x.Duration = max(0, l.Now.Sub(s.Start).Truncate(time.Second))
	default:
		x.CanDelete = l.ui.ask(r, ActionDelete, s) == nil
	}
	if c := l.ui.checkOf(s); c.of > 0 && c.done {
		x.Checked, x.Verified, x.Of, x.Wrong = 1, c.verified, c.of, c.wrong
	}
	return x
}

func names(set map[string]bool) []string {
	delete(set, "")
	all := make([]string, 0, len(set))
	for name := range set {
		all = append(all, name)
	}
	slices.Sort(all)
	return all[:min(len(all), 50)]
}

// filtered reports whether not everything is asked for.
func (l shelf) filtered() bool {
	return l.Text != "" || l.Errors || l.Live || l.View != "" || l.Build != "" || l.Session != "" || l.User != ""
}

// with is the query of another state of the page, on its first page.
func (l shelf) with(change func(*shelf)) string {
	l.Page, l.Confirm, l.IDs, l.Import = 1, "", nil, ""
	change(&l)
	return live.Query(l)
}

// calm is the page without a question.
func (l shelf) calm() string {
	l.Confirm, l.IDs, l.Import = "", nil, ""
	return live.Query(l)
}

func (l shelf) asking(what string, ids ...string) string {
	l.Confirm, l.IDs, l.Import = what, ids, ""
	return live.Query(l)
}

func (l shelf) page(n int) string {
	l.Page, l.Confirm, l.IDs, l.Import = n, "", nil, ""
	return live.Query(l)
}

func (l shelf) pages() int { return max(1, (l.Found+perPage-1)/perPage) }

// question is what is asked before something is deleted.
func (l shelf) question() string {
	switch {
	case l.Confirm == "all":
		return "Delete all " + plural(l.Saved, "saved recording", "saved recordings") + "?"
	case len(l.IDs) == 1:
		return "Delete this recording?"
	}
	return "Delete " + plural(len(l.IDs), "recording", "recordings") + "?"
}

func plural(n int, one, many string) string {
	return number(n) + " " + map[bool]string{true: one, false: many}[n == 1]
}

// number is a number with its thousands apart.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clock is a time within a recording: m:ss, or h:mm:ss.
func clock(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// fine is a time within a recording, to the tenth of a second.
func fine(d time.Duration) string {
	return clock(d) + "." + strconv.Itoa(int(d%time.Second/(100*time.Millisecond)))
}

// span is a length of time in words.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.Itoa(int(d.Milliseconds())) + " ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(float64(d/(100*time.Millisecond))/10, 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", d/time.Minute, d/time.Second%60)
	}
	return fmt.Sprintf("%d h %02d min", d/time.Hour, d/time.Minute%60)
}

func size(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1_000_000:
		return strconv.FormatFloat(float64(n)/1000, 'f', 1, 64) + " kB"
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
}

// moment is a wall clock time as the list shows it.
func moment(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "–"
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("2 Jan 15:04")
	}
	return t.Format("2 Jan 2006")
}

// title names a view without its package, and a recording of which that is not known.
func title(view string) string {
	return cmp.Or(bare(view), "Unknown view")
}

// packages matches the packages in a type's name: also those of its type arguments, which have their whole path.
var packages = regexp.MustCompile(`[^\[\]*, ]*\.`)

// bare is the name of a type without its packages: Shared[Scores] for live.Shared[example.com/app.Scores].
func bare(name string) string { return packages.ReplaceAllString(name, "") }
