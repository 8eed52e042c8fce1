package projector

import (
	"slices"
	"strings"

	"github.com/callfold/callfold/schemas"
)

// reason is a Reason that names the events of some keys. A key of an event
// that the trace no longer holds, or the zero key, names none.
func reason(t *schemas.Trace, rule, why string, keys ...schemas.Key) schemas.Reason {
	out := schemas.Reason{Rule: rule, Why: why}
	for _, k := range keys {
		if k.IsZero() {
			continue
		}
		if e := t.EventAt(k); e != "" {
			out.Events = appendNew(out.Events, e)
		}
	}
	return out
}

// firstWith is the key of the event that told a time first, for times that are
// the earliest over all events and so have no key of their own: the earliest
// event of a name that the trace holds, else the earliest at or after the time.
func firstWith(t *schemas.Trace, event string, at int64) schemas.Key {
	var named, other schemas.Key
	for _, e := range t.Events { // in order of their keys
		if e.Event == event && named.IsZero() {
			named = e.At
		}
		if e.At.Time >= at && other.IsZero() && !schemas.IsCommand(e.Event) {
			other = e.At
		}
	}
	if named.IsZero() && at != 0 {
		return other
	}
	return named
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// or joins words for people: "a, b or c".
func or(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
