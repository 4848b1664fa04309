package replay

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
)

// Text returns a running text, such as a log's message or an error, without what was taken out elsewhere in this recording
// (texts of 6 bytes or more), and without the values of pairs like password=x or "token": "x".
func (x *Redaction) Text(s string) string {
	for _, secret := range x.secrets {
		s = strings.ReplaceAll(s, secret, Redacted)
	}
	if x.r.pairs == nil {
		return s
	}
	return x.r.pairs.ReplaceAllStringFunc(s, func(pair string) string {
		m := x.r.pairs.FindStringSubmatch(pair)
		if m == nil || strings.Contains(m[2], Redacted) {
			return pair
		}
		x.remember(strings.Trim(m[2], `"'`))
		return m[1] + Redacted
	})
}

// Values returns form values or parameters, redacted by their names; nil for nil.
func (x *Redaction) Values(values url.Values) url.Values {
	if values == nil {
		return nil
	}
	out := make(url.Values, len(values))
	for name, list := range values {
		kept := make([]string, len(list))
		for i, v := range list {
			kept[i] = x.value(name, v)
		}
		out[name] = kept
	}
	return out
}

func (x *Redaction) value(name, v string) string {
	if v == "" || !x.sensitive(name) {
		return x.scrub(v)
	}
	x.remember(v)
	x.found = true
	return Redacted
}

// scrub takes out what is known to be a secret.
func (x *Redaction) scrub(s string) string {
	for _, secret := range x.secrets {
		s = strings.ReplaceAll(s, secret, Redacted)
	}
	return s
}

// Form returns application/x-www-form-urlencoded values, redacted by their names; all else is kept as it is, in its order.
func (x *Redaction) Form(form string) string {
	if form == "" {
		return ""
	}
	pairs := strings.Split(form, "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		text, err := url.QueryUnescape(value)
		if err != nil {
			text = value
		}
		if out := x.value(plain, text); ok && out != text {
			pairs[i] = name + "=" + url.QueryEscape(out)
		}
	}
	return strings.Join(pairs, "&")
}

// URL returns a URL, or the path and query of one, redacted: values in its query and fragment by their names, the password
// of a user, and the parts of its path that the route's pattern ("GET /reset/{token}") gives such names.
func (x *Redaction) URL(raw, pattern string) string {
	rest, fragment, hasFragment := strings.Cut(raw, "#")
	rest, query, hasQuery := strings.Cut(rest, "?")
	origin := ""
	if i := strings.Index(rest, "://"); i >= 0 {
		end := strings.IndexByte(rest[i+3:], '/')
		if end < 0 {
			end = len(rest) - i - 3
		}
		origin, rest = x.origin(rest[:i+3+end]), rest[i+3+end:]
	}
	out := origin + x.path(rest, pattern)
	if hasQuery {
		out += "?" + x.Form(query)
	}
	if hasFragment {
		if strings.Contains(fragment, "=") {
			fragment = x.Form(fragment)
		}
		out += "#" + x.scrub(fragment)
	}
	return out
}

func (x *Redaction) origin(s string) string {
	scheme, host, _ := strings.Cut(s, "://")
	at := strings.LastIndexByte(host, '@')
	if at < 0 {
		return s
	}
	user, password, has := strings.Cut(host[:at], ":")
	if !has {
		return s
	}
	if plain, err := url.PathUnescape(password); err == nil {
		password = plain
	}
	x.remember(password)
	return scheme + "://" + user + ":" + Redacted + host[at:]
}

// path redacts the parts of a path that a pattern of net/http names.
func (x *Redaction) path(path, pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		pattern = pattern[i:]
	}
	parts := strings.Split(path, "/")
	for i, p := range strings.Split(pattern, "/") {
		name, wild := strings.CutPrefix(p, "{")
		name, whole := strings.CutSuffix(name, "}")
		name, all := strings.CutSuffix(name, "...")
		if !wild || !whole || i >= len(parts) || !x.sensitive(name) {
			continue
		}
		end := i + 1
		if all {
			end = len(parts)
		}
		for j := i; j < end; j++ {
			text, err := url.PathUnescape(parts[j])
			if err != nil {
				text = parts[j]
			}
			if text != "" {
				x.remember(text)
				parts[j] = url.PathEscape(Redacted)
			}
		}
	}
	return x.scrub(strings.Join(parts, "/"))
}

// Log returns a log record as it is recorded: its message and attributes redacted. The time is the entry's.
func (x *Redaction) Log(r slog.Record) *Log {
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	l := &Log{Level: int(r.Level), Attrs: x.Attrs(attrs)} // first, for the message may repeat what they hold
	l.Message = x.Text(r.Message)
	return l
}

// Attrs returns the attributes of a log record, redacted and as text; those of groups have the groups' names before
// theirs. Structs, maps and lists become JSON.
func (x *Redaction) Attrs(attrs []slog.Attr) []Attr { return x.attrs(nil, "", false, attrs) }

func (x *Redaction) attrs(dst []Attr, prefix string, hide bool, attrs []slog.Attr) []Attr {
	for _, a := range attrs {
		v := a.Value.Resolve()
		key := prefix + a.Key
		hide := hide || x.sensitive(a.Key)
		switch {
		case v.Kind() == slog.KindGroup:
			inner := key + "."
			if a.Key == "" {
				inner = prefix
			}
			dst = x.attrs(dst, inner, hide, v.Group())
		case hide:
			x.found = true
			x.rememberAny(v)
			dst = append(dst, Attr{key, Redacted})
		default:
			dst = append(dst, Attr{key, x.attr(v)})
		}
	}
	return dst
}

// attr returns a value as text.
func (x *Redaction) attr(v slog.Value) string {
	if v.Kind() != slog.KindAny {
		return x.Text(v.String())
	}
	switch a := v.Any().(type) {
	case nil:
		return "<nil>"
	case error:
		return x.Text(a.Error())
	case json.Marshaler, fmt.Stringer:
	default:
		if data, keep, err := x.Field(Named{Value: reflect.ValueOf(a)}); err == nil && keep {
			return x.Text(string(data))
		}
	}
	return x.Text(v.String())
}

func (x *Redaction) rememberAny(v slog.Value) {
	if v.Kind() != slog.KindAny {
		x.remember(v.String())
		return
	}
	if a := v.Any(); a != nil {
		if data, err := json.Marshal(a); err == nil {
			x.rememberTexts(data, true)
		}
		x.remember(v.String())
	}
}
