package projector

import (
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

// firstNamed is the key of the earliest event of a name that the trace holds,
// for values that are a minimum over all events and so have no key of their own.
func firstNamed(t *schemas.Trace, event string) schemas.Key {
	var first schemas.Key
	for _, e := range t.Events {
		if e.Event == event && (first.IsZero() || e.At.Compare(first) < 0) {
			first = e.At
		}
	}
	return first
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
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
