package sfsink

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// Explanation is what the rules want of a call, why, and what Salesforce holds.
type Explanation struct {
	Decision Verdict `json:"decision"`
	// Unasked says why Salesforce was not asked, or not in full; empty where it was.
	// Then match and owner are those remembered with the call.
	Unasked string `json:"unasked,omitzero"`
	// Number is the external number in E.164, empty where it can match nothing;
	// NumberWhy says how it was understood.
	Number    string         `json:"number,omitzero"`
	NumberWhy schemas.Reason `json:"number_why,omitzero"`
	// Match is the record that the call belongs to, nil for none. Remembered says
	// that it was found before and stays (M9).
	Match      *schemas.Match `json:"match"`
	Remembered bool           `json:"match_remembered"`
	// Candidates are the records that hold the number now, the one that a re-match
	// would take first.
	Candidates []Candidate `json:"candidates"`
	// Owner is the Task's owner, nil for none, and OwnerWhy the reason. Ladder is
	// what the rungs give now, up to the first that gives an owner.
	Owner     *schemas.Owner `json:"owner"`
	OwnerName string         `json:"owner_name,omitzero"`
	OwnerWhy  schemas.Reason `json:"owner_why,omitzero"`
	Ladder    []Rung         `json:"ladder"`
	// Fields are those of the Task wanted, in the order of the rules; none where no
	// Task is wanted.
	Fields []ExplainedField `json:"fields"`
	// Tasks are the call's Tasks in Salesforce, deleted and archived ones included.
	// There is more than one only where something went wrong, or was made anew.
	Tasks []HeldTask `json:"tasks"`
}

// Verdict is the decision about a call (L).
type Verdict struct {
	Action string    `json:"action"`
	Rule   string    `json:"rule"`
	Why    string    `json:"why"`
	Until  time.Time `json:"until,omitzero"`
}

// Candidate is a record that holds the external number.
type Candidate struct {
	Object       string    `json:"object"`
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Field        string    `json:"field"`
	LastModified time.Time `json:"last_modified"`
	// WhyNot is empty for the one that is taken.
	WhyNot string `json:"why_not,omitzero"`
}

// Rung is a rung of the ladder of owners.
type Rung struct {
	Name   string `json:"rung"`
	UserID string `json:"user_id,omitzero"`
	User   string `json:"user,omitzero"`
	Note   string `json:"note"`
}

// HeldTask is a Task as Salesforce has it.
type HeldTask struct {
	ID             string    `json:"id"`
	Deleted        bool      `json:"deleted,omitzero"`
	Archived       bool      `json:"archived,omitzero"`
	LastModified   time.Time `json:"last_modified,omitzero"`
	LastModifiedBy string    `json:"last_modified_by,omitzero"`
}

// FieldState is how what the Task holds of a field compares to what is wanted.
type FieldState string

// The states of a field. Each but the first two is a difference.
const (
	// AsWanted fields hold the value wanted.
	AsWanted FieldState = "as_wanted"
	// Unread fields were not read: there is no Task, or Salesforce was not asked.
	Unread FieldState = "unread"
	// LeftOut fields are not written at all, by a rule.
	LeftOut FieldState = "left_out"
	// Edited fields were written as they are wanted, and hold something else:
	// somebody changed them.
	Edited FieldState = "edited"
	// Outdated fields hold what was written last, and something else is wanted now.
	Outdated FieldState = "outdated"
	// Differing fields hold neither.
	Differing FieldState = "differing"
)

// ExplainedField is a field of the Task wanted.
type ExplainedField struct {
	Name    string     `json:"name"`
	Logical string     `json:"logical"`
	State   FieldState `json:"state"`
	// Wanted is the value wanted, null for empty; of a field that is left out, too.
	Wanted any `json:"wanted"`
	// Held is what the Task holds, null where it is empty or was not read.
	Held any `json:"held"`
	// Written compares the value wanted to the one written last: same, other, or
	// never where none was.
	Written    string         `json:"written"`
	CreateOnly bool           `json:"create_only,omitzero"`
	Kept       bool           `json:"kept,omitzero"` // tasks.preserve_edits
	Reason     schemas.Reason `json:"reason"`
}

