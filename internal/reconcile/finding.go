package reconcile

import (
	"slices"
	"strconv"

	"github.com/callfold/callfold/internal/replay"
)

// Finding is one call, or Tasks, in which Salesforce is not as the log wants it. It has
// no values, which are about people.
type Finding struct {
	Kind Kind `json:"kind"`
	// Call is the call's id as Tasks have it; that of an orphan may be any text.
	Call string `json:"call"`
	// TaskIDs are the Salesforce ids of the Tasks, none where there is no Task.
	TaskIDs []string `json:"task_ids,omitempty"`
	// Fields are the API names of those that differ, of a Task that is there.
	Fields []string `json:"fields,omitempty"`
	// Mended is true where a rewrite was sent, see [Findings.Sent].
	Mended bool `json:"mended"`
}

// mostFindings bounds how many findings of a kind are kept; all are counted.
const mostFindings = 10_000

// Tally is the number of findings of a kind.
type Tally struct {
	Found int64 `json:"found"`
	// Fill and Overwrite are how many of them the policies mend.
	Fill      int64 `json:"fill"`
	Overwrite int64 `json:"overwrite"`
}

// Findings are what a comparison found, under a policy.
type Findings struct {
	Policy Policy          `json:"policy"`
	Tally  map[Kind]*Tally `json:"tally"`
	// List has the findings themselves, of each kind the first ten thousand.
	List []Finding `json:"findings"`

	rows map[replay.Action]int64 // that the policy mends
}

// NewFindings has none.
func NewFindings(p Policy) *Findings {
	f := &Findings{Policy: p, Tally: map[Kind]*Tally{}, rows: map[replay.Action]int64{}}
	for _, k := range Kinds {
		f.Tally[k] = &Tally{}
	}
	return f
}

// Row takes a row of a plan, and tells whether the policy mends it.
func (f *Findings) Row(r replay.Row) (mends bool) {
	found := Finding{Kind: Outdated, Call: strconv.FormatInt(r.CallID, 10)}
	empty := true
	switch r.Action {
	case replay.Create:
		found.Kind = Missing
	case replay.Recreate:
		found.Kind = Deleted
	default:
		found.TaskIDs = []string{r.TaskID}
		for _, field := range r.Fields {
			found.Fields = append(found.Fields, field.Field)
			empty = empty && field.Held == nil
			if field.Edited {
				found.Kind = Edited
			}
		}
	}
	mends = f.Policy.mends(empty)
	f.add(found)
	t := f.Tally[found.Kind]
	t.Overwrite++
	if Fill.mends(empty) {
		t.Fill++
	}
	if mends {
		f.rows[r.Action]++
	}
	return mends
}

// Sent notes which calls were rewritten. Of those a finding that a rewrite mends is mended.
func (f *Findings) Sent(calls map[int64]bool) {
	for i := range f.List {
		found := &f.List[i]
		if id, err := strconv.ParseInt(found.Call, 10, 64); err == nil && found.Kind.Mend() == "" {
			found.Mended = calls[id]
		}
	}
}

// Stray takes Tasks that no rewrite mends.
func (f *Findings) Stray(s replay.Stray) error {
	f.add(Finding{Kind: Kind(s.Kind), Call: s.Key, TaskIDs: s.TaskIDs})
	return nil
}

func (f *Findings) add(found Finding) {
	t := f.Tally[found.Kind]
	if t.Found++; t.Found <= mostFindings {
		f.List = append(f.List, found)
	}
}

// Of are the findings of a kind that were kept.
func (f *Findings) Of(k Kind) []Finding {
	return slices.DeleteFunc(slices.Clone(f.List), func(found Finding) bool { return found.Kind != k })
}

// Total is how many there are, of all kinds.
func (f *Findings) Total() (n int64) {
	for _, t := range f.Tally {
		n += t.Found
	}
	return n
}

// Plan is the summary of the plan with the rows that the policy mends, made of that
// with all rows.
func (f *Findings) Plan(all replay.Summary) replay.Summary {
	return all.Part(f.rows[replay.Create], f.rows[replay.Recreate], f.rows[replay.Update])
}
