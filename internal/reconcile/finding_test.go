package reconcile

import (
	"testing"

	"github.com/callfold/callfold/internal/replay"
)

// TestPolicies has a row of each sort under each policy.
func TestPolicies(t *testing.T) {
	update := func(fields ...replay.FieldChange) replay.Row {
		return replay.Row{CallID: 7, Action: replay.Update, TaskID: "00T", Fields: fields}
	}
	empty := replay.FieldChange{Field: "Description", Wanted: "a"}
	for name, test := range map[string]struct {
		row   replay.Row
		kind  Kind
		fills bool
	}{
		"missing":               {replay.Row{CallID: 7, Action: replay.Create, Fields: []replay.FieldChange{empty}}, Missing, true},
		"deleted":               {replay.Row{CallID: 7, Action: replay.Recreate, Fields: []replay.FieldChange{empty}}, Deleted, true},
		"edited":                {update(replay.FieldChange{Field: "Subject", Held: "b", Wanted: "a", Edited: true}), Edited, false},
		"emptied":               {update(replay.FieldChange{Field: "Subject", Wanted: "a", Edited: true}), Edited, true},
		"never filled":          {update(empty), Outdated, true},
		"a checkbox":            {update(replay.FieldChange{Field: "Connected__c", Held: false, Wanted: true}), Outdated, false},
		"emptied and changed":   {update(empty, replay.FieldChange{Field: "Subject", Held: "b", Wanted: "a", Edited: true}), Edited, false},
		"should be emptied now": {update(replay.FieldChange{Field: "Description", Held: "b"}), Outdated, false},
	} {
		for policy, want := range map[Policy]bool{Report: false, Fill: test.fills, Overwrite: true} {
			f := NewFindings(policy)
			if got := f.Row(test.row); got != want {
				t.Errorf("%s: %s mends it: %v", name, policy, got)
			}
			tally := f.Tally[test.kind]
			if tally.Found != 1 || tally.Overwrite != 1 || (tally.Fill == 1) != test.fills || f.Total() != 1 {
				t.Errorf("%s: counted %+v", name, f.Tally)
			}
			plan := f.Plan(replay.Summary{Create: 5, Recreate: 5, Update: 5, Unchanged: 9})
			if (plan.Changes() == 1) != want || plan.Unchanged != 9 {
				t.Errorf("%s: the plan of %s has %+v", name, policy, plan)
			}
			if list := f.Of(test.kind); len(list) != 1 || list[0].Call != "7" || list[0].Mended {
				t.Errorf("%s: %+v", name, list)
			}
			for id, want := range map[int64]bool{8: false, 7: true} {
				f.Sent(map[int64]bool{id: true})
				if list := f.Of(test.kind); list[0].Mended != want {
					t.Errorf("%s: call %d was rewritten, and the list has %+v", name, id, list)
				}
			}
		}
	}
}

// TestFindingsAreBounded finds more than is kept.
func TestFindingsAreBounded(t *testing.T) {
	f := NewFindings(Overwrite)
	for range mostFindings + 5 {
		if err := f.Stray(replay.Stray{Kind: replay.Orphaned, Key: "9"}); err != nil {
			t.Fatal(err)
		}
	}
	f.Row(replay.Row{CallID: 1, Action: replay.Create})
	if f.Sent(map[int64]bool{9: true}); f.Of(Orphaned)[0].Mended {
		t.Error("no rewrite mends an orphan")
	}
	if len(f.Of(Orphaned)) != mostFindings || f.Tally[Orphaned].Found != mostFindings+5 || len(f.Of(Missing)) != 1 {
		t.Errorf("kept %d, counted %+v", len(f.List), f.Tally[Orphaned])
	}
	if f.Tally[Orphaned].Overwrite != 0 || Orphaned.Mend() == "" || Missing.Mend() != "" {
		t.Error("an orphan is nobody's to mend but a person's")
	}
}

func TestParsePolicy(t *testing.T) {
	if p, err := ParsePolicy("fill"); err != nil || p != Fill {
		t.Error(p, err)
	}
	for _, text := range []string{"", "off", "delete"} {
		if _, err := ParsePolicy(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}
