package replay_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"reflect"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
)

// TestNothingLeaks plants secrets in values of random types at depth 5, records them with everything else that can hold one,
// and looks for their bytes in what an archive has, and in what that decompresses to.
func TestNothingLeaks(t *testing.T) {
	names := []string{"Password", "api_key", "AccessToken", "otp", "SessionID", "Private-Key"}
	for seed := range uint64(40 * *soak) {
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
		searched, seen := 0, false
		for key, all := range decompressed(a.Objects()) {
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

// decompressed is what an archive has, and what that decompresses to.
func decompressed(objects map[string][]byte) map[string][][]byte {
	z, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	defer z.Close()
	found := map[string][][]byte{}
	for key, data := range objects {
		found[key] = append(found[key], data)
		for i := range len(data) - 4 { // every zstd frame, wherever it begins
			if bytes.HasPrefix(data[i:], []byte{0x28, 0xb5, 0x2f, 0xfd}) {
				// Behind the frames there is the hash, so the decoder ends with an error, and what it had.
				if out, _ := z.DecodeAll(data[i:len(data)-32], nil); out != nil {
					found[key] = append(found[key], out)
				}
			}
		}
	}
	return found
}
