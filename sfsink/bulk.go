package sfsink

import (
	"context"
	"slices"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

const (
	// ruleBulk is the rule of calls that a bulk job writes.
	ruleBulk = "sink.bulk_above"
	// fewestBulk is how many rows a job is made for: fewer are one collection.
	fewestBulk = salesforce.MaxRows
	// bulkLook is when a job is looked at after it was handed over, and bulkNextLook how
	// long after that again. A look costs one API request, and each of the job's calls a
	// record.
	bulkLook     = 5 * time.Second
	bulkNextLook = 10 * time.Second
)

// inBulk is what a turn knows of a call and bulk jobs.
type inBulk struct {
	// open is the job that waits for the call's row; nil where there is none.
	open *salesforce.BulkInfo
	// result is what a job has done to the Task, empty where none did, and wrote the
	// hash of the state that it has written.
	result schemas.Result
	wrote  string
	// alone is true where a job did not write the call: now a collection does.
	alone bool
	// again is true where a job could not, since somebody deleted the Task: another
	// one may make it anew.
	again bool
}

// gather parks rewrites for bulk jobs, where the turn has so many that collections
// would hold up everything else. The jobs are made, but get no rows before it is
// committed which calls are theirs.
func (t *turn) gather(ctx context.Context, open []*job) error {
	if t.dryRun || t.bulkAbove == 0 {
		return nil
	}
	var creates, updates []*job
	for _, j := range open {
		switch {
		case j.outcome != nil || !j.forBulk():
		case j.taskID == "":
			creates = append(creates, j)
		default:
			updates = append(updates, j)
		}
	}
	if len(creates)+len(updates) <= t.bulkAbove {
		return nil
	}
	for _, lane := range []struct {
		jobs       []*job
		externalID string
	}{{creates, t.externalID}, {updates, ""}} {
		if len(lane.jobs) < fewestBulk {
			continue
		}
		id, err := t.makeBulk(ctx, lane.externalID)
		if err != nil {
			return err
		}
		if id == "" {
			return nil // collections will do
		}
		for _, j := range lane.jobs {
			j.postpone(ruleBulk, t.now)
			j.outcome.Bulk = &schemas.Bulk{Job: id}
		}
	}
	return nil
}

// forBulk tells whether a bulk job may write the call: an operator wants it to be
// rewritten, and it has nothing new to tell that would have to wait.
func (j *job) forBulk() bool {
	switch {
	case j.erasing:
		return false // see inBulk
	case j.bulk.again:
		return true
	case !j.rewrite || j.bulk.open != nil || j.bulk.alone || j.besides:
		return false
	case j.unconfirmed || j.prev.Result == schemas.Retrying:
		return false
	}
	return j.prev.Result == "" || !j.live()
}

// makeBulk makes a job and gives its id, which is empty where Salesforce makes none
// for a reason of its own, such as an edition without Bulk API.
func (t *turn) makeBulk(ctx context.Context, externalID string) (id string, err error) {
	p, err := t.askBulk(ctx, func() (err error) {
		id, err = t.client.BulkCreate(ctx, "Task", externalID)
		return err
	})
	switch {
	case err != nil || p == nil:
		return id, err
	case p.class == classConfig || !p.class.stops():
		t.log.Warn("Salesforce makes no bulk job: writing by collections instead", "code", p.error.Code, "cause", p.error.Message)
		return "", nil
	}
	return "", p.stopped()
}

// askBulk asks something about a job, as long as the turn can be committed and there
// are API requests left.
func (t *turn) askBulk(ctx context.Context, ask func() error) (p *problem, err error) {
	p = t.asking(ctx, func() error {
		if err = t.owned(); err == nil {
			err = t.governor.over()
		}
		if err != nil {
			return nil
		}
		return ask()
	})
	return p, err
}

// inBulk tells whether the row goes to the job that waits for it. One of an erased call
// does not: nothing is to be remembered of it until the job has ended, and a job deletes
// nothing.
func (r *row) inBulk() bool {
	open := r.bulk.open
	return open != nil && !r.erasing && r.create == (open.ExternalID != "") && salesforce.BulkTakes(r.fields)
}

// sendBulk gives rows to the jobs that wait for them, and hands the jobs over.
func (t *turn) sendBulk(ctx context.Context, rows []*row) error {
	byJob := map[string][]*row{}
	var ids []string
	for _, r := range rows {
		id := r.bulk.open.ID
		if byJob[id] == nil {
			ids = append(ids, id)
		}
		byJob[id] = append(byJob[id], r)
	}
	for _, id := range ids {
		if err := t.handOverBulk(ctx, id, byJob[id]); err != nil {
			return err
		}
	}
	return nil
}

// handOverBulk gives one job its rows. From then on it is for Salesforce to say what
// became of them.
func (t *turn) handOverBulk(ctx context.Context, id string, rows []*row) error {
	// Rows of one account follow each other: Salesforce writes chunks of 200 at the
	// same time, and would lock them against each other.
	rows = slices.Concat(pack(rows)...)
	records := make([]salesforce.Record, len(rows))
	for i, r := range rows {
		if records[i] = r.fields; !r.create {
			records[i]["Id"] = r.taskID
		}
	}
	p, err := t.askBulk(ctx, func() error { return t.client.BulkUpload(ctx, id, records) })
	if err == nil && p == nil {
		p, err = t.askBulk(ctx, func() error {
			err := t.client.BulkClose(ctx, id)
			t.sent(err)
			return err
		})
		if wrongState(p) {
			p = nil // a request that nobody answered has done it
		}
	}
	switch {
	case err != nil:
		return err
	case p == nil:
		look := t.Sink.now().Add(bulkLook) // of all calls at once
		for _, r := range rows {
			r.handedOver(id, look)
		}
		return nil
	case !wrongState(p) && p.class.stops():
		return p.stopped()
	}
	// It has rows of which this turn knows nothing, or it takes none: it is of no use.
	// What becomes of it is looked at as of any job, and its calls are written then.
	err = t.abortBulk(ctx, id)
	for _, r := range rows {
		r.postpone(ruleBulk, t.now.Add(bulkLook))
		r.outcome.Bulk = &schemas.Bulk{Job: id}
	}
	return err
}

// abortBulk aborts a job, unless it has ended.
func (t *turn) abortBulk(ctx context.Context, id string) error {
	p, err := t.askBulk(ctx, func() error { return t.client.BulkAbort(ctx, id) })
	if err == nil && p != nil && !wrongState(p) {
		err = p.stopped()
	}
	return err
}

// wrongState tells whether a job was refused for what it has been through before.
func wrongState(p *problem) bool { return p != nil && p.error.Code == "INVALIDJOBSTATE" }

// handedOver parks the call until the job is looked at.
func (r *row) handedOver(id string, look time.Time) {
	written := r.writing()
	r.postpone(ruleBulk, look)
	if r.outcome.Confirm != 0 {
		r.outcome.Unconfirmed = r.outcome.Parked // a newer one may take its place
	}
	r.outcome.Bulk = &schemas.Bulk{Job: id, StateHash: r.stateHash, Written: written, Obeyed: latest(r.prev.Obeyed, commandsOf(&r.record.State))}
	r.outcome.Match, r.outcome.Owner, r.outcome.Reasons, r.outcome.Kept = r.match, r.owner, r.reasons(), r.kept
}
