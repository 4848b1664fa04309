package replay

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Summary is what a list shows of a recording without opening it.
type Summary struct {
	ID      string `json:"id"`
	View    string `json:"view"`
	Route   string `json:"route,omitempty"`
	URL     string `json:"url,omitempty"`
	User    string `json:"user,omitempty"`    // a label that the app gives
	Browser string `json:"browser,omitempty"` // a label
	Build   string `json:"build,omitempty"`
	// Session links the recordings of one browser session. It is no secret of the session.
	Session string `json:"session,omitempty"`
	// Start is in whole milliseconds, UTC; Milliseconds is the time from it to the last entry.
	Start        time.Time `json:"start"`
	Milliseconds int64     `json:"ms"`

	Entries  int   `json:"entries"`
	Frames   int   `json:"frames"`
	Segments int   `json:"segments"`
	Bytes    int64 `json:"bytes"` // of the segments, as stored
	Turns    int   `json:"turns"`
	Events   int   `json:"events"` // turns that the browser caused: events, and changes of the URL
	Errors   int   `json:"errors"` // turns with errors, logged errors, and panics
	Gaps     int   `json:"gaps,omitempty"`

	EventNames []string   `json:"eventNames,omitempty"` // the first 50, sorted
	ErrorTexts []string   `json:"errorTexts,omitempty"` // the first 10, cut at 200 bytes
	Exit       ExitReason `json:"exit,omitempty"`
	Redacted   bool       `json:"redacted,omitempty"`
	Marked     bool       `json:"marked,omitempty"` // by the app, to be kept
	Codec      Codec      `json:"codec"`
	Assets     []string   `json:"assets,omitempty"` // names of kept assets
	// Document is the name of the asset that says what stood around the view, see [Shell]; empty: it is not known.
	Document string `json:"document,omitempty"`
	// Hash is the closing hash of the last segment, in hexadecimal. Empty while the recording is running.
	Hash string `json:"hash,omitempty"`
	// Node is the process that is making the recording; only of running ones.
	Node string `json:"node,omitempty"`
	// Damage says why the summary could not be read; everything but ID is then empty.
	Damage string `json:"-"`
}

// Duration returns the time from the start to the last entry.
func (s *Summary) Duration() time.Duration { return time.Duration(s.Milliseconds) * time.Millisecond }

// End returns the time of the last entry.
func (s *Summary) End() time.Time { return s.Start.Add(s.Duration()) }

// What a summary holds at most of texts from outside.
const (
	maxEventNames   = 50
	maxErrorTexts   = 10
	maxErrorText    = 200
	maxSummaryText  = 2048
	maxSummaryBytes = 64 << 10
)

// Count adds an entry to what the summary says. The recorder calls it for each entry that [Encoder.Append] took.
func (s *Summary) Count(x *Entry) {
	s.Entries++
	s.Milliseconds = max(s.Milliseconds, x.At.Milliseconds())
	switch {
	case x.Mount != nil:
		m := x.Mount
		s.View, s.Route, s.URL, s.Build = shorten(m.View, maxSummaryText), shorten(m.Route, maxSummaryText), shorten(m.URL, maxSummaryText), m.Build
		s.Start, s.Redacted = m.Start.UTC().Truncate(time.Millisecond), m.Redacted
		s.Frames++
	case x.Turn != nil:
		s.Turns++
		c := &x.Turn.Cause
		if c.Kind == CauseEvent || c.Kind == CauseParams {
			s.Events++
		}
		if c.Kind == CauseEvent {
			name := shorten(c.Name, maxErrorText)
			if i, known := slices.BinarySearch(s.EventNames, name); !known && len(s.EventNames) < maxEventNames {
				s.EventNames = slices.Insert(s.EventNames, i, name)
			}
		}
		s.failed(x.Turn.Error)
		if x.Turn.Effect != nil {
			s.Frames++
		}
	case x.Log != nil:
		if x.Log.Level >= 8 {
			s.failed(x.Log.Message)
		}
	case x.Exit != nil:
		s.Exit = x.Exit.Reason
		if x.Exit.Reason == ExitPanic {
			s.failed(cmp.Or(x.Exit.Error, "panic"))
		}
	case x.Gap != nil:
		s.Gaps++
	}
}

