package backfill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/aircall"
	"github.com/callfold/callfold/schemas"
)

// Stuck is a call without an end.
type Stuck struct {
	ID int64 `json:"call_id"`
	// Since is when it began or, where that is unknown, the time of Event.
	Since time.Time `json:"since"`
	// Status is the furthest that was seen.
	Status string `json:"status"`
	// Event and EventAt are its newest event from Aircall, as far as the trace goes back:
	// an operator's command is no sign of life.
	Event   string    `json:"event"`
	EventAt time.Time `json:"event_at"`
	// Result is what came of closing it; empty while nobody tried.
	Result Closing `json:"result,omitzero"`

	authors *authors
}

// Closing is what came of closing a call.
type Closing string

// The results of closing.
const (
	Closed  Closing = "closed"  // Aircall knows the end; it is in the log now
	Open    Closing = "open"    // Aircall knows no end either
	Unknown Closing = "unknown" // Aircall does not know the call
)

// FindStuck gives the calls that began before a time and have no end, the oldest
// first, and the partitions in which an open transaction hides what the log knows.
func FindStuck(ctx context.Context, client *kgo.Client, calls string, before time.Time) ([]Stuck, []int32, error) {
	found, hidden, err := readCalls(ctx, client, calls, func(r *schemas.CallRecord) (Stuck, bool) {
		event, at := newestOfAircall(r)
		since := cmp.Or(r.State.StartedAt, at)
		if r.State.Erased.Known() || hasEnded(&r.State) || since >= before.Unix() {
			return Stuck{}, false
		}
		s := Stuck{
			ID: r.State.ID, Since: time.Unix(since, 0).UTC(), Status: r.State.Status.String(),
			Event: event, EventAt: time.Unix(at, 0).UTC(), authors: knownOf(r).authors,
		}
		return s, true
	})
	if err != nil {
		return nil, nil, err
	}
	stuck := make([]Stuck, 0, len(found))
	for _, s := range found {
		stuck = append(stuck, s)
	}
	slices.SortFunc(stuck, func(a, b Stuck) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	return stuck, hidden, nil
}

// newestOfAircall is the newest event of a call that is no command, and its UNIX time; of
// a trace that has only commands, the newest time.
func newestOfAircall(r *schemas.CallRecord) (event string, at int64) {
	for _, e := range slices.Backward(r.Trace.Events) {
		if !schemas.IsCommand(e.Event) {
			return e.Event, e.At.Time
		}
	}
	return "", r.State.Newest.Time
}

// Close asks Aircall for each of the calls, publishes those that ended, and sets
// their results. With an error those that have one are done.
func (b *Backfill) Close(ctx context.Context, stuck []Stuck) error {
	for i := range stuck {
		s := &stuck[i]
		call, err := b.o.Aircall.Call(ctx, s.ID)
		if errors.Is(err, aircall.ErrUnknownCall) {
			s.Result = Unknown
			continue
		}
		if err != nil {
			return err
		}
		text, event, err := shaped(call, s.authors)
		if err != nil {
			return fmt.Errorf("reading call %d: %w", s.ID, err)
		}
		if state := schemas.Of(event); !hasEnded(&state) {
			s.Result = Open
			continue
		}
		if err := b.publish(ctx, []*kgo.Record{b.record(s.ID, text)}); err != nil {
			return err
		}
		s.Result = Closed
	}
	return nil
}
