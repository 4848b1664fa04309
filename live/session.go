package live

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live/internal/token"
)

// cookieName returns the name of the cookie that carries the browser session's id. On TLS its prefix keeps other hosts of
// the domain from setting it.
func (a *App) cookieName(r *http.Request) string {
	if a.secure(r) {
		return "__Host-livelong_session"
	}
	return "livelong_session"
}

func (a *App) secure(r *http.Request) bool { return r.TLS != nil || a.options.SecureCookie }

const (
	cookieAge = 400 * 24 * time.Hour // the longest browsers allow
	day       = 24 * time.Hour
	// freshFor is how long a cookie is left alone. One set again with each page would undo a login: the answer to a page
	// that was asked for before it may come after it.
	freshFor = 30 // days
)

// session is a browser session: 256 random bits, made only here, authenticated so that no other id is taken for ours.
type session struct {
	id   [32]byte
	new  bool       // made by this request
	old  bool       // its cookie is to be set again: it is old, or authenticated by an old secret
	from []renewing // what it was renewed from, the newest first; nil: nothing, or long done
}

func (a *App) newSession() session {
	s := session{new: true}
	rand.Read(s.id[:])
	return s
}

// sessionOf returns the request's session; ok is false when it carries none of ours.
func (a *App) sessionOf(r *http.Request) (s session, ok bool) {
	cookie, err := r.Cookie(a.cookieName(r))
	if err != nil {
		return s, false
	}
	value, from, _ := strings.Cut(cookie.Value, ".")
	raw, err := base64.RawURLEncoding.DecodeString(value)
	signed := len(s.id) + 2
	if err != nil || len(raw) != signed+token.MACSize || !a.ring.Verify(token.Session, raw[:signed], raw[signed:]) {
		return s, false
	}
	copy(s.id[:], raw)
	age := today() - binary.BigEndian.Uint16(raw[len(s.id):])
	s.old = age > freshFor || !bytes.Equal(raw[signed:], a.ring.MAC(token.Session, raw[:signed]))
	s.from = a.openRenewal(from, s.id)
	return s, true
}

// today counts the days since 1970, as a cookie notes the one it was made on.
func today() uint16 { return uint16(time.Now().Unix() / int64(day.Seconds())) }

// keepCookie sets the cookie of a page's session where the browser does not have it as it should be.
func (a *App) keepCookie(w http.ResponseWriter, r *http.Request, asked, given session) {
	if given.new || given.old || len(asked.from) != len(given.from) {
		a.setCookie(w, r, given)
	}
}

// setCookie gives the browser the session's id: with the day and their MAC, and what it was renewed from.
func (a *App) setCookie(w http.ResponseWriter, r *http.Request, s session) {
	raw := binary.BigEndian.AppendUint16(s.id[:], today())
	raw = append(raw, a.ring.MAC(token.Session, raw)...)
	value := base64.RawURLEncoding.EncodeToString(raw)
	if len(s.from) > 0 {
		value += "." + a.sealRenewal(s)
	}
	http.SetCookie(w, &http.Cookie{
		Name: a.cookieName(r), Value: value, Path: "/",
		MaxAge: int(cookieAge.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: a.secure(r),
	})
}

// storageIDs are the session's names in storage, one per secret, newest first: they do not reveal the cookie's id.
func (a *App) storageIDs(s session) []string { return a.ring.IDs(token.Storage, s.id[:]) }

// postSeal guards the session's plain forms against being posted by another site.
func (a *App) postSeal(s session) string {
	return base64.RawURLEncoding.EncodeToString(a.ring.MAC(token.Post, s.id[:]))
}

func (a *App) checkSeal(s session, seal string) bool {
	mac, err := base64.RawURLEncoding.DecodeString(seal)
	return err == nil && a.ring.Verify(token.Post, s.id[:], mac)
}

func encodeFlash(messages []FlashMessage) []byte {
	data, err := json.Marshal(messages)
	if err != nil {
		panic(err) // strings always encode
	}
	return data
}

func decodeFlash(data []byte) (messages []FlashMessage) {
	if json.Unmarshal(data, &messages) != nil {
		return nil // of another build
	}
	return messages
}
