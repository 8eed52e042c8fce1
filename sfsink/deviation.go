package sfsink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

// Deviation is a call whose Task is not as the sink remembers to have written it.
type Deviation struct {
	CallID int64
	// TaskIDs are the Salesforce ids of the Tasks that are there: none where somebody
	// deleted it, several where the external id is not unique.
	TaskIDs []string
	// Fields are the API names of those that hold something else, of one Task.
	Fields []string
	// Empty is true where all of them are empty, or there is no Task.
	Empty bool
}

// ErrShort says that API requests are too short for work that can wait.
var ErrShort = errors.New("API requests are short (salesforce.api_reserve): looking later")

// Deviations reads the Tasks of some hundred calls back, by one query, and tells which
// are not as their outcomes say they were written. It needs no state of a call, and so
// cannot tell what would be written now. Left out are calls that are not written, or
// being written, and fields that keep what people change (tasks.preserve_edits) or can
// be set at creation only.
//
// The outcomes may be older than what Salesforce holds: what deviates is to be looked
// at again.
func (s *Sink) Deviations(ctx context.Context, outcomes []schemas.Outcome) ([]Deviation, error) {
	outcomes = slices.DeleteFunc(slices.Clone(outcomes), func(o schemas.Outcome) bool { return !settled(&o) })
	if len(outcomes) == 0 {
		return nil, nil
	}
	if s.governor.stillShort(ctx) {
		return nil, ErrShort
	}
	keys := make([]string, len(outcomes))
	for i := range outcomes {
		keys[i] = strconv.FormatInt(outcomes[i].CallID, 10)
	}
	records, err := s.client.QueryAll(ctx, "SELECT "+strings.Join(s.Fields(), ", ")+" FROM Task WHERE "+s.externalID+" IN "+salesforce.InSOQL(keys))
	if err != nil {
		return nil, fmt.Errorf("reading Tasks back from Salesforce: %w", err)
	}
	alive := map[string][]salesforce.Record{}
	for _, r := range records {
		if deleted, _ := r["IsDeleted"].(bool); !deleted {
			key := text(r, s.externalID)
			alive[key] = append(alive[key], r)
		}
	}
	var found []Deviation
	for i := range outcomes {
		if d, ok := s.deviation(&outcomes[i], alive[keys[i]]); ok {
			found = append(found, d)
		}
	}
	return found, nil
}

// settled tells whether an outcome says what the call's Task holds.
func settled(o *schemas.Outcome) bool {
	switch o.Result {
	case schemas.Created, schemas.Updated, schemas.Unchanged:
		return len(o.Written) > 0 && o.Confirm == 0
	case schemas.Deleted:
		return o.Confirm == 0
	}
	return false
}

// deviation compares one call with its Tasks.
func (s *Sink) deviation(o *schemas.Outcome, tasks []salesforce.Record) (d Deviation, ok bool) {
	d = Deviation{CallID: o.CallID, Empty: len(tasks) == 0}
	for _, t := range tasks {
		d.TaskIDs = append(d.TaskIDs, text(t, "Id"))
	}
	if len(tasks) != 1 {
		return d, true
	}
	if o.Result == schemas.Deleted {
		return d, false // somebody restored it: the next write sees that
	}
	d.Empty = true
	for _, f := range s.rules.TaskFields() {
		written, was := o.Written[f.Name]
		held := tasks[0][f.Name]
		if !was || f.CreateOnly || s.preserved[f.Name] || hashed(held, written) || written == hash(false) && held == nil {
			continue
		}
		d.Fields, d.Empty = append(d.Fields, f.Name), d.Empty && held == nil
	}
	return d, len(d.Fields) > 0
}