// Explain tells what the sink wants of a call that is in the state of record, after
// the outcome prev, by the present settings. It changes nothing. Without a client
// in the Options, and where Salesforce does not answer, it tells what can be known
// without it.
func (s *Sink) Explain(ctx context.Context, record schemas.CallRecord, prev schemas.Outcome) Explanation {
	t := &turn{Sink: s, now: s.now(), org: &org{}}
	j := &job{turn: t, key: strconv.FormatInt(record.State.ID, 10), record: record, prev: prev, taskID: prev.TaskID}
	j.decision = s.rules.Decide(record, t.now)
	j.rematch = anew(record.State.Rematch.At, prev.Obeyed.Rematch)
	e := &explaining{job: j, Explanation: Explanation{
		Decision:   Verdict{string(j.decision.Action), j.decision.Rule, j.decision.Why, j.decision.Until},
		Candidates: []Candidate{}, Ladder: []Rung{}, Fields: []ExplainedField{}, Tasks: []HeldTask{},
	}}
	wanted := j.decision.Action == projector.Log
	asked := e.trying(s.client != nil, func() (err error) {
		t.org, err = s.theOrg(ctx)
		return err
	})
	if !asked {
		t.org = &org{}
	}
	if wanted {
		e.match(ctx, asked)
		e.own(asked)
	}
	var held salesforce.Record
	e.trying(asked && j.decision.Rule != projector.RuleErased, func() (err error) {
		held, err = e.read(ctx)
		return err
	})
	if wanted {
		e.fields(held)
	}
	return e.Explanation
}

// explaining is a call that is explained.
type explaining struct {
	*job
	Explanation
}

// trying asks Salesforce if it may be asked, and notes what kept it from answering.
func (e *explaining) trying(may bool, ask func() error) bool {
	if !may {
		return false
	}
	err := ask()
	if err == nil {
		return true
	}
	e.Unasked = err.Error()
	var stopped *Stopped
	if errors.As(err, &stopped) {
		e.Unasked = stopped.Err.Error()
		if stopped.Fix != "" {
			e.Unasked += ". What to do: " + stopped.Fix
		}
	}
	return false
}

// match finds the record of the call, as resolve does, but creates none.
func (e *explaining) match(ctx context.Context, asked bool) {
	e.lookup = e.rules.Lookup(e.record)
	e.Number, e.NumberWhy = e.lookup.Number, e.lookup.Reason
	e.Remembered = e.prev.Match != nil && (!e.rematch || !asked)
	if e.Remembered {
		e.job.match = copied(e.prev.Match)
	}
	e.trying(asked && e.Number != "", func() error {
		l := &lookup{Lookup: e.lookup}
		if _, err := e.candidates(ctx, []*lookup{l}); err != nil {
			return err
		}
		for _, c := range e.rules.Judge(e.lookup, l.found) {
			e.Candidates = append(e.Candidates, Candidate{c.Object, c.ID, c.Name, c.Field, c.LastModified, c.WhyNot})
		}
		if e.Remembered {
			return nil
		}
		e.job.match = e.rules.Choose(e.lookup, l.found)
		if e.job.match == nil || e.job.match.Object != projector.Contact || e.rules.RelatedObject() == "" {
			return nil
		}
		related, err := e.related(ctx, []string{e.job.match.ID})
		if err == nil {
			e.job.match = e.rules.Relate(e.job.match, related)
		}
		return err
	})
	e.Match = e.job.match
}

