package replay

import (
	"context"
	"errors"
	"slices"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// TrialOptions say what settings are tried on which calls.
type TrialOptions struct {
	// Options has the settings that are tried in Sink. Org, Rematch and Stray do not
	// matter: what Salesforce holds is not looked at.
	Options
	// Base has the settings to compare with; nil compares with what the outcomes say
	// was written.
	Base *sfsink.Sink
}

// Trial is what other settings would change.
type Trial struct {
	// Calls is how many were looked at. The next five say what became of them.
	Calls     int64  `json:"calls"`
	More      *Class `json:"more"`    // have a Task that they do not have now
	Fewer     *Class `json:"fewer"`   // are skipped, and are logged now: their Tasks stay as they are
	Changed   int64  `json:"changed"` // have a Task with other values
	Unchanged int64  `json:"unchanged"`
	Without   int64  `json:"without"` // have no Task, now as then
	// Untold are calls of which the outcome does not say what their Task holds, such as
	// rejected ones, or of which there is none yet.
	Untold int64 `json:"untold"`
	// Fields are the differences of the changed ones, by field.
	Fields map[string]*Class `json:"fields"`
	// Requests and Minutes are what a rebuild takes then, about.
	Requests int64   `json:"api_requests"`
	Minutes  float64 `json:"minutes"`
	// Hidden is as in Summary.
	Hidden []int32 `json:"hidden_partitions,omitempty"`
}

// Class is a kind of change: how many calls, by which rule, and the first few.
type Class struct {
	Calls    int64            `json:"calls"`
	Rules    map[string]int64 `json:"rules"`
	Examples []Example        `json:"examples"`
}

// Example is one call. Before and Wanted are a field's values; Before is null where
// only its hash is known.
type Example struct {
	CallID int64 `json:"call_id"`
	Before any   `json:"before,omitzero"`
	Wanted any   `json:"wanted,omitzero"`
}

// mostExamples is how many calls are named of each kind of change.
const mostExamples = 3

func newClass() *Class { return &Class{Rules: map[string]int64{}} }

func (c *Class) add(rule string, e Example) {
	c.Calls++
	c.Rules[rule]++
	if len(c.Examples) < mostExamples {
		c.Examples = append(c.Examples, e)
	}
}

// Try tells what other settings would change on recorded calls. Calls stay with the
// record that they were logged on (M9); of the others Salesforce is asked. Nothing is
// written. The error may be a [*sfsink.Stopped].
func Try(ctx context.Context, o TrialOptions) (t Trial, err error) {
	store, err := table.Open(table.Options{Dir: o.Dir, Schema: schemas.Calls.Schema()})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	l, err := readLog(ctx, &o.Options, store)
	if err != nil {
		return t, err
	}
	defer l.release()
	chosen, err := l.choose(&o.Options)
	if err != nil {
		return t, err
	}
	t = Trial{More: newClass(), Fewer: newClass(), Fields: map[string]*Class{}, Hidden: slices.Compact(slices.Sorted(slices.Values(l.hidden)))}
	for n, keys := range chosen {
		for some := range slices.Chunk(keys, callsAtATime) {
			if err := t.try(ctx, &o, l, n, some); err != nil {
				return t, err
			}
			o.Progress.Planned.Add(int64(len(some)))
		}
	}
	t.Requests, t.Minutes = cost(t.More.Calls+t.Changed, int64(o.Lot))
	return t, nil
}

// try looks at some calls of a partition.
func (t *Trial) try(ctx context.Context, o *TrialOptions, l *log, n int, keys []string) error {
	known, err := l.all(n, keys)
	if err != nil {
		return err
	}
	now, err := o.Sink.Preview(ctx, known, false)
	if err != nil {
		return err
	}
	var base []sfsink.Preview
	if o.Base != nil {
		if base, err = o.Base.Preview(ctx, known, false); err != nil {
			return err
		}
	}
	for i := range known {
		b := beforeOf(&known[i].Outcome)
		if base != nil {
			b = beforeBy(base[i])
		}
		t.compare(now[i], b)
	}
	return nil
}

// before is the Task that a call has without the change.
type before struct {
	told, logged bool
	exists       bool // a Task that was written before the call was skipped (L3)
	hashes       map[string]string
	values       map[string]any
	kept         []string
}

// beforeOf is what an outcome says of it.
func beforeOf(o *schemas.Outcome) before {
	switch o.Result {
	case schemas.Created, schemas.Updated, schemas.Unchanged:
		return before{told: len(o.Written) > 0, logged: true, hashes: o.Written, kept: o.Kept}
	case schemas.Skipped:
		return before{told: o.TaskID == "" || len(o.Written) > 0, exists: o.TaskID != "", hashes: o.Written, kept: o.Kept}
	case schemas.Erased:
		return before{told: true}
	}
	return before{}
}

// beforeBy is what other settings make of it.
func beforeBy(p sfsink.Preview) before {
	b := before{told: true, logged: p.Decision.Action == projector.Log, hashes: p.Hashes(), values: map[string]any{}}
	for _, f := range p.Task.Fields {
		b.values[f.Name] = f.Value
	}
	return b
}

// compare counts one call.
func (t *Trial) compare(now sfsink.Preview, was before) {
	t.Calls++
	logs := now.Decision.Action == projector.Log
	switch {
	case !was.told:
		t.Untold++
	case logs && !was.logged && !was.exists:
		t.More.add(now.Decision.Rule, Example{CallID: now.CallID})
	case !logs && was.logged:
		t.Fewer.add(now.Decision.Rule, Example{CallID: now.CallID})
	case !logs:
		t.Without++
	case t.differ(now, was):
		t.Changed++
	default:
		t.Unchanged++
	}
}

// differ counts the fields that differ.
func (t *Trial) differ(now sfsink.Preview, was before) (differs bool) {
	hashes := now.Hashes()
	for _, f := range now.Task.Fields {
		h, written := was.hashes[f.Name]
		if f.CreateOnly || h == hashes[f.Name] || !written && (f.Value == nil || f.Value == "") || slices.Contains(was.kept, f.Name) {
			continue
		}
		differs = true
		if t.Fields[f.Name] == nil {
			t.Fields[f.Name] = newClass()
		}
		t.Fields[f.Name].add(f.Reason.Rule, Example{CallID: now.CallID, Before: was.values[f.Name], Wanted: f.Value})
	}
	return differs
}
