package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

// tasks compares Salesforce's Tasks with those that the projector makes of the
// records, field by field.
func (v *verdict) tasks(e *evidence, records map[int64]schemas.CallRecord, now time.Time) error {
	want, err := wantedTasks(records, now)
	if err != nil {
		return err
	}
	v.Tasks = len(want)
	held := map[string]map[string]string{}
	for _, record := range e.tasks {
		task := map[string]string{}
		for name, value := range record {
			task[name] = text(value)
		}
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
		if wrong := differing(want[id], task); len(wrong) > 0 {
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

// differing names the fields that are not as wanted. Salesforce knows more
// fields than we write.
func differing(want, got map[string]string) []string {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if want[name] != got[name] {
			wrong = append(wrong, fmt.Sprintf("%s is %q and must be %q", name, got[name], want[name]))
		}
	}
	return wrong
}

// wantedTasks are the fields of each Task, by call id. The owner is left out: it
// is decided at the first write and stays (M9), so it depends on how much was
// known then.
func wantedTasks(records map[int64]schemas.CallRecord, now time.Time) (map[string]map[string]string, error) {
	rules, err := projector.New(projector.DefaultSettings())
	if err != nil {
		return nil, err
	}
	org, err := projector.ParseOrg(traffic.SampleOrg())
	if err != nil {
		return nil, err
	}
	wanted := map[string]map[string]string{}
	for id, record := range records {
		out := rules.Project(record, org, now)
		if out.Decision.Action != projector.Log {
			continue
		}
		fields := map[string]string{}
		for _, f := range out.Task.Fields {
			if f.Name != "OwnerId" {
				fields[f.Name] = text(f.Value)
			}
		}
		wanted[strconv.FormatInt(id, 10)] = fields
	}
	return wanted, nil
}

// text makes values comparable: numbers without fractions, no null, links
// without what is signed anew with each event (F11).
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		start := strings.Index(v, "?X-Amz-")
		if start < 0 {
			return strings.TrimSpace(v)
		}
		end := strings.IndexAny(v[start:], "\n ")
		if end < 0 {
			return strings.TrimSpace(v[:start])
		}
		return strings.TrimSpace(v[:start] + v[start+end:])
	}
	return fmt.Sprint(v)
}
