package sfsink

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

const (
	// confirmAfter is for how long Salesforce may still carry out a request that was
	// given up. Then the Task is read back, once, and mended if it holds something
	// else than is wanted.
	confirmAfter = 150 * time.Second
	// clockSkew is by how much the clocks of two processes may differ.
	clockSkew = time.Minute
)

// unsure notes that a request may be carried out later, of which nobody knows.
func (j *job) unsure() { j.confirm = j.Sink.now().Add(confirmAfter).UnixMilli() }

// unanswered tells whether a request that failed with the error may have been taken,
// or may be yet: there was no answer, or it came from something before Salesforce.
func unanswered(err error) bool {
	var refusal *salesforce.Error
	if !errors.As(err, &refusal) {
		return true
	}
	switch refusal.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// readBack looks at the Tasks whose time it is, so that only what differs is written.
func (t *turn) readBack(ctx context.Context, open []*job) error {
	open = slices.DeleteFunc(open, func(j *job) bool { return j.outcome != nil || !j.unconfirmed })
	for some := range slices.Chunk(open, salesforce.MaxRows) {
		var keys []string
		names := map[string]bool{}
		for _, j := range some {
			keys = append(keys, j.key)
			for _, f := range j.task.Fields {
				names[f.Name] = true
			}
		}
		fields := slices.Sorted(maps.Keys(names))
		soql := "SELECT Id, IsDeleted, " + strings.Join(append(fields, t.externalID), ", ") + " FROM Task WHERE " + t.externalID + " IN " + salesforce.InSOQL(keys)
		var records []salesforce.Record
		if err := t.loading(ctx, func() (err error) {
			records, err = t.client.QueryAll(ctx, soql)
			return err
		}); err != nil {
			return err
		}
		alive := map[string]salesforce.Record{}
		for _, r := range records {
			if deleted, _ := r["IsDeleted"].(bool); !deleted {
				alive[text(r, t.externalID)] = r
			}
		}
		for _, j := range some {
			j.readBackAs(alive[j.key])
		}
	}
	return nil
}

// readBackAs takes what the call's Task holds, nil where there is none.
func (j *job) readBackAs(task salesforce.Record) {
	j.unconfirmed = false
	switch {
	case task != nil:
		j.taskID, j.holds = text(task, "Id"), task
		result := "as_wanted"
		if len(j.row().fields) > 0 {
			result = "mended"
		}
		j.metrics.confirmed.WithLabelValues(result).Inc()
	case j.taskID == "":
		// It was never there.
	case j.recreate:
		j.taskID = ""
	default:
		j.metrics.confirmed.WithLabelValues("gone").Inc()
		j.finish(schemas.Deleted)
		j.outcome.Rule = "tasks.deleted"
	}
}

// same tells whether a field that was read holds the value wanted. Salesforce trims
// texts, keeps no empty ones, and gives every number as a decimal.
func same(wanted, held any) bool {
	switch w := wanted.(type) {
	case nil:
		return held == nil
	case string:
		h, _ := held.(string)
		return plain(w) == plain(h)
	case int64:
		switch h := held.(type) {
		case float64:
			return float64(w) == h
		case int64:
			return w == h
		}
		return false
	case bool:
		h, _ := held.(bool)
		return w == h
	}
	return false
}

func plain(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
