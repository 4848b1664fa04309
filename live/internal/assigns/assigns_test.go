package assigns

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func of(t testing.TB, v any) (*Type, reflect.Value) {
	t.Helper()
	r := reflect.ValueOf(v)
	a, err := Of(r.Type().Elem())
	if err != nil {
		t.Fatal(err)
	}
	return a, r
}

type paging struct{ Page, Size int }

type Named struct{ X int }

type deps struct{ close func() }

type row struct {
	deps
	SKU   string
	Price struct{ Cents int64 }
	hint  string
}

type view struct {
	Title string
	*sql.DB
}

type cart struct {
	paging
	Named `stored:"session"`
	Title string `stored:"reconnect" json:"t,omitempty"`
	Rows  []row
	deps  func()
}

func TestFields(t *testing.T) {
	if _, err := Of(reflect.TypeFor[view]()); err == nil || !strings.Contains(err.Error(), "field DB (sql.DB)") {
		t.Errorf("got %v", err)
	}
	a, v := of(t, &cart{paging: paging{1, 2}, Named: Named{3}, Rows: []row{{SKU: "é<\"", hint: "lost", deps: deps{func() {}}}}, deps: func() {}})
	var names []string
	for i, f := range a.Fields() {
		names = append(names, f.Name)
		if j, ok := a.Lookup(f.Name); !ok || i != j {
			t.Errorf("Lookup(%s) = %d, %v", f.Name, j, ok)
		}
	}
	if got := strings.Join(names, " "); got != "Page Size Named Title Rows" {
		t.Errorf("fields %s", got)
	}
	if tag := a.Fields()[3].Tag.Get("stored"); tag != "reconnect" {
		t.Errorf("tag %q", tag)
	}
	data, err := a.Encode(v)
	if want := `{"Page":1,"Size":2,"Named":{"X":3},"Title":"","Rows":[{"SKU":"é<\"","Price":{"Cents":0}}]}`; err != nil || string(data) != want {
		t.Errorf("got  %s, %v\nwant %s", data, err, want)
	}
	again, _ := Of(reflect.TypeFor[cart]())
	if again != a {
		t.Error("analysed twice")
	}
	notAddressable, err := a.Encode(v.Elem().Convert(v.Elem().Type()))
	if err != nil || !bytes.Equal(notAddressable, data) {
		t.Errorf("got %s, %v", notAddressable, err)
	}
}

type halfJSON struct{}

func (halfJSON) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

type byPointer struct{ x int }

func (b *byPointer) MarshalText() ([]byte, error)    { return []byte{byte('a' + b.x)}, nil }
func (b *byPointer) UnmarshalText(data []byte) error { b.x = int(data[0] - 'a'); return nil }

type hidden struct{ X int }

type tree struct {
	Label    string
	Children []*tree
	Parent   *tree
}

