package live

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/livelong-dev/livelong/live/internal/token"
)

// cookieName is the cookie that carries the browser session's id.
const cookieName = "livelong_session"

// cookieAge is renewed with each page that is loaded.
const cookieAge = 400 * 24 * time.Hour // the longest browsers allow

// session is a browser session: 256 random bits, made only here, authenticated so that no other id is taken for ours.
type session struct {
	id   [32]byte
	new  bool       // made by this request
	from []renewing // what it was renewed from, the newest first; nil: nothing, or long done
}

func (a *App) newSession() session {
	s := session{new: true}
	rand.Read(s.id[:])
	return s
}

// sessionOf returns the request's session; ok is false when it carries none of ours.
func (a *App) sessionOf(r *http.Request) (s session, ok bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return s, false
	}
	value, from, _ := strings.Cut(cookie.Value, ".")
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(raw) != len(s.id)+token.MACSize || !a.ring.Verify(token.Session, raw[:len(s.id)], raw[len(s.id):]) {
		return s, false
	}
	copy(s.id[:], raw)
	s.from = a.openRenewal(from, s.id)
	return s, true
}

// setCookie gives the browser the session's id.
func (a *App) setCookie(w http.ResponseWriter, r *http.Request, s session) {
	raw := append(s.id[:], a.ring.MAC(token.Session, s.id[:])...)
	value := base64.RawURLEncoding.EncodeToString(raw)
	if len(s.from) > 0 {
		value += "." + a.sealRenewal(s)
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/",
		MaxAge: int(cookieAge.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil || a.options.SecureCookie,
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
