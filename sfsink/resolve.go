package sfsink

import (
	"context"

	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// resolve finds out whom each open call belongs to, and makes the Task wanted
// of it. Jobs that fail by themselves are ended.
func (t *turn) resolve(ctx context.Context, open []*job) error {
	t.org = t.loaded.Load() // the last round may have shown that a user is inactive
	var unknown, fresh []*job
	for _, j := range open {
		j.lookup = t.rules.Lookup(j.record)
		j.match = nil
		switch {
		case j.noReference:
		case j.prev.Match != nil && !j.forgotten && !j.rematch:
			j.match = copied(j.prev.Match) // M9
			if j.match.Created && j.prev.TaskID == "" {
				fresh = append(fresh, j) // it was created, and then the call was not logged
			}
			t.metrics.lookups.WithLabelValues(lookupRemembered).Inc()
		case j.created != nil && !j.forgotten:
			j.match = copied(j.created)
			fresh = append(fresh, j)
		case j.lookup.Number != "": // else M4, M8
			fresh = append(fresh, j)
			m, ok := t.matches.get(keyOf(j.lookup), t.now)
			if m == nil && j.prev.TaskID != "" || j.rematch {
				ok = false // a call that was logged without a match is matched again (M9)
			}
			if ok {
				j.match = m
				t.metrics.lookups.WithLabelValues(lookupCached).Inc()
			} else {
				unknown = append(unknown, j)
			}
		}
	}
	if err := t.find(ctx, unknown); err != nil {
		return err
	}
	if err := t.createRecords(ctx, fresh); err != nil {
		return err
	}
	if err := t.relate(ctx, fresh); err != nil {
		return err
	}
	for _, j := range open {
		if j.outcome == nil {
			j.project()
			t.agents.note(j)
		}
	}
	return nil
}

// project computes owner and Task.
func (j *job) project() {
	previous := j.prev.Owner
	if previous != nil && (j.badOwners[previous.ID] || j.rematch) {
		previous = nil
	}
	j.owner, j.ownerWhy = j.rules.Own(j.record, j.match, previous, j.org.Org)
	if j.owner != nil && j.badOwners[j.owner.ID] {
		j.owner, j.ownerWhy = nil, schemas.Reason{Rule: j.ownerWhy.Rule, Why: "Left out: Salesforce accepts nobody on the ladder as owner."}
	}
	j.task = j.rules.Task(j.record, j.decision, projector.Resolution{
		Lookup: j.lookup, Match: j.match, Owner: j.owner, OwnerReason: j.ownerWhy,
	}, j.org.Org)
	j.hashes = hashesOf(j.task)
}
