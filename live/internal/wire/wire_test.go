package wire

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// fixture is one kind of frame; the TypeScript client tests the same files.
type fixture struct {
	Kind, Direction, Frame string
	Value                  json.RawMessage
}

func fixtures(t testing.TB) []fixture {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	var all []fixture
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f fixture
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, f)
	}
	return all
}

var limits = Limits{}.WithDefaults()

func same(t *testing.T, got any, want json.RawMessage) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if json.Unmarshal(b, &g) != nil || json.Unmarshal(want, &w) != nil || !reflect.DeepEqual(g, w) {
		t.Errorf("decoded %s\nwant %s", b, want)
	}
}

func TestFixtures(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.Kind, func(t *testing.T) {
			var again []byte
			switch {
			case f.Direction == "down":
				d, err := DecodeDown([]byte(f.Frame))
				if err != nil {
					t.Fatal(err)
				}
				v := map[string]any{"ref": d.Ref, "patch": d.Patch}
				if !d.Extra.Empty() {
					v["extra"] = d.Extra
				}
				same(t, v, f.Value)
				if again, err = AppendDown(nil, d.Ref, d.Patch, &d.Extra); err != nil {
					t.Fatal(err)
				}
			case strings.HasPrefix(f.Kind, "join"):
				j, err := DecodeJoin([]byte(f.Frame), limits)
				if err != nil {
					t.Fatal(err)
				}
				same(t, map[string]any{"kind": "join", "token": j.Token, "options": j.Options}, f.Value)
				if again, err = AppendJoin(nil, j); err != nil {
					t.Fatal(err)
				}
			default:
				u, err := DecodeUp([]byte(f.Frame), limits)
				if err != nil {
					t.Fatal(err)
				}
				same(t, upValue(u), f.Value)
				if again, err = AppendUp(nil, u); err != nil {
					t.Fatal(err)
				}
			}
			same(t, json.RawMessage(again), json.RawMessage(f.Frame))
		})
	}
}

func upValue(u Up) map[string]any {
	v := map[string]any{"kind": [...]string{"event", "confirm", "resync", "html", "ping", "here"}[u.Kind]}
	if u.N != 0 {
		v["n"] = u.N
	}
	if u.Kind == Event {
		v["name"] = u.Name
		if !reflect.ValueOf(u.Payload).IsZero() {
			v["payload"] = u.Payload
		}
	}
	if u.Target != "" {
		v["target"] = u.Target
	}
	if u.Reason != "" {
		v["reason"] = u.Reason
	}
	return v
}

func TestBadFrames(t *testing.T) {
	l := Limits{Frame: 100, Depth: 4}.WithDefaults()
	tests := []struct{ name, frame, want string }{
		{"not JSON", `hello`, "not a JSON array"},
		{"not an array", `{"n":1}`, "not a JSON array"},
		{"cut", `[1,"Add"`, "frame byte 8: not a JSON array: unexpected end"},
		{"empty", `[]`, "an empty array"},
		{"negative number", `[-1,"Add"]`, "the first element is not a count"},
		{"fraction", `[1.5,"Add"]`, "the first element is not a count"},
		{"number too large", `[9007199254740993,"Add"]`, "the first element is not a count"},
		{"no name", `[1,""]`, "the second element is not a name"},
		{"name is a number", `[1,2]`, "the second element is not a name"},
		{"payload of another build", `[1,"Add",{"z":1}]`, `unknown field "z"`},
		{"payload is a list", `[1,"Add",[1]]`, "payload, an object"},
		{"fifth element", `[1,"Add",{},"x",1]`, "at most four"},
		{"unknown control", `[0,"shutdown"]`, `no control frame is called "shutdown"`},
		{"too deep", `[1,"Add",{"v":[[[[1]]]]}]`, "frame byte 16: nested deeper than 4"},
		{"brackets in text are no depth", `[1,"[[[[[[[["]`, ""},
		{"too long", `[1,"` + strings.Repeat("a", 100) + `"]`, "106 bytes, the limit is 100"},
		{"two values", `[1,"Add"] [2]`, "not a JSON array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeUp([]byte(tt.frame), l)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var fe *FrameError
			if !errors.As(err, &fe) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a FrameError with %q", err, tt.want)
			}
		})
	}
}

