package outcomes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Listing is what a reading found.
type Listing struct {
	// Calls are those that the filter wants, the newest decision first, no more
	// than the limit.
	Calls []Call
	// Summary counts all that the filter wants.
	Summary Summary
	// Hidden are the numbers of the partitions in which a transaction that stays
	// open hides what was committed behind it.
	Hidden []int32
}

// Read reads the newest outcome of each call from the topic, up to its end as it
// is at the beginning, and keeps those that the filter wants: the newest limit of
// them, or all with 0. With ids in the filter only their partitions are read.
//
// Several partitions are read at a time. What the filter wants of these is held,
// some 300 bytes a call, and some ten MiB of records each; beyond that the limit
// holds. The error is [schemas.ErrNewerSchema] where an outcome cannot be read by
// this version.
func Read(ctx context.Context, client *kgo.Client, topic string, filter Filter, limit int, progress *partition.Progress) (Listing, error) {
	keys := make([]string, 0, len(filter.IDs))
	for id := range filter.IDs {
		keys = append(keys, strconv.FormatInt(id, 10))
	}
	all := collection{limit: limit, Listing: Listing{Summary: Summary{}}}
	err := partition.ReadAll(ctx, client, topic, keys, progress, func(number int32, read partition.Reading) error {
		r := reader{filter: &filter, calls: map[int64]Call{}, verdicts: map[Verdict]*Verdict{}}
		complete, err := read(r.read)
		if err == nil {
			all.add(number, &r, complete)
		}
		return err
	})
	if err != nil {
		return Listing{}, err
	}
	slices.Sort(all.Hidden)
	all.cut()
	return all.Listing, nil
}

// reader reads one partition.
type reader struct {
	filter   *Filter
	calls    map[int64]Call // those whose newest outcome so far is wanted
	verdicts map[Verdict]*Verdict
}

func (r *reader) read(records []*kgo.Record) error {
	for _, rec := range records {
		if stream.IsMarker(rec) {
			continue
		}
		if err := r.note(rec); err != nil {
			return fmt.Errorf("reading %s, partition %d, offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)
		}
	}
	return nil
}

var errKey = errors.New("the key is no call id")

// note takes account of one record. A newer outcome takes the place of an older
// one also where it is not wanted itself.
func (r *reader) note(rec *kgo.Record) error {
	id, err := strconv.ParseInt(string(rec.Key), 10, 64)
	if err != nil {
		return errKey
	}
	if rec.Value == nil {
		delete(r.calls, id)
		return nil
	}
	if schema := stream.Header(rec, schemas.HeaderSchema); schema != schemas.Outcomes.Schema() {
		// It need not be newer: the codec knows what can be read.
		if _, err := schemas.Outcomes.Decode(schema, rec.Value); err != nil {
			return err
		}
	}
	c, err := parse(id, rec.Value, r.verdicts)
	if err != nil {
		return err
	}
	if r.filter.wants(c) {
		r.calls[id] = c
	} else {
		delete(r.calls, id)
	}
	return nil
}

// collection gathers what the readers of the partitions found.
type collection struct {
	mu    sync.Mutex
	limit int
	Listing
}

// add takes what a reader found when it was done.
func (c *collection) add(number int32, r *reader, complete bool) {
	counted := Summary{}
	for _, call := range r.calls {
		counted.Add(call)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Summary.merge(counted)
	if !complete {
		c.Hidden = append(c.Hidden, number)
	}
	for _, call := range r.calls {
		c.Calls = append(c.Calls, call)
	}
	if c.limit > 0 {
		c.cut()
	}
}

// cut sorts the calls and keeps no more than the limit.
func (c *collection) cut() {
	slices.SortFunc(c.Calls, newestFirst)
	if c.limit > 0 && len(c.Calls) > c.limit {
		clear(c.Calls[c.limit:])
		c.Calls = c.Calls[:c.limit]
	}
}
