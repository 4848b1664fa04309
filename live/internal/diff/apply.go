package diff

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"golang.org/x/net/html"
)

// Apply applies a patch to the children of root, as the browser does: root is what Tree.DOM returned for the old tree,
// or any element whose children are the view's. No patch makes it panic; after an error, which names the item, the
// nodes may be half changed.
func Apply(root *html.Node, patch []byte) error {
	var items any
	if err := json.Unmarshal(patch, &items); err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	list, ok := items.([]any)
	if !ok {
		return errors.New("patch: not an array")
	}
	return applyItems(root, list)
}

// applyItems applies the items of a patch or of a part of one whose paths begin at base.
func applyItems(base *html.Node, items []any) error {
	kids := childrenOf(base)
	at, path := base, 0
	for i, item := range items {
		var err error
		switch item := item.(type) {
		case float64:
			// The first index of a path often looks far; those below rarely do.
			if path == 0 {
				at, err = pick(kids, item)
			} else {
				at, err = pick(childrenOf(at), item)
			}
			if err != nil {
				return fmt.Errorf("item %d: %w", i, err)
			}
			path++
			continue
		case string:
			err = setText(at, item)
		case map[string]any:
			err = setAttributes(at, item)
		case []any:
			if path > 0 {
				err = applyItems(at, item)
			} else if err = reorder(base, kids, item); err == nil {
				kids = childrenOf(base)
			}
		default:
			err = fmt.Errorf("%v is no part of a patch", item)
		}
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
		at, path = base, 0
	}
	if path > 0 {
		return errors.New("the last path leads nowhere")
	}
	return nil
}

func childrenOf(n *html.Node) []*html.Node {
	if isOpaque(n) {
		return nil
	}
	var kids []*html.Node
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		kids = append(kids, c)
	}
	return kids
}

// pick returns the child a number stands for.
func pick(kids []*html.Node, number float64) (*html.Node, error) {
	if number < 0 || number >= float64(len(kids)) || number != math.Trunc(number) {
		return nil, fmt.Errorf("no child %v among %d", number, len(kids))
	}
	return kids[int(number)], nil
}

func setText(n *html.Node, value string) error {
	if n.Type != html.TextNode && n.Type != html.CommentNode {
		return fmt.Errorf("a text for <%s>", n.Data)
	}
	n.Data = value
	return nil
}

func setAttributes(n *html.Node, attrs map[string]any) error {
	if n.Type != html.ElementNode {
		return errors.New("attributes for what is no element")
	}
	for name, value := range attrs {
		a := html.Attribute{Key: name}
		if n.Namespace != "" {
			a.Namespace, a.Key = splitForeignAttr(name)
		}
		at := -1
		for i := range n.Attr {
			if n.Attr[i].Key == a.Key && n.Attr[i].Namespace == a.Namespace {
				at = i
			}
		}
		switch value := value.(type) {
		case nil:
			if at >= 0 {
				n.Attr = append(n.Attr[:at:at], n.Attr[at+1:]...)
			}
		case string:
			if a.Val = value; at >= 0 {
				n.Attr[at] = a
			} else {
				n.Attr = append(n.Attr[:len(n.Attr):len(n.Attr)], a)
			}
		default:
			return fmt.Errorf("attribute %q: %v is no value", name, value)
		}
	}
	return nil
}

// reorder gives n the children an order op lists. Old are those it has.
func reorder(n *html.Node, old []*html.Node, list []any) error {
	if n.Type != html.ElementNode && n.Type != html.DocumentNode || isOpaque(n) || isVoid(n) {
		return fmt.Errorf("children for <%s>", n.Data)
	}
	used := make([]bool, len(old))
	kids := make([]*html.Node, 0, len(list))
	last := -1
	keep := func(i int) error {
		if used[i] {
			return fmt.Errorf("child %d twice", i)
		}
		used[i], last = true, i
		kids = append(kids, old[i])
		return nil
	}
	for _, entry := range list {
		switch entry := entry.(type) {
		case float64:
			if entry < 0 {
				run := -entry
				if run != math.Trunc(run) || run > float64(len(old)-last-1) {
					return fmt.Errorf("no %v children after child %d of %d", run, last, len(old))
				}
				for range int(run) {
					if err := keep(last + 1); err != nil {
						return err
					}
				}
				continue
			}
			if _, err := pick(old, entry); err != nil {
				return err
			}
			if err := keep(int(entry)); err != nil {
				return err
			}
		case string:
			fragment, err := parseFragment([]byte(entry), innerOf(n))
			if err != nil {
				return fmt.Errorf("fresh HTML: %w", err)
			}
			for c := fragment.FirstChild; c != nil; c = fragment.FirstChild {
				fragment.RemoveChild(c)
				kids = append(kids, c)
			}
		default:
			return fmt.Errorf("%v in an order", entry)
		}
	}
	for _, c := range old {
		n.RemoveChild(c)
	}
	for _, c := range kids {
		n.AppendChild(c)
	}
	return nil
}

func isVoid(n *html.Node) bool {
	return n.Namespace == "" && flagsOf([]byte(n.Data))&tagVoid != 0
}

// innerOf returns the namespace of what stands in n.
func innerOf(n *html.Node) namespace {
	name := lowerTo(nil, []byte(n.Data))
	switch n.Namespace {
	case "svg":
		if flagsOf(name)&tagHTMLInSVG == 0 {
			return nsSVG
		}
	case "math":
		switch f := flagsOf(name); {
		case f&tagHTMLInMath != 0:
		case f&tagAnnotation == 0:
			return nsMath
		default:
			for _, a := range n.Attr {
				if a.Key == "encoding" && (equalFold([]byte(a.Val), "text/html") || equalFold([]byte(a.Val), "application/xhtml+xml")) {
					return nsHTML
				}
			}
			return nsAnnotation
		}
	}
	return nsHTML
}
