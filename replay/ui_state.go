package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// node is a value of the State tab.
type node struct {
	Key, Type, Value string
	Was              string // of one that has changed
	Mark             string // "": as before; added, changed, removed, within
	Kids             []node
	More             int // kids that are left out
	Open             bool
}

const (
	maxNodes  = 600 // of the State tab
	maxKids   = 200 // of one value
	maxValue  = 300 // characters
	openDepth = 2
)

// state fills in the State tab: the fields, and what the frame has changed of them.
func (p *player) state(ctx context.Context, rec *Recording) {
	now, err := p.tape.frame(ctx, rec, p.Frame)
	if err != nil {
		p.State = []node{{Key: "The fields of this frame cannot be read", Value: short(err.Error(), maxValue), Mark: "removed"}}
		return
	}
	var before map[string][]byte
	if p.Frame > 1 {
		if f, err := p.tape.frame(ctx, rec, p.Frame-1); err == nil {
			before = flat(f)
		}
	}
	types := map[string]string{}
	if rec.Mount != nil {
		if t := p.ui.app.ViewType(rec.Mount.View); t != nil {
			for _, f := range t.Fields() {
				types[f.Name] = f.Type.String()
			}
		}
	}
	left := maxNodes
	for _, part := range now.Parts {
		for _, f := range part.Fields {
			key := f.Name
			if part.Path != "" {
				key = part.Path + "." + f.Name
			}
			old, known := before[part.Path+"\x00"+f.Name]
			n := tree(key, f.JSON, old, known || before == nil, before != nil, 1, &left)
			if t := types[f.Name]; t != "" && part.Path == "" {
				n.Type = t
			}
			delete(before, part.Path+"\x00"+f.Name)
			if p.Changes && n.Mark == "" {
				continue
			}
			p.State = append(p.State, n)
		}
	}
	if p.Changes {
		p.State = onlyChanges(p.State)
	}
}

func flat(f *Frame) map[string][]byte {
	all := map[string][]byte{}
	for _, part := range f.Parts {
		for _, x := range part.Fields {
			all[part.Path+"\x00"+x.Name] = x.JSON
		}
	}
	return all
}

// tree makes a node of a value, and says how it differs from an older one. known: there is an older one.
func tree(key string, raw, old []byte, known, compare bool, depth int, left *int) node {
	*left--
	n := node{Key: key, Open: depth < openDepth}
	raw = bytes.TrimSpace(raw)
	switch {
	case compare && !known:
		n.Mark = "added"
	case compare && !bytes.Equal(raw, bytes.TrimSpace(old)):
		n.Mark = "changed"
	}
	if len(raw) == 0 {
		n.Type, n.Value = "", "not recorded"
		return n
	}
	switch raw[0] {
	case '{', '[':
		keys, values := members(raw)
		oldKeys, oldValues := members(old)
		was := map[string][]byte{}
		for i, k := range oldKeys {
			was[k] = oldValues[i]
		}
		n.Type = map[byte]string{'{': "object", '[': "list"}[raw[0]]
		n.Value = plural(len(keys), "entry", "entries")
		sameKind := len(old) > 0 && bytes.TrimSpace(old)[0] == raw[0]
		for i, k := range keys {
			o, has := was[k]
			delete(was, k)
			differs := compare && (!has || !bytes.Equal(o, values[i]))
			if (*left <= 0 || len(n.Kids) >= maxKids) && !(differs && *left > -maxKids) {
				n.More++
				continue
			}
			n.Kids = append(n.Kids, tree(k, values[i], o, has, compare && sameKind, depth+1, left))
		}
		for _, k := range oldKeys {
			if o, gone := was[k]; gone && sameKind && compare && len(n.Kids) < 2*maxKids {
				n.Kids = append(n.Kids, node{Key: k, Was: scalar(o), Mark: "removed"})
			}
		}
		if n.Mark == "changed" && sameKind {
			n.Mark, n.Open = "within", true
		}
	default:
		n.Value = scalar(raw)
		n.Type = map[byte]string{'"': "string", 't': "bool", 'f': "bool", 'n': "null"}[raw[0]]
		n.Type = cmp.Or(n.Type, "number")
		if n.Mark == "changed" {
			n.Was = scalar(old)
		}
	}
	return n
}

