package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
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

func TestLogRecord(t *testing.T) {
	x := replay.NewRedactor(replay.RedactorOptions{}).Begin()
	rec := slog.NewRecord(time.Time{}, slog.LevelWarn, "no luck with tok-s3cret", 0)
	rec.Add("token", "tok-s3cret", "n", 1)
	if got := fmt.Sprintf("%+v", *x.Log(rec)); got != "{Level:4 Message:no luck with [redacted] Attrs:[{Key:token Value:[redacted]} {Key:n Value:1}]}" {
		t.Errorf("got %s", got)
	}
}

func TestUntouched(t *testing.T) {
	x := replay.NewRedactor(replay.RedactorOptions{}).Begin()
	for i, c := range []struct {
		name string
		tag  reflect.StructTag
		v    any
		want bool
	}{
		{"Note", "", "", true}, {"Form", "", form{}, true}, {"At", "", time.Time{}, true}, {"Token", "", "", false}, {"Note", `record:"mask"`, "", false},
		{"Account", "", account{}, false}, {"Map", "", map[string]string{}, false}, {"Raw", "", json.RawMessage{}, false}, {"X", `form:"pin"`, 1, false},
	} {
		if got := x.Untouched(c.name, c.tag, reflect.TypeOf(c.v)); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
	if x.Also("phrase"); x.Untouched("Form", "", reflect.TypeFor[form]()) {
		t.Error("a name of an input's own is not looked for")
	}
}

// BenchmarkRedactedField is what a field costs: of a type in which nothing can be redacted, of a struct with a secret, of a
// list of 100 such structs, and of a map.
func BenchmarkRedactedField(b *testing.B) {
	type user struct {
		Name, Email, Password string
		Age                   int
	}
	users := make([]user, 100)
	names := map[string]string{}
	for i := range users {
		users[i] = user{fmt.Sprint("Customer ", i), "c@example.com", "hunter2", i}
		names[users[i].Name] = "x"
	}
	r := replay.NewRedactor(replay.RedactorOptions{})
	for name, v := range map[string]any{"untouched": form{1, "a note"}, "struct": users[0], "list100": users, "map100": names} {
		b.Run(name, func(b *testing.B) {
			x := r.Begin()
			f := replay.Named{Name: "Field", Value: reflect.ValueOf(v)}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := x.Field(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
