package assigns

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// opaque marshals itself and refers to other memory, so that it is compared by what it marshals to.
type opaque struct{ p *string }

func (o opaque) MarshalJSON() ([]byte, error) {
	if o.p == nil {
		return []byte("null"), nil
	}
	return json.Marshal(*o.p)
}

func (o *opaque) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &o.p) }

// code is a key of maps that is a text, and memory without pointers.
type code struct{ a, b uint16 }

func (c code) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d-%d", c.a, c.b), nil }

func (c *code) UnmarshalText(data []byte) error {
	_, err := fmt.Sscanf(string(data), "%d-%d", &c.a, &c.b)
	return err
}

type pair struct {
	A int32
	B float64
	C bool
	D string
}

type locale string

type zoo struct {
	Bool     bool
	I8       int8
	I16      int16
	I32      int32
	U        uint
	U8       uint8
	F32      float32
	F64      float64
	Text     string
	Bytes    []byte
	Array    [5]int16
	Arrays   [3]pair
	Nested   struct{ Deep struct{ Deeper []pair } }
	Ints     []int
	Texts    []string
	Lists    [][]string
	Pointer  *pair
	PointerP []*pair
	Self     *zoo
	Nodes    []zooNode
	Time     time.Time
	Times    []time.Time
	Big      *big.Int
	BigValue big.Int
	Addr     netip.Addr
	ID       uuid.UUID
	Raw      json.RawMessage
	Duration time.Duration
	Opaque   opaque
	Opaques  []opaque

	StringString map[string]string
	StringInt    map[string]int
	StringBool   map[string]bool
	StringFloat  map[string]float64
	StringPair   map[string]pair
	StringPtr    map[string]*pair
	StringList   map[string][]string
	StringMap    map[string]map[int]string
	LocaleInt32  map[locale]int32
	IntString    map[int]string
	IntPtr       map[int]*pair
	Uint8Pair    map[uint8]pair
	CodeInt      map[code]int
	TimeInt      map[uuid.UUID]uint64
	PairMaps     map[string][2]map[string]pair
}

type zooNode struct {
	Name string
	Kids map[string]zooNode
	Next []zooNode
}

const letters = "abcdefghij é\"\\<>&\u2028日本"

// fill sets v to something random that encoding/json gives back as it was.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	n := r.IntN(4)
	if depth > 5 {
		n = 0
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(r.Int64N(1<<33), r.Int64N(1e9)).UTC()
		return
	case *big.Int:
		x.SetUint64(r.Uint64() | 1)
		if n == 0 {
			x.Neg(x.Mul(x, x))
		}
		return
	case *netip.Addr:
		*x = netip.AddrFrom4([4]byte{byte(r.Uint32()), 2, 3, 4})
		if n == 0 {
			*x = netip.MustParseAddr("fe80::1%eth0")
		}
		return
	case *json.RawMessage:
		*x = json.RawMessage(fmt.Sprintf(`{"n":%d}`, r.IntN(1e6)))
		return
	case *opaque:
		s := fmt.Sprint(r.Uint64())
		x.p = &s
		return
	case *code:
		*x = code{uint16(r.Uint32()), uint16(r.Uint32())}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(n > 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(r.Int64() >> (64 - v.Type().Bits() + r.IntN(v.Type().Bits())))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> (64 - v.Type().Bits() + r.IntN(v.Type().Bits())))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(r.NormFloat64() * 1000)
		if v.Kind() == reflect.Float32 {
			v.SetFloat(float64(float32(v.Float())))
		}
	case reflect.String:
		all := []rune(letters)
		var s []rune
		for range r.IntN(10) * r.IntN(20) {
			s = append(s, all[r.IntN(len(all))])
		}
		v.SetString(string(s))
	case reflect.Pointer:
		v.SetZero()
		if n > 0 && !(v.Type().Elem() == reflect.TypeFor[zoo]() && depth > 1) {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem(), depth+1)
		}
	case reflect.Slice:
		v.SetZero()
		if r.IntN(5) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n+r.IntN(2)))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), depth+1)
		}
	case reflect.Map:
		v.SetZero()
		if r.IntN(5) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range 2 * n {
				key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(r, key, depth+1)
				fill(r, elem, depth+1)
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i), depth+1)
		}
	default:
		panic(v.Type())
	}
}

// A mutation changes one thing in place; undo takes it back.
type mutation struct {
	path     string
	do, undo func()
}

// set makes a mutation that assigns.
func set(path string, v reflect.Value, to any) mutation {
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	return mutation{path, func() { v.Set(reflect.ValueOf(to).Convert(v.Type())) }, func() { v.Set(old) }}
}