func TestOfRefuses(t *testing.T) {
	type price struct {
		Done chan int
		Cost int
	}
	type embedsPointer struct{ *hidden }
	doubled := reflect.StructOf([]reflect.StructField{{Name: "F", Type: reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"x"`}, {Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	})}})
	for name, c := range map[string]struct {
		view any
		want string
	}{
		"channel":          {struct{ Items []struct{ Price price } }{}, "field Items[].Price.Done (chan int) cannot be encoded; make it unexported or give it a type that can"},
		"function":         {struct{ F func() }{}, "field F (func()) cannot be encoded"},
		"uintptr":          {struct{ F uintptr }{}, "field F (uintptr) cannot be encoded"},
		"complex":          {struct{ F []complex128 }{}, "field F[] (complex128) cannot be encoded"},
		"any":              {struct{ F map[string]any }{}, "field F[] (interface {}) can be encoded but not decoded again"},
		"error":            {struct{ F error }{}, "field F (error) can be encoded but not decoded again"},
		"mutex":            {struct{ sync.Mutex }{}, "field Mutex (sync.Mutex) has unexported fields only"},
		"lockInChild":      {struct{ Rows []struct{ sync.Mutex } }{}, "field Rows[].Mutex (sync.Mutex) has unexported fields only"},
		"buffer":           {struct{ F *bytes.Buffer }{}, "field F (bytes.Buffer) has unexported fields only"},
		"url":              {struct{ F *url.URL }{}, "field F (url.URL) cannot be encoded, because the user"},
		"boolKey":          {struct{ F map[bool]int }{}, "bool is neither a string nor an integer"},
		"floatKey":         {struct{ F map[float64]int }{}, "float64 is neither a string nor an integer"},
		"anyKey":           {struct{ F map[any]int }{}, "cannot be a pointer or an interface"},
		"marshalOnly":      {struct{ F halfJSON }{}, "field F (assigns.halfJSON) has MarshalJSON but nothing to decode it again; add UnmarshalJSON"},
		"pointerMethodMap": {struct{ F map[string]byPointer }{}, "field F[] (assigns.byPointer) is the value of a map"},
		"embeddedPointer":  {struct{ F embedsPointer }{}, "field F.hidden (*assigns.hidden) is embedded by a pointer to an unexported type"},
		"jsonDash": {struct {
			F int `json:"-"`
		}{}, `field F has the tag json:"-"`},
		"doubledJSON": {reflect.Zero(doubled).Interface(), `field F.B (int) has the JSON name "x" of A`},
		"shadowed": {struct {
			paging
			Page int
		}{}, "fields paging.Page and Page have one name"},
		"taggedUnexported": {struct {
			paging `stored:""`
		}{}, "field paging is unexported"},
		"noStruct": {3, "int is not a struct"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Of(reflect.TypeOf(c.view))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	_, err := Of(reflect.TypeFor[view]())
	if err == nil || !strings.HasPrefix(err.Error(), "assigns.view: field ") {
		t.Errorf("the error does not name the type: %v", err)
	}
}

func TestEncodeErrors(t *testing.T) {
	loop := &tree{Label: "root"}
	loop.Children = []*tree{{Label: "child", Parent: loop}, {Label: "child", Parent: loop}}
	for name, c := range map[string]struct {
		view any
		want string
	}{
		"notANumber": {&struct{ F []float64 }{[]float64{1, math.NaN()}}, "field F: json: unsupported value: NaN"},
		"year":       {&struct{ F time.Time }{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "field F: json: error calling MarshalJSON"},
		"raw":        {&struct{ F json.RawMessage }{json.RawMessage("{")}, "field F: json: error calling MarshalJSON"},
		"cycle":      {&struct{ F *tree }{loop}, "field F: json: unsupported value: encountered a cycle"},
	} {
		t.Run(name, func(t *testing.T) {
			a, v := of(t, c.view)
			data, err := a.AppendObject([]byte("x"), v)
			if err == nil || !strings.Contains(err.Error(), c.want) || string(data) != "x" {
				t.Fatalf("got %s, %v, want %s", data, err, c.want)
			}
			if a.Equal(v, v) {
				t.Error("what cannot be encoded equals itself")
			}
			if data, err := a.EncodeField([]byte("x"), v, 0); err == nil || string(data) != "x" {
				t.Errorf("got %s, %v", data, err)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	type form struct {
		Count int
		Note  string
		Tags  []string
		Nest  struct{ Deep []int }
	}
	start := func() *form { return &form{Count: 7, Note: "kept", Tags: []string{"a", "b"}} }
	changed := func(f func(*form)) *form { x := start(); f(x); return x }
	for name, c := range map[string]struct {
		data string
		want *form
		err  string
	}{
		"all":            {`{"Count":1,"Note":"x","Tags":null,"Nest":{"Deep":[1]}}`, &form{1, "x", nil, struct{ Deep []int }{[]int{1}}}, ""},
		"some":           {` { "Note" : "x" , "Count" : -2 } `, changed(func(f *form) { f.Note, f.Count = "x", -2 }), ""},
		"none":           {`{}`, start(), ""},
		"shorterList":    {`{"Tags":["c"]}`, changed(func(f *form) { f.Tags = []string{"c"} }), ""},
		"escapedKey":     {`{"\u004eote":"x"}`, changed(func(f *form) { f.Note = "x" }), ""},
		"bracketsInText": {`{"Note":"]}\"\\","Count":2}`, changed(func(f *form) { f.Note, f.Count = "]}\"\\", 2 }), ""},
		"badField":       {`{"Count":"secret","Note":"x"}`, changed(func(f *form) { f.Note = "x" }), "decode assigns.form: field Count: want int, got string"},
		"badNested":      {`{"Nest":{"Deep":[1,"x"]},"Count":1}`, changed(func(f *form) { f.Count = 1 }), "field Nest: Deep: want int, got string"},
		"fraction":       {`{"Count":1.5}`, start(), "field Count: want int, got a number out of its range or with a fraction"},
		"unknown":        {`{"Gone":{"a":[1]},"Count":1}`, changed(func(f *form) { f.Count = 1 }), `no field for ["Gone"]`},
		"otherCase":      {`{"count":1}`, start(), `no field for ["count"]`},
		"list":           {`[1]`, start(), "want a JSON object"},
		"null":           {`null`, start(), "want a JSON object"},
		"cut":            {`{"Count":1`, start(), "unexpected end of JSON input"},
		"empty":          {``, start(), "unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			got := start()
			tags := got.Tags
			a, v := of(t, got)
			err := a.Decode([]byte(c.data), v)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got error %v, want %s", err, c.err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the value: %v", err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if tags[0] != "a" {
				t.Error("the old slice was written to")
			}
		})
	}
	got := start()
	a, v := of(t, got)
	if err := a.DecodeField([]byte(`"x"`), v, 1); err != nil || got.Note != "x" {
		t.Errorf("got %v, %+v", err, got)
	}
	err := a.DecodeField([]byte(`{}`), v, 0)
	bad, ok := errors.AsType[*DecodeError](err)
	if !ok || len(bad.Fields) != 1 || bad.Fields[0].Field != "Count" || got.Count != 7 {
		t.Errorf("got %v, %+v", err, got)
	}
	if _, ok := errors.AsType[*TypeError](err); !ok {
		t.Errorf("no TypeError in %v", err)
	}
}

func TestClone(t *testing.T) {
	v := &cart{Title: "t", Rows: []row{{SKU: "a", hint: "lost"}}, deps: func() {}}
	a, r := of(t, v)
	c, err := a.Clone(r)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Addr().Interface().(*cart)
	if got.deps != nil || got.Rows[0].hint != "" || got.Rows[0].close != nil || got.Rows[0].SKU != "a" || !a.Equal(r, c) {
		t.Errorf("got %+v", got)
	}
	got.Rows[0].SKU = "b"
	if v.Rows[0].SKU != "a" || a.Equal(r, c) {
		t.Error("the copy shares memory")
	}
}

func TestCheckDepth(t *testing.T) {
	for data, ok := range map[string]bool{
		`[[[]]]`: true, `[[[[]]]]`: false, `{"a":[{"[[[[":1}]}`: true, `["\"[[[["]`: true, `[][][][][]`: true, `{"a":{"b":{"c":{}}}}`: false,
	} {
		if err := CheckDepth([]byte(data), 3); (err == nil) != ok {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"Page":1,"Size":2,"Named":{"X":3},"Title":"","Rows":[{"SKU":"a"}]}`))
	f.Add([]byte(` {"Rows":[[]],"x":"\u0000\"]","Title":null , "":{"a":[1,{}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got cart
		a, v := of(t, &got)
		var want map[string]json.RawMessage
		valid := json.Unmarshal(data, &want) == nil && want != nil
		err := a.Decode(data, v)
		if bad, ok := errors.AsType[*DecodeError](err); ok {
			if !valid || len(bad.Fields)+len(bad.Unknown) == 0 {
				t.Fatalf("got %v", err)
			}
		} else if (err == nil) != valid {
			t.Fatalf("valid: %v, got %v", valid, err)
		}
		if c, err := a.Clone(v); err != nil || !a.Equal(c, v) {
			t.Fatalf("%+v: %v", got, err)
		}
		members := map[string]json.RawMessage{}
		if valid {
			if err := Members(data, func(k string, raw []byte) error { members[k] = raw; return nil }); err != nil {
				t.Fatal(err)
			}
			for k, raw := range members {
				if !json.Valid(raw) {
					t.Fatalf("member %q is %q", k, raw)
				}
				if w, ok := want[k]; ok && !bytes.Equal(w, raw) {
					t.Fatalf("member %q is %q, want %q", k, raw, w)
				}
			}
		}
	})
}
