package sfsink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
)

// Deviation is a call whose Task is not as the sink remembers to have written it, or is
// not there though one is wanted.
type Deviation struct {
	Known
	// TaskIDs are the Salesforce ids of the Tasks that are there: several where the
	// external id is not unique.
	TaskIDs []string
	// Lost is true where there is none and was one, as far as is known: somebody deleted
	// it.
	Lost bool
	// Fields are the API names of those that hold something else, of one Task.
	Fields []string
	// Empty is true where all of them are empty, or there is no Task.
	Empty bool
}

// ErrShort says that API requests are too short for work that can wait.
var ErrShort = errors.New("API requests are short (salesforce.api_reserve): looking later")

// Deviations reads the Tasks of some hundred calls back, by one query, and tells which
// are not as their outcomes say they were written, and which are missing. It looks at the
// calls of which a Task is wanted by the rules of today, and not at what would be written
// to it: that takes asking for the calls' records. Nothing is said of Tasks that the sink
// is writing, but that they are several, nor of fields that keep what people change
// (tasks.preserve_edits) or can be set at creation only.
//
// The outcomes may be older than what Salesforce holds: what deviates is to be looked
// at again.
func (s *Sink) Deviations(ctx context.Context, calls []Known) ([]Deviation, error) {
	calls = slices.DeleteFunc(slices.Clone(calls), func(k Known) bool {
		return s.rules.Decide(k.Record, s.now()).Action != projector.Log || !k.Current()
	})
	if len(calls) == 0 {
		return nil, nil
	}
	if s.governor.stillShort(ctx) {
		return nil, ErrShort
	}
	keys := make([]string, len(calls))
	for i := range calls {
		keys[i] = strconv.FormatInt(calls[i].Record.State.ID, 10)
	}
	records, err := s.client.QueryAll(ctx, "SELECT "+strings.Join(s.Fields(), ", ")+" FROM Task WHERE "+s.externalID+" IN "+salesforce.InSOQL(keys))
	if err != nil {
		return nil, fmt.Errorf("reading Tasks back from Salesforce: %w", err)
	}
	alive, binned := map[string][]salesforce.Record{}, map[string]int{}
	for _, r := range records {
		key := text(r, s.externalID)
		if deleted, _ := r["IsDeleted"].(bool); deleted {
			binned[key]++
		} else {
			alive[key] = append(alive[key], r)
		}
	}
	var found []Deviation
	for i, key := range keys {
		if d, ok := s.deviation(calls[i], alive[key], binned[key]); ok {
			found = append(found, d)
		}
	}
	return found, nil
}

// deviation compares one call with its Tasks.
func (s *Sink) deviation(k Known, tasks []salesforce.Record, binned int) (d Deviation, ok bool) {
	d = Deviation{Known: k, Empty: true}
	for _, t := range tasks {
		d.TaskIDs = append(d.TaskIDs, text(t, "Id"))
	}
	o := &k.Outcome
	switch {
	case len(tasks) > 1:
		return d, true
	case o.NextAttempt != 0 || o.Confirm != 0:
		return d, false // the sink is at it
	case len(tasks) == 0:
		d.Lost = k.HadTask(binned)
		return d, true
	}
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

// keysAPage is how many external ids one query gives.
const keysAPage = 2000

// Keys gives the external ids of some Tasks, archived ones too, by one query: those behind
// one, in the order of the field's index, each once. more is true where there are others
// behind them.
func (s *Sink) Keys(ctx context.Context, after string) (keys []string, more bool, err error) {
	if s.governor.stillShort(ctx) {
		return nil, false, ErrShort
	}
	from := s.externalID + " != null"
	if after != "" {
		from = s.externalID + " > " + salesforce.QuoteSOQL(after)
	}
	records, err := s.client.QueryAll(ctx, fmt.Sprintf("SELECT %[1]s FROM Task WHERE %[2]s AND IsDeleted = false ORDER BY %[1]s LIMIT %[3]d", s.externalID, from, keysAPage))
	if err != nil {
		return nil, false, fmt.Errorf("asking Salesforce which calls have Tasks: %w", err)
	}
	for _, r := range records {
		keys = append(keys, text(r, s.externalID))
	}
	return slices.Compact(keys), len(records) == keysAPage, nil
}
