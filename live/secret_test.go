package live_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/assigns"
	"github.com/livelong-dev/livelong/live/internal/payload"
)

type card struct {
	Number live.Secret[string]
	PIN    live.Secret[int]
	Codes  []live.Secret[string]
	Names  map[string]live.Secret[[]string]
	hidden live.Secret[string]
}

func newCard() *card {
	return &card{
		Number: live.SecretOf("4111-1111"), PIN: live.SecretOf(987654), Codes: []live.Secret[string]{live.SecretOf("code-a")},
		Names: map[string]live.Secret[[]string]{"a": live.SecretOf([]string{"name-b"})}, hidden: live.SecretOf("hidden-c"),
	}
}

var cardSecrets = []string{"4111-1111", "987654", "code-a", "name-b", "hidden-c"}

func TestSecretIsNotPrinted(t *testing.T) {
	c := newCard()
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("message "+c.Number.String(), "number", c.Number, "group", slog.GroupValue(slog.Any("pin", c.PIN)))
	}
	printed := map[string]string{"log": log.String(), "error": fmt.Errorf("card: %w %v", fmt.Errorf("%s", c.Number), c).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		printed[verb] = fmt.Sprintf(verb, c.Number)
		if got := printed[verb]; got != "[redacted]" {
			t.Errorf("%s prints %s", verb, got)
		}
		printed[verb+" of a pointer"] = fmt.Sprintf(verb, c)
		printed[verb+" of a struct"] = fmt.Sprintf(verb, *c)
	}
	for how, text := range printed {
		for _, secret := range cardSecrets {
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s shows %s: %s", how, secret, text)
			}
		}
	}
}

func TestSecretIsAField(t *testing.T) {
	a, err := assigns.Of(reflect.TypeFor[card]())
	if err != nil {
		t.Fatal(err)
	}
	c := newCard()
	data, err := a.Encode(reflect.ValueOf(c))
	if want := `{"Number":"4111-1111","PIN":987654,"Codes":["code-a"],"Names":{"a":["name-b"]}}`; err != nil || string(data) != want {
		t.Errorf("got  %s %v\nwant %s", data, err, want)
	}
	var back card
	if err := a.Decode(data, reflect.ValueOf(&back)); err != nil || back.Number.Reveal() != "4111-1111" || back.PIN.Reveal() != 987654 ||
		back.Codes[0].Reveal() != "code-a" || back.Names["a"].Reveal()[0] != "name-b" || back.hidden.Reveal() != "" {
		t.Errorf("%v", err)
	}
	m := a.Mark(nil, reflect.ValueOf(c))
	if a.Changed(m, reflect.ValueOf(&back)) {
		t.Error("an equal secret is a change")
	}
	back.PIN = live.SecretOf(1)
	if !a.Changed(m, reflect.ValueOf(&back)) {
		t.Error("another secret is no change")
	}
	err = a.Decode([]byte(`{"PIN":"topsecret"}`), reflect.ValueOf(&back))
	if err == nil || strings.Contains(err.Error(), "topsecret") || back.PIN.Reveal() != 1 {
		t.Errorf("%v", err)
	}
	var zero card
	if data, err := a.Encode(reflect.ValueOf(&zero)); err != nil || string(data) != `{"Number":"","PIN":0,"Codes":null,"Names":null}` {
		t.Errorf("got %s %v", data, err)
	}
}

func TestSecretIsAFormField(t *testing.T) {
	type login struct {
		Password live.Secret[string] `form:"password"`
		PIN      live.Secret[int]    `form:"pin"`
	}
	e, err := payload.ForEvent(reflect.TypeFor[login]())
	if err != nil {
		t.Fatal(err)
	}
	var l login
	err = e.Decode(nil, url.Values{"password": {"hunter2"}, "pin": {"1234"}}, nil, reflect.ValueOf(&l))
	if err != nil || l.Password.Reveal() != "hunter2" || l.PIN.Reveal() != 1234 {
		t.Errorf("%v, %q %d", err, l.Password.Reveal(), l.PIN.Reveal())
	}
	if err := e.Decode(nil, url.Values{"pin": {"hunter3"}}, nil, reflect.ValueOf(&l)); err == nil || strings.Contains(err.Error(), "hunter3") {
		t.Errorf("%v", err)
	}
}

func TestSecretRedacts(t *testing.T) {
	c := newCard()
	kept := c.Number
	c.Number.Redact()
	c.PIN.Redact()
	if c.Number.Reveal() != "[redacted]" || c.PIN.Reveal() != 0 || kept.Reveal() != "4111-1111" {
		t.Errorf("%q %d %q", c.Number.Reveal(), c.PIN.Reveal(), kept.Reveal())
	}
	var empty live.Secret[string]
	empty.Redact()
	if data, err := json.Marshal(empty); err != nil || string(data) != `""` {
		t.Errorf("%s %v", data, err)
	}
}
