package sfsink

import (
	"strconv"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// row is what one call writes.
type row struct {
	*job
	// create is the lane: upsert by the external id with all fields, else update
	// by Id with the changed ones.
	create     bool
	remove     bool // the Task goes
	fields     salesforce.Record
	createOnly map[string]bool
	// account is what Salesforce locks: rows of one account go into one request.
	account string
}

// row is what the job wants to have written; without fields there is nothing to do.
func (j *job) row() *row {
	if j.erasing {
		return j.erasure()
	}
	// A dry run has no Task, but behaves as if what it recorded was there.
	exists := j.taskID != "" || j.dryRun && len(j.prev.Written) > 0 && !j.unwritten
	j.kept = nil
	r := &row{job: j, create: !exists, fields: salesforce.Record{}, createOnly: map[string]bool{}}
	for _, f := range j.task.Fields {
		r.createOnly[f.Name] = f.CreateOnly
		switch {
		case r.create:
		case f.CreateOnly:
			continue
		case !j.unwritten && j.prev.Written[f.Name] == j.hashes[f.Name]:
			continue
		case j.holdsAsWanted(f):
			continue
		case j.edited(f):
			j.kept = append(j.kept, f.Name)
			continue
		}
		r.fields[f.Name] = f.Value
	}
	if r.create {
		r.fields[j.externalID] = strconv.FormatInt(j.record.State.ID, 10)
	}
	if m := j.match; m != nil {
		r.account = m.ID
		if m.AccountID != "" {
			r.account = m.AccountID
		}
	}
	return r
}

// holdsAsWanted tells whether a field was read and is as it is wanted.
func (j *job) holdsAsWanted(f projector.Field) bool {
	held, read := j.holds[f.Name]
	return read && same(f.Value, held)
}
