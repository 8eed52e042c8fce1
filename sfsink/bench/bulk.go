//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/schemas"
)

// bulkResult is how long the same rows took by way of the sink, and without it.
type bulkResult struct {
	rows, jobs  int
	sink, alone time.Duration
	requests    float64 // the sink's, to write them
}

// reportBulk measures rewrites by Bulk API 2.0, and prints what came of it.
func reportBulk(ctx context.Context, o options, records []*kgo.Record) error {
	fmt.Fprintln(os.Stderr, "rewriting all by Bulk API 2.0")
	rewrites, err := asRewrites(records)
	if err != nil {
		return err
	}
	r, err := bulk(ctx, o, rewrites)
	if err != nil {
		return fmt.Errorf("rewriting by Bulk API 2.0: %w", err)
	}
	rate := func(d time.Duration) float64 { return float64(r.rows) / d.Seconds() }
	_, err = fmt.Printf("\n%d rewrites by %d bulk jobs: %.0f rows/s, from the first record read to the last result committed (%.1f s), %.1f requests/1000 rows\n"+
		"the same rows and jobs, by the same client without a sink: %.0f rows/s (%.1f s)\n",
		r.rows, r.jobs, rate(r.sink), r.sink.Seconds(), 1000*r.requests/float64(r.rows), rate(r.alone), r.alone.Seconds())
	return err
}

// asRewrites gives the calls with an operator's command to rewrite each.
func asRewrites(records []*kgo.Record) ([]*kgo.Record, error) {
	rewrites := make([]*kgo.Record, len(records))
	for i, r := range records {
		record, err := schemas.Calls.Decode(schemas.Calls.Schema(), r.Value)
		if err != nil {
			return nil, fmt.Errorf("reading a call: %w", err)
		}
		event, err := schemas.ParseEvent(fmt.Appendf(nil, `{"resource":"callfold","event":"callfold.rewrite","timestamp":%d,"data":{"id":%s,"who":"bench","why":"bench"}}`,
			record.State.Newest.Time+1, r.Key))
		if err != nil {
			return nil, fmt.Errorf("making a command: %w", err)
		}
		rewrite := *r
		if rewrite.Value, err = schemas.Calls.Encode(schemas.Fold(record, event, 1000)); err != nil {
			return nil, fmt.Errorf("encoding a call: %w", err)
		}
		rewrites[i] = &rewrite
	}
	return rewrites, nil
}

// bulk has the sink write rewrites, and then writes what it has written to an org of
// its own.
func bulk(ctx context.Context, o options, records []*kgo.Record) (r bulkResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var rows []salesforce.Record
	if err := inWorld(ctx, o, func(w *world, dir string) error {
		if err := preload(ctx, []string{w.broker}, o.partitions, records); err != nil {
			return err
		}
		if r, err = bulkBySink(ctx, w, o, dir, len(records)); err != nil {
			return err
		}
		rows, err = tasks(ctx, w)
		return err
	}); err != nil {
		return r, err
	}
	r.rows = len(rows)
	err = inWorld(ctx, o, func(w *world, _ string) (err error) {
		r.alone, err = bulkAlone(ctx, w, slices.Collect(slices.Chunk(rows, (len(rows)+r.jobs-1)/r.jobs)), o.lanes)
		return err
	})
	return r, err
}

// bulkBySink runs a sink until all calls have been written.
func bulkBySink(ctx context.Context, w *world, o options, dir string, calls int) (r bulkResult, err error) {
	registry := prometheus.NewRegistry()
	engine, err := newEngine(w, o, slices.Max(o.inFlight), dir, registry)
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	defer func() { cancel(); err = errors.Join(err, <-ended) }()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	var began time.Time
	for {
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("waiting for the rewrites: %w", ctx.Err())
		case <-ticker.C:
		}
		count, err := counters(registry)
		if err != nil {
			return r, err
		}
		if began.IsZero() && count["requests"] > 0 {
			began = time.Now()
		}
		if count["rows"]-count["waiting"]-count["retrying"] >= float64(calls) {
			r.sink, r.jobs, r.requests = time.Since(began), int(count["complete"]), count["requests"]
			if r.jobs == 0 {
				return r, errors.New("no job was made: use more -calls or a smaller -bulk")
			}
			return r, nil
		}
	}
}

// externalID is the field by which Tasks are upserted.
const externalID = "Aircall_Call_Id__c"

// tasks are the Tasks of an org as rows to be created.
func tasks(ctx context.Context, w *world) ([]salesforce.Record, error) {
	client, err := w.client(nil)
	if err != nil {
		return nil, err
	}
	task, err := client.Describe(ctx, "Task")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range task.Fields {
		if f.Createable {
			names = append(names, f.Name)
		}
	}
	var rows []salesforce.Record
	err = client.BulkQuery(ctx, "SELECT "+strings.Join(names, ", ")+" FROM Task", false, func(cells map[string]string) error {
		row := salesforce.Record{}
		for name, cell := range cells {
			if cell != "" {
				row[name] = cell
			}
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// bulkAlone writes rows by jobs, so many uploads at once, and reads their results.
func bulkAlone(ctx context.Context, w *world, jobs [][]salesforce.Record, atOnce int) (time.Duration, error) {
	client, err := w.client(nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	ids := make([]string, len(jobs))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, rows := range jobs {
		g.Go(func() (err error) {
			if ids[i], err = client.BulkCreate(ctx, "Task", externalID); err != nil {
				return err
			}
			if err := client.BulkUpload(ctx, ids[i], rows); err != nil {
				return err
			}
			return client.BulkClose(ctx, ids[i])
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	written := 0
	for _, id := range ids {
		info, err := client.BulkInfo(ctx, id)
		for ; err == nil && !info.Ended(); info, err = client.BulkInfo(ctx, id) {
			time.Sleep(50 * time.Millisecond)
		}
		if err == nil {
			err = client.BulkResults(ctx, info, func(r salesforce.BulkResult) error {
				if r.Code != "" {
					return fmt.Errorf("a row was refused: %s", r.Code)
				}
				written++
				return nil
			})
		}
		if err != nil {
			return 0, err
		}
	}
	took := time.Since(began)
	want := 0
	for _, rows := range jobs {
		want += len(rows)
	}
	if written != want {
		return 0, errors.New(strconv.Itoa(written) + " rows were written of " + strconv.Itoa(want))
	}
	return took, nil
}
