package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/test/tasks"
)

// tasks compares Salesforce's Tasks with those that the projector makes of the
// records, field by field.
func (v *verdict) tasks(e *evidence, records map[int64]schemas.CallRecord, now time.Time) error {
	want, err := tasks.Wanted(records, now)
	if err != nil {
		return err
	}
	v.Tasks = len(want)
	held := map[string]map[string]string{}
	for _, record := range e.tasks {
		task := tasks.Held(record)
		if task["IsDeleted"] == "true" {
			continue
		}
		id := cmp.Or(task["Aircall_Call_Id__c"], "without an id, Task "+task["Id"])
		if held[id] != nil {
			v.find(&v.Duplicated, "call %s has two Tasks, %s and %s", id, held[id]["Id"], task["Id"])
		}
		held[id] = task
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		task := held[id]
		if task == nil {
			v.find(&v.Lost, "call %s has no Task", id)
			continue
		}
		if wrong := tasks.Differing(want[id], task); len(wrong) > 0 {
			v.find(&v.Diverged, "the Task of call %s: %s", id, strings.Join(wrong, "; "))
		}
	}
	for id := range held {
		if want[id] == nil {
			v.find(&v.Diverged, "call %s has a Task and should have none", id)
		}
	}
	return nil
}
