package durable_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/durable/testdata/rolling/visits"
)

// builds are the programs of a rolling deploy, built from their sources, which share a directory and a secret.
type builds struct {
	t      *testing.T
	dir    string // of the programs
	bucket *local.Bucket
	env    []string
}

func newBuilds(t *testing.T) *builds {
	t.Helper()
	b := &builds{t: t, dir: t.TempDir()}
	const sources = "./testdata/rolling/"
	cmd := exec.Command("go", "build", "-o", b.dir+string(filepath.Separator), sources+"old", sources+"new", sources+"broken")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	state := t.TempDir()
	b.bucket = local.Dir(state)
	b.env = append(os.Environ(), visits.Dir+"="+state, visits.Secret+"="+strings.Repeat("s", 32))
	return b
}

// build is a running program.
type build struct {
	t    *testing.T
	name string
	in   io.WriteCloser
	out  *json.Decoder
}

func (b *builds) start(name string) *build {
	b.t.Helper()
	cmd := exec.Command(filepath.Join(b.dir, name))
	cmd.Env = b.env
	in, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.t.Errorf("%s: %v: %s", name, err, errs.String())
		}
	})
	return &build{b.t, name, in, json.NewDecoder(out)}
}

// fields are what a page or a form holds, by name.
type fields map[string]any

func (p *build) send(cookie string, what fields) {
	p.t.Helper()
	change, err := json.Marshal(what)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.NewEncoder(p.in).Encode(visits.Visit{Cookie: cookie, What: string(change)}); err != nil {
		p.t.Fatal(err)
	}
}

// answer returns what the page has shown before the change.
func (p *build) answer() (cookie string, page map[string]json.RawMessage) {
	p.t.Helper()
	var a visits.Answer
	if err := p.out.Decode(&a); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	if a.Error != "" {
		p.t.Fatalf("%s: %s", p.name, a.Error)
	}
	if err := json.Unmarshal(a.Page, &page); err != nil {
		p.t.Fatal(err)
	}
	return a.Cookie, page
}

