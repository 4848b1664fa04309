package durable_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

const key = "sessions/s"

// object wraps a document's JSON as a store does.
func object(doc string) []byte {
	sum := sha256.Sum256([]byte(doc))
	return []byte("livelong-state/1 sha256=" + hex.EncodeToString(sum[:]) + "\n" + doc)
}

// replace puts an object where a session's document lies.
func replace(t *testing.T, b durable.Bucket, data []byte) {
	t.Helper()
	_, version, _ := b.Get(t.Context(), key, "")
	if _, err := b.Put(t.Context(), key, data, version); err != nil {
		t.Fatal(err)
	}
}

// A document that cannot be used is an error of its kind, is read once per mount, and is left as it is.
func TestBadDocuments(t *testing.T) {
	good := `{"generation":"g","revision":1,"nonce":"n","expires":4102444800}`
	tests := map[string]struct {
		data []byte
		want error
	}{
		"empty":               {[]byte{}, durable.ErrDamaged},
		"text":                {[]byte("hello"), durable.ErrDamaged},
		"truncated":           {object(good)[:120], durable.ErrDamaged},
		"one byte changed":    {bytes.Replace(object(good), []byte(`"n"`), []byte(`"m"`), 1), durable.ErrDamaged},
		"no JSON":             {object("{"), durable.ErrDamaged},
		"null":                {object("null"), durable.ErrDamaged},
		"another type":        {object(`{"generation":5}`), durable.ErrDamaged},
		"no generation":       {object(`{}`), durable.ErrDamaged},
		"a key without value": {object(`{"generation":"g","views":{"view":{"keys":{"a":{}}}}}`), durable.ErrDamaged},
		"a strange state":     {object(`{"generation":"g","state":"asleep"}`), durable.ErrDamaged},
		"a future format":     {[]byte("livelong-state/2 sha256=00\n{}"), durable.ErrFormat},
		"another wrapping":    {[]byte("livelong-state/1 rot13=00\n{}"), durable.ErrFormat},
		"encrypted":           {[]byte("livelong-state/1 aes256gcm=0011223344556677\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), durable.ErrKey},
		"oversized":           {append(object(good), bytes.Repeat([]byte(" "), 5<<20)...), durable.ErrDamaged},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := durabletest.NewMemory()
				st := open(t, b)
				p := attach(t, st, ids("s"))
				p.write(put(view("a"), "1"))
				p.flush()
				replace(t, b, test.data)
				before := b.Counts()
				_, err := tryAttach(t, st, live.Attachment{Session: ids("s"), View: "view"})
				var typed *durable.DocumentError
				if !errors.Is(err, test.want) || !errors.As(err, &typed) {
					t.Errorf("attach: %v, want %v", err, test.want)
				}
				if err := p.tryWrite(put(view("a"), "2")); !errors.Is(err, test.want) {
					t.Errorf("the open page's write: %v, want %v", err, test.want)
				}
				if p.take(); !p.trouble && p.saved != p.n {
					t.Error("the open page is not told")
				}
				time.Sleep(time.Hour)
				if c := b.Counts().Sub(before); c.Gets > 2 || c.Puts > 0 {
					t.Errorf("requests: %+v", c)
				}
				data, _, err := b.Get(t.Context(), key, "")
				if err != nil || !bytes.Equal(data, test.data) {
					t.Errorf("the object was changed: %q, %v", data, err)
				}
			})
		})
	}
}

// Fields that this build does not know are kept, at every level.
func TestUnknownFieldsAreKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		doc := `{"generation":"g","revision":7,"nonce":"n","created":1,"written":1,"expires":4102444800,"later":{"x":[1,2]},` +
			`"shared":{"keys":{"s":{"v":1,"r":2,"why":"s"}},"more":"s"},` +
			`"views":{"view":{"keys":{"a":{"v":1,"r":2,"why":"a"},"b":{"v":2,"r":3}},"more":"v"},"other":{"keys":{"z":{"v":"z","r":1}}}},` +
			`"drafts":{"p":{"expires":4102444800,"epoch":3,"keys":{"d":{"v":1,"r":2,"why":"d"}},"more":"d"}},"applied":{"x":{"seq":4,"at":4102444700}}}`
		replace(t, b, object(doc))
		p := attach(t, open(t, b), ids("s"))
		p.write(put(view("a"), "10"), put(shared("s"), "20"), put(view("c"), "3"))
		p.flush()
		data, _, err := b.Get(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		_, data, _ = bytes.Cut(data, []byte("\n"))
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			"later": `map[x:[1 2]]`, "shared.more": "s", "shared.keys.s.why": "s", "shared.keys.s.v": "20",
			"views.view.more": "v", "views.view.keys.a.why": "a", "views.view.keys.a.v": "10", "views.view.keys.b.v": "2",
			"views.other.keys.z.v": "z", "views.view.keys.c.v": "3",
			"drafts.p.more": "d", "drafts.p.epoch": "3", "drafts.p.keys.d.why": "d", "applied.x.seq": "4",
			"revision": "8", "generation": "g",
		} {
			var at any = got
			for _, step := range strings.Split(path, ".") {
				m, _ := at.(map[string]any)
				at = m[step]
			}
			if fmt.Sprint(at) != want {
				t.Errorf("%s is %v, want %s", path, at, want)
			}
		}
	})
}

