package sfsink

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

// readBulk looks at the bulk jobs of the turn's calls. A call whose job has not ended
// waits on, whatever is new of it or wanted with it: the job may write the Task at any
// time. Of the others it is known then what the job did.
func (t *turn) readBulk(ctx context.Context) error {
	byJob := map[string][]*job{}
	var ids []string
	for _, j := range t.jobs {
		switch b := j.prev.Bulk; {
		case b == nil:
		case j.prev.NextAttempt > t.now.UnixMilli():
			j.waitForBulk(time.UnixMilli(j.prev.NextAttempt))
		default:
			if byJob[b.Job] == nil {
				ids = append(ids, b.Job)
			}
			byJob[b.Job] = append(byJob[b.Job], j)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := t.governor.room(ctx); err != nil {
		return err
	}
	for _, id := range ids {
		if err := t.readJob(ctx, id, byJob[id]); err != nil {
			return err
		}
	}
	return nil
}

// waitForBulk ends the job: the newest state takes the parking place.
func (j *job) waitForBulk(until time.Time) {
	o := j.prev
	o.StateHash, o.DecidedAt = j.record.State.Hash(), j.now.UnixMilli() // as of any parked state
	j.outcome = &o
	j.park(until)
}

// readJob looks at one job.
func (t *turn) readJob(ctx context.Context, id string, jobs []*job) error {
	var info salesforce.BulkInfo
	gone := false
	if err := t.loading(ctx, func() (err error) {
		info, err = t.client.BulkInfo(ctx, id)
		if refusal := (*salesforce.Error)(nil); errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
			gone, err = true, nil
		}
		return err
	}); err != nil {
		return err
	}
	switch {
	case gone:
		t.metrics.bulkJobs.WithLabelValues(bulkGone).Inc()
		for _, j := range jobs {
			j.untold(true)
		}
		return nil
	case info.Open() && slices.ContainsFunc(jobs, (*job).erasedOfOpen):
		return t.abandonOpen(ctx, id, jobs)
	case info.Open():
		for _, j := range jobs {
			j.bulk.open = &info
		}
		return nil
	case !info.Ended():
		for _, j := range jobs {
			j.waitForBulk(t.now.Add(bulkNextLook))
		}
		return nil
	}
	told, err := t.bulkResults(ctx, info, jobs)
	if err == nil {
		t.org, err = t.theOrg(ctx) // for the owners of records (O6)
	}
	if err != nil {
		return err
	}
	t.bulkEnded(info)
	for _, j := range jobs {
		if r, ok := told[j]; ok {
			j.toldOf(info, r)
		} else {
			j.untold(!info.Complete())
		}
	}
	return nil
}

// erasedOfOpen tells whether the call was erased, and its job may have got rows by an
// earlier turn, whose request to hand them over may be carried out yet.
func (j *job) erasedOfOpen() bool { return j.repeated && j.record.State.Erased.Known() }

// abandonOpen aborts a job that is not to be handed over any more. Its calls wait until
// that is seen.
func (t *turn) abandonOpen(ctx context.Context, id string, jobs []*job) error {
	if err := t.abortBulk(ctx, id); err != nil {
		return err
	}
	for _, j := range jobs {
		j.waitForBulk(t.now.Add(bulkLook))
	}
	return nil
}

// bulkEnded notes how a job ended.
func (t *turn) bulkEnded(info salesforce.BulkInfo) {
	result := map[bool]string{true: bulkComplete, false: bulkFailed}[info.Complete()]
	if info.State == "Aborted" {
		result = bulkAborted
	}
	t.metrics.bulkJobs.WithLabelValues(result).Inc()
	if !info.Complete() {
		t.log.Warn("a bulk job did not end well: what it has not written is written by collections", "job", info.ID, "state", info.State, "cause", info.Message)
	}
}

// bulkResults reads what became of the rows of calls.
func (t *turn) bulkResults(ctx context.Context, info salesforce.BulkInfo, jobs []*job) (map[*job]salesforce.BulkResult, error) {
	byKey := map[string]*job{}
	for _, j := range jobs {
		if info.ExternalID != "" {
			byKey[j.key] = j
		} else {
			byKey[shortID(j.prev.TaskID)] = j
		}
	}
	told := map[*job]salesforce.BulkResult{}
	err := t.loading(ctx, func() error {
		clear(told)
		return t.client.BulkResults(ctx, info, func(r salesforce.BulkResult) error {
			key := r.Row[info.ExternalID]
			if info.ExternalID == "" {
				key = shortID(r.Row["Id"])
			}
			if j := byKey[key]; j != nil {
				told[j] = r
			}
			return nil
		})
	})
	return told, err
}

// shortID is an Id without the letters that only tell upper case from lower.
func shortID(id string) string { return id[:min(len(id), 15)] }

// toldOf takes what a job did to the call's Task, as if a turn before this one had
// done it. So what is new of the call meanwhile is compared with that.
func (j *job) toldOf(info salesforce.BulkInfo, r salesforce.BulkResult) {
	b := j.prev.Bulk
	j.prev.Bulk = nil
	if r.Code != "" {
		j.metrics.bulkRows.WithLabelValues(bulkRefused).Inc()
		// A collection tells why, in full, and it may go well by now.
		j.bulk.alone = true
		if info.ExternalID == "" && strings.HasPrefix(r.Code, "ENTITY_IS_DELETED") {
			j.bulk.alone, j.bulk.again = false, true
			j.prev.TaskID, j.prev.Written = "", nil
		}
		return
	}
	j.metrics.bulkRows.WithLabelValues(bulkWritten).Inc()
	j.prev.TaskID = r.ID
	if b.Written == nil {
		// The turn that handed the row over did not commit: what the row held is not known.
		j.bulk.alone, j.prev.Written = true, nil
		return
	}
	j.bulk.result = schemas.Updated
	if r.Created {
		j.bulk.result = schemas.Created
	}
	j.bulk.wrote = b.StateHash
	j.prev.Result, j.prev.Rule = j.bulk.result, ""
	if last := j.prev.Unconfirmed; last != nil {
		j.prev.Parked, j.prev.Unconfirmed = last, nil // as of any call that was written
	}
	j.prev.Written, j.prev.LastWritten, j.prev.Obeyed = b.Written, nil, b.Obeyed
}

// settle ends the job if a bulk job has written what there is to write.
func (j *job) settle() {
	if j.outcome != nil || j.bulk.result == "" || j.bulk.wrote != j.stateHash || j.unconfirmed {
		return
	}
	j.unwritten = false
	if j.finish(j.bulk.result); j.confirm != 0 {
		j.park(time.UnixMilli(j.confirm))
	}
}

// untold takes that a job has no result for the call. A job that did not end by itself
// may still write it.
func (j *job) untold(yet bool) {
	j.metrics.bulkRows.WithLabelValues(bulkUntold).Inc()
	j.prev.Bulk, j.bulk.alone = nil, true
	if yet {
		j.prev.Confirm = j.Sink.now().Add(confirmAfter).UnixMilli()
	}
}