// own computes owner and Task, as the sink does. Without Salesforce the owner is the
// one that is remembered.
func (e *explaining) own(asked bool) {
	if asked {
		e.project()
		if e.Match != nil {
			for _, r := range e.rules.Ladder(e.record, e.Match, e.org.Org) {
				e.Ladder = append(e.Ladder, Rung{r.Name, r.UserID, e.userName(r.UserID), r.Note})
			}
		}
	} else {
		e.owner, e.ownerWhy = e.prev.Owner, schemas.Reason{Rule: "M9", Why: "As remembered with the call."}
		for _, f := range e.rules.TaskFields() {
			if why, known := e.prev.Reasons[f.Name]; known && f.Logical == "owner_id" {
				e.ownerWhy = why
			}
		}
		e.task = e.rules.Task(e.record, e.decision, projector.Resolution{
			Lookup: e.lookup, Match: e.Match, Owner: e.owner, OwnerReason: e.ownerWhy,
		}, e.org.Org)
		e.hashes = hashesOf(e.task)
	}
	e.Owner, e.OwnerWhy = e.owner, e.ownerWhy
	if e.owner != nil {
		e.OwnerName = e.userName(e.owner.ID)
	}
}

// userName is the name of a user, empty where it is not known.
func (e *explaining) userName(id string) string {
	if u := e.org.Users.User(id); u != nil {
		return u.Name
	}
	return ""
}

// read asks for the call's Tasks, and gives the one that is alive; nil for none.
func (e *explaining) read(ctx context.Context) (alive salesforce.Record, err error) {
	names := []string{"Id", "IsDeleted", "LastModifiedDate", "LastModifiedBy.Name"}
	if _, there := e.org.TaskFields["IsArchived"]; there {
		names = append(names, "IsArchived")
	}
	for _, f := range e.task.Fields {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	soql := "SELECT " + strings.Join(names, ", ") + " FROM Task WHERE " + e.externalID + " = " + salesforce.QuoteSOQL(e.key)
	var records []salesforce.Record
	if err := e.loading(ctx, func() (err error) {
		records, err = e.client.QueryAll(ctx, soql)
		return err
	}); err != nil {
		return nil, err
	}
	for _, r := range records {
		task := HeldTask{ID: text(r, "Id"), LastModified: moment(r, "LastModifiedDate")}
		task.Deleted, _ = r["IsDeleted"].(bool)
		task.Archived, _ = r["IsArchived"].(bool)
		if by, ok := r["LastModifiedBy"].(salesforce.Record); ok {
			task.LastModifiedBy = text(by, "Name")
		}
		e.Tasks = append(e.Tasks, task)
		// Several that are alive are a mistake; the one that is written to counts.
		if !task.Deleted && (alive == nil || task.ID == e.prev.TaskID) {
			alive = r
		}
	}
	return alive, nil
}

// fields compares what is wanted to what was written last, and to what the Task holds.
func (e *explaining) fields(held salesforce.Record) {
	for _, f := range e.task.Fields {
		x := ExplainedField{
			Name: f.Name, Logical: f.Logical, State: Unread, Wanted: f.Value, Written: "never", CreateOnly: f.CreateOnly,
			Kept: slices.Contains(e.prev.Kept, f.Name), Reason: f.Reason,
		}
		written, known := e.prev.Written[f.Name]
		switch {
		case !known:
		case written == e.hashes[f.Name]:
			x.Written = "same"
		default:
			x.Written = "other"
		}
		if held != nil {
			x.Held = held[f.Name]
			switch {
			case same(f.Value, x.Held) || hashed(x.Held, e.hashes[f.Name]):
				x.State = AsWanted
			case x.Written == "same":
				x.State = Edited
			case known && hashed(x.Held, written):
				x.State = Outdated
			default:
				x.State = Differing
			}
		}
		e.Fields = append(e.Fields, x)
	}
	for _, f := range e.task.LeftOut {
		e.Fields = append(e.Fields, ExplainedField{Name: f.Name, Logical: f.Logical, State: LeftOut, Written: "never", Reason: f.Reason})
	}
	order := map[string]int{}
	for i, f := range e.rules.TaskFields() {
		order[f.Logical] = i
	}
	slices.SortStableFunc(e.Fields, func(a, b ExplainedField) int { return order[a.Logical] - order[b.Logical] })
}
