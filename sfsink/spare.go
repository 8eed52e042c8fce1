package sfsink

import (
	"context"
	"slices"
	"time"

	"github.com/callfold/callfold/schemas"
)

const (
	// rewriteLater is about how long a rewrite waits for more API requests.
	rewriteLater = time.Hour
	// ruleReserve is the rule of calls that wait since API requests are short.
	ruleReserve = "salesforce.api_reserve"
)

// spare ends the jobs that need no API request, or that must leave what there is to
// others.
//
// A call that was logged without a match is matched again when it is written (M9): a
// change that writes nothing asks nothing. And when API requests get short, what an
// operator wants to have rewritten waits for better times; calls that have something
// new go on.
func (t *turn) spare(ctx context.Context, open []*job) {
	later := slices.ContainsFunc(open, func(j *job) bool { return j.rewrite }) && !t.dryRun && t.governor.stillShort(ctx)
	for _, j := range open {
		switch {
		case j.erasing || j.rematch || j.uncertain() || j.unwritten && !j.rewrite:
		case j.rewrite && later && !j.live():
			j.putOff()
		case !j.rewrite && j.prev.Match == nil && len(j.prev.Written) > 0 && j.retrace() && !j.stillRejected():
			j.written(schemas.Unchanged)
		}
	}
}

// retrace projects the call with the match that is remembered. It reports whether
// what was written is what is wanted.
func (j *job) retrace() bool {
	j.lookup, j.match = j.rules.Lookup(j.record), copied(j.prev.Match)
	j.project()
	unwritten := j.unwritten
	defer func() { j.unwritten = unwritten }()
	j.unwritten = false
	r := j.row()
	return !r.create && len(r.fields) == 0
}

// live reports whether a call that is to be rewritten has something new to tell as
// well.
func (j *job) live() bool {
	switch j.prev.Result {
	case schemas.Created, schemas.Updated, schemas.Unchanged:
		return !j.retrace()
	case schemas.Waiting:
		if j.prev.Rule != ruleReserve {
			return true
		}
		if len(j.prev.Written) > 0 {
			return !j.retrace()
		}
		return j.arrived
	case schemas.Skipped, schemas.Deleted, schemas.Rejected:
		return false
	}
	return true
}

// putOff parks a call whose rewrite has to wait for more API requests.
func (j *job) putOff() {
	j.postpone(ruleReserve, j.now.Add(j.delay(1, rewriteLater, rewriteLater)))
}

// postpone parks a call whose rewrite has to wait. All that is remembered with it
// stays, but for what was written to a Task that is gone, and the command is not obeyed
// yet.
func (j *job) postpone(rule string, until time.Time) {
	j.finish(schemas.Waiting)
	j.outcome.Rule, j.outcome.Obeyed = rule, j.prev.Obeyed
	if j.taskID == j.prev.TaskID {
		j.outcome.Written = j.prev.Written
	}
	j.parkBeside(until)
}
