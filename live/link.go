package live

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"
)

// Link makes an anchor lead to another page of the app without loading a document:
//
//	<a { live.Link("/hosts/7")... }>host 7</a>
//
// What happens at a click is for the server to say. Another URL of the view that is shown is patched in: its Params runs,
// and the instance stays. Another view of the same [Group] is mounted over the same socket. Anything else is loaded, as
// by any link; so is everything while there is no socket or no JavaScript, and a click with a modifier key or the middle
// button stays the browser's own. See docs/navigation.md.
//
// The address is a path, a query ("?sort=cpu", see [Query]), or an http or https URL; anything else, such as a javascript:
// URL, becomes about:invalid.
func Link(href string, options ...NavigationOption) templ.Attributer {
	l := &link{value: "push"}
	if err := checkTarget(href); err != nil {
		href = "about:invalid#not-a-link"
	}
	for _, o := range options {
		if o.replace {
			l.value = "replace"
		}
	}
	l.href = href
	l.items[0].Key, l.items[0].Value = "href", &l.href
	l.items[1].Key, l.items[1].Value = "live-link", &l.value
	return l
}

type link struct {
	href, value string
	items       [2]templ.KeyValue[string, any]
}

// Items implements [templ.Attributer].
func (l *link) Items() []templ.KeyValue[string, any] { return l.items[:] }

// NavigationOption adjusts [Link], [Socket.Patch] and [Socket.Navigate].
type NavigationOption struct{ replace bool }

// Replace changes the URL of the present history entry instead of making a new one.
func Replace() NavigationOption { return NavigationOption{replace: true} }

// sameOrigin resolves a target against a page's URL. It returns nil when it leads to another host, which scheme or not.
func sameOrigin(target string, page *url.URL, host string) (*url.URL, error) {
	if err := checkTarget(target); err != nil {
		return nil, err
	}
	u, err := page.Parse(target)
	if err != nil {
		return nil, err
	}
	if u.Host != "" && !strings.EqualFold(u.Host, host) {
		return nil, nil
	}
	u.Scheme, u.Host, u.User, u.ForceQuery = "", "", nil, false
	if u.Path == "" {
		u.Path = "/"
	}
	if strings.HasPrefix(u.Path, "//") {
		return nil, nil // a browser would take it for a host
	}
	return u, nil
}
