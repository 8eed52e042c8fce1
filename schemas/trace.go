package schemas

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

func compareTraceEvents(a, b TraceEvent) int {
	return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Event, b.Event))
}

// Add is the trace with one more event. Events are ordered by key, then name;
// the newest 32 are kept, and of an event that came twice the lower offset.
// Like the state, the trace does not depend on the order of events.
func (t Trace) Add(e Event, offset int64) Trace {
	event := TraceEvent{At: e.Key, Event: e.Name, Offset: offset}
	i, found := t.find(event)
	if found {
		t.Events = slices.Clone(t.Events)
		t.Events[i].Offset = min(t.Events[i].Offset, offset)
		return t
	}
	events := make([]TraceEvent, 0, len(t.Events)+1)
	events = append(append(append(events, t.Events[:i]...), event), t.Events[i:]...)
	t.Events = events[max(0, len(events)-maxTrace):]
	return t
}

// find is the place of an event, or the one it would have. Nearly always that is
// the end, where it is looked for first.
func (t Trace) find(event TraceEvent) (i int, found bool) {
	n := len(t.Events)
	if n == 0 || compareTraceEvents(t.Events[n-1], event) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(t.Events, event, compareTraceEvents)
}

// EventAt names the event of a key as NAME@UNIXSECONDS, for reasons and
// explanations. Where the trace does not hold it any more, NAME is the rank's;
// for the zero Key the result is "".
func (t Trace) EventAt(k Key) string {
	if k.IsZero() {
		return ""
	}
	name := k.Rank.String()
	// The first event of that key, whatever its name.
	i, _ := slices.BinarySearchFunc(t.Events, TraceEvent{At: k}, compareTraceEvents)
	if i < len(t.Events) && t.Events[i].At == k {
		name = t.Events[i].Event
	}
	return name + "@" + strconv.FormatInt(k.Time, 10)
}
