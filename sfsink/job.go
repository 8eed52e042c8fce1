package sfsink

import (
	"maps"
	"slices"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// job is one call in a turn, from its state to its outcome.
type job struct {
	*turn
	states
	key    string
	record schemas.CallRecord
	prev   schemas.Outcome // the zero Outcome for a call that was never looked at
	// arrived is true when the state came as a record, not from its parking place.
	arrived bool
	// repeated is true when a turn that did not commit may have written to the Task
	// before.
	repeated bool

	decision  projector.Decision
	stateHash string
	// Operator's commands that no outcome has taken account of yet.
	rewrite, rematch, retry bool

	// confirm is when the Task must be read back, in UNIX milliseconds, 0 for never;
	// unconfirmed is true when that is now, until it was done.
	confirm     int64
	unconfirmed bool
	// holds is what the Task has, of the fields that were read, and modifiedBy who
	// changed it last; kept are the fields that somebody had changed.
	holds      salesforce.Record
	modifiedBy string
	kept       []string
	// besides is true for a call that is not logged any more, of which only the Task
	// written last is read back.
	besides bool
	// erasing is true for a call that an operator erased, until its Task is.
	erasing bool

	// Found by resolve, anew in each round.
	lookup   projector.Lookup
	match    *schemas.Match
	owner    *schemas.Owner
	ownerWhy schemas.Reason
	task     projector.Task
	hashes   map[string]string // of the Task wanted

	// Learnt from Salesforce's answers.
	taskID      string          // of the Task that exists
	unwritten   bool            // what prev.Written says does not hold for it
	forgotten   bool            // the remembered match is gone
	noReference bool            // nor does another one do
	badOwners   map[string]bool // Ids of owners that Salesforce refused
	notes       []string        // what to say about the references
	last        *problem        // the newest refusal
	created     *schemas.Match  // the record created for this call (M6)

	bulk inBulk

	// outcome ends the job.
	outcome *schemas.Outcome
}

// decide ends the job by the rules that need no Salesforce, or leaves it open.
func (j *job) decide() {
	j.stateHash = j.record.State.Hash()
	j.taskID = j.prev.TaskID
	asked, obeyed := commandsOf(&j.record.State), j.prev.Obeyed
	j.rewrite, j.rematch, j.retry = anew(asked.Rewrite, obeyed.Rewrite), anew(asked.Rematch, obeyed.Rematch), anew(asked.Retry, obeyed.Retry)
	if j.besides = !j.arrived && unlogged(j.prev); j.besides {
		j.rewrite, j.rematch, j.retry = false, false, false // those that this state knows were obeyed, or overtaken
	}
	j.decision = j.rules.Decide(j.record, j.now)
	if j.erasedSince() {
		j.decision = projector.Decision{Action: projector.Skip, Rule: projector.RuleErased}
		o := j.prev
		j.outcome = &o
		return
	}
	j.unwritten = j.rewrite || j.uncertain()
	j.confirmable()
	switch {
	case j.decision.Rule == projector.RuleErased:
		j.erase()
	case j.decision.Action == projector.Skip:
		j.finish(schemas.Skipped)
		j.confirmLater()
	case j.decision.Action == projector.Wait:
		j.finish(schemas.Waiting)
		if j.confirmLater(); !j.decision.Until.IsZero() {
			j.parkBeside(j.decision.Until)
		}
	case j.arrived && j.prev.Result == schemas.Retrying && j.prev.NextAttempt > j.now.UnixMilli() && !j.retry:
		// A newer state takes the parking place and keeps the time. Commands are obeyed
		// when it has come.
		j.finish(schemas.Retrying)
		j.outcome.Obeyed = j.prev.Obeyed
		j.outcome.Error, j.outcome.Attempts, j.outcome.Since = j.prev.Error, j.prev.Attempts, j.prev.Since
		j.outcome.Confirm = max(j.confirm, j.prev.Confirm)
		j.parkBeside(time.UnixMilli(j.prev.NextAttempt))
	}
	j.settle()
}

// uncertain reports whether the Task may hold something else than what is
// remembered as written to it: a turn may have written and not committed, and a
// request that was refused or not answered may have been done all the same. A
// field whose wanted value has gone back to the remembered one meanwhile would be
// left out otherwise.
func (j *job) uncertain() bool {
	return !j.dryRun && (j.repeated || j.prev.Result == schemas.Retrying || j.prev.Confirm != 0)
}

// confirmable decides when the Task is to be read back.
func (j *job) confirmable() {
	if j.dryRun {
		return
	}
	j.unconfirmed = j.prev.Confirm != 0 && j.prev.Confirm <= j.now.UnixMilli()
	if !j.unconfirmed {
		j.confirm = j.prev.Confirm
	}
	if j.repeated {
		j.unsure()
	}
}

// finish ends the job, keeping what is remembered with the call.
func (j *job) finish(result schemas.Result) {
	o := j.prev
	o.CallID = j.record.State.ID
	o.Result = result
	o.Rule = j.decision.Rule
	o.Kind = string(j.decision.Kind)
	o.StateHash = j.stateHash
	o.DecidedAt = j.now.UnixMilli()
	o.TaskID = j.taskID
	o.Error, o.Attempts, o.Since, o.Refused = nil, 0, 0, ""
	o.NextAttempt, o.Parked, o.Unconfirmed, o.Confirm, o.Bulk = 0, nil, nil, j.confirm, nil
	o.Obeyed = latest(o.Obeyed, commandsOf(&j.record.State))
	// Where nothing is written now, it holds for the next write.
	if j.unwritten {
		o.Written, o.LastWritten = nil, j.remembered()
	}
	if j.holds != nil {
		o.Kept = j.kept
	}
	if j.rematch {
		o.Match, o.Owner = nil, nil
	}
	j.outcome = &o
}

// park makes the engine bring the call's state again.
func (j *job) park(until time.Time) {
	record := j.record
	j.outcome.NextAttempt, j.outcome.Parked = until.UnixMilli(), &record
}

// written ends the job: the Task is in Salesforce as it is wanted.
func (j *job) written(result schemas.Result) {
	j.finish(result)
	j.outcome.Match, j.outcome.Owner = j.match, j.owner
	j.outcome.Reasons = j.reasons()
	j.outcome.Written, j.outcome.LastWritten, j.outcome.Kept = j.writing(), nil, j.kept
	if j.repeated && !j.dryRun {
		j.unsure() // the turn may have taken long
	}
	if j.confirm != 0 {
		j.outcome.Confirm = j.confirm
		j.park(time.UnixMilli(j.confirm))
	}
}

// writing are the hashes of what the Task holds once the job is written.
func (j *job) writing() map[string]string {
	hashes := map[string]string{}
	if !j.unwritten {
		maps.Copy(hashes, j.prev.Written)
	}
	maps.Copy(hashes, j.hashes)
	for _, name := range j.kept {
		delete(hashes, name)
		if h, _ := j.lastWritten(name); h != "" {
			hashes[name] = h
		}
	}
	return hashes
}

// reasons are those of the projector, with what Salesforce said about the
// references, and which fields keep what somebody wrote.
func (j *job) reasons() map[string]schemas.Reason {
	reasons := j.task.Reasons()
	for _, name := range j.kept {
		r := reasons[name]
		r.Considered = slices.Concat([]string{"what callfold would write: " + r.Why}, r.Considered)
		r.Why = "Kept: somebody changed " + name + " in Salesforce since it was written (tasks.preserve_edits)."
		reasons[name] = r
	}
	if len(j.notes) == 0 {
		return reasons
	}
	for _, name := range []string{"WhoId", "WhatId", "OwnerId"} {
		if r, ok := reasons[name]; ok {
			r.Considered = slices.Concat(j.notes, r.Considered)
			reasons[name] = r
		}
	}
	return reasons
}

// refused ends the job: it is tried again later, or rejected.
func (j *job) refused(p *problem) {
	attempts := 1
	if j.prev.Result == schemas.Retrying || j.besides {
		attempts = j.prev.Attempts + 1
	}
	e := p.error
	e.Class = string(p.class)
	if p.class == classPermanent || attempts >= rowAttempts && p.class != classDuplicate {
		j.finish(schemas.Rejected)
		j.outcome.Refused = combined(j.hashes)
		if j.hashes != nil {
			j.outcome.Reasons = j.reasons()
		}
		j.metrics.refusals.WithLabelValues(string(p.class)).Inc()
		j.log.Warn("a call was rejected", "call_id", j.key, "code", e.Code, "fields", e.Fields, "fix", e.Fix)
	} else {
		j.finish(schemas.Retrying)
		wait := max(p.retryAfter, j.delay(attempts, rowBaseDelay, rowMaxDelay))
		if p.class == classDuplicate {
			wait = duplicateDelay
			j.log.Error("several Tasks hold the external id of one call", "call_id", j.key, "fix", e.Fix)
		}
		j.parkBeside(j.now.Add(wait))
		j.metrics.retries.WithLabelValues(string(p.class)).Inc()
	}
	j.outcome.Error, j.outcome.Attempts = &e, attempts
	if j.outcome.Since = j.now.UnixMilli(); attempts > 1 && j.prev.Since != 0 {
		j.outcome.Since = j.prev.Since
	}
	if j.outcome.Result == schemas.Rejected {
		j.confirmLater()
	}
	if j.created != nil {
		j.outcome.Match = j.created // it is there, and it was made for this call
	}
}

// stillRejected ends the job if the Task wanted is the one that was rejected.
func (j *job) stillRejected() bool {
	if j.prev.Result != schemas.Rejected || j.prev.Refused == "" || j.prev.Refused != combined(j.hashes) ||
		j.retry || j.rewrite {
		return false
	}
	j.finish(schemas.Rejected)
	j.outcome.Error, j.outcome.Attempts, j.outcome.Refused = j.prev.Error, j.prev.Attempts, j.prev.Refused
	j.confirmLater()
	return true
}
