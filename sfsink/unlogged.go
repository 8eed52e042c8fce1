package sfsink

import (
	"time"

	"github.com/callfold/callfold/schemas"
)

// A call that turns into one that is not logged leaves its Task as it is (L3), and so
// does one whose newest state is rejected. Where the last write to the Task, or one
// before, may be carried out yet, it would not stay so: the state that was written last
// waits for the reading back, besides the call's outcome, which is about its newest
// state.

// unlogged tells whether what is parked is such a state.
func unlogged(o schemas.Outcome) bool {
	return (o.Result == schemas.Skipped || o.Result == schemas.Waiting || o.Result == schemas.Rejected) &&
		o.Confirm != 0 && o.Parked != nil && o.Parked.State.Hash() != o.StateHash
}

// confirmLater makes the engine bring the state that was written last, for the
// reading back of its Task, though the newest is not written.
func (j *job) confirmLater() {
	j.outcome.Confirm = max(j.confirm, j.prev.Confirm)
	switch j.prev.Result {
	case schemas.Created, schemas.Updated, schemas.Unchanged:
	default:
		if !unlogged(j.prev) {
			return
		}
	}
	if j.outcome.Confirm != 0 && j.prev.Parked != nil {
		j.outcome.NextAttempt, j.outcome.Parked = j.outcome.Confirm, j.prev.Parked
	}
}

// leaveUnlogged gives the calls that are not logged any more the outcomes that they
// had, with what is known now of their Tasks.
func (t *turn) leaveUnlogged() {
	for _, j := range t.jobs {
		if !j.besides {
			continue
		}
		o, done := j.prev, j.outcome
		o.Confirm, o.NextAttempt, o.Parked, o.Attempts = 0, 0, nil, 0
		switch done.Result {
		case schemas.Created, schemas.Updated, schemas.Unchanged:
			o.TaskID, o.Written, o.LastWritten, o.Kept, o.Confirm = done.TaskID, done.Written, nil, done.Kept, done.Confirm
		case schemas.Retrying:
			o.Confirm, o.Attempts = done.NextAttempt, done.Attempts
		}
		j.outcome = &o
		if o.Confirm != 0 {
			j.park(time.UnixMilli(o.Confirm))
		}
	}
}
