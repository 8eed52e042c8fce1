package replay

import (
	"testing"

	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/sfsink"
)

// TestTrialCounts compares with outcomes of each sort.
func TestTrialCounts(t *testing.T) {
	written := map[string]string{"Subject": "hash"}
	for name, test := range map[string]struct {
		outcome schemas.Outcome
		now     projector.Action
		want    func(*Trial) int64
	}{
		"logged, and skipped now":        {schemas.Outcome{Result: schemas.Created, TaskID: "00T", Written: written}, projector.Skip, func(t *Trial) int64 { return t.Fewer.Calls }},
		"skipped, and logged now":        {schemas.Outcome{Result: schemas.Skipped}, projector.Log, func(t *Trial) int64 { return t.More.Calls }},
		"skipped, now as then":           {schemas.Outcome{Result: schemas.Skipped}, projector.Skip, func(t *Trial) int64 { return t.Without }},
		"skipped after it was logged":    {schemas.Outcome{Result: schemas.Skipped, TaskID: "00T", Written: written}, projector.Skip, func(t *Trial) int64 { return t.Without }},
		"rejected":                       {schemas.Outcome{Result: schemas.Rejected}, projector.Log, func(t *Trial) int64 { return t.Untold }},
		"never looked at":                {schemas.Outcome{}, projector.Skip, func(t *Trial) int64 { return t.Untold }},
		"written, but not known to what": {schemas.Outcome{Result: schemas.Updated, TaskID: "00T"}, projector.Log, func(t *Trial) int64 { return t.Untold }},
		"deleted by somebody":            {schemas.Outcome{Result: schemas.Deleted, TaskID: "00T", Written: written}, projector.Log, func(t *Trial) int64 { return t.Untold }},
		"erased":                         {schemas.Outcome{Result: schemas.Erased}, projector.Skip, func(t *Trial) int64 { return t.Without }},
	} {
		trial := Trial{More: newClass(), Fewer: newClass()}
		trial.compare(sfsink.Preview{CallID: 7, Decision: projector.Decision{Action: test.now, Rule: "L3"}}, beforeOf(&test.outcome))
		if trial.Calls != 1 || test.want(&trial) != 1 {
			t.Errorf("%s: %+v", name, trial)
		}
	}
}

// TestExamplesAreFew counts all calls and names three.
func TestExamplesAreFew(t *testing.T) {
	c := newClass()
	for id := range int64(5) {
		c.add("F2", Example{CallID: id})
	}
	if c.Calls != 5 || len(c.Examples) != mostExamples || c.Rules["F2"] != 5 {
		t.Errorf("%+v", c)
	}
}
