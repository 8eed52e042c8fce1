package sfsink

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/salesforce"
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

// readBack looks at the Tasks whose time it is, so that only what differs is written,
// and at those of which a preserved field is about to be written, so that what people
// changed is kept.
func (t *turn) readBack(ctx context.Context, open []*job) error {
	open = slices.DeleteFunc(open, func(j *job) bool {
		return j.outcome != nil || !j.unconfirmed && !j.overwrites()
	})
	return sideBySide(ctx, open, func(ctx context.Context, some []*job) error {
		var keys []string
		wanted := map[string]bool{}
		for _, j := range some {
			keys = append(keys, j.key)
			for _, f := range j.task.Fields {
				if j.unconfirmed || t.preserved[f.Name] {
					wanted[f.Name] = true
				}
			}
		}
		names := slices.Sorted(maps.Keys(wanted))
		alive, err := t.alive(ctx, keys, names)
		if err != nil {
			return err
		}
		for _, j := range some {
			j.readBackAs(alive[j.key], names)
		}
		return nil
	})
}

// sideBySide looks at some calls a query, and has as many queries under way as a turn
// has of lookups: a turn of thousands of calls would keep its writes waiting for long.
func sideBySide[J any](ctx context.Context, calls []J, look func(context.Context, []J) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookupsAtOnce)
	for some := range slices.Chunk(calls, idsAQuery) {
		g.Go(func() error { return look(ctx, some) })
	}
	return g.Wait()
}

// alive are the Tasks of calls that are not deleted, with some of their fields.
func (t *turn) alive(ctx context.Context, keys, names []string) (map[string]salesforce.Record, error) {
	names = append([]string{"Id", "IsDeleted", "LastModifiedById", t.externalID}, names...)
	soql := "SELECT " + strings.Join(names, ", ") + " FROM Task WHERE " + t.externalID + " IN " + salesforce.InSOQL(keys)
	var records []salesforce.Record
	if err := t.loading(ctx, func() (err error) {
		records, err = t.client.QueryAll(ctx, soql)
		return err
	}); err != nil {
		return nil, err
	}
	alive := map[string]salesforce.Record{}
	for _, r := range records {
		if deleted, _ := r["IsDeleted"].(bool); !deleted {
			alive[text(r, t.externalID)] = r
		}
	}
	return alive, nil
}

// readBackAs takes what the call's Task holds of some fields, nil where there is no
// Task.
func (j *job) readBackAs(task salesforce.Record, names []string) {
	confirming := j.unconfirmed
	j.unconfirmed = false
	switch {
	case task != nil:
		j.takes(task, names)
		if !confirming {
			return
		}
		result := foundAsWanted
		if len(j.row().fields) > 0 {
			result = foundMended
		}
		j.metrics.confirmed.WithLabelValues(result).Inc()
	case !confirming:
		// Salesforce's answer to the write tells what became of it.
		j.holds = salesforce.Record{}
	case j.taskID == "":
		// It was never there.
	case j.recreates():
		j.taskID, j.unwritten = "", true
	default:
		j.metrics.confirmed.WithLabelValues(foundGone).Inc()
		j.gone()
	}
}
