package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/livelong-dev/livelong/live"
)

// Shell is what stood around a view: the layout's document, without scripts, and the stylesheets, fonts and images of the
// app that it used, which are kept by the hash of their contents. So a recording looks as it did, whatever a later build
// changes.
type Shell struct {
	// Document is the layout, with live.DocumentBody where the view was. What it refers to is named as asset:NAME.
	Document string `json:"document"`
	// URLs are the kept assets, by the path and query under which pages refer to them.
	URLs map[string]ShellAsset `json:"urls,omitempty"`
}

// ShellAsset is a kept asset.
type ShellAsset struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // media type
}

// AssetScheme begins what a [Shell]'s document and stylesheets refer to: the name of an asset follows.
const AssetScheme = "asset:"

// ReadShell reads the shell of a name, as [Summary.Document] has it. It may block.
func ReadShell(ctx context.Context, a Archive, name string) (*Shell, error) {
	data, err := Asset(ctx, a, name)
	if err != nil {
		return nil, err
	}
	var s Shell
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("read what stood around a recording: %w: %w", ErrDamaged, err)
	}
	return &s, nil
}

// shells are the documents of this process, each of which is kept once an hour at most.
type shells struct {
	mu  sync.Mutex
	all map[shellKey]*shell
}

type shellKey struct{ route, locale string }

// shell is a document that is being kept, or is kept.
type shell struct {
	done   chan struct{}
	at     time.Time
	name   string
	assets []string // its own name among them
}

const (
	shellAge   = time.Hour // or the time between two cleanups: the second may delete what nothing refers to
	maxShells  = 256
	maxAssets2 = 64 // of one document
)

// of returns the document around a page, which is kept in the background; nil when there is none. What refers to one of the
// secrets is not kept.
func (s *shells) of(r *Recorder, start live.RecordStart, secrets []string) *shell {
	if start.Document == nil {
		return nil
	}
	key := shellKey{start.Route, start.Locale}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.all[key]; known != nil && time.Since(known.at) < min(shellAge, r.o.CleanupEvery) {
		return known
	}
	if s.all == nil || len(s.all) >= maxShells {
		s.all = map[shellKey]*shell{}
	}
	sh := &shell{done: make(chan struct{}), at: time.Now()}
	s.all[key] = sh
	markup := bytes.Clone(start.Frame.HTML)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		close(sh.done)
		return sh
	}
	r.work.Go(func() {
		defer close(sh.done)
		k := keeper{archive: r.o.Archive, used: r.Catalog.used, start: start, secrets: secrets, shell: Shell{URLs: map[string]ShellAsset{}}}
		ctx, cancel := context.WithTimeout(r.ctx, time.Minute)
		defer cancel()
		if err := k.keep(ctx, markup); err != nil {
			r.o.Logger.Warn("replay: what stands around a page is not kept", "route", start.Route, "err", err)
			return
		}
		sh.name, sh.assets = k.name, k.assets
	})
	return sh
}

// names waits until the document is kept, and returns its name and those of all its assets.
func (s *shell) names(ctx context.Context) (name string, assets []string) {
	if s == nil {
		return "", nil
	}
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	return s.kept()
}

// kept is names without waiting.
func (s *shell) kept() (name string, assets []string) {
	if s == nil {
		return "", nil
	}
	select {
	case <-s.done:
		return s.name, s.assets
	default:
		return "", nil
	}
}

// now is the name, without waiting.
func (s *shell) now() string {
	name, _ := s.kept()
	return name
}

// keeper keeps one document.
type keeper struct {
	archive Archive
	used    func(asset string)
	start   live.RecordStart
	secrets []string
	shell   Shell
	name    string
	assets  []string
}

func (k *keeper) keep(ctx context.Context, markup []byte) error {
	document, err := k.start.Document()
	if err != nil {
		return err
	}
	root, err := html.Parse(bytes.NewReader(document))
	if err != nil {
		return err
	}
	k.strip(ctx, root)
	if view, err := html.ParseFragment(bytes.NewReader(markup), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}); err == nil {
		for _, n := range view {
			k.pictures(ctx, n)
		}
	}
	var b strings.Builder
	if err := html.Render(&b, root); err != nil {
		return err
	}
	k.shell.Document = b.String()
	data, err := json.Marshal(k.shell)
	if err != nil {
		return err
	}
	if k.name, err = k.put(ctx, data); err != nil {
		return err
	}
	k.assets = append(k.assets, k.name)
	slices.Sort(k.assets)
	k.assets = slices.Compact(k.assets)
	return nil
}