func TestBadJoins(t *testing.T) {
	tests := []struct{ name, frame, want string }{
		{"other version", `[2,"T",{}]`, "protocol version not spoken: 2, want 1"},
		{"event", `["Add"]`, "a join is [version, token, options]"},
		{"no token", `[1]`, "a join is [version, token, options]"},
		{"negative count", `[1,"T",{"k":-1}]`, "count from 0"},
		{"unknown option", `[1,"T",{"x":1}]`, `unknown field "x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeJoin([]byte(tt.frame), limits)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := DecodeJoin([]byte(`[2,"T"]`), limits); !errors.Is(err, ErrVersion) {
		t.Errorf("error %v does not match ErrVersion", err)
	}
}

func TestAppendDownKeepsWhatWasThere(t *testing.T) {
	got, err := AppendDown([]byte("before"), 1, nil, &Extra{Push: [][2]any{{"x", make(chan int)}}})
	if err == nil || string(got) != "before" {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzDecodeUp(f *testing.F) {
	for _, x := range fixtures(f) {
		f.Add([]byte(x.Frame))
	}
	for _, frame := range []string{`[7]`, `[07]`, `[7,"A"]`, `[7,"A",{"v":1}]`, `[7,"A",{"v":1,"f":""}]`, `[7,"A",{"v":null}]`,
		`[7,"A",{"v":[[[]]]}]`, `[7,"A",{"v":{"a":1},"v":{"b":2}}]`, `[9999999999999999,"A"]`, `[7,""]`, `[7,"A",{"v":}]`, `[1,"t",{}]`, `[1,"t",{"tag":"0f"}]`, `[1,"",{"tag":""}]`, `[1,"t",{"tag":"0","n":1}]`} {
		f.Add([]byte(frame))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if short, ok := decodeShortJoin(frame, limits); ok {
			if long, err := decodeJoin(frame, limits); err != nil || !reflect.DeepEqual(short, long) {
				t.Fatalf("%s is read as %+v, and the long way as %+v, %v", frame, short, long, err)
			}
		}
		DecodeJoin(frame, limits)
		if short, ok := decodeShort(frame, limits); ok {
			if long, err := decodeUp(frame, limits); err != nil || !reflect.DeepEqual(short, long) {
				t.Fatalf("%s is read as %+v, and the long way as %+v, %v", frame, short, long, err)
			}
		}
		u, err := DecodeUp(frame, limits)
		if err != nil {
			var fe *FrameError
			if !errors.As(err, &fe) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		again, err := AppendUp(nil, u)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecodeUp(again, Limits{Frame: 1 << 30, Depth: 1000}); err != nil || back.N != u.N || back.Kind != u.Kind || back.Name != u.Name && json.Valid(frame) && !strings.Contains(back.Name, "\ufffd") {
			t.Fatalf("%s became %s: %+v %v", frame, again, back, err)
		}
	})
}

// What is appended without encoding/json is what that appends.
func TestShortExtras(t *testing.T) {
	one, save := uint32(7), Unsaved
	for _, e := range []Extra{
		{}, {Shape: &one}, {Inserted: &one, Tag: "0f"}, {Save: &save}, {Shape: &one, Save: &save},
		{Join: &Joined{How: Adopt, Secret: "a-b_c"}, Shape: &one},
		{Join: &Joined{How: Mount, Secret: "x", N: 3, Recovered: true}, Shape: &one, Inserted: &one, Tag: "t", Save: &save},
	} {
		want, err := json.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := e.appendShort(nil); !ok || string(got) != string(want) {
			t.Errorf("appended %s, %v, want %s", got, ok, want)
		}
	}
	title := "t"
	for _, e := range []Extra{{Title: &title}, {To: "/"}, {Tag: `"`}, {Join: &Joined{Secret: "é"}}} {
		if got, ok := e.appendShort(nil); ok {
			t.Errorf("%+v is appended as %s", e, got)
		}
	}
}
