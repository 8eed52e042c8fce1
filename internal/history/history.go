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
	// At is the number of the event, from 1, that the state is the one after; 0
	// where it is the newest state (see [Call.After]).
	At int `json:"at,omitzero"`
	// Outcome is the newest of the topic tasks; nil while the sink has not
	// looked at the call.
	Outcome *schemas.Outcome `json:"outcome"`
	// Decisions are what the sink decided, oldest first, as far as the topic tasks
	// still has it: the topic is compacted, so older ones go with time.
	Decisions []Decision `json:"decisions"`
	// Events are those that the trace holds, the newest 32, in their own order.
	Events []Event `json:"events"`
	// Partial is true where the events do not make the state, since older ones are
	// no longer known or gone from the log: what each changed is then as far as it
	// is known.
	Partial bool `json:"partial,omitzero"`

	// record is the newest state with its trace, after the states after each event.
	record schemas.CallRecord
	after  []schemas.Call
	began  time.Time // when the first of the events was received
}

// Record is the newest state with its trace.
func (c *Call) Record() schemas.CallRecord { return c.record }

// Erased says whether an operator erased the call. What the log still holds of its
// events is then not told.
func (c *Call) Erased() bool { return c.record.State.Erased.Known() }

// After is the call with the state after its n-th event, from 1. The events are
// taken in their own order, whatever the order in which they came.
func (c Call) After(n int) (Call, error) {
	if n < 1 || n > len(c.after) {
		return c, fmt.Errorf("the call has no event %d: the events known of it are 1 to %d", n, len(c.after))
	}
	c.At, c.State = n, c.after[n-1]
	c.StateHash = c.State.Hash()
	return c, nil
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
		return Call{}, unreadable(folded, err)
	}
	c := Call{
		ID: id, Partition: folded.Partition, Offset: folded.Offset, FoldedAt: folded.Timestamp.UTC(),
		StateHash: record.State.Hash(), State: record.State, record: record, Decisions: []Decision{},
		Events: make([]Event, 0, len(record.Trace.Events)),
	}
	records := make([]*kgo.Record, len(record.Trace.Events))
	for i, t := range record.Trace.Events {
		r, err := parts.events.At(ctx, t.Offset)
		if err != nil {
			return Call{}, err
		}
		if r != nil && string(r.Key) != key {
			r = nil // the topic was made anew since
		}
		records[i] = r
		c.Events = append(c.Events, eventOf(t, r))
	}
	c.fold(records)
	return c, c.readOutcomes(ctx, parts.tasks, key)
}

func unreadable(r *kgo.Record, err error) error {
	return fmt.Errorf("reading %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
}