func encoded(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// stored is the session's document, in the members that are of interest here.
type stored struct {
	Future json.RawMessage
	Views  map[string]struct {
		Future json.RawMessage
		Keys   map[string]struct {
			Future json.RawMessage
			V      json.RawMessage
			R      uint64
			N      int
		}
	}
}

// object returns the session's key, object and version.
func (b *builds) object() (key string, data []byte, version string) {
	b.t.Helper()
	keys, err := b.bucket.List(context.Background(), "sessions/", "", 0)
	if err != nil || len(keys) != 1 {
		b.t.Fatalf("sessions %q, %v", keys, err)
	}
	if data, version, err = b.bucket.Get(context.Background(), keys[0], ""); err != nil {
		b.t.Fatal(err)
	}
	return keys[0], data, version
}

func (b *builds) document() (d stored) {
	b.t.Helper()
	_, data, _ := b.object()
	_, plain, _ := bytes.Cut(data, []byte("\n"))
	if err := json.Unmarshal(plain, &d); err != nil {
		b.t.Fatal(err)
	}
	return d
}

// member returns an object with one member more.
func member(o json.RawMessage, name, value string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{%q:%s,`, name, value) + string(o[1:]))
}

// within replaces a member of an object by what f makes of it.
func within(t *testing.T, o json.RawMessage, name string, f func(json.RawMessage) json.RawMessage) json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(o, &m); err != nil || m[name] == nil {
		t.Fatalf("no %s in %s: %v", name, o, err)
	}
	m[name] = f(m[name])
	return json.RawMessage(encoded(m))
}

// foresee puts fields into the document, at each level, that no build here knows.
func (b *builds) foresee() {
	b.t.Helper()
	key, data, version := b.object()
	_, plain, _ := bytes.Cut(data, []byte("\n"))
	plain = member(plain, "future", `{"document":[1,null,1e400]}`)
	plain = within(b.t, plain, "views", func(views json.RawMessage) json.RawMessage {
		return within(b.t, views, "page", func(page json.RawMessage) json.RawMessage {
			page = member(page, "future", `"view"`)
			return within(b.t, page, "keys", func(keys json.RawMessage) json.RawMessage {
				for _, name := range []string{"Count", "Color", "Old", "Place", "Renamed", "New"} {
					keys = within(b.t, keys, name, func(key json.RawMessage) json.RawMessage {
						return member(key, "future", encoded(name))
					})
				}
				return keys
			})
		})
	})
	if _, err := b.bucket.Put(context.Background(), key, object(string(plain)), version); err != nil {
		b.t.Fatal(err)
	}
}

// foreseen checks that they are still there.
func (b *builds) foreseen(d stored) {
	b.t.Helper()
	if string(d.Future) != `{"document":[1,null,1e400]}` || string(d.Views["page"].Future) != `"view"` {
		b.t.Errorf("unknown fields are now %s and %s", d.Future, d.Views["page"].Future)
	}
	for name, key := range d.Views["page"].Keys {
		if string(key.Future) != encoded(name) {
			b.t.Errorf("the unknown field of %s is now %s", name, key.Future)
		}
	}
}

// rollout is what the two builds have written of the session, and must show.
type rollout struct {
	count      int
	name       string // of the color
	alpha      int    // 0: the old build wrote it
	old        string
	newest     string // of Old and Renamed
	place, new string
}

// change is what a build writes next; together says that the other build writes at the same time.
func (r *rollout) change(build string, i int, random *rand.Rand, together bool) fields {
	what := fields{"Add": random.IntN(5)}
	r.count += what["Add"].(int)
	text := fmt.Sprint(build, " ", i)
	some := func() bool { return random.IntN(3) == 0 }
	if !together && some() {
		r.name = text
		if r.alpha = 0; build == "new" {
			r.alpha = 1 + random.IntN(99)
			what["Color"] = fields{"Name": text, "Alpha": r.alpha}
		} else {
			what["Color"] = text
		}
	}
	if build == "old" {
		if !together && some() {
			r.old, r.newest, what["Old"] = text, text, text
		}
		if some() {
			place := fields{"City": text, "At": fields{"X": i, "Y": -i}}
			r.place, what["Place"] = encoded(place), place
		}
		return what
	}
	if some() {
		r.newest, what["Renamed"] = text, text
	}
	if some() {
		r.new, what["New"] = encoded([]int{i, -i}), []int{i, -i}
	}
	return what
}

// shown compares what a page of a build shows.
func (r *rollout) shown(build string, page map[string]json.RawMessage) (wrong []string) {
	want := fields{"Count": r.count, "Status": "recovered", "Lost": nil}
	if build == "old" {
		want["Old"], want["Color"] = r.old, r.name
		if r.alpha > 0 { // the old build cannot read it
			want["Color"], want["Lost"] = "", []string{"Color"}
		}
		if r.place != "" {
			want["Place"] = json.RawMessage(r.place)
		}
	} else {
		want["Renamed"], want["Color"] = r.newest, fields{"Name": r.name, "Alpha": r.alpha}
		if r.alpha == 0 {
			want["Color"] = fields{"Name": r.name, "Alpha": 100}
		}
		if r.new != "" {
			want["New"] = json.RawMessage(r.new)
		}
	}
	for name, value := range want {
		if !same(page[name], []byte(encoded(value))) {
			wrong = append(wrong, fmt.Sprintf("%s shows %s as %s, want %s", build, name, page[name], encoded(value)))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// same compares JSON.
func same(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && encoded(x) == encoded(y)
}

// Two builds write the same session, alternately and at the same time, and a third whose migration fails visits it: nothing
// is lost, counts are exact, and what a build does not know stays.
func TestRollingVersions(t *testing.T) {
	b := newBuilds(t)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	running := []*build{b.start("old"), b.start("new")}

	// All keys are there before fields of the future are put beside them.
	first := fields{"Add": 1, "Color": "red", "Old": "o", "Place": fields{"City": "x"}}
	running[0].send("", first)
	cookie, _ := running[0].answer()
	running[1].send(cookie, fields{"Renamed": "r", "New": []int{1}})
	running[1].answer()
	r := &rollout{count: 1, name: "red", old: "o", newest: "r", place: `{"City":"x","At":{"X":0,"Y":0}}`, new: "[1]"}
	b.foresee()

	n, alone, together := rounds(1000), 0, 0
	for i := 0; i < n; {
		at := random.IntN(2)
		if random.IntN(4) > 0 {
			p := running[at]
			before := *r
			p.send(cookie, r.change(p.name, i, random, false))
			_, page := p.answer()
			if wrong := before.shown(p.name, page); len(wrong) > 0 {
				t.Fatalf("write %d: %s", i, strings.Join(wrong, "\n"))
			}
			i, alone = i+1, alone+1
			continue
		}
		for _, p := range running {
			p.send(cookie, r.change(p.name, i, random, true))
		}
		for _, p := range running {
			p.answer()
		}
		i, together = i+2, together+2
	}
	for _, p := range running {
		p.send(cookie, fields{})
		_, page := p.answer()
		for _, w := range r.shown(p.name, page) {
			t.Error(w)
		}
	}
	b.foreseen(b.document())
	t.Logf("%d writes alone and %d at the same time by two builds: count %d, 6 keys and 8 unknown fields kept", alone, together, r.count)
	b.broken(cookie)
}

// broken visits with the build whose migration fails: it loses nothing that is stored, and writes its own key.
func (b *builds) broken(cookie string) {
	before := b.document()
	p := b.start("broken")
	p.send(cookie, fields{"x": 1})
	_, page := p.answer()
	lost := `["Color","Count","New","Old","Place","Renamed"]`
	if !same(page["Lost"], []byte(lost)) || string(page["Status"]) != `"failed"` {
		b.t.Errorf("the broken build tells %s %s, want failed %s", page["Status"], page["Lost"], lost)
	}
	after := b.document()
	kept := 0
	for name, key := range before.Views["page"].Keys {
		if encoded(key) != encoded(after.Views["page"].Keys[name]) {
			b.t.Errorf("%s was %s, is %s", name, encoded(key), encoded(after.Views["page"].Keys[name]))
			continue
		}
		kept++
	}
	own := after.Views["page"].Keys["Own"]
	if string(own.V) != encoded(`{"x":1}`) || own.N != 3 || len(after.Views["page"].Keys) != len(before.Views["page"].Keys)+1 {
		b.t.Errorf("its own key is %s of version %d", own.V, own.N)
	}
	delete(after.Views["page"].Keys, "Own")
	if b.foreseen(after); !b.t.Failed() {
		b.t.Logf("a failing migration: lost %s told, %d keys as they were, its own key is written", lost, kept)
	}
}
