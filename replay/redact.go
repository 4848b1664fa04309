package replay

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Redacted is what is recorded in place of a text.
const Redacted = "[redacted]"

// Rules say which names are those of secrets: of fields, keys of maps, inputs of forms, parameters of URLs, attributes of
// logs. Case and separators do not matter: "api key" is in X-API-Key, apiKeys and user.api_key.
type Rules struct {
	// Contains are words of names like password or user_password_2.
	Contains []string
	// Is are whole names, like pin or pins, or card[pin], which is that of a pin in a card.
	Is []string
}

// DefaultRules returns the rules that are used where none are given.
func DefaultRules() Rules {
	return Rules{
		Contains: []string{
			"password", "passwd", "token", "secret", "api key", "private key", "credential", "authorization", "cookie", "csrf",
			"session id", "card number", "one-time",
		},
		Is: []string{"cvv", "cvc", "ssn", "pin", "otp"},
	}
}

// Redactable is a value that takes out of itself what must not be recorded, as live.Secret does. Redact is called on a
// copy, whose slices, maps and pointers are those of the original: it replaces them and does not change what they refer to.
type Redactable interface{ Redact() }

var redactable = reflect.TypeFor[Redactable]()

// RedactorOptions are options of [NewRedactor]. The zero value means the defaults.
type RedactorOptions struct {
	Rules Rules // default DefaultRules()
	// HashKey is the key of what the tag record:"hash" writes. Default: random, so that hashes of two processes differ.
	HashKey   []byte
	Sanitizer Sanitizer // nil: none
}

// Redactor takes secrets out of what is recorded, before it leaves the instance. It may be used from any goroutine.
//
// Values keep their kinds, so that templates still render: texts that are not empty become "[redacted]", numbers 0, booleans
// false, and structs, lists and what pointers lead to are gone through; a map loses its keys. A field may have a tag:
//
//	record:"-"     it is never recorded, and is the zero value in a replay
//	record:"mask"  it is redacted, whatever its name
//	record:"hash"  a keyed hash is recorded in its place, by which equal values are recognised
type Redactor struct {
	contains, is []string // folded
	pairs        *regexp.Regexp
	key          []byte
	sanitizer    Sanitizer
	plans        sync.Map // reflect.Type → plan
	structs      sync.Map // reflect.Type → []treatment, by field
}

// NewRedactor returns a redactor.
func NewRedactor(o RedactorOptions) *Redactor {
	if o.Rules.Contains == nil && o.Rules.Is == nil {
		o.Rules = DefaultRules()
	}
	if o.HashKey == nil {
		o.HashKey = make([]byte, 32)
		rand.Read(o.HashKey) // never fails, see crypto/rand
	}
	r := &Redactor{key: slices.Clone(o.HashKey), sanitizer: o.Sanitizer}
	var words []string
	for _, name := range o.Rules.Contains {
		if f := fold(name); f != "" {
			r.contains = append(r.contains, f)
			words = append(words, strings.Join(strings.FieldsFunc(regexp.QuoteMeta(name), func(c rune) bool { return c == ' ' || c == '-' || c == '_' || c == '\\' }), `[\s_.-]*`))
		}
	}
	for _, name := range o.Rules.Is {
		if f := fold(name); f != "" {
			r.is = append(r.is, f)
			words = append(words, `\b`+regexp.QuoteMeta(name)+`\b`)
		}
	}
	if words != nil {
		// In running text: a name, = or :, and a value, quoted or up to the next space.
		r.pairs = regexp.MustCompile(`(?i)((?:` + strings.Join(words, "|") + `)[\w.-]*["']?\s*[=:]\s*(?:Bearer\s+|Basic\s+)?)("[^"]*"|'[^']*'|[^\s&,;]+)`)
	}
	return r
}

// fold takes case and separators out of a name.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, name)
}

// Sensitive reports whether a name is that of a secret by the rules.
func (r *Redactor) Sensitive(name string) bool {
	folded := fold(name)
	is := func(folded string) bool {
		return slices.Contains(r.is, folded) || slices.Contains(r.is, strings.TrimSuffix(folded, "s"))
	}
	if is(folded) || slices.ContainsFunc(r.contains, func(w string) bool { return strings.Contains(folded, w) }) {
		return true
	}
	for part := range strings.FieldsFuncSeq(name, func(c rune) bool { return c == '.' || c == '[' || c == ']' || c == '/' }) {
		if len(part) < len(name) && is(fold(part)) {
			return true
		}
	}
	return false
}

