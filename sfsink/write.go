package sfsink

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

// write writes the Tasks of the open jobs that differ from what is there. Rows
// that Salesforce accepts or refuses for good end their jobs; those that a
// further round can mend stay open.
func (t *turn) write(ctx context.Context, open []*job) error {
	var creates, updates []*row
	for _, j := range open {
		if j.outcome != nil || j.stillRejected() {
			continue
		}
		r := j.row()
		switch {
		case len(r.fields) == 0:
			j.written(schemas.Unchanged)
		case t.dryRun && r.create:
			j.written(schemas.Created)
		case t.dryRun:
			j.written(schemas.Updated)
		case r.create:
			creates = append(creates, r)
		default:
			r.fields["id"] = j.taskID
			updates = append(updates, r)
		}
	}
	requests := slices.Concat(pack(creates), pack(updates))

	var refused []*row // rows of which another look must tell what they want
	var mu sync.Mutex
	var stopped atomic.Bool
	var g errgroup.Group
	g.SetLimit(t.slots.most)
	for _, rows := range requests {
		g.Go(func() error {
			if stopped.Load() {
				return nil // what is not sent comes again with the turn
			}
			look, err := t.send(ctx, rows)
			if err != nil {
				stopped.Store(true)
			}
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, look...)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return t.lookAgain(ctx, refused)
}

// send writes the rows in one request, or in halves where one is too heavy, and
// gives those that need another look.
func (t *turn) send(ctx context.Context, rows []*row) (look []*row, err error) {
	results, problem, err := t.request(ctx, rows)
	if err != nil {
		return nil, err
	}
	switch {
	case problem == nil:
	case problem.class.stops():
		return nil, problem.stopped()
	case len(rows) > 1:
		half := len(rows) / 2
		first, err := t.send(ctx, rows[:half])
		if err != nil {
			return nil, err
		}
		second, err := t.send(ctx, rows[half:])
		return append(first, second...), err
	default:
		rows[0].refused(problem)
		return nil, nil
	}
	for i, r := range rows {
		again, err := t.result(r, results[i])
		if err != nil {
			return nil, err
		}
		if again {
			look = append(look, r)
		}
	}
	return look, nil
}

// request sends one request, alone with its accounts.
func (t *turn) request(ctx context.Context, rows []*row) (results []salesforce.RowResult, p *problem, err error) {
	records := make([]salesforce.Record, len(rows))
	var accounts []string
	for i, r := range rows {
		records[i] = r.fields
		if r.account != "" {
			accounts = append(accounts, r.account)
		}
	}
	// First the slot, then the locks: who holds locks can go on.
	if err := t.slots.acquire(ctx); err != nil {
		return nil, nil, err
	}
	defer func() { t.slots.release(t.crowded(p) || locked(results)) }()
	release, err := t.locks.acquire(ctx, accounts)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	var lost error
	p = t.asking(ctx, func() (err error) {
		// Who was suspended may wake up in the midst of a turn whose calls
		// somebody else has written to since.
		if lost = t.owned(); lost == nil {
			lost = t.governor.over()
		}
		if lost != nil {
			return nil
		}
		if rows[0].create {
			results, err = t.client.CollectionsUpsert(ctx, "Task", t.externalID, records)
		} else {
			results, err = t.client.CollectionsUpdate(ctx, "Task", records)
		}
		if err != nil && unanswered(err) {
			for _, r := range rows {
				r.unsure()
			}
		}
		return err
	})
	return results, p, lost
}

// crowded tells whether a request was refused since too many are under way at once.
func (s *Sink) crowded(p *problem) bool {
	return p != nil && (p.error.Code == "UNABLE_TO_LOCK_ROW" || p.class == classThrottle && !s.governor.daily())
}

// locked tells whether rows of a request met locks of somebody else.
func locked(results []salesforce.RowResult) bool {
	for _, r := range results {
		for _, e := range r.Errors {
			if e.StatusCode == "UNABLE_TO_LOCK_ROW" {
				return true
			}
		}
	}
	return false
}

// result takes what became of a row. It reports true for a row whose refusal
// needs another look at the Task, and an error for one that stops the turn.
func (t *turn) result(r *row, result salesforce.RowResult) (look bool, err error) {
	if result.Success {
		r.taskID = result.ID
		if r.create && result.Created {
			r.written(schemas.Created)
		} else {
			r.written(schemas.Updated)
		}
		return false, nil
	}
	p := t.rowProblem(r, result.Errors)
	r.last = p
	switch p.class {
	case classSignIn, classConfig, classOrg, classThrottle:
		return false, p.stopped()
	case classStaleMatch:
		if !r.create {
			return true, nil // it may be the Task itself
		}
		r.dropMatch(p)
	case classWrongLane:
		return true, nil
	case classStaleOwner:
		r.dropOwner(p)
	default:
		r.refused(p)
	}
	return false, nil
}

// dropMatch makes the next round find another match, the one after it none.
func (j *job) dropMatch(p *problem) {
	if j.match == nil || j.noReference {
		p.class = classPermanent // there is no reference of ours left to drop
		j.refused(p)
		return
	}
	j.notes = append(j.notes, j.match.Object+" "+j.match.ID+": Salesforce refused it ("+p.error.Code+")")
	j.matches.forget(keyOf(j.lookup))
	j.noReference = j.forgotten
	j.forgotten = true
	j.metrics.retries.WithLabelValues(string(p.class)).Inc()
}

// dropOwner makes the next round try the next rung of the owner's ladder.
func (j *job) dropOwner(p *problem) {
	if j.owner == nil || j.badOwners[j.owner.ID] {
		p.class = classPermanent
		j.refused(p)
		return
	}
	j.notes = append(j.notes, "user "+j.owner.ID+": Salesforce refused this owner ("+p.error.Code+")")
	if j.badOwners == nil {
		j.badOwners = map[string]bool{}
	}
	j.badOwners[j.owner.ID] = true
	j.retire(j.owner.ID)
	j.metrics.retries.WithLabelValues(string(p.class)).Inc()
}

// lookAgain asks which Tasks the refused rows have. A row of the create lane
// whose Task exists goes into the update lane; one of the update lane whose Task
// is gone ends as deleted or is created anew, by tasks.deleted; if the Task is
// still there, it was the match that is gone.
func (t *turn) lookAgain(ctx context.Context, rows []*row) error {
	for some := range slices.Chunk(rows, idsAQuery) {
		keys := make([]string, len(some))
		for i, r := range some {
			keys[i] = r.key
		}
		var records []salesforce.Record
		if err := t.loading(ctx, func() (err error) {
			records, err = t.client.QueryAll(ctx, "SELECT Id, "+t.externalID+", IsDeleted FROM Task WHERE "+t.externalID+" IN "+salesforce.InSOQL(keys))
			return err
		}); err != nil {
			return err
		}
		alive := map[string]string{}
		for _, r := range records {
			if deleted, _ := r["IsDeleted"].(bool); !deleted {
				alive[text(r, t.externalID)] = text(r, "Id")
			}
		}
		for _, r := range some {
			r.found(alive[r.key])
		}
	}
	return nil
}

// found takes the Id of the call's Task, empty where there is none, after a
// refusal that left it open which Task there is.
func (r *row) found(taskID string) {
	switch {
	case r.create && taskID == "":
		// It was there a moment ago.
		r.last.class = classContention
		r.refused(r.last)
	case taskID == r.taskID:
		r.dropMatch(r.last)
	case taskID != "":
		// The row was of the create lane, or somebody restored the Task or made
		// another with our key. What it holds is not known: all fields are
		// written once more.
		r.taskID, r.unwritten, r.holds = taskID, true, nil
	case r.recreate:
		r.taskID, r.unwritten = "", true
	default:
		r.finish(schemas.Deleted)
		r.outcome.Rule = "tasks.deleted"
	}
}
