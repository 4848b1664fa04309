package replay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

func TestNames(t *testing.T) {
	r := replay.NewRedactor(replay.RedactorOptions{})
	for _, name := range []string{
		"password", "Password", "PASSWORD_CONFIRMATION", "userPasswd", "X-API-Key", "apiKeys", "api_key", "API KEY", "private-key", "PrivateKeyPEM",
		"AccessToken", "csrf_token", "client.secret", "AWSCredentials", "Authorization", "Set-Cookie", "SessionID", "session_id", "session.id", "card-number",
		"CardNumber", "oneTimeCode", "one-time", "cvv", "CVC", "S.S.N", "pin", "PIN", "otp", "card[pin]", "user.pin", "form[otp]", "a/ssn",
	} {
		if !r.Sensitive(name) {
			t.Errorf("%s is not redacted", name)
		}
	}
	for _, name := range []string{"", "Name", "Shipping", "Spinner", "pinned", "MapPin", "Option", "opt", "Session", "Card", "Number", "Keyboard", "Author", "pass", "Keys"} {
		if r.Sensitive(name) {
			t.Errorf("%s is redacted", name)
		}
	}
	own := replay.NewRedactor(replay.RedactorOptions{Rules: replay.Rules{Contains: []string{"iban"}}})
	if !own.Sensitive("BankIBAN") || own.Sensitive("password") {
		t.Error("own rules are not used")
	}
}

type address struct {
	Street string
	PIN    int
	Extra  map[string]any
}

type inner struct {
	Note    string
	Private string `record:"mask"`
	Alias   string `json:"apiKey"`
	Never   string `record:"-"`
	Hashed  string `record:"hash"`
	Number  int    `record:"hash"`
	Deep    *inner
	List    []inner
	hidden  string
}

type embedded struct {
	Token string
	Plain string
}

type account struct {
	embedded
	Name      string
	Password  []byte
	Secrets   []string
	Tokens    map[string]string
	Headers   map[string][]string
	Addresses [2]address
	When      time.Time
	CookieAt  time.Time
	Raw       json.RawMessage
	In        inner
	Card      live.Secret[string]
	Codes     map[int]live.Secret[int]
	OTP       *string
	Empty     struct{ Password, Note string }
	PINs      []int
	CSRF      bool
	Any       any
}

func newAccount() *account {
	otp := "otp-s3cret"
	return &account{
		embedded: embedded{Token: "embedded-s3cret", Plain: "plain"}, Name: "Ann", Password: []byte("bytes-s3cret"), Secrets: []string{"one-s3cret", "two-s3cret", ""},
		Tokens:  map[string]string{"key-s3cret": "map-s3cret"},
		Headers: map[string][]string{"Authorization": {"Bearer bearer-s3cret"}, "Accept": {"text/html"}},
		Addresses: [2]address{{Street: "Main", PIN: 77123456, Extra: map[string]any{"ok": []any{map[string]any{"client_secret": "any-s3cret", "n": 1.5}}, "token": map[string]any{"x": "anymap-s3cret"}}},
			{PIN: 0}},
		When: time.Unix(1e9, 0).UTC(), CookieAt: time.Unix(1234567890, 0).UTC(),
		Raw: json.RawMessage(`{"a":[1,{"Api-Key":"raw-s3cret","b":"kept","cvv":123456789}],"pin":[true,"rawlist-s3cret",null]}`),
		In: inner{Note: "note", Private: "private-s3cret", Alias: "alias-s3cret", Never: "never-s3cret", Hashed: "hash-s3cret", Number: 98765432,
			Deep: &inner{Deep: &inner{Deep: &inner{Deep: &inner{Private: "five-s3cret", Note: "deep"}}}}, List: []inner{{Alias: "list-s3cret"}}, hidden: "unexported"},
		Card: live.SecretOf("card-s3cret"), Codes: map[int]live.Secret[int]{3: live.SecretOf(55443322)}, OTP: &otp, PINs: []int{31415926}, CSRF: true,
		Any: map[string]any{"session_id": "iface-s3cret"},
	}
}