// plan is what is known of a type.
type plan struct {
	static  bool // something of it is always redacted: a field by its name or tag, a Redactable
	dynamic bool // something may be, by the key of a map or what an interface holds
	opaque  bool // it encodes itself, so that only its JSON can be gone through
}

func (p plan) none() bool { return !p.static && !p.dynamic && !p.opaque }

func (p plan) or(q plan) plan {
	return plan{p.static || q.static, p.dynamic || q.dynamic, p.opaque || q.opaque}
}

// Redacts reports whether something of every value of a type is redacted. Of such a view no patches and no HTML are
// recorded. Of other types something may be all the same, see [Redaction.Found].
func (r *Redactor) Redacts(t reflect.Type) bool { return r.plan(t).static }

func (r *Redactor) plan(t reflect.Type) plan {
	if known, ok := r.plans.Load(t); ok {
		return known.(plan)
	}
	p := r.analyse(t, map[reflect.Type]bool{})
	r.plans.Store(t, p)
	return p
}

func (r *Redactor) analyse(t reflect.Type, open map[reflect.Type]bool) plan {
	if open[t] {
		return plan{}
	}
	open[t] = true
	defer delete(open, t)
	switch {
	case t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(redactable):
		return plan{static: true}
	case t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer && encodesItself(t):
		return plan{opaque: t != timeType}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return r.analyse(t.Elem(), open)
	case reflect.Map:
		return plan{dynamic: true}.or(r.analyse(t.Elem(), open))
	case reflect.Interface:
		return plan{dynamic: true, opaque: true}
	case reflect.Struct:
		var p plan
		for i := range t.NumField() {
			f := t.Field(i)
			if !f.IsExported() && !f.Anonymous {
				continue
			}
			if r.treatment(&f) != keepIt {
				p.static = true
			}
			p = p.or(r.analyse(f.Type, open))
		}
		return p
	}
	return plan{}
}

// treatment is what becomes of a field.
type treatment uint8

const (
	keepIt treatment = iota
	mask
	hash
	omit
)

// treatment returns what a field's tag and names ask for: its Go name, and those in its json and form tags.
func (r *Redactor) treatment(f *reflect.StructField) treatment { return r.treat(f.Name, f.Tag) }

func (r *Redactor) treat(name string, tag reflect.StructTag) treatment {
	switch tag.Get("record") {
	case "-":
		return omit
	case "mask":
		return mask
	case "hash":
		return hash
	}
	for _, key := range []string{"json", "form"} {
		other, _, _ := strings.Cut(tag.Get(key), ",")
		if r.Sensitive(other) {
			return mask
		}
	}
	if r.Sensitive(name) {
		return mask
	}
	return keepIt
}

// treatments returns those of a struct's fields.
func (r *Redactor) treatments(t reflect.Type) []treatment {
	if known, ok := r.structs.Load(t); ok {
		return known.([]treatment)
	}
	list := make([]treatment, t.NumField())
	for i := range list {
		f := t.Field(i)
		list[i] = r.treatment(&f)
	}
	r.structs.Store(t, list)
	return list
}

// Redaction is the redaction of one recording. It remembers what it has taken out, so that the same texts are found in logs
// and errors. It belongs to one goroutine at a time.
type Redaction struct {
	r       *Redactor
	also    map[string]bool
	secrets []string // texts that were taken out, the longest first
	oldest  []string // the same, the oldest first
	bytes   int
	found   bool
}

// What is remembered of secrets, for texts in which they may come up again.
const (
	minSecret      = 6
	maxSecrets     = 200
	maxSecretBytes = 64 << 10
)

// Begin returns the redaction of a new recording.
func (r *Redactor) Begin() *Redaction { return &Redaction{r: r, also: map[string]bool{}} }

// Also adds a name of its own, as that of an <input type=password>; it is compared as those of Rules.Is are.
func (x *Redaction) Also(names ...string) {
	for _, n := range names {
		if f := fold(n); f != "" {
			x.also[f] = true
		}
	}
}

// Found reports whether anything was taken out so far.
func (x *Redaction) Found() bool { return x.found }

func (x *Redaction) sensitive(name string) bool {
	if x.r.Sensitive(name) {
		return true
	}
	return len(x.also) > 0 && x.also[fold(name)]
}

