// Package token seals what the browser holds for the server: page tokens, attach secrets, flash messages.
//
// A sealed token is AES-256-GCM (NIST SP 800-38D) under a key derived by HKDF-SHA256 (RFC 5869) from the newest of the
// app's secrets and the token's purpose, so that a token of one purpose never opens as another. Nonces are random: one
// secret is good for 2^32 tokens of each purpose, after which it should be rotated. Older secrets still open tokens.
package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Purpose separates the keys of tokens that must not be taken for each other.
type Purpose int

// The purposes of tokens and codes.
const (
	Page    Purpose = iota // the token in the page's root element
	Attach                 // the secret given at each attach, which resumes it
	Flash                  // messages carried over a redirect
	Session                // authenticates the session cookie
	Storage                // derives storage ids from session ids
	Post                   // guards forms that are posted without JavaScript
	Renewal                // in the session cookie: which session it was renewed from
	Ticket                 // lets a page's socket change the session cookie
	purposes
)

var labels = [purposes]string{"page", "attach", "flash", "session", "storage", "post", "renewal", "ticket"}

// MinSecret is the least length of a secret in bytes.
const MinSecret = 32

// MACSize is the length in bytes of what MAC returns.
const MACSize = 16

var (
	// ErrForged means that no secret of the ring opens the token for this purpose and binding.
	ErrForged = errors.New("token is not ours, or not of this browser session")
	// ErrExpired means that the token is genuine and too old.
	ErrExpired = errors.New("token has expired")
)

var encoding = base64.RawURLEncoding

// Ring holds the keys of an app's secrets, newest first. It is safe for use by several goroutines.
type Ring struct{ secrets []keys }

type keys struct {
	seal [purposes]cipher.AEAD
	mac  [purposes][]byte
}

// New derives the keys of secrets, newest first. Each secret has at least MinSecret bytes.
func New(secrets ...[]byte) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("derive token keys: no secret")
	}
	ring := &Ring{secrets: make([]keys, len(secrets))}
	for i, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("derive token keys: secret %d has %d bytes, want at least %d", i+1, len(secret), MinSecret)
		}
		for p := range purposes {
			key, err := hkdf.Key(sha256.New, secret, nil, "livelong "+labels[p], 64)
			if err != nil {
				return nil, fmt.Errorf("derive token keys: %w", err)
			}
			block, err := aes.NewCipher(key[:32])
			if err != nil {
				return nil, fmt.Errorf("derive token keys: %w", err)
			}
			if ring.secrets[i].seal[p], err = cipher.NewGCM(block); err != nil {
				return nil, fmt.Errorf("derive token keys: %w", err)
			}
			ring.secrets[i].mac[p] = key[32:]
		}
	}
	return ring, nil
}

// Seal encrypts data under the newest secret. The token opens until expires, only for the same purpose and binding
// (what it is tied to, such as the browser session's id).
func (r *Ring) Seal(p Purpose, data, binding []byte, expires time.Time) string {
	aead := r.secrets[0].seal[p]
	plain := make([]byte, 8, 8+len(data))
	binary.BigEndian.PutUint64(plain, uint64(expires.Unix()))
	plain = append(plain, data...)
	out := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(out) // never fails, see crypto/rand
	return encoding.EncodeToString(aead.Seal(out, out, plain, binding))
}

// Open returns the data of a token made by Seal. Its errors match ErrForged or ErrExpired.
func (r *Ring) Open(p Purpose, token string, binding []byte, now time.Time) ([]byte, error) {
	sealed, err := encoding.DecodeString(token)
	if err != nil {
		return nil, ErrForged
	}
	for i := range r.secrets {
		aead := r.secrets[i].seal[p]
		n := aead.NonceSize()
		if len(sealed) < n+aead.Overhead()+8 {
			return nil, ErrForged
		}
		plain, err := aead.Open(nil, sealed[:n], sealed[n:], binding)
		if err != nil {
			continue
		}
		if now.Unix() > int64(binary.BigEndian.Uint64(plain)) {
			return nil, ErrExpired
		}
		return plain[8:], nil
	}
	return nil, ErrForged
}

// MAC authenticates data under the newest secret: HMAC-SHA256, cut to MACSize bytes.
func (r *Ring) MAC(p Purpose, data []byte) []byte { return sum(r.secrets[0].mac[p], data)[:MACSize] }

// Verify reports whether mac is data's MAC under any of the secrets.
func (r *Ring) Verify(p Purpose, data, mac []byte) bool {
	for i := range r.secrets {
		if hmac.Equal(sum(r.secrets[i].mac[p], data)[:MACSize], mac) {
			return true
		}
	}
	return false
}

// IDs derives one identifier of data per secret, newest first, as 43 characters of base64url.
func (r *Ring) IDs(p Purpose, data []byte) []string {
	ids := make([]string, len(r.secrets))
	for i := range r.secrets {
		ids[i] = encoding.EncodeToString(sum(r.secrets[i].mac[p], data))
	}
	return ids
}

func sum(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}
