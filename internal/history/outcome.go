package history

import (
	"context"
	"time"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Decision is what is told of an outcome in the history of a call.
type Decision struct {
	// Offset is that in the topic tasks.
	Offset    int64          `json:"offset"`
	DecidedAt time.Time      `json:"decided_at"`
	Result    schemas.Result `json:"result"`
	Rule      string         `json:"rule,omitzero"`
	// Code is Salesforce's, of a call that is retrying or rejected.
	Code      string `json:"code,omitzero"`
	Attempts  int    `json:"attempts,omitzero"`
	StateHash string `json:"state_hash"`
}

// margin is by how much the clocks of those who wrote records may differ.
const margin = 24 * time.Hour

// readOutcomes reads the newest outcome of the call, and what the topic has of the
// older ones. None was written before the call's first event came; where that is
// known, what lies before it is not read.
func (c *Call) readOutcomes(ctx context.Context, tasks *partition.Partition, key string) error {
	if !c.Partial && !c.Erased() && !c.began.IsZero() {
		part, err := tasks.Since(ctx, c.began.Add(-margin))
		if err != nil {
			return err
		}
		tasks = part
	}
	records, _, err := recordsOf(ctx, tasks, key)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Value == nil {
			c.Outcome, c.Decisions = nil, c.Decisions[:0] // it was deleted
			continue
		}
		o, err := schemas.Outcomes.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
		if err != nil {
			return unreadable(r, err)
		}
		d := Decision{
			Offset: r.Offset, DecidedAt: time.UnixMilli(o.DecidedAt).UTC(), Result: o.Result, Rule: o.Rule,
			Attempts: o.Attempts, StateHash: o.StateHash,
		}
		if o.Error != nil {
			d.Code = o.Error.Code
		}
		c.Outcome, c.Decisions = &o, append(c.Decisions, d)
	}
	return nil
}
