package livetest

import (
	"context"
	"net/http"

	"github.com/livelong-dev/livelong/live/internal/probe"
)

// Send hands the page's view a message as [live.Socket.Send] does, and waits until its handler has returned and the page
// shows what it has changed. The page must have been connected before; while its connection is lost, only the view hears of
// it. A message of a type that the view has no [live.OnMessage] handler for fails the test.
//
// What reaches several pages, a message of a [live.Topic], is published as the app does it. Afterwards [Page.Await] waits
// until a page shows it, or in a bubble of testing/synctest [Page.Sleep] until all of them do.
func (p *Page) Send(message any) { p.t.Helper(); p.sendTo("", message) }

// SendTo is Send for the child that the one element which matches a selector belongs to.
func (p *Page) SendTo(selector string, message any) {
	p.t.Helper()
	p.sendTo(p.childAt(p.one(selector, nil)), message)
}

func (p *Page) sendTo(child string, message any) {
	p.t.Helper()
	if p.app == nil {
		p.t.Fatalf("livetest: send %T: the page was never connected", message)
	}
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	if err != nil {
		p.t.Fatalf("livetest: %v", err)
	}
	p.b.address(r)
	p.mu.Lock()
	secret, joined := p.secret, p.join
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	frames, err := probe.Send(ctx, p.app, probe.Sending{Request: r, Secret: secret, Child: child, Value: message})
	if err != nil {
		p.t.Fatalf("livetest: send %T: %v", message, err)
	}
	if p.ws != nil {
		p.wait("what a message has changed", func() bool { return p.frames >= frames || p.join != joined })
	}
}
