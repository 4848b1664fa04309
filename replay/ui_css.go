package replay

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssEscape  = regexp.MustCompile(`\\(?:([0-9a-fA-F]{1,6})[ \t\n\f]?|([g-zG-Z]))`)
	cssAddress = regexp.MustCompile(`(?i)\burl\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\)`)
	cssImports = regexp.MustCompile(`(?i)@import\s*(?:"([^"]*)"|'([^']*)'|url\(\s*(?:"([^"]*)"|'([^']*)'|([^)"'\s]*))\s*\))`)
	// These load by texts that are no url().
	cssLoaders = regexp.MustCompile(`(?i)\b(?:(?:image|src|cross-fade)\(|(?:-webkit-)?image-set\((?:[^()"']|\([^()]*\))*["'])`)
	// In the sandbox there are no scripts, but where the page was shown there were.
	cssScripting = regexp.MustCompile(`(?i)\(\s*scripting\s*(?::\s*([a-z-]+)\s*)?\)`)
)

// css keeps of a stylesheet's addresses those of kept assets. The policy of the document is what holds, should a way
// around this be found.
func (f *framer) css(text string) string {
	if strings.Contains(text, `\`) {
		text = cssEscape.ReplaceAllStringFunc(text, plainLetter)
	}
	text = cssComment.ReplaceAllString(text, " ")
	text = cssScripting.ReplaceAllStringFunc(text, func(match string) string {
		if value := cssScripting.FindStringSubmatch(match)[1]; value == "" || strings.EqualFold(value, "enabled") {
			return "(min-width: 0)"
		}
		return "(max-width: 0)"
	})
	// Of one that is not kept an unknown rule is left, which says nothing.
	text = f.replace(text, cssImports, `@import "`, `"`, `@gone ""`)
	text = f.replace(text, cssAddress, `url("`, `")`, `url("data:,")`)
	return cssLoaders.ReplaceAllStringFunc(text, func(match string) string { return "gone" + match[strings.IndexByte(match, '('):] })
}

// replace gives what a stylesheet refers to the address of what was kept, or puts something else in its place.
func (f *framer) replace(text string, expression *regexp.Regexp, before, after, none string) string {
	return expression.ReplaceAllStringFunc(text, func(match string) string {
		ref := strings.Join(expression.FindStringSubmatch(match)[1:], "")
		lower := strings.ToLower(ref)
		if strings.HasPrefix(ref, "#") || strings.HasPrefix(lower, "data:image/") || strings.HasPrefix(lower, "data:font/") {
			return match
		}
		if to, ok := f.kept(ref); ok {
			return before + to + after
		}
		return none
	})
}

// plainLetter writes an escaped letter as it is; anything else may stand in a text, and stays.
func plainLetter(match string) string {
	m := cssEscape.FindStringSubmatch(match)
	if m[2] != "" {
		return m[2]
	}
	n, err := strconv.ParseUint(m[1], 16, 32)
	if c := rune(n); err == nil && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '(' || c == ')' || c == '@' || c == '-') {
		return string(c)
	}
	return match
}
