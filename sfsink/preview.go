package sfsink

import (
	"context"
	"slices"
	"strconv"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// Known is what the log and the outcomes say of a call.
type Known struct {
	// Record is the newest of the topic calls, Outcome that of tasks: the zero Outcome
	// for a call that the sink has not looked at.
	Record  schemas.CallRecord
	Outcome schemas.Outcome
}

// Current tells whether the outcome is about the newest state, or there is none: else
// the sink is at the call.
func (k *Known) Current() bool {
	return k.Outcome.Result == "" || k.Outcome.StateHash == k.Record.State.Hash()
}

// HadTask tells of a call without a Task whether it had one, as far as is known, which
// somebody deleted then. binned is how many Tasks of it are in the recycle bin.
func (k *Known) HadTask(binned int) bool { return binned > 0 || k.Outcome.TaskID != "" }

// Preview is what the sink would make of a call now.
type Preview struct {
	// CallID is Aircall's call id.
	CallID int64
	// StateHash is the hash of the call's state.
	StateHash string
	// Decision says whether a Task is wanted, and Task which; it is empty where none is.
	Decision projector.Decision
	Task     projector.Task
	// Match and Owner are whom it belongs to, nil for nobody.
	Match *schemas.Match
	Owner *schemas.Owner

	job *job
}

// Preview says what the sink would write of calls if an operator had them rewritten,
// and writes nothing: no Task, and no record of M5 or M6. Matches are those that are
// remembered (M9) unless rematch is true; of calls without one Salesforce is asked. The
// error is as that of [Sink.Handle].
//
// The Sink should be one for a dry run.
func (s *Sink) Preview(ctx context.Context, calls []Known, rematch bool) ([]Preview, error) {
	t := &turn{Sink: s, now: s.now(), owned: func() error { return nil }}
	for _, c := range calls {
		prev := c.Outcome
		prev.NextAttempt = 0 // an operator's command does not wait
		j := &job{turn: t, key: strconv.FormatInt(c.Record.State.ID, 10), record: c.Record, prev: prev, arrived: true}
		j.decide()
		j.rematch = rematch
		t.jobs = append(t.jobs, j)
	}
	if open := t.open(); len(open) > 0 {
		err := s.governor.room(ctx)
		if err == nil {
			t.org, err = s.theOrg(ctx)
		}
		if err == nil {
			err = t.resolve(ctx, open)
		}
		if err != nil {
			return nil, err
		}
	}
	previews := make([]Preview, len(t.jobs))
	for i, j := range t.jobs {
		previews[i] = Preview{
			CallID: j.record.State.ID, StateHash: j.stateHash, Decision: j.decision,
			Task: j.task, Match: j.match, Owner: j.owner, job: j,
		}
	}
	return previews, nil
}

// Hashes are those of the Task's values by API name, as an outcome has them in Written;
// nil where no Task is wanted.
func (p Preview) Hashes() map[string]string { return p.job.hashes }

// Difference is a field that Salesforce holds otherwise than it is wanted.
type Difference struct {
	// Field is its API name, and Rule the rule that makes it.
	Field, Rule string
	// Wanted and Held are the values; nil is an empty one.
	Wanted, Held any
	// Edited is true where somebody changed it in Salesforce since it was written.
	Edited bool
	// Kept is true where it will stay as it is, since tasks.preserve_edits names it.
	Kept bool
}

// Against compares the Task wanted with the one that Salesforce holds: a record with
// the fields of [Sink.Fields], or of them that exist. Fields that can be set at
// creation only are left out.
func (p Preview) Against(held salesforce.Record) []Difference {
	j := p.job
	names := make([]string, len(p.Task.Fields))
	for i, f := range p.Task.Fields {
		names[i] = f.Name
	}
	j.takes(held, names)
	var differences []Difference
	for _, f := range p.Task.Fields {
		if f.CreateOnly || j.holdsAsWanted(f) || hashed(j.holds[f.Name], j.hashes[f.Name]) {
			continue
		}
		edited := j.changedBySomebody(f)
		differences = append(differences, Difference{
			Field: f.Name, Rule: f.Reason.Rule, Wanted: f.Value, Held: j.holds[f.Name],
			Edited: edited, Kept: edited && j.preserved[f.Name],
		})
	}
	return differences
}

// Fields are the API names of what a Task of ours holds, and of what tells which call
// it is of, who changed it last, and whether it is deleted: those to ask Salesforce for
// where [Preview.Against] is to compare.
func (s *Sink) Fields() []string {
	names := []string{"Id", "IsDeleted", "LastModifiedById", s.externalID}
	for _, f := range s.rules.TaskFields() {
		names = append(names, f.Name)
	}
	slices.Sort(names[4:])
	return names
}

// ExternalID is the API name of the field that holds the call's id.
func (s *Sink) ExternalID() string { return s.externalID }