// scalar is a value on one line.
func scalar(raw []byte) string {
	if len(raw) > 8*maxValue {
		raw = raw[:8*maxValue]
	}
	return short(string(bytes.TrimSpace(raw)), maxValue)
}

// members returns what is in an object or a list, in its order.
func members(raw []byte) (keys []string, values [][]byte) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	open, err := dec.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return nil, nil
	}
	for i := 0; dec.More(); i++ {
		key := strconv.Itoa(i)
		if open == json.Delim('{') {
			t, err := dec.Token()
			if err != nil {
				return keys, values
			}
			key = fmt.Sprint(t)
		}
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return keys, values
		}
		keys, values = append(keys, short(key, 80)), append(values, v)
	}
	return keys, values
}

func onlyChanges(all []node) []node {
	var kept []node
	for _, n := range all {
		if n.Mark == "" {
			continue
		}
		if n.Mark == "within" {
			n.Kids, n.More = onlyChanges(n.Kids), 0
		}
		kept = append(kept, n)
	}
	return kept
}

// frameInfo is the Frame tab.
type frameInfo struct {
	Number, Step     int
	At               time.Duration
	Cause, Text, Err string
	Took             time.Duration
	Keyframe         bool
	Ops, Bytes       int
	Hash, Title      string
	Verdict          string // as a class: verified, differs, broken, unknown
	Words            string
	Why              string
	Lost             []string
	Changed          []string
	Patch            string
	Diff             []diffLine
	HTML             int
}

// diffLine is a line of HTML that differs: "-" as sent, "+" by this build.
type diffLine struct{ Sign, Text string }

// inspect fills in the Frame tab.
func (p *player) inspect(ctx context.Context, rec *Recording, steps []step) {
	st := &steps[p.Pos]
	i := &p.Info
	*i = frameInfo{Number: p.Frame, Step: p.Pos + 1, At: st.at, Cause: st.name + " (" + kinds[st.kind].word + ")", Text: st.text, Err: st.err, Took: st.took}
	screen, err := p.tape.screen(ctx, rec, p.Frame)
	if err != nil {
		i.Verdict, i.Words, i.Why = "broken", Broken.String(), short(err.Error(), 400)
		return
	}
	i.Title, i.Lost = screen.Title, screen.Lost
	if h := screen.Entry.hash(); h != 0 {
		i.Hash = fmt.Sprintf("%016x", h)
	}
	i.Words = screen.Verdict.String()
	i.Verdict = [...]string{"unknown", "verified", "differs", "unknown", "broken"}[screen.Verdict]
	if screen.Err != nil {
		i.Why = short(screen.Err.Error(), 400)
	}
	if e := screen.Entry.effect(); e != nil {
		i.Keyframe, i.Ops, i.Bytes, i.HTML = e.Keyframe, operations(e.Patch), len(e.Patch), len(e.HTML)
		for _, part := range e.Parts {
			for _, f := range part.Fields {
				i.Changed = append(i.Changed, strings.TrimPrefix(part.Path+"."+f.Name, "."))
			}
		}
		i.Patch = short(string(e.Patch), 2000)
	}
	if screen.Sent != nil && screen.Built != nil && screen.Verdict != Verified {
		if built, err := live.ApplyPatches(screen.Built); err == nil {
			i.Diff = diffHTML(screen.Sent, built)
		}
	}
}

// diffHTML compares two HTMLs tag by tag, and returns the lines that differ, from the first on.
func diffHTML(sent, built []byte) []diffLine {
	lines := func(b []byte) []string {
		return strings.Split(strings.ReplaceAll(string(b), "><", ">\n<"), "\n")
	}
	a, b := lines(sent), lines(built)
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	end := 0
	for end < len(a)-from && end < len(b)-from && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var all []diffLine
	add := func(sign string, lines []string) {
		for i, l := range lines {
			if i == 20 {
				all = append(all, diffLine{sign, "… " + plural(len(lines)-i, "line more", "lines more")})
				return
			}
			all = append(all, diffLine{sign, short(l, 300)})
		}
	}
	add("-", a[from:len(a)-end])
	add("+", b[from:len(b)-end])
	return all
}
