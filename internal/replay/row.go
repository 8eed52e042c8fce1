package replay

import (
	"crypto/sha256"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/sfsink"
)

// Action is what applying does about a call.
type Action string

// The actions.
const (
	Create   Action = "create"   // it has no Task, and never had one that is known of
	Recreate Action = "recreate" // its Task is gone: somebody deleted it
	Update   Action = "update"   // its Task holds something else than is wanted
)

// Row is a call that a rebuild would change.
type Row struct {
	CallID int64  `json:"call_id"`
	Action Action `json:"action"`
	// Kind is the call's, by rule L3.
	Kind string `json:"kind"`
	// TaskID is the Task's Salesforce id, empty where there is none.
	TaskID string `json:"task_id,omitzero"`
	// StateHash is the hash of the state that was looked at.
	StateHash string `json:"state_hash"`
	// Rewritten is the time of the newest rewrite or rematch of the call that the sink has obeyed,
	// in UNIX seconds, 0 for none.
	Rewritten int64 `json:"rewritten,omitzero"`
	// Fields are those that differ; of a Task to be made, those with a value.
	Fields []FieldChange `json:"fields"`
}

// FieldChange is a field of a Task that a rebuild would change.
type FieldChange struct {
	// Field is its API name, and Rule the rule that makes it.
	Field string `json:"field"`
	Rule  string `json:"rule"`
	// Held is what Salesforce holds, Wanted what it is to hold; null is empty.
	Held   any `json:"held"`
	Wanted any `json:"wanted"`
	// Edited is true where somebody changed it in Salesforce since it was written.
	Edited bool `json:"edited,omitzero"`
}

// digest tells whether two plans would do the same about a call.
type digest [sha256.Size]byte

func (r Row) digest() (d digest, err error) {
	r.StateHash, r.Rewritten = "", 0
	b, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return d, fmt.Errorf("comparing plans for call %d: %w", r.CallID, err)
	}
	return sha256.Sum256(b), nil
}

// planned is a row of a plan that is applied, without its values: there may be
// millions.
type planned struct {
	callID    int64
	stateHash string
	rewritten int64
	digest    digest
}

// verdict is what a plan says of one call.
type verdict struct {
	row Row
	// change is true where something is to be done.
	change bool
	// edited and kept are true where people changed a field that is written, or stays.
	edited, kept bool
	// duplicated is true where several Tasks are of the call, moving where the sink is
	// at it.
	duplicated, moving bool
}

// judge compares the Task wanted of a call with what Salesforce holds.
func judge(p sfsink.Preview, known *sfsink.Known, held *heldTasks) verdict {
	o := &known.Outcome
	v := verdict{row: Row{
		CallID: p.CallID, Kind: string(p.Decision.Kind), StateHash: p.StateHash, Rewritten: max(o.Obeyed.Rewrite.Time, o.Obeyed.Rematch.Time), TaskID: o.TaskID,
	}}
	if p.Decision.Action != projector.Log {
		return v
	}
	switch {
	case len(held.Alive) > 1:
		v.duplicated = true
		return v
	case len(held.Alive) == 0:
		v.change, v.row.Action = true, Create
		if known.HadTask(held.Deleted) {
			v.row.Action = Recreate
		}
		for _, f := range p.Task.Fields {
			if f.Value != nil && f.Value != "" {
				v.row.Fields = append(v.row.Fields, FieldChange{Field: f.Name, Rule: f.Reason.Rule, Wanted: f.Value})
			}
		}
		return v
	}
	task := typed(held.Alive[0], p.Task.Fields)
	v.row.TaskID, _ = task["Id"].(string)
	for _, d := range p.Against(task) {
		if d.Kept {
			v.kept = true
			continue
		}
		v.edited = v.edited || d.Edited
		v.row.Fields = append(v.row.Fields, FieldChange{Field: d.Field, Rule: d.Rule, Held: d.Held, Wanted: d.Wanted, Edited: d.Edited})
	}
	if len(v.row.Fields) > 0 {
		v.change, v.row.Action = true, Update
	}
	return v
}