// remember keeps a text that was taken out, also as it looks in JSON, in HTML and in a URL.
func (x *Redaction) remember(secret string) {
	x.found = true
	if len(secret) < minSecret || secret == Redacted {
		return
	}
	x.keep(secret)
	if strings.IndexFunc(secret, func(c rune) bool { return !(unicode.IsLetter(c) || unicode.IsDigit(c)) || c > unicode.MaxASCII }) < 0 {
		return
	}
	forms := []string{html.EscapeString(secret), url.QueryEscape(secret), url.PathEscape(secret)}
	if plain, err := appendJSONString(nil, secret); err == nil {
		forms = append(forms, string(plain[1:len(plain)-1]))
	}
	if escaped, err := json.Marshal(secret); err == nil {
		forms = append(forms, string(escaped[1:len(escaped)-1]))
	}
	for _, form := range forms {
		if form != secret {
			x.keep(form)
		}
	}
}

// keep adds to the texts that are looked for, the oldest of which make room.
func (x *Redaction) keep(secret string) {
	i, known := slices.BinarySearchFunc(x.secrets, secret, longestFirst)
	if known || len(secret) > maxSecretBytes {
		return
	}
	x.secrets, x.oldest = slices.Insert(x.secrets, i, secret), append(x.oldest, secret)
	x.bytes += len(secret)
	for len(x.secrets) > maxSecrets || x.bytes > maxSecretBytes {
		old := x.oldest[0]
		x.oldest = x.oldest[1:]
		i, _ := slices.BinarySearchFunc(x.secrets, old, longestFirst)
		x.secrets = slices.Delete(x.secrets, i, i+1)
		x.bytes -= len(old)
	}
}

func longestFirst(a, b string) int {
	if len(a) != len(b) {
		return len(b) - len(a)
	}
	return strings.Compare(a, b)
}

// newest is the text that was added last.
func (x *Redaction) newest() string {
	if len(x.oldest) == 0 {
		return ""
	}
	return x.oldest[len(x.oldest)-1]
}

// hashed returns the keyed hash of a value's JSON, 8 bytes.
func (r *Redactor) hashed(data []byte) []byte {
	m := hmac.New(sha256.New, r.key)
	m.Write(data)
	return m.Sum(nil)[:8]
}

func (r *Redactor) hashText(s string) string {
	return "[hash " + hex.EncodeToString(r.hashed([]byte(s))) + "]"
}

// Named is a value with the name and the tag that it has as a field.
type Named struct {
	Name  string
	Tag   reflect.StructTag
	Value reflect.Value
}

// Field returns the JSON of a field, redacted, as encoding/json and live write it, without escapes for HTML. keep is false
// when the field is not to be recorded. The value is not changed, but read without a lock. Values nested deeper than 100 are
// left out. Errors are those of encoding/json.
func (x *Redaction) Field(n Named) (data []byte, keep bool, err error) {
	how := x.treat(n.Name, n.Tag)
	if how == omit {
		x.found = true
		return nil, false, nil
	}
	v := reflect.New(n.Value.Type()).Elem()
	v.Set(n.Value)
	p := x.r.plan(v.Type())
	if how != keepIt {
		x.cover(v, how, 0)
	} else if !p.none() || len(x.also) > 0 {
		x.walk(v, 0)
	}
	if data, err = encodeJSON(v); err != nil {
		return nil, false, err
	}
	if how == keepIt && (p.opaque || p.dynamic) {
		data = x.JSON(data)
	}
	return data, true, nil
}

// Untouched reports whether Field would record any value of a field as it is, so that who has a faster way to encode it may
// use that.
func (x *Redaction) Untouched(name string, tag reflect.StructTag, t reflect.Type) bool {
	return len(x.also) == 0 && x.r.treat(name, tag) == keepIt && x.r.plan(t).none()
}

// Object returns the JSON object of fields, as an event's payload is recorded. Those that are not to be recorded are left
// out.
func (x *Redaction) Object(fields []Named) ([]byte, error) {
	dst := []byte{'{'}
	for _, f := range fields {
		data, keep, err := x.Field(f)
		if err != nil {
			return nil, err
		}
		if !keep {
			continue
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSONString(dst, f.Name); err != nil {
			return nil, err
		}
		dst = append(append(dst, ':'), data...)
	}
	return append(dst, '}'), nil
}

func (x *Redaction) treat(name string, tag reflect.StructTag) treatment {
	how := x.r.treat(name, tag)
	if form, _, _ := strings.Cut(tag.Get("form"), ","); how == keepIt && len(x.also) > 0 && (x.also[fold(name)] || x.also[fold(form)]) {
		return mask
	}
	return how
}

// encodeJSON encodes an addressable value.
func encodeJSON(v reflect.Value) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v.Addr().Interface()); err != nil {
		return nil, err
	}
	return b.Bytes()[:b.Len()-1], nil
}