func (k *keeper) put(ctx context.Context, data []byte) (name string, err error) {
	if name, err = assetName(data); err == nil {
		k.used(name) // before it is written: one that is there already may be about to be deleted
		name, err = PutAsset(ctx, k.archive, data)
	}
	return name, err
}

// strip takes out of a document what must not run or load, and keeps the stylesheets and pictures.
func (k *keeper) strip(ctx context.Context, n *html.Node) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		if c.Type == html.ElementNode {
			switch {
			case c.DataAtom == atom.Script, c.DataAtom == atom.Base, c.DataAtom == atom.Noscript, c.DataAtom == atom.Iframe, c.DataAtom == atom.Object, c.DataAtom == atom.Embed,
				c.DataAtom == atom.Meta && attribute(c, "http-equiv") != "":
				n.RemoveChild(c)
				c = next
				continue
			case c.DataAtom == atom.Link:
				name, ok := "", strings.Contains(strings.ToLower(attribute(c, "rel")), "stylesheet")
				if ok {
					name, ok = k.asset(ctx, attribute(c, "href"), k.start.URL.Path, 0)
				}
				if !ok {
					n.RemoveChild(c)
					c = next
					continue
				}
				setAttribute(c, "href", AssetScheme+name)
			}
		}
		k.picture(ctx, c)
		k.strip(ctx, c)
		c = next
	}
}

func (k *keeper) pictures(ctx context.Context, n *html.Node) {
	k.picture(ctx, n)
	for c := range n.ChildNodes() {
		k.pictures(ctx, c)
	}
}

// picture keeps what an img element shows.
func (k *keeper) picture(ctx context.Context, n *html.Node) {
	if n.Type != html.ElementNode || n.DataAtom != atom.Img && n.DataAtom != atom.Image && n.Data != "image" {
		return
	}
	for _, name := range []string{"src", "href"} {
		if src := attribute(n, name); src != "" && !strings.HasPrefix(src, "data:") {
			k.asset(ctx, src, k.start.URL.Path, 0)
		}
	}
}

var (
	cssURL    = regexp.MustCompile(`url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)`)
	cssImport = regexp.MustCompile(`@import\s+(?:"([^"]*)"|'([^']*)')`)
)

// asset keeps a file of the app, and what a stylesheet refers to. base is the path of what refers to it.
func (k *keeper) asset(ctx context.Context, ref, base string, depth int) (name string, ok bool) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "" || u.Host != "" || ref == "" || depth > 3 ||
		slices.ContainsFunc(k.secrets, func(s string) bool { return strings.Contains(ref, s) }) {
		return "", false
	}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = path.Join(path.Dir(base), u.Path)
	}
	u.Fragment = ""
	if known, ok := k.shell.URLs[u.String()]; ok {
		return known.Name, true
	}
	if len(k.shell.URLs) >= maxAssets2 {
		return "", false
	}
	kind, data, err := k.start.Fetch(ctx, u.RequestURI())
	kind, _, _ = strings.Cut(kind, ";")
	if err != nil || !keptKind(kind) {
		return "", false
	}
	if kind == "text/css" {
		data = k.stylesheet(ctx, data, u.Path, depth)
	}
	if name, err = k.put(ctx, data); err != nil {
		return "", false
	}
	k.shell.URLs[u.String()] = ShellAsset{name, kind}
	k.assets = append(k.assets, name)
	return name, true
}

// stylesheet keeps what a stylesheet refers to, and names it.
func (k *keeper) stylesheet(ctx context.Context, data []byte, at string, depth int) []byte {
	replace := func(expression *regexp.Regexp, before, after string) {
		data = expression.ReplaceAllFunc(data, func(match []byte) []byte {
			ref := string(bytes.Join(expression.FindSubmatch(match)[1:], nil))
			if strings.HasPrefix(ref, "data:") || strings.HasPrefix(ref, "#") || strings.HasPrefix(ref, AssetScheme) {
				return match
			}
			name, ok := k.asset(ctx, ref, at, depth+1)
			if !ok {
				return []byte(before + "data:," + after)
			}
			return []byte(before + AssetScheme + name + after)
		})
	}
	replace(cssURL, `url("`, `")`)
	replace(cssImport, `@import "`, `"`)
	return data
}

func keptKind(kind string) bool {
	return kind == "text/css" || strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "font/") || kind == "application/font-woff"
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func setAttribute(n *html.Node, name, value string) {
	for i := range n.Attr {
		if n.Attr[i].Key == name {
			n.Attr[i].Val = value
		}
	}
}