// uncount takes back what Count has counted of an entry that was not recorded after all. Its error stays.
func (s *Summary) uncount(x *Entry) {
	s.Entries--
	if x.effect() != nil {
		s.Frames--
	}
	if x.Turn == nil {
		return
	}
	s.Turns--
	if k := x.Turn.Cause.Kind; k == CauseEvent || k == CauseParams {
		s.Events--
	}
}

func (s *Summary) failed(text string) {
	if text == "" {
		return
	}
	s.Errors++
	if text = shorten(text, maxErrorText); len(s.ErrorTexts) < maxErrorTexts && !slices.Contains(s.ErrorTexts, text) {
		s.ErrorTexts = append(s.ErrorTexts, text)
	}
}

// shorten cuts a text to at most n bytes, between characters, and makes it valid UTF-8.
func shorten(s string, n int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// SearchText returns what a search looks in, in lower case: id, view, URL, user, event names and error texts.
func (s *Summary) SearchText() string {
	parts := append([]string{s.ID, s.View, s.Route, s.URL, s.User}, s.EventNames...)
	return strings.ToLower(strings.Join(append(parts, s.ErrorTexts...), "\n"))
}

// A summary's object is a line and its JSON.
const (
	summaryMagic = "livelong-summary/1 sha256="
	runningMagic = "livelong-running/1 sha256="
	indexMagic   = "livelong-index/1 sha256="
	nodeMagic    = "livelong-node/1 sha256="
)

// wrap returns an object: a line that names what it is and its checksum, and the contents.
func wrap(magic string, data []byte) []byte {
	sum := sha256.Sum256(data)
	return append([]byte(magic+hex.EncodeToString(sum[:])+"\n"), data...)
}

// unwrap returns the contents of an object. Its errors match ErrDamaged or ErrFormat.
func unwrap(magic string, data []byte, limit int) ([]byte, error) {
	if len(data) > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrDamaged, len(data), limit)
	}
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	want, ok := strings.CutPrefix(string(line[:min(len(line), 256)]), magic)
	if !ok {
		kind, _, _ := strings.Cut(magic, "/")
		if strings.HasPrefix(string(line), kind+"/") {
			return nil, fmt.Errorf("%w: it begins with %.40q, this build reads %q", ErrFormat, line, magic)
		}
		return nil, fmt.Errorf("%w: it does not begin with %q", ErrDamaged, magic)
	}
	if sum := sha256.Sum256(rest); hex.EncodeToString(sum[:]) != want {
		return nil, fmt.Errorf("%w: its checksum does not fit", ErrDamaged)
	}
	return rest, nil
}

func encodeSummary(magic string, s *Summary) ([]byte, error) {
	if err := CheckID(s.ID); err != nil {
		return nil, err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the summary of %s: %w", s.ID, err)
	}
	if len(data) > maxSummaryBytes {
		return nil, fmt.Errorf("the summary of %s has %d bytes: %w", s.ID, len(data), ErrTooLarge)
	}
	return wrap(magic, data), nil
}

func decodeSummary(magic string, data []byte) (Summary, error) {
	var s Summary
	data, err := unwrap(magic, data, maxSummaryBytes+len(magic)+100)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return s, s.check()
}

func (s *Summary) check() error {
	if err := CheckID(s.ID); err != nil {
		return fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if s.Segments < 0 || s.Segments > maxSegments || s.Frames < 0 || s.Entries < 0 || s.Milliseconds < 0 {
		return fmt.Errorf("%w: its counts are impossible", ErrDamaged)
	}
	return nil
}

// newestFirst is the order of lists.
func newestFirst(a, b Summary) int {
	if c := b.Start.Compare(a.Start); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}
