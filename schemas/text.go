package schemas

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what one event can put into a state. With them the largest state,
// however many events made it, is about 1.4 MB of JSON (TestLargestState), so
// that it fits a record of 2 MiB. All are far above what real calls have. They
// are applied to each event on its own, so the laws of the fold hold for what
// is left.
//
// Lengths of texts are in UTF-16 units, as Salesforce counts. Control
// characters other than tab and line ends become U+FFFD, so that no unit takes
// more than three bytes of JSON.
const (
	// MaxNote is the longest note kept: a Task's Description cannot hold more
	// (F18), so that more can never be shown.
	MaxNote = 32_000

	maxName     = 1_000  // names, and every other text that has no limit of its own
	maxLink     = 4_096  // bytes; a longer link is dropped, never cut
	maxTags     = 1_000  // of more, the first by time are kept
	maxTagText  = 64_000 // in all tags' names together
	maxComments = 500    // of more, the newest are kept
	maxNoteText = 64_000 // in all notes together, with their authors
	maxIVR      = 100    // of more, the first are kept
	maxIVRText  = 10_000 // in all titles together

	// maxAgents bounds the users of one call. Over it those with the lowest
	// ids are kept: that choice, unlike "the newest", does not depend on the
	// order in which they are seen.
	maxAgents = 100
	// maxSeen is the number of seconds kept for an agent, the earliest.
	maxSeen = 16
	// maxTransfers is the number of transfers kept, the newest.
	maxTransfers = 16
	// maxTrace is the number of events kept in a trace, the newest.
	maxTrace = 32
)

// maxTime is the end of the year 9999, the last that RFC 3339 can write.
const maxTime = 253_402_300_799

// text is a JSON string's value, cut to so many units; "" for anything else.
func text(v value, units int) string {
	return clean(v.str(), units)
}

// clean copies s as valid UTF-8 without control characters, cut at a code
// point to so many UTF-16 units. A copy, so that a small text does not keep
// the whole body in memory.
func clean(s string, units int) string {
	if len(s) <= units && utf8.ValidString(s) && !hasControls(s) {
		return strings.Clone(s)
	}
	var b strings.Builder
	b.Grow(min(len(s), 3*units))
	for _, r := range s { // invalid bytes come as U+FFFD
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' {
			r = utf8.RuneError
		}
		if units -= unitsOf(r); units < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hasControls reports whether s has a control character that clean replaces.
func hasControls(s string) bool {
	for i := skipPlain(s, 0); i < len(s); i = skipPlain(s, i+1) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return true
		}
	}
	return false
}

// unitsOf is how many UTF-16 units a code point takes.
func unitsOf(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// units is a text's length in UTF-16 units.
func units(s string) (n int) {
	for _, r := range s {
		n += unitsOf(r)
	}
	return n
}

// link is a JSON string's value; "" for anything else and for what is longer
// than maxLink, because half a link leads nowhere.
func link(v value) string {
	s := v.str()
	if len(s) > maxLink {
		return ""
	}
	if s = clean(s, maxLink); len(s) > maxLink { // U+FFFD takes three bytes
		return ""
	}
	return s
}

// identifier is a JSON number in 1 … 2^63−1 written as plain digits; 0 for
// anything else. It never goes through a float64.
func identifier(v value) int64 {
	if !digits(string(v)) {
		return 0
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// unixTime is a JSON number in UNIX seconds up to the year 9999; 0 for
// anything else. A fraction is taken only where it is all zeros.
func unixTime(v value) int64 {
	if t := seconds(v); t <= maxTime {
		return t
	}
	return 0
}

// timestamp is an envelope's timestamp; 0 where it is not usable. Unlike times
// inside, any size is taken: one beyond all measure (milliseconds, most
// likely) is to be rejected as in the future, not replaced.
func timestamp(v value) int64 { return seconds(v) }

// seconds is a positive whole JSON number, at most the largest int64; 0 for
// anything else.
func seconds(v value) int64 {
	whole, fraction, _ := strings.Cut(string(v), ".")
	if !digits(whole) || strings.Trim(fraction, "0") != "" {
		return 0
	}
	// ParseInt gives the largest int64 along with a range error.
	n, _ := strconv.ParseInt(whole, 10, 64)
	return n
}

// digits reports whether s is one or more ASCII digits.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