// clean reports what of an account must not be in data.
func clean(t testing.TB, what string, data []byte) {
	t.Helper()
	for _, s := range []string{"s3cret", "77123456", "1234567890", "2009-02-13", "123456789", "98765432", "55443322", "31415926", "czNjcmV0", "unexported"} {
		if bytes.Contains(data, []byte(s)) {
			i := bytes.Index(data, []byte(s))
			t.Errorf("%s holds %q: …%s…", what, s, data[max(0, i-40):min(len(data), i+40)])
		}
	}
}

func fieldsOfStruct(v any) []replay.Named {
	r := reflect.ValueOf(v).Elem()
	var list []replay.Named
	for i := range r.NumField() {
		if f := r.Type().Field(i); f.IsExported() {
			list = append(list, replay.Named{Name: f.Name, Tag: f.Tag, Value: r.Field(i)})
		}
	}
	return list
}

func TestRedactedFields(t *testing.T) {
	r := replay.NewRedactor(replay.RedactorOptions{HashKey: []byte("key")})
	a := newAccount()
	before, _ := json.Marshal(a)
	x := r.Begin()
	data, err := x.Object(append(fieldsOfStruct(a), replay.Named{Name: "embedded", Value: reflect.ValueOf(struct{ embedded }{a.embedded})}))
	if err != nil || !x.Found() {
		t.Fatal(err)
	}
	clean(t, "the object", data)
	if after, _ := json.Marshal(a); !bytes.Equal(before, after) {
		t.Error("the original was changed")
	}
	var got account
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	want := []struct{ name, got, want string }{
		{"Name", got.Name, "Ann"}, {"Password", string(got.Password), replay.Redacted}, {"Secrets", fmt.Sprint(got.Secrets), "[[redacted] [redacted] ]"},
		{"Tokens", fmt.Sprint(got.Tokens), "map[]"}, {"Headers", fmt.Sprint(got.Headers), "map[Accept:[text/html] Authorization:[[redacted]]]"},
		{"Street", got.Addresses[0].Street, "Main"}, {"PIN", fmt.Sprint(got.Addresses[0].PIN), "0"}, {"When", got.When.String(), a.When.String()},
		{"CookieAt", fmt.Sprint(got.CookieAt.IsZero()), "true"}, {"Note", got.In.Note, "note"}, {"Private", got.In.Private, replay.Redacted},
		{"deep", got.In.Deep.Deep.Deep.Deep.Note + got.In.Deep.Deep.Deep.Deep.Private, "deep" + replay.Redacted}, {"Never", got.In.Never, ""},
		{"Card", got.Card.Reveal(), replay.Redacted}, {"Codes", fmt.Sprint(got.Codes[3].Reveal()), "0"}, {"OTP", *got.OTP, replay.Redacted},
		{"Empty", got.Empty.Password, ""}, {"PINs", fmt.Sprint(got.PINs), "[0]"}, {"CSRF", fmt.Sprint(got.CSRF), "false"},
		{"Raw", string(got.Raw), `{"a":[1,{"Api-Key":"[redacted]","b":"kept","cvv":0}],"pin":[false,"[redacted]",null]}`},
		{"Extra", fmt.Sprint(got.Addresses[0].Extra), "map[ok:[map[client_secret:[redacted] n:1.5]] token:map[]]"},
	}
	for _, w := range want {
		if w.got != w.want {
			t.Errorf("%s: got %s, want %s", w.name, w.got, w.want)
		}
	}
	if !strings.HasPrefix(got.In.Hashed, "[hash ") || got.In.Number <= 0 {
		t.Errorf("hashes %q %d", got.In.Hashed, got.In.Number)
	}
	again, _ := replay.NewRedactor(replay.RedactorOptions{HashKey: []byte("key")}).Begin().Object(fieldsOfStruct(a))
	other, _ := replay.NewRedactor(replay.RedactorOptions{HashKey: []byte("other")}).Begin().Object(fieldsOfStruct(a))
	if !bytes.Contains(again, []byte(got.In.Hashed)) || bytes.Contains(other, []byte(got.In.Hashed)) {
		t.Error("hashes are not those of the key")
	}
	if data, keep, err := x.Field(replay.Named{Name: "Whatever", Tag: `record:"-"`, Value: reflect.ValueOf("s3cret")}); keep || data != nil || err != nil {
		t.Errorf("a field that is never recorded: %s %v", data, err)
	}
	// What was taken out is found again in running text, and pairs are found by their names.
	for text, want := range map[string]string{
		"login with five-s3cret failed":      "login with [redacted] failed",
		`dial: password=hunter22&user=ann`:   `dial: password=[redacted]&user=ann`,
		`Authorization: Bearer abcdef, next`: `Authorization: Bearer [redacted], next`,
		`{"api_key": "zzz", "x": "y"}`:       `{"api_key": [redacted], "x": "y"}`,
		"shipping: fast":                     "shipping: fast",
		"key-s3cret and 31415926":            "[redacted] and [redacted]",
		"the pin=1234":                       "the pin=[redacted]",
	} {
		if got := x.Text(text); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestRedactedTypes(t *testing.T) {
	r := replay.NewRedactor(replay.RedactorOptions{})
	type recursive struct {
		Next *recursive
		Kids []recursive
		Name string
	}
	type loop struct {
		Next  *loop
		Token string
	}
	for i, c := range []struct {
		v    any
		want bool
	}{
		{form{}, false}, {account{}, true}, {inner{}, true}, {recursive{}, false}, {loop{}, true}, {struct{ M map[string]string }{}, false},
		{struct{ S live.Secret[int] }{}, true}, {struct{ embedded }{}, true}, {struct{ T time.Time }{}, false}, {struct{ X []map[string]*inner }{}, true},
		{struct {
			X string `form:"user[password]"`
		}{}, true},
	} {
		if got := r.Redacts(reflect.TypeOf(c.v)); got != c.want {
			t.Errorf("%d, %T: %v", i, c.v, got)
		}
	}
	// A value that contains itself ends.
	l := &loop{Token: "s3cret-loop"}
	l.Next = l
	if data, _, err := r.Begin().Field(replay.Named{Name: "L", Value: reflect.ValueOf(l)}); err == nil && bytes.Contains(data, []byte("s3cret")) {
		t.Errorf("%.100s", data)
	}
}

func TestURLs(t *testing.T) {
	for _, c := range [][3]string{
		{"/orders/17?tab=note", "GET /orders/{id}", "/orders/17?tab=note"},
		{"/reset/abcdef123?next=%2Fhome", "GET /reset/{token}", "/reset/%5Bredacted%5D?next=%2Fhome"},
		{"/x/abcdef/ghijkl", "GET example.com/x/{secret...}", "/x/%5Bredacted%5D/%5Bredacted%5D"},
		{"/?q=1&access_token=abc%20def&q=2", "", "/?q=1&access_token=%5Bredacted%5D&q=2"},
		{"/?user%5Bpassword%5D=abc&empty_token=&token", "", "/?user%5Bpassword%5D=%5Bredacted%5D&empty_token=&token"},
		{"https://ann:hunter2222@example.com/p?pin=1", "", "https://ann:[redacted]@example.com/p?pin=%5Bredacted%5D"},
		{"/p#access_token=abcdefg&x=1", "", "/p#access_token=%5Bredacted%5D&x=1"},
		{"/p#section", "", "/p#section"}, {"", "", ""}, {"/%zz?%zz=1&token=%zz", "", "/%zz?%zz=1&token=%5Bredacted%5D"},
	} {
		x := replay.NewRedactor(replay.RedactorOptions{}).Begin()
		if got := x.URL(c[0], c[1]); got != c[2] {
			t.Errorf("%s:\ngot  %s\nwant %s", c[0], got, c[2])
		}
	}
	x := replay.NewRedactor(replay.RedactorOptions{}).Begin()
	x.URL("/reset/abcdef123", "GET /reset/{token}")
	x.Also("pass phrase")
	in := url.Values{"passPhrase": {"correct horse"}, "q": {"abcdef123", "x"}, "pin": {""}}
	if got := x.Values(in); got.Get("passPhrase") != replay.Redacted || got["q"][0] != replay.Redacted || got["q"][1] != "x" || got.Get("pin") != "" || in.Get("passPhrase") != "correct horse" {
		t.Errorf("got %v", got)
	}
	if got := x.Form("passPhrase=correct+horse&b=c"); got != "passPhrase=%5Bredacted%5D&b=c" {
		t.Errorf("got %s", got)
	}
}

func TestLogAttributes(t *testing.T) {
	x := replay.NewRedactor(replay.RedactorOptions{}).Begin()
	got := x.Attrs([]slog.Attr{
		slog.String("user", "ann"), slog.String("token", "tok-s3cret"), slog.Any("account", newAccount()), slog.Any("err", fmt.Errorf("bad tok-s3cret")),
		slog.Group("request", slog.Int("n", 3), slog.String("Cookie", "sid=cookie-s3cret"), slog.Any("h", map[string]string{"api-key": "h-s3cret"})),
		slog.Group("credentials", slog.String("x", "group-s3cret")), slog.Any("secret", live.SecretOf("value-s3cret")), slog.Any("nil", nil),
		slog.Any("card", live.SecretOf("value-s3cret")), slog.Duration("took", time.Second),
	})
	data, _ := json.Marshal(got)
	clean(t, "the attributes", data)
	for _, want := range []replay.Attr{{Key: "user", Value: "ann"}, {Key: "request.n", Value: "3"}, {Key: "credentials.x", Value: replay.Redacted}, {Key: "took", Value: "1s"}, {Key: "nil", Value: "<nil>"}, {Key: "card", Value: replay.Redacted}} {
		found := false
		for _, a := range got {
			found = found || a == want
		}
		if !found {
			t.Errorf("no %+v in %+v", want, got)
		}
	}
}

// TestNothingLeaks plants secrets in values of random types at depth 5, records them with everything else that can hold one,
// and looks for their bytes in what an archive has, and in what that decompresses to.
func TestNothingLeaks(t *testing.T) {
	names := []string{"Password", "api_key", "AccessToken", "otp", "SessionID", "Private-Key"}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		n := 0
		var planted []string
		secret := func() string {
			n++
			s := fmt.Sprintf("s3cret%d-%x", n, r.Uint64())
			planted = append(planted, s)
			return s
		}
		var plant func(depth int) any
		plant = func(depth int) any {
			if depth == 0 {
				return map[string]any{names[r.IntN(len(names))]: secret(), "ok": "fine"}
			}
			switch r.IntN(6) {
			case 0:
				return map[string]any{"a": plant(depth - 1), names[r.IntN(len(names))]: []string{secret()}}
			case 1:
				return []any{plant(depth - 1), "fine"}
			case 2:
				return &struct {
					Deep any
					Key  string `json:"api-key"`
				}{plant(depth - 1), secret()}
			case 3:
				return struct {
					In struct {
						X        any
						Password []byte
					}
				}{struct {
					X        any
					Password []byte
				}{plant(depth - 1), []byte(secret())}}
			case 4:
				return struct {
					L [1]map[string]any
					T string `record:"hash"`
				}{[1]map[string]any{{"x": plant(depth - 1)}}, secret()}
			}
			return struct {
				S live.Secret[string]
				X any
			}{live.SecretOf(secret()), plant(depth - 1)}
		}
		value := plant(5)
		red := replay.NewRedactor(replay.RedactorOptions{})
		x := red.Begin()
		note := func() replay.Part {
			data, keep, err := x.Field(replay.Named{Name: "Value", Value: reflect.ValueOf(&value).Elem()})
			if err != nil || !keep {
				t.Fatal(err)
			}
			return replay.Part{Fields: []replay.Field{{Name: "Value", JSON: data}}}
		}
		params := url.Values{"token": {secret()}, "q": {"fine"}}
		u := x.URL("/reset/"+secret()+"?pin="+secret(), "GET /reset/{token}")
		codec := []replay.Codec{replay.CBOR, replay.JSON}[seed%2]
		e := encoder(t, replay.EncoderOptions{Codec: codec})
		a := &replaytest.Memory{}
		w := replay.OpenWriter(replay.NewCatalog(a, replay.CatalogOptions{}), replay.WriterOptions{Logger: quiet})
		o := begin(t, w, "leak")
		s := replay.Summary{ID: "leak"}
		keep := func(entry replay.Entry) {
			add(t, e, entry)
			s.Count(&entry)
		}
		keep(replay.Entry{Mount: &replay.Mount{URL: u, Params: x.Values(params), Redacted: true, Effect: &replay.Effect{Keyframe: true, Parts: []replay.Part{note()}}}})
		payload, err := x.Object([]replay.Named{{Name: "Password", Value: reflect.ValueOf(secret())}, {Name: "Sub", Value: reflect.ValueOf(&value).Elem()}})
		if err != nil {
			t.Fatal(err)
		}
		value = []any{value, plant(4)}
		keep(replay.Entry{Turn: &replay.Turn{
			Cause:  replay.Cause{Kind: replay.CauseEvent, Name: "Save", Payload: payload, URL: u},
			Effect: &replay.Effect{Parts: []replay.Part{note()}}, Error: x.Text("wrong: " + planted[0] + " password=" + secret()),
		}})
		keep(replay.Entry{Log: &replay.Log{Level: 8, Message: x.Text("tried " + planted[len(planted)/2]), Attrs: x.Attrs([]slog.Attr{slog.Any("v", value), slog.String("csrf", secret())})}})
		keep(replay.Entry{Exit: &replay.Exit{Reason: replay.ExitPanic, Error: x.Text("panic: " + planted[1]), Stack: "main.go"}})
		o.Write(e.Cut())
		o.Finish(s)
		w.Close(t.Context())
		z, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		defer z.Close()
		searched, seen := 0, false
		for key, data := range a.Objects() {
			all := [][]byte{data}
			for i := range len(data) - 4 { // every zstd frame, wherever it begins
				if bytes.HasPrefix(data[i:], []byte{0x28, 0xb5, 0x2f, 0xfd}) {
					// Behind the frames there is the hash, so the decoder ends with an error, and what it had.
					if out, _ := z.DecodeAll(data[i:len(data)-32], nil); out != nil {
						all = append(all, out)
					}
				}
			}
			for _, data := range all {
				searched += len(data)
				seen = seen || bytes.Contains(data, []byte("fine"))
				for _, s := range planted {
					for _, form := range []string{s, url.QueryEscape(s), fmt.Sprintf("%x", s)} {
						if bytes.Contains(data, []byte(form)) {
							t.Fatalf("seed %d: %s holds %s", seed, key, s)
						}
					}
				}
			}
		}
		if len(planted) < 8 || searched < 500 || !seen {
			t.Errorf("%d secrets, %d bytes searched, what is no secret was found: %v", len(planted), searched, seen)
		}
	}
}

// picky drops what says that it is private, and panics at Bomb.
type picky struct{}

func (picky) Fields(name string, fields []replay.Field) []replay.Field {
	var kept []replay.Field
	for _, f := range fields {
		if f.Name == "Bomb" {
			panic("s3cret in a panic")
		}
		if !strings.Contains(string(f.JSON), "private") {
			kept = append(kept, f)
		}
	}
	return kept
}

func (picky) Params(view string, p url.Values) url.Values {
	p.Del("ref")
	return p
}

func (p picky) Delta(view string, changed []replay.Field, last func(string) []byte) []replay.Field {
	if string(last("Hide")) == "true" {
		return nil
	}
	return p.Fields(view, changed)
}

func TestSanitizer(t *testing.T) {
	r := replay.NewRedactor(replay.RedactorOptions{Sanitizer: picky{}})
	e := encoder(t, replay.EncoderOptions{})
	f := func(pairs ...string) []replay.Part {
		p := replay.Part{}
		for i := 0; i < len(pairs); i += 2 {
			p.Fields = append(p.Fields, replay.Field{Name: pairs[i], JSON: []byte(pairs[i+1])})
		}
		return []replay.Part{p}
	}
	sealer, _ := replay.NewSealer("s")
	keep := func(x replay.Entry) error {
		t.Helper()
		err := r.Sanitize(&x, "main.View", e.Last)
		if err == nil {
			err = e.Append(x)
		}
		if err != nil {
			e.Lose(x, "left out")
		}
		return err
	}
	mount := replay.Entry{Mount: &replay.Mount{URL: "/?a=1&ref=x", Params: url.Values{"ref": {"x"}, "k": {"v"}}, Effect: &replay.Effect{Keyframe: true, Parts: f("A", `"private 1"`, "B", `2`, "Hide", `false`)}}}
	if err := keep(mount); err != nil || mount.Mount.URL != "/?a=1&ref=x" {
		t.Fatal(err)
	}
	for _, x := range []replay.Entry{
		{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1, Name: "Set", Payload: []byte(`{"X":"private","Y":[1]}`)}, Effect: &replay.Effect{Parts: f("A", `"open"`, "Hide", `true`)}}},
		{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1, Name: "Set"}, Effect: &replay.Effect{Parts: f("A", `"not shown"`)}}},
	} {
		if err := keep(x); err != nil {
			t.Fatal(err)
		}
	}
	err := keep(replay.Entry{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1, Name: "s3cret", Payload: []byte(`{"Bomb":1}`)}, Effect: &replay.Effect{Parts: f("B", `"s3cret"`)}}})
	if !errors.Is(err, replay.ErrSanitizer) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	if due, all := e.KeyframeDue(); !due || !all {
		t.Error("no keyframe is due after something was lost")
	}
	if err := e.Append(replay.Entry{Turn: &replay.Turn{Effect: &replay.Effect{Parts: f("B", `4`)}}}); !errors.Is(err, replay.ErrWantKeyframe) {
		t.Errorf("got %v", err)
	}
	if err := keep(replay.Entry{Turn: &replay.Turn{Cause: replay.Cause{Kind: 1}, Effect: &replay.Effect{Keyframe: true, Parts: f("A", `"open"`, "B", `4`, "Hide", `false`)}}}); err != nil {
		t.Fatal(err)
	}
	seg, err := sealer.Seal(e.Cut())
	if err != nil {
		t.Fatal(err)
	}
	a := &replaytest.Memory{}
	a.Set(seg.Key, seg.Data)
	rec := open(t, a, "s")
	if rec.Mount.URL != "/?a=1" || rec.Mount.Params.Get("ref") != "" || rec.Mount.Params.Get("k") != "v" {
		t.Errorf("got %+v", rec.Mount)
	}
	var payloads, gaps []string
	for x, err := range rec.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Turn != nil {
			payloads = append(payloads, string(x.Turn.Cause.Payload))
		}
		if x.Gap != nil {
			gaps = append(gaps, x.Gap.Reason)
		}
	}
	if fmt.Sprintf("%q %q", payloads, gaps) != `["{\"Y\":[1]}" "" ""] ["left out"]` {
		t.Errorf("%q %q", payloads, gaps)
	}
	for n, want := range []string{"map[B:2 Hide:false]", `map[A:"open" B:2 Hide:true]`, `map[A:"open" B:2 Hide:true]`, `map[A:"open" B:4 Hide:false]`} {
		fr, err := rec.Frame(t.Context(), n+1)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(fieldsOf(fr.Parts)[""]); got != want {
			t.Errorf("frame %d: %s, want %s", n+1, got, want)
		}
	}
}
