package token

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

var (
	older = bytes.Repeat([]byte("o"), MinSecret)
	newer = bytes.Repeat([]byte("n"), MinSecret)
	now   = time.Unix(1_700_000_000, 0)
)

func ring(t *testing.T, secrets ...[]byte) *Ring {
	t.Helper()
	r, err := New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpen(t *testing.T) {
	r := ring(t, newer, older)
	later := now.Add(time.Minute)
	sealed := r.Seal(Page, []byte("hello"), []byte("session"), later)
	flipped := []byte(sealed)
	flipped[20] ^= 1
	tests := []struct {
		name    string
		token   string
		purpose Purpose
		binding string
		at      time.Time
		want    error
	}{
		{"own token", sealed, Page, "session", now, nil},
		{"rotated secret", ring(t, older).Seal(Page, []byte("hello"), []byte("session"), later), Page, "session", now, nil},
		{"foreign secret", ring(t, bytes.Repeat([]byte("x"), 32)).Seal(Page, []byte("hello"), []byte("session"), later), Page, "session", now, ErrForged},
		{"other session", sealed, Page, "another", now, ErrForged},
		{"other purpose", sealed, Attach, "session", now, ErrForged},
		{"too late", sealed, Page, "session", later.Add(time.Second), ErrExpired},
		{"one byte changed", string(flipped), Page, "session", now, ErrForged},
		{"cut", sealed[:len(sealed)-3], Page, "session", now, ErrForged},
		{"empty", "", Page, "session", now, ErrForged},
		{"not base64", "!!!", Page, "session", now, ErrForged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := r.Open(tt.purpose, tt.token, []byte(tt.binding), tt.at)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil && string(got) != "hello" {
				t.Errorf("opened %q", got)
			}
		})
	}
}

func TestEveryBitMatters(t *testing.T) {
	r := ring(t, newer)
	raw, _ := encoding.DecodeString(r.Seal(Attach, []byte("page 7"), nil, now))
	for i := range len(raw) * 8 {
		bad := bytes.Clone(raw)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := r.Open(Attach, encoding.EncodeToString(bad), nil, now); err == nil {
			t.Fatalf("bit %d may be changed", i)
		}
	}
}

func TestMACAndIDs(t *testing.T) {
	r := ring(t, newer, older)
	if mac := ring(t, older).MAC(Session, []byte("id")); !r.Verify(Session, []byte("id"), mac) {
		t.Error("a rotated secret's MAC is refused")
	}
	if r.Verify(Session, []byte("other"), r.MAC(Session, []byte("id"))) || r.Verify(Session, []byte("id"), nil) {
		t.Error("a wrong MAC is accepted")
	}
	ids := r.IDs(Storage, []byte("id"))
	if len(ids) != 2 || ids[1] != ring(t, older).IDs(Storage, []byte("id"))[0] || strings.Contains(ids[0], "id") && len(ids[0]) != 43 {
		t.Errorf("ids %q", ids)
	}
}

func TestNewRefusesWeakSecrets(t *testing.T) {
	if _, err := New(); err == nil {
		t.Error("no secret is accepted")
	}
	if _, err := New(newer, []byte("short")); err == nil || !strings.Contains(err.Error(), "secret 2 has 5 bytes, want at least 32") {
		t.Errorf("error %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	r, err := New(newer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Seal(Page, []byte("x"), nil, now))
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) { r.Open(Page, s, nil, now) })
}