// mutations lists every smallest change of v and of what it refers to.
func mutations(path string, v reflect.Value) []mutation {
	fresh := func() any { return reflect.New(v.Type()).Elem().Interface() }
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		return []mutation{
			set(path+" +1ns", v, x.Add(1)), set(path+" +1h", v, x.Add(time.Hour)),
			set(path+" zone", v, x.In(time.FixedZone("X", 3600))), set(path+" same offset", v, x.In(time.FixedZone("GMT", 0))),
		}
	case *big.Int:
		var one, neg big.Int
		return []mutation{set(path+" +1", v, *one.Add(x, big.NewInt(1))), set(path+" neg", v, *neg.Neg(x))}
	case *netip.Addr:
		return []mutation{set(path+" next", v, x.Next()), set(path+" mapped", v, netip.AddrFrom16(x.As16()).WithZone("z"))}
	case *opaque:
		other := "other"
		return []mutation{set(path, v, opaque{&other})}
	case *code:
		return []mutation{set(path+".a", v, code{x.a + 1, x.b}), set(path+".b", v, code{x.a, x.b + 1})}
	}
	var list []mutation
	switch v.Kind() {
	case reflect.Bool:
		return []mutation{set(path, v, !v.Bool())}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return []mutation{set(path, v, v.Int()+1), set(path, v, v.Int()^(-1<<(v.Type().Bits()-1)))}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return []mutation{set(path, v, v.Uint()+1), set(path, v, v.Uint()^1<<(v.Type().Bits()-1))}
	case reflect.Float32, reflect.Float64:
		return []mutation{set(path, v, v.Float()*2+1)}
	case reflect.String:
		list = append(list, set(path+" longer", v, v.String()+"\x00"))
		for i := range v.Len() {
			b := []byte(v.String())
			b[i] ^= 1
			list = append(list, set(fmt.Sprintf("%s byte %d of %d", path, i, len(b)), v, string(b)))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return []mutation{set(path+" new", v, reflect.New(v.Type().Elem()).Interface())}
		}
		list = append(mutations(path+"*", v.Elem()), set(path+" nil", v, fresh()))
	case reflect.Slice:
		if v.IsNil() {
			return []mutation{set(path+" empty", v, reflect.MakeSlice(v.Type(), 0, 0).Interface())}
		}
		list = append(list, set(path+" nil", v, fresh()), set(path+" longer", v, reflect.Append(v, reflect.Zero(v.Type().Elem())).Interface()))
		if v.Len() > 0 {
			list = append(list, set(path+" shorter", v, v.Slice(0, v.Len()-1).Interface()))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			list = append(list, mutations(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
	case reflect.Map:
		if v.IsNil() {
			return []mutation{set(path+" empty", v, reflect.MakeMap(v.Type()).Interface())}
		}
		list = append(list, set(path+" nil", v, fresh()))
		zero := reflect.Zero(v.Type().Key())
		if had := v.MapIndex(zero); !had.IsValid() {
			list = append(list, mutation{path + " another",
				func() { v.SetMapIndex(zero, reflect.Zero(v.Type().Elem())) }, func() { v.SetMapIndex(zero, reflect.Value{}) }})
		}
		for _, key := range v.MapKeys() {
			at := fmt.Sprintf("%s[%v]", path, key)
			old := v.MapIndex(key)
			restore := func() { v.SetMapIndex(key, old) }
			list = append(list, mutation{at + " deleted", func() { v.SetMapIndex(key, reflect.Value{}) }, restore})
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(old)
			for _, m := range mutations(at, elem) {
				list = append(list, mutation{m.path,
					func() { m.do(); v.SetMapIndex(key, elem) }, func() { m.undo(); v.SetMapIndex(key, elem) }})
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			list = append(list, mutations(path+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
	}
	return list
}

func random(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Any single change is seen in its field and in no other, and its undoing too.
func TestEveryMutationChangesItsField(t *testing.T) {
	r, total := random(t), 0
	for range 6 {
		var z zoo
		v := reflect.ValueOf(&z).Elem()
		a, _ := of(t, &z)
		fill(r, v, 0)
		m := a.Mark(nil, v)
		for i, f := range a.Fields() {
			list := mutations(f.Name, v.FieldByIndex(f.Index))
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			for _, mut := range list[:min(len(list), 150)] {
				total++
				mut.do()
				if !a.Changed(m, v) {
					t.Fatalf("%s: not noticed", mut.path)
				}
				before := m[i]
				if got := a.Update(m, v, nil); !slices.Equal(got, []int{i}) {
					t.Fatalf("%s: changed %v, want %d", mut.path, got, i)
				}
				mut.undo()
				if got := a.Update(m, v, nil); !slices.Equal(got, []int{i}) || m[i] != before {
					t.Fatalf("%s: undone: changed %v, %x, want %x", mut.path, got, m[i], before)
				}
			}
		}
	}
	t.Logf("%d mutations", total)
	if total < 1000 {
		t.Errorf("only %d mutations", total)
	}
}

// What has been encoded and decoded is the same, has the same fingerprints and the same encoding.
func TestRoundTrip(t *testing.T) {
	r := random(t)
	for range 25 {
		var z zoo
		v := reflect.ValueOf(&z).Elem()
		a, _ := of(t, &z)
		fill(r, v, 0)
		c, err := a.Clone(v)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(z, c.Interface()) {
			for i := range v.NumField() {
				if x, y := v.Field(i), c.Field(i); !reflect.DeepEqual(x.Interface(), y.Interface()) {
					t.Fatalf("%s is %#v, was %#v", v.Type().Field(i).Name, y, x)
				}
			}
		}
		if changed := a.Update(a.Mark(nil, v), c, nil); changed != nil {
			t.Fatalf("%s differs after decoding", a.Fields()[changed[0]].Name)
		}
		one, err := a.Encode(v)
		two, err2 := a.Encode(c)
		if err != nil || err2 != nil || string(one) != string(two) || !a.Equal(v, c) {
			t.Fatalf("encodings differ: %v, %v", err, err2)
		}
		var standard any
		if err := json.Unmarshal(one, &standard); err != nil {
			t.Fatal(err)
		}
	}
}

func TestComparingDoesNotAllocate(t *testing.T) {
	r := random(t)
	var z zoo
	fill(r, reflect.ValueOf(&z).Elem(), 0)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[zoo]()) {
		if strings.HasPrefix(f.Name, "Opaque") || f.Name == "Self" {
			continue // marshalled
		}
		one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: f.Name, Type: f.Type}}))
		for one.Elem().Field(0).IsZero() {
			fill(r, one.Elem().Field(0), 0)
		}
		a, err := Of(one.Type().Elem())
		if err != nil {
			t.Fatal(err)
		}
		m := a.Mark(nil, one)
		var changed []int
		if n := testing.AllocsPerRun(20, func() {
			if a.Changed(m, one) {
				t.Fatal("changed")
			}
			changed = a.Update(a.Mark(m, one), one, changed[:0])
		}); n != 0 && !raceEnabled {
			t.Errorf("%s (%v): %v allocations", f.Name, f.Type, n)
		}
	}
}

func TestCycleCountsAsChanged(t *testing.T) {
	root := &tree{Label: "root"}
	for range 10 {
		root.Children = append(root.Children, &tree{Label: "child", Parent: root})
	}
	a, v := of(t, &struct {
		Root  *tree
		Other int
	}{Root: root})
	m := a.Mark(nil, v)
	if got := a.Update(m, v, nil); !slices.Equal(got, []int{0}) {
		t.Errorf("changed %v", got)
	}
	for _, c := range root.Children {
		c.Parent = nil
	}
	m = a.Mark(m, v)
	if a.Changed(m, v) {
		t.Error("changed, though it is no cycle any more")
	}
}

// A panic of a type's own method is not taken for a cycle.
func TestMethodsPanicPasses(t *testing.T) {
	defer func() {
		if r := recover(); r != "boom" {
			t.Errorf("recovered %v", r)
		}
	}()
	a, v := of(t, &struct{ F *bomb }{&bomb{Next: &bomb2{}}})
	a.Mark(nil, v)
}

type bomb struct{ Next *bomb2 }
type bomb2 struct {
	Next *bomb2
	B    panics
}
type panics struct{ P *int }

func (panics) MarshalText() ([]byte, error)     { panic("boom") }
func (*panics) UnmarshalText(data []byte) error { return nil }

func TestTextDistribution(t *testing.T) {
	seen := map[uint64]string{}
	type one struct{ S string }
	var x one
	a, v := of(t, &x)
	var m Marks
	for n := range 300 {
		for i := range n {
			b := make([]byte, n)
			b[i] = 1
			x.S = string(b)
			m = a.Mark(m, v)
			if other, ok := seen[m[0]]; ok {
				t.Fatalf("%q and %q have one fingerprint", x.S, other)
			}
			seen[m[0]] = x.S
		}
	}
}

func TestWrongMarksAndTypesPanic(t *testing.T) {
	a, v := of(t, &paging{})
	for name, f := range map[string]func(){
		"noMarks":   func() { a.Changed(nil, v) },
		"otherType": func() { a.Mark(nil, reflect.ValueOf(&pair{})) },
		"decodeIntoValue": func() {
			_ = a.Decode([]byte("{}"), reflect.ValueOf(paging{}))
		},
	} {
		func() {
			defer func() {
				if r, _ := recover().(string); !strings.HasPrefix(r, "assigns: ") {
					t.Errorf("%s: recovered %q", name, r)
				}
			}()
			f()
		}()
	}
}
