package durable

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// An object is one line of text and a payload:
//
//	livelong-state/1 sha256=HEX⏎{…}               the document's JSON, with its checksum
//	livelong-state/1 aes256gcm=KEYID⏎NONCE…        the same JSON, sealed; the object's key is additional data
//
// KEYID is the first 8 bytes of the key's SHA-256, in hexadecimal.
const (
	magic      = "livelong-state/"
	format     = "1"
	checked    = "sha256="
	sealed     = "aes256gcm="
	maxObject  = 4 << 20
	maxHeader  = 128
	keyIDBytes = 8
)

// envelope wraps documents into objects and unwraps them.
type envelope struct {
	keys     []encryptionKey
	required bool // plain documents are refused
}

type encryptionKey struct {
	id   string
	aead cipher.AEAD
}

func newEnvelope(secrets [][]byte) (envelope, error) {
	var e envelope
	for i, secret := range secrets {
		if len(secret) != 32 {
			return e, fmt.Errorf("bad Options.EncryptionKeys: key %d has %d bytes, want 32", i+1, len(secret))
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return e, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return e, err
		}
		sum := sha256.Sum256(secret)
		e.keys = append(e.keys, encryptionKey{hex.EncodeToString(sum[:keyIDBytes]), aead})
	}
	return e, nil
}

// wrap returns the object for a document's JSON under an object's key.
func (e envelope) wrap(key string, json []byte) []byte {
	if len(e.keys) == 0 {
		sum := sha256.Sum256(json)
		return append([]byte(magic+format+" "+checked+hex.EncodeToString(sum[:])+"\n"), json...)
	}
	k := e.keys[0]
	out := []byte(magic + format + " " + sealed + k.id + "\n")
	nonce := make([]byte, k.aead.NonceSize())
	rand.Read(nonce) // never fails, see crypto/rand
	return k.aead.Seal(append(out, nonce...), nonce, json, []byte(key))
}

// unwrap returns the JSON in an object. Its errors match ErrDamaged, ErrFormat or ErrKey.
func (e envelope) unwrap(key string, data []byte) ([]byte, error) {
	if len(data) > maxObject {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrDamaged, len(data), maxObject)
	}
	header, _, ok := bytes.Cut(data[:min(len(data), maxHeader)], []byte("\n"))
	version, ours := strings.CutPrefix(string(header), magic)
	if !ok || !ours {
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrDamaged, magic)
	}
	payload := data[len(header)+1:]
	version, how, _ := strings.Cut(version, " ")
	if version != format {
		return nil, fmt.Errorf("%w: %q, this is %s", ErrFormat, version, format)
	}
	if want, ok := strings.CutPrefix(how, checked); ok {
		if e.required {
			return nil, fmt.Errorf("%w: it is not encrypted", ErrKey)
		}
		if sum := sha256.Sum256(payload); hex.EncodeToString(sum[:]) != want {
			return nil, fmt.Errorf("%w: its checksum does not fit", ErrDamaged)
		}
		return payload, nil
	}
	id, ok := strings.CutPrefix(how, sealed)
	if !ok {
		return nil, fmt.Errorf("%w: unknown wrapping %q", ErrFormat, how)
	}
	for _, k := range e.keys {
		n := k.aead.NonceSize()
		if k.id != id {
			continue
		}
		if len(payload) < n {
			return nil, fmt.Errorf("%w: it is cut short", ErrDamaged)
		}
		plain, err := k.aead.Open(nil, payload[:n], payload[n:], []byte(key))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("%w: it was encrypted with key %s", ErrKey, id)
}
