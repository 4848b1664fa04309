package livetest

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/livelong-dev/livelong/live/internal/wire"
)

// entry is one place of a tab's history.
type entry struct {
	url  *url.URL
	page int // the mount that left it
}

// URL returns what the browser's address bar shows: path, query and fragment.
func (p *Page) URL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return relative(p.url)
}

// History returns the URLs of the tab's history, as the browser's back button sees them, and which of them is shown.
func (p *Page) History() (urls []string, at int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.history {
		urls = append(urls, relative(e.url))
	}
	return urls, p.at
}

func relative(u *url.URL) string {
	shown := *u
	shown.Scheme, shown.Host, shown.User, shown.ForceQuery = "", "", nil, false
	return shown.String()
}

// Visit follows a link to href as [live.Link] makes it: over the socket. Afterwards the page may be another one, or have
// been sent elsewhere, see [Page.Redirected].
func (p *Page) Visit(href string) { p.t.Helper(); p.follow(href, wire.Push) }

// Back and Forward go one step in the tab's history.
func (p *Page) Back() { p.t.Helper(); p.step(-1) }

// Forward goes one step forward in the tab's history.
func (p *Page) Forward() { p.t.Helper(); p.step(1) }

func (p *Page) step(by int) {
	p.t.Helper()
	p.mu.Lock()
	to := p.at + by
	if to < 0 || to >= len(p.history) {
		p.mu.Unlock()
		p.t.Fatalf("livetest: the history has no entry in that direction: it has %d, and shows entry %d", len(p.history), p.at)
	}
	p.at = to
	e := p.history[to]
	fresh := e.page != p.page
	p.url = e.url
	p.mu.Unlock()
	p.visit(e.url, wire.Pop, fresh)
}

func (p *Page) follow(href, mode string) {
	p.t.Helper()
	p.mu.Lock()
	u, err := p.url.Parse(href)
	p.mu.Unlock()
	if err != nil {
		p.t.Fatalf("livetest: link to %q: %v", href, err)
	}
	if u.Host != "" && u.Host != strings.TrimPrefix(origin, "http://") {
		p.t.Fatalf("livetest: the link to %q leads out of the app", href)
	}
	if p.ws == nil {
		p.become(p.b.Load(relative(u)))
		return
	}
	p.visit(u, mode, false)
}

func (p *Page) visit(u *url.URL, mode string, fresh bool) {
	p.t.Helper()
	value, err := json.Marshal(wire.Visit{To: relative(u), Mode: mode, Fresh: fresh})
	if err != nil {
		p.t.Fatalf("livetest: %v", err)
	}
	p.send(binding{name: wire.Navigation, value: value}, nil, nil)
}

// become shows another document in this tab.
func (p *Page) become(next *Page) {
	p.url, p.first, p.document, p.root, p.title, p.flash, p.tag = next.url, next.first, next.document, next.root, next.title, next.flash, next.tag
	p.state = map[*html.Node]*control{}
	p.page++
	p.history = append(p.history[:min(p.at+1, len(p.history))], entry{p.url, p.page})
	p.at = len(p.history) - 1
}

// moved does what the client does when the page has other URLs. The caller holds mu.
func (p *Page) moved(urls [][3]any, join *wire.Joined) error {
	fresh := join != nil && join.How == wire.Navigate
	for _, op := range urls {
		to, _ := op[0].(string)
		mode, _ := op[1].(string)
		u, err := p.url.Parse(to)
		if err != nil {
			return err
		}
		if fresh {
			if join.Visit == p.visited && mode == wire.Push {
				mode = wire.Replace // an answer that was lost is given again
			}
			p.visited = join.Visit
			p.page++
		}
		if mode == wire.Push {
			p.history = append(p.history[:p.at+1], entry{})
			p.at++
		}
		p.history[p.at] = entry{u, p.page}
		p.url = u
		p.flash = nil
	}
	return nil
}

// swap puts another view in the place of the one that is shown, and tells the server. The caller holds mu.
func (p *Page) swap(markup string, join *wire.Joined) error {
	nodes, err := html.ParseFragment(strings.NewReader(markup), p.root.Parent)
	if err != nil {
		return err
	}
	root := nodes[0]
	p.root.Parent.InsertBefore(root, p.root)
	p.root.Parent.RemoveChild(p.root)
	p.root, p.state = root, map[*html.Node]*control{}
	p.tag = attr(root, "data-live-tag")
	frame, err := wire.AppendUp(nil, wire.Up{Kind: wire.Here, Reason: strconv.Itoa(join.Visit)})
	if err != nil {
		return err
	}
	p.write(frame)
	return nil
}
