// Package tasks is what Salesforce has to hold of generated calls, for those who compare.
package tasks

import (
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

// Wanted are the fields of each Task in the sample org, by call id. The owner is left
// out: it is decided at the first write and stays (M9), so it depends on how much was
// known then.
func Wanted(records map[int64]schemas.CallRecord, now time.Time) (map[string]map[string]string, error) {
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

// Held are the fields of a record of Salesforce, as [Wanted] has them.
func Held(record map[string]any) map[string]string {
	task := map[string]string{}
	for name, value := range record {
		task[name] = text(value)
	}
	return task
}

// Differing names the fields that are not as wanted. Salesforce knows more fields than
// we write.
func Differing(want, got map[string]string) []string {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if want[name] != got[name] {
			wrong = append(wrong, fmt.Sprintf("%s is %q and must be %q", name, got[name], want[name]))
		}
	}
	return wrong
}

// text makes values comparable: numbers without fractions, no null, links without what is
// signed anew with each event (F11).
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
