package history

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Topics are the full names of the topics to read.
type Topics struct{ Events, Calls, Tasks string }

// ErrUnknown means that the topic calls has no state of the call: no event of it
// came, or none was folded yet.
var ErrUnknown = errors.New("no state of this call is known")

// Call is what Kafka holds of one call.
type Call struct {
	ID int64 `json:"call_id"`
	// Partition is that of the call in all three topics.
	Partition int32 `json:"partition"`
	// Offset is that of the state in the topic calls, FoldedAt its time there.
	Offset    int64        `json:"offset"`
	FoldedAt  time.Time    `json:"folded_at"`
	StateHash string       `json:"state_hash"`
	State     schemas.Call `json:"state"`
	// Outcome is the newest of the topic tasks; nil while the sink has not
	// looked at the call.
	Outcome *schemas.Outcome `json:"outcome"`
	// Events are those that the trace holds, the newest 32, in their own order.
	Events []Event `json:"events"`
}

// Read reads the history of the call with this id. The error is [ErrUnknown] or
// [schemas.ErrNewerSchema] where that is what is wrong; it wraps the client's
// error where Kafka could not be asked.
func Read(ctx context.Context, client *kgo.Client, topics Topics, id int64) (Call, error) {
	key := strconv.FormatInt(id, 10)
	parts, err := partitionsOf(ctx, client, topics, key)
	if err != nil {
		return Call{}, err
	}
	folded, err := newest(ctx, parts.calls, key)
	if err != nil {
		return Call{}, err
	}
	if folded == nil {
		return Call{}, ErrUnknown
	}
	record, err := schemas.Calls.Decode(stream.Header(folded, schemas.HeaderSchema), folded.Value)
	if err != nil {
		return Call{}, fmt.Errorf("reading %s, partition %d, offset %d: %w", folded.Topic, folded.Partition, folded.Offset, err)
	}
	c := Call{
		ID: id, Partition: folded.Partition, Offset: folded.Offset, FoldedAt: folded.Timestamp.UTC(),
		StateHash: record.State.Hash(), State: record.State, Events: make([]Event, 0, len(record.Trace.Events)),
	}
	decided, err := newest(ctx, parts.tasks, key)
	if err != nil {
		return Call{}, err
	}
	if decided != nil {
		outcome, err := schemas.Outcomes.Decode(stream.Header(decided, schemas.HeaderSchema), decided.Value)
		if err != nil {
			return Call{}, fmt.Errorf("reading %s, partition %d, offset %d: %w", decided.Topic, decided.Partition, decided.Offset, err)
		}
		c.Outcome = &outcome
	}
	for _, t := range record.Trace.Events {
		r, err := parts.events.At(ctx, t.Offset)
		if err != nil {
			return Call{}, err
		}
		if r != nil && string(r.Key) != key {
			r = nil // the topic was made anew since
		}
		e := eventOf(t, r)
		if record.State.Erased.Known() && !schemas.IsCommand(e.Name) {
			e.What = "" // the log may still have it, but it is not to be told
		}
		c.Events = append(c.Events, e)
	}
	return c, nil
}
