package sfsink

import (
	"time"

	"github.com/callfold/callfold/schemas"
)

// A call that turns into one that is not logged leaves its Task as it is (L3), and so
// does one whose newest state is rejected. Where the last write to the Task, or one
// before, may be carried out yet, it would not stay so: the state that was written last
// waits for the reading back, besides the call's outcome, which is about its newest
// state. While that one has the parking place, since it is tried again, the other is
// kept beside it.

// unlogged tells whether what is parked is such a state.
func unlogged(o schemas.Outcome) bool {
	return (o.Result == schemas.Skipped || o.Result == schemas.Waiting || o.Result == schemas.Rejected) &&
		o.Confirm != 0 && o.Parked != nil && o.Parked.State.Hash() != o.StateHash
}

// writtenLast is the call record that was written last, where the Task is to be read
// back; nil where it is not, or where no such record is known.
func writtenLast(o schemas.Outcome) *schemas.CallRecord {
	switch {
	case o.Confirm == 0:
		return nil
	case o.Result == schemas.Created, o.Result == schemas.Updated, o.Result == schemas.Unchanged, unlogged(o):
		return o.Parked
	}
	return o.Unconfirmed
}

// confirmLater makes the engine bring the state that was written last, for the
// reading back of its Task, though the newest is not written.
func (j *job) confirmLater() {
	j.outcome.Confirm = max(j.confirm, j.prev.Confirm)
	if last := writtenLast(j.prev); last != nil {
		j.outcome.NextAttempt, j.outcome.Parked = j.outcome.Confirm, last
	}
}

// parkBeside parks the newest state, which may yet be written. The one that was written
// last is kept in case it is not.
func (j *job) parkBeside(until time.Time) {
	if last := writtenLast(j.prev); last != nil {
		j.outcome.Confirm, j.outcome.Unconfirmed = max(j.confirm, j.prev.Confirm), last
	}
	j.park(until)
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
