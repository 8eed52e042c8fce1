package history

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Event is one event that was folded.
type Event struct {
	// Key is its place in the order of the call's events, Time when Aircall
	// built its body.
	Key  schemas.Key `json:"key"`
	Time time.Time   `json:"time"`
	// Name is such as call.answered.
	Name string `json:"event"`
	// Offset is that in the topic events.
	Offset int64 `json:"offset"`

	// What follows is from the log, and empty where it no longer has the event.

	// Gone is true where it has not.
	Gone       bool           `json:"gone,omitzero"`
	Source     schemas.Source `json:"source,omitzero"`
	ReceivedAt time.Time      `json:"received_at,omitzero"`
	// What says in a few words what happened; empty for the events of an erased call,
	// but for commands.
	What string `json:"what,omitzero"`
	// Changed are the fields of the state that it changed, by name, when the events
	// are folded in their own order.
	Changed []Change `json:"changed,omitempty"`
}

// eventOf is the event of a trace, r its record or nil.
func eventOf(t schemas.TraceEvent, r *kgo.Record) Event {
	e := Event{Key: t.At, Time: time.Unix(t.At.Time, 0).UTC(), Name: t.Event, Offset: t.Offset, Gone: r == nil}
	if r == nil {
		return e
	}
	e.Source = schemas.Source(stream.Header(r, schemas.HeaderSource))
	e.ReceivedAt = r.Timestamp.UTC()
	if ms, err := strconv.ParseInt(stream.Header(r, schemas.HeaderReceivedAt), 10, 64); err == nil {
		e.ReceivedAt = time.UnixMilli(ms).UTC()
	}
	e.What = describe(t.Event, r.Value)
	return e
}
