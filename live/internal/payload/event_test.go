package payload

import (
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

type FieldErrors map[string]string

func (f *FieldErrors) SetFieldError(name, text string) {
	if *f == nil {
		*f = FieldErrors{}
	}
	(*f)[name] = text
}

type paging struct{ Page int }

type add struct{ By int }

type all struct {
	paging
	ID     string
	Labels []string
	Extra  struct{ Deep map[string]int }

	Name string  `form:"name"`
	Age  int8    `form:"age"`
	Rate float64 `form:"rate,omitempty"`
	Key  string  `client:"key"`
	X    int     `client:"x"`
}

type row struct {
	SKU  string   `form:"sku"`
	Qty  *uint    `form:"qty"`
	Tags []string `form:"tags"`
	Note string   // not from the form
}

type lists struct {
	Rows  []row            `form:"rows"`
	Grid  [][]int          `form:"grid"`
	Days  []time.Time      `form:"days"`
	When  *time.Time       `form:"when"`
	IPs   []netip.Addr     `form:"ips"`
	Prefs map[string]bool  `form:"prefs"`
	Marks map[int][]string `form:"marks"`
	Agree bool             `form:"agree"`
	Price float32          `form:"price"`
	Big   uint64           `form:"big"`
}

type tolerant struct {
	FieldErrors
	Age  int8      `form:"age"`
	Rate float64   `form:"rate"`
	Born time.Time `form:"born"`
	Rows []row     `form:"rows"`
	Name string    `form:"name"`
}

func event(t testing.TB, v any) *Event {
	t.Helper()
	e, err := ForEvent(reflect.TypeOf(v))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func query(t testing.TB, s string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func raws(kv ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = json.RawMessage(kv[i+1])
	}
	return m
}

func ptr[T any](v T) *T { return &v }

func day(s string) time.Time {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestDecode(t *testing.T) {
	type extra = struct{ Deep map[string]int }
	for name, c := range map[string]struct {
		v, form string
		client  map[string]json.RawMessage
		want    any
	}{
		"value":                  {`{"By":3}`, "", nil, add{3}},
		"nothing":                {"", "", nil, add{}},
		"null":                   {" null ", "", nil, add{}},
		"emptyObject":            {"{}", "", nil, add{}},
		"embedded":               {`{"Page":2,"Labels":["a"],"Extra":{"Deep":{"x":1}}}`, "", nil, all{paging: paging{2}, Labels: []string{"a"}, Extra: extra{map[string]int{"x": 1}}}},
		"form":                   {"", "name=+Jo+&age=7&rate=1.5&other=1&other[=2&a]b=3", nil, all{Name: " Jo ", Age: 7, Rate: 1.5}},
		"formCannotSetUntagged":  {"", "ID=x&Page=3&Key=k&key=k&By=2", nil, all{}},
		"emptyNumberIsNone":      {"", "age=&rate=+", nil, all{}},
		"spaceAroundNumbers":     {"", "age=+12+", nil, all{Age: 12}},
		"client":                 {"", "", raws("key", `"Enter"`, "x", `10.6`, "nonsense", `{}`), all{Key: "Enter", X: 11}},
		"clientNull":             {"", "", raws("key", `null`), all{}},
		"clientNumberAsText":     {"", "", raws("x", `"12"`), all{X: 12}},
		"structsInLists":         {"", "rows[1].sku=b&rows[0].sku=a&rows[0].qty=2&rows[0].tags=x&rows[0].tags=y&rows[0].Note=n", nil, lists{Rows: []row{{SKU: "a", Qty: ptr[uint](2), Tags: []string{"x", "y"}}, {SKU: "b"}}}},
		"indexedTexts":           {"", "rows[0].tags[1]=y&rows[0].tags[0]=x", nil, lists{Rows: []row{{Tags: []string{"x", "y"}}}}},
		"listInList":             {"", "grid[0]=1&grid[0]=2&grid[1][0]=3", nil, lists{Grid: [][]int{{1, 2}, {3}}}},
		"bareListOfListsIgnored": {"", "grid=1&rows=2&rows[0]=3&rows[0].sku.x=1&rows.sku=1", nil, lists{}},
		"times":                  {"", "days=2026-05-01&days=2026-05-02T10:30&when=2026-05-03", nil, lists{Days: []time.Time{day("2026-05-01"), day("2026-05-02").Add(630 * time.Minute)}, When: ptr(day("2026-05-03"))}},
		"emptyTime":              {"", "when=", nil, lists{}},
		"texts":                  {"", "ips=::1&ips=10.0.0.1", nil, lists{IPs: []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("10.0.0.1")}}},
		"maps":                   {"", "prefs[dark]=on&marks[3]=a&marks[3]=b", nil, lists{Prefs: map[string]bool{"dark": true}, Marks: map[int][]string{3: {"a", "b"}}}},
		"checkbox":               {"", "agree=on", nil, lists{Agree: true}},
		"bigUnsigned":            {"", "big=18446744073709551615", nil, lists{Big: 1<<64 - 1}},
		"conversionErrors": {"", "age=300&rate=NaN&born=yesterday&name=Jo&rows[0].qty=-1&rows[0].sku=s", nil, tolerant{
			FieldErrors: FieldErrors{
				"age": "must be a whole number from -128 to 127", "rate": "must be a number",
				"born": "must be a date or a time", "rows[0].qty": "must be a whole number, not below 0",
			},
			Name: "Jo", Rows: []row{{SKU: "s"}},
		}},
		"noConversionErrors": {"", "age=3", nil, tolerant{Age: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			got := reflect.New(reflect.TypeOf(c.want))
			if err := event(t, c.want).Decode(json.RawMessage(c.v), query(t, c.form), c.client, got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Elem().Interface(), c.want) {
				t.Errorf("got  %+v\nwant %+v", got.Elem().Interface(), c.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, c := range map[string]struct {
		event   any
		v, form string
		client  map[string]json.RawMessage
		want    string
	}{
		"unknownField":       {add{}, `{"Bye":1}`, "", nil, `event payload.add: the payload names "Bye", which is none of its untagged fields (By)`},
		"fieldOfTheForm":     {all{}, `{"Name":"x"}`, "", nil, `names "Name"`},
		"fieldOfTheClient":   {all{}, `{"Key":"x"}`, "", nil, `names "Key"`},
		"fieldErrors":        {tolerant{}, `{"FieldErrors":{"a":"b"}}`, "", nil, `names "FieldErrors"`},
		"otherCase":          {add{}, `{"by":1}`, "", nil, `names "by"`},
		"wrongType":          {add{}, `{"By":"secret"}`, "", nil, `event payload.add: field By: want int, got string`},
		"nullForNumber":      {add{}, `{"By":null}`, "", nil, `field By: want int, got null`},
		"overflow":           {add{}, `{"By":1e30}`, "", nil, `field By: want int, got a number out of its range or with a fraction`},
		"wrongNestedType":    {all{}, `{"Extra":{"Deep":{"x":[]}}}`, "", nil, `field Extra: Deep: want int, got array`},
		"unknownNestedField": {all{}, `{"Extra":{"Shallow":1}}`, "", nil, `field Extra: json: unknown field "Shallow"`},
		"givenTwice":         {add{}, `{"By":1,"By":2}`, "", nil, `field By: is given twice`},
		"noObject":           {add{}, `[1]`, "", nil, `event payload.add: want a JSON object`},
		"noJSON":             {add{}, `{"By":`, "", nil, `unexpected end of JSON`},
		"tooDeep":            {add{}, `{"By":` + deep + `}`, "", nil, `nested deeper than 32`},
		"clientTooDeep":      {all{}, ``, "", raws("key", deep), `nested deeper than 32`},
		"clientType":         {all{}, ``, "", raws("key", `3`), `field key: want string`},
		"clientNumber":       {all{}, ``, "", raws("x", `"left"`), `field x: want int`},
		"formNumber":         {all{}, ``, "age=secret", nil, `event payload.all: field age: must be a whole number from -128 to 127`},
		"infinity":           {lists{}, ``, "price=Inf", nil, `field price: must be a number`},
		"hugeIndex":          {lists{}, ``, "rows[1000].sku=a", nil, `has an index that is no number below 1000`},
		"hugerIndex":         {lists{}, ``, "rows[99999999999999999999].sku=a", nil, `has an index that is no number below 1000`},
		"negativeIndex":      {lists{}, ``, "rows[-1].sku=a", nil, `has an index that is no number below 1000`},
		"noIndex":            {lists{}, ``, "rows[].sku=a", nil, `has an index that is no number below 1000`},
		"tooManyValues":      {lists{}, ``, strings.Repeat("days=2026-01-01&", 1001), nil, `more than 1000 values`},
	} {
		t.Run(name, func(t *testing.T) {
			err := event(t, c.event).Decode(json.RawMessage(c.v), query(t, c.form), c.client, reflect.New(reflect.TypeOf(c.event)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T is no *Error", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the value: %v", err)
			}
		})
	}
}

func TestForEventRefuses(t *testing.T) {
	type node struct {
		Next *node `form:"next"`
	}
	type bare struct{ A int }
	for name, c := range map[string]struct {
		event any
		want  string
	}{
		"twoTags": {struct {
			A int `form:"a" client:"x"`
		}{}, "field A (int) has a form and a client tag"},
		"unknownClientKey": {struct {
			A string `client:"keys"`
		}{}, `field A (string) has the unknown client key "keys"`},
		"clientType": {struct {
			A []int `client:"key"`
		}{}, `field A ([]int) has the client key "key", which is a string`},
		"clientKeyTwice": {struct {
			A int `client:"x"`
			B int `client:"x"`
		}{}, `field B (int) has the client key "x" of another field`},
		"formNameTwice": {struct {
			A int `form:"x"`
			B int `form:"x"`
		}{}, `field B (int) has the form name "x" of another field`},
		"unexportedTagged": {struct {
			a int `form:"a"`
		}{}, "field a is unexported"},
		"noName": {struct {
			A int `form:""`
		}{}, `names no input`},
		"ignored": {struct {
			A int `form:"-"`
		}{}, `names no input`},
		"brackets": {struct {
			A []int `form:"a[]"`
		}{}, `a name has no '['`},
		"channel": {struct{ A chan int }{}, "field A (chan int) cannot be encoded"},
		"anyForm": {struct {
			A any `form:"a"`
		}{}, "field A (interface {})"},
		"array": {struct {
			A [3]int `form:"a"`
		}{}, "field A ([3]int) cannot come from a form"},
		"bytes": {struct {
			A []byte `form:"a"`
		}{}, "use a string"},
		"recursive": {struct {
			A node `form:"a"`
		}{}, "contains itself"},
		"structWithoutTags": {struct {
			A bare `form:"a"`
		}{}, "has no field with a form tag"},
		"mapKey": {struct {
			A map[time.Time]int `form:"a"`
		}{}, "keys are neither strings nor integers"},
		"fieldErrorsNotEmbedded": {struct{ Errs FieldErrors }{}, "must be embedded"},
		"noStruct":               {3, "event int is not a struct"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ForEvent(reflect.TypeOf(c.event))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAppendValue(t *testing.T) {
	for name, c := range map[string]struct {
		event any
		want  string
	}{
		"number":      {add{2}, `{"By":2}`},
		"pointer":     {&add{2}, `{"By":2}`},
		"onlyUntaged": {all{ID: "<é\">", Name: "no", Key: "no"}, `{"Page":0,"ID":"<é\">","Labels":null,"Extra":{"Deep":null}}`},
		"none":        {tolerant{Age: 1}, ``},
		"empty":       {struct{}{}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			v := reflect.ValueOf(c.event)
			e := event(t, reflect.Zero(reflect.Indirect(v).Type()).Interface())
			got, err := e.AppendValue([]byte("x"), v)
			if err != nil || string(got) != "x"+c.want {
				t.Fatalf("got %s, %v, want x%s", got, err, c.want)
			}
			back := reflect.New(reflect.Indirect(v).Type())
			if err := e.Decode(got[1:], nil, nil, back); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got := event(t, all{}).ClientFields(); !reflect.DeepEqual(got, []string{"key", "x"}) {
		t.Errorf("client fields %q", got)
	}
	e, dst := event(t, add{}), make([]byte, 0, 64)
	var boxed any = add{300}
	if n := testing.AllocsPerRun(100, func() { dst, _ = e.AppendValue(dst[:0], reflect.ValueOf(boxed)) }); n != 0 {
		t.Errorf("%v allocations for an event with a number", n)
	}
}

// A form within the limits of a message must not cost much more than its length.
func TestFormWorkIsBounded(t *testing.T) {
	type cell struct {
		Tags []string `form:"tags"`
	}
	type line struct {
		Cells []cell `form:"cells"`
	}
	type sheet struct {
		Lines []line `form:"lines"`
	}
	hostile, honest := url.Values{}, url.Values{}
	for i := range 500 {
		hostile["lines[0].cells[0].tags["+strconv.Itoa(i)+"]"] = []string{"x"}
		honest["lines["+strconv.Itoa(i)+"].cells[0].tags[0]"] = []string{"x"}
		honest["lines["+strconv.Itoa(i)+"].cells[1].tags"] = []string{"x", "y"}
	}
	e := event(t, sheet{})
	if err := e.Decode(nil, hostile, nil, reflect.New(reflect.TypeFor[sheet]())); err == nil || !strings.Contains(err.Error(), "too many elements") {
		t.Errorf("got %v", err)
	}
	var got sheet
	if err := e.Decode(nil, honest, nil, reflect.ValueOf(&got)); err != nil || len(got.Lines) != 500 || len(got.Lines[499].Cells[1].Tags) != 2 {
		t.Errorf("got %v, %d lines", err, len(got.Lines))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"By":3}`, "name=a&age=3", `"Enter"`)
	f.Add(`{"Extra":{"Deep":{"x":1}}}`, "rows[0].sku=1&rows[0].tags[3]=x", `12.5`)
	f.Add(`{"Page":null}`, "grid[1][2]=3&prefs[a.b]=on&marks[1]=", `{}`)
	f.Add(`[`, "rows[[0]]=&rows]0[=&rows[0]sku=&ips[]=", ``)
	f.Fuzz(func(t *testing.T, v, inputs, c string) {
		values, _ := url.ParseQuery(inputs)
		for _, of := range []any{add{}, all{}, lists{}, tolerant{}} {
			e := event(t, of)
			into := reflect.New(reflect.TypeOf(of))
			err := e.Decode(json.RawMessage(v), values, raws("key", c, "x", c), into)
			if err != nil {
				if _, ok := errors.AsType[*Error](err); !ok {
					t.Fatalf("%T is no *Error", err)
				}
				continue
			}
			value, err := e.AppendValue(nil, into)
			if err != nil {
				t.Fatalf("what was decoded cannot be encoded: %v", err)
			}
			again := reflect.New(reflect.TypeOf(of))
			if err := e.Decode(value, values, raws("key", c, "x", c), again); err != nil {
				t.Fatal(err)
			}
			if !e.Type().Equal(into, again) {
				t.Fatalf("got %+v, then %+v", into, again)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	e := event(b, all{})
	v, client := json.RawMessage(`{"ID":"a","Labels":["b"]}`), raws("key", `"Enter"`)
	values := query(b, "name=Jo&age=3")
	for name, c := range map[string]func() error{
		"value": func() error {
			return event(b, add{}).Decode(json.RawMessage(`{"By":3}`), nil, nil, reflect.ValueOf(&add{}))
		},
		"all": func() error { return e.Decode(v, values, client, reflect.ValueOf(&all{})) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendValue(b *testing.B) {
	e, dst := event(b, add{}), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = e.AppendValue(dst[:0], reflect.ValueOf(add{3}))
	}
}
