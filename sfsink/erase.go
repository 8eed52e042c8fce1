package sfsink

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// A call that an operator erased has no content any more, and its Task is to have
// none: it is scrubbed, or deleted (tasks.erased). Such a call goes the way of any
// other that is written, so that whatever is refused, repeated or carried out late ends
// well; but all that is remembered of it is that it was erased. Its outcome is erased
// only once Salesforce has said that the Task is.

// erase ends the job where the call was erased before, or leaves it open.
func (j *job) erase() {
	j.rewrite, j.rematch, j.retry = false, false, false // there is nothing left to obey them with
	done := j.prev.Result == schemas.Erased && j.prev.StateHash == j.stateHash && !j.unconfirmed
	if done || j.dryRun {
		j.finish(schemas.Erased)
		j.leaveErased()
		return
	}
	j.erasing = true
	if j.prev.Rule != projector.RuleErased {
		j.prev.Attempts, j.prev.Since = 0, 0 // they were of other writes
	}
}

// erasedSince tells whether the call was erased, and what came is a state from before: it
// comes again where the topic calls is read from further back, since the group's offsets
// were moved or have expired, or where calls was made anew. Its content is to go nowhere.
func (j *job) erasedSince() bool {
	return j.prev.Rule == projector.RuleErased && j.decision.Rule != projector.RuleErased
}

// findErased looks which Tasks the erased calls have, by the calls' ids and by the
// Tasks' own, and what they hold.
func (t *turn) findErased(ctx context.Context, open []*job) error {
	erasing := slices.DeleteFunc(slices.Clone(open), func(j *job) bool { return !j.erasing || j.outcome != nil || j.last != nil })
	wanted := t.rules.Erased(t.loaded.Load().Org)
	names := make([]string, len(wanted.Fields))
	for i, f := range wanted.Fields {
		names[i] = f.Name
	}
	for some := range slices.Chunk(erasing, salesforce.MaxRows) {
		var keys, ids []string
		for _, j := range some {
			keys = append(keys, j.key)
			if j.taskID != "" {
				ids = append(ids, j.taskID)
			}
		}
		soql := "SELECT " + strings.Join(slices.Concat([]string{"Id", "IsDeleted", "OwnerId", t.externalID}, names), ", ") +
			" FROM Task WHERE " + t.externalID + " IN " + salesforce.InSOQL(keys)
		if len(ids) > 0 {
			soql += " OR Id IN " + salesforce.InSOQL(ids)
		}
		var records []salesforce.Record
		if err := t.loading(ctx, func() (err error) {
			records, err = t.client.QueryAll(ctx, soql)
			return err
		}); err != nil {
			return err
		}
		for _, j := range some {
			j.task = wanted
			j.erases(slices.DeleteFunc(slices.Clone(records), func(r salesforce.Record) bool {
				deleted, _ := r["IsDeleted"].(bool)
				return deleted || text(r, t.externalID) != j.key && text(r, "Id") != j.taskID
			}))
		}
	}
	return nil
}

// erases takes the Tasks that an erased call has.
func (j *job) erases(tasks []salesforce.Record) {
	j.taskID, j.holds = "", nil
	result := foundGone
	switch len(tasks) {
	case 0:
	case 1:
		j.taskID, j.holds = text(tasks[0], "Id"), tasks[0]
		j.owner = &schemas.Owner{ID: text(tasks[0], "OwnerId")}
		if result = foundAsWanted; len(j.row().fields) > 0 {
			result = foundMended
		}
	default:
		p := &problem{class: classDuplicate}
		p.error = schemas.OutcomeError{Code: "DUPLICATE_EXTERNAL_ID", Fix: taxonomy["DUPLICATE_EXTERNAL_ID"].fix}
		j.refused(p)
	}
	if j.unconfirmed && j.outcome == nil {
		j.unconfirmed = false
		j.metrics.confirmed.WithLabelValues(result).Inc()
	}
}

// erasure is what an erased call has written: without fields there is nothing to do.
func (j *job) erasure() *row {
	r := &row{job: j, fields: salesforce.Record{}}
	if m := j.prev.Match; m != nil {
		r.account = cmp.Or(m.AccountID, m.ID)
	}
	switch {
	case j.taskID == "":
	case j.Sink.remove:
		r.remove, r.fields["id"] = true, j.taskID
	default:
		for _, f := range j.task.Fields {
			if !j.holdsAsWanted(f) {
				r.fields[f.Name] = f.Value
			}
		}
		if j.owner != nil && j.badOwners[j.owner.ID] {
			// Many orgs let nobody write to what an inactive user owns.
			r.fields["OwnerId"] = j.org.IntegrationUser
		}
	}
	return r
}

// leaveErased keeps nothing of the erased calls but what is still to be done, and
// where their Tasks are.
func (t *turn) leaveErased() {
	erased := false
	for _, j := range t.jobs {
		if j.erasing {
			j.leaveErased()
			erased = true
		}
	}
	if erased {
		t.matches.forgetAll()
	}
}

func (j *job) leaveErased() {
	done := j.outcome
	o := schemas.Outcome{
		CallID: done.CallID, Result: schemas.Erased, Rule: j.decision.Rule, StateHash: done.StateHash, DecidedAt: done.DecidedAt,
		TaskID: done.TaskID, Confirm: max(j.confirm, done.Confirm),
	}
	j.outcome = &o
	switch done.Result {
	case schemas.Retrying:
		o.Result, o.Error, o.Attempts, o.Since = done.Result, done.Error, done.Attempts, done.Since
		j.park(time.UnixMilli(done.NextAttempt))
		return
	case schemas.Rejected:
		o.Result, o.Error, o.Attempts, o.Since = done.Result, done.Error, done.Attempts, done.Since
	case schemas.Deleted:
		o.TaskID = ""
	default:
		if j.erasing && j.Sink.remove {
			o.TaskID = ""
		}
	}
	if o.Confirm != 0 {
		j.park(time.UnixMilli(o.Confirm))
	}
}