func TestEncryption(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := durabletest.NewMemory()
		old, fresh := bytes.Repeat([]byte("o"), 32), bytes.Repeat([]byte("n"), 32)
		with := func(keys ...[]byte) func(*durable.Options) {
			return func(o *durable.Options) { o.EncryptionKeys = keys }
		}
		p := attach(t, open(t, b), ids("s"))
		p.write(put(view("a"), `"plain text"`))
		p.flush()
		contains := func(want bool) {
			t.Helper()
			data, _, err := b.Get(t.Context(), key, "")
			if err != nil || bytes.Contains(data, []byte("plain text")) != want {
				t.Errorf("the object holds the text: want %v: %q, %v", want, data, err)
			}
		}
		contains(true)
		p = attach(t, open(t, b, with(old)), ids("s"))
		p.want("a", `"plain text"`)
		p.write(put(view("b"), "1"))
		p.flush()
		contains(false)
		p = attach(t, open(t, b, with(fresh, old)), ids("s"))
		p.want("a", `"plain text"`)
		p.write(put(view("b"), "2"))
		p.flush()
		if _, err := tryAttach(t, open(t, b, with(old)), live.Attachment{Session: ids("s"), View: "view"}); !errors.Is(err, durable.ErrKey) {
			t.Errorf("with the old key only: %v", err)
		}
		// Where encryption is required, what somebody has put into the bucket is not believed.
		replace(t, b, object(`{"generation":"forged","expires":4102444800}`))
		strict := open(t, b, with(fresh), func(o *durable.Options) { o.RequireEncryption = true })
		if _, err := tryAttach(t, strict, live.Attachment{Session: ids("s"), View: "view"}); !errors.Is(err, durable.ErrKey) {
			t.Errorf("a plain document where encryption is required: %v", err)
		}
		q := attach(t, strict, ids("q"))
		q.write(put(view("a"), "1"))
		q.flush()
		if _, err := durable.Open(durable.Options{Bucket: b, RequireEncryption: true}); err == nil {
			t.Error("opened with required encryption and no key")
		}
		// An object that is put under another key does not decrypt there.
		data, _, err := b.Get(t.Context(), "sessions/q", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(t.Context(), "sessions/t", data, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := tryAttach(t, open(t, b, with(fresh)), live.Attachment{Session: ids("t"), View: "view"}); !errors.Is(err, durable.ErrDamaged) {
			t.Errorf("under another key: %v", err)
		}
		if _, err := durable.Open(durable.Options{Bucket: b, EncryptionKeys: [][]byte{[]byte("short")}}); err == nil {
			t.Error("opened with a short key")
		}
	})
}

// What a page writes is JSON, whatever the page is.
func TestBadValuesAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		st := open(t, durabletest.NewMemory())
		p := attach(t, st, ids("s"))
		if err := p.tryWrite(put(view("a"), "{")); err == nil || !strings.Contains(err.Error(), "a") {
			t.Errorf("no JSON: %v", err)
		}
		bad := live.StashOp{StoredKey: view("u"), Update: []live.UpdateFunc{
			func(json.RawMessage, int) (json.RawMessage, error) { panic("on purpose") }}}
		if err := p.tryWrite(bad); err == nil {
			t.Error("a panicking update was taken")
		}
		p.write(put(view("a"), "1"))
		p.flush()
	})
}

func FuzzDecodeDocument(f *testing.F) {
	for _, doc := range []string{
		`{"generation":"g"}`,
		`{"generation":"g","views":{"v":{"keys":{"a":{"v":1,"r":2,"n":3,"x":4}}}},"drafts":{"p":{"epoch":1,"keys":{}}},"applied":{"i":{"seq":1,"at":2}}}`,
		`{"generation":"g","state":"frozen","to":"sessions/x","renewed":true,"shared":{"keys":{"a":{"v":null}}}}`,
		`{"generation":"g","views":null,"extra":[[[[]]]]}`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := durable.Decode(data)
		if err != nil {
			return
		}
		twice, err := durable.Decode(once)
		if err != nil {
			t.Fatalf("%s becomes %s, which is no document: %v", data, once, err)
		}
		var a, b any
		if json.Unmarshal(once, &a) != nil || json.Unmarshal(twice, &b) != nil || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%s is encoded as %s and then as %s", data, once, twice)
		}
	})
}

func FuzzOpenObject(f *testing.F) {
	f.Add(object(`{"generation":"g"}`))
	f.Add([]byte("livelong-state/1 aes256gcm=0011223344556677\nxxxxxxxxxxxx"))
	f.Add([]byte("livelong-state/9\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := durabletest.NewMemory()
		st := open(t, b)
		if _, err := b.Put(t.Context(), key, data, ""); err != nil {
			t.Fatal(err)
		}
		h, err := st.Attach(context.Background(), live.Attachment{Session: ids("s"), View: "view", Page: "p", Notify: func() {}})
		if err == nil {
			h.Take()
			h.Close()
			return
		}
		if typed := (*durable.DocumentError)(nil); !errors.As(err, &typed) && !errors.Is(err, live.ErrSessionEnded) {
			t.Fatalf("%q: %v", data, err)
		}
	})
}
