package backfill

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// known is what the log knows of a call, as far as it matters here.
type known struct {
	// rest is the key of the newest call object of the API that was folded.
	rest schemas.Key
	// ended says that an end is known.
	ended bool
	// erased says that the call was erased.
	erased  bool
	authors *authors // nil: none is known
}

// authors are who wrote the notes and put the tags of a call.
type authors struct {
	notes map[int64]schemas.User // by the note's id
	tags  map[int64]int64        // user ids, by the tag's id
}

// knownOf takes what matters from the record of a call.
func knownOf(r *schemas.CallRecord) known {
	k := known{ended: hasEnded(&r.State), erased: r.State.Erased.Known()}
	for _, e := range r.Trace.Events {
		if e.Event == schemas.EventREST {
			k.rest = e.At // they are in order
		}
	}
	a := authors{notes: map[int64]schemas.User{}, tags: map[int64]int64{}}
	for _, n := range r.State.Comments.Value {
		if n.By.ID != 0 {
			a.notes[n.ID] = n.By
		}
	}
	for _, t := range r.State.Tags.Value {
		if t.By != 0 {
			a.tags[t.ID] = t.By
		}
	}
	if len(a.notes)+len(a.tags) > 0 {
		k.authors = &a
	}
	return k
}

func hasEnded(c *schemas.Call) bool {
	return c.Status == schemas.StatusDone || c.EndedAt.Known() || c.EndedEvent != 0
}

// readCalls reads the newest record of each call from the topic calls, up to its
// end as it is at the beginning, and keeps what keep makes of those that it wants.
// Hidden are the partitions in which a transaction that stays open hides what was
// committed behind it.
func readCalls[T any](ctx context.Context, client *kgo.Client, topic string, keep func(*schemas.CallRecord) (T, bool)) (calls map[int64]T, hidden []int32, err error) {
	found, err := partition.Lookup(ctx, client, topic)
	if err != nil {
		return nil, nil, err
	}
	count, err := found.Count(topic)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, nil, fmt.Errorf("%w (run callfold topics create)", err)
	case err != nil:
		return nil, nil, err
	}
	calls = map[int64]T{}
	var mu sync.Mutex // of calls and hidden
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for number := range int32(count) {
		group.Go(func() error {
			p, err := found.Partition(topic, number)
			if err != nil {
				return err
			}
			complete, err := p.Read(ctx, func(records []*kgo.Record, _ int64) error {
				return noteRecords(records, &mu, calls, keep)
			})
			if err == nil && !complete {
				mu.Lock()
				hidden = append(hidden, number)
				mu.Unlock()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	slices.Sort(hidden)
	return calls, hidden, nil
}

// noteRecords takes account of records of one partition: a newer one takes the
// place of an older one also where it is not wanted itself.
func noteRecords[T any](records []*kgo.Record, mu *sync.Mutex, calls map[int64]T, keep func(*schemas.CallRecord) (T, bool)) error {
	for _, r := range records {
		if stream.IsMarker(r) {
			continue
		}
		id, err := strconv.ParseInt(string(r.Key), 10, 64)
		if err != nil {
			return fmt.Errorf("reading %s, partition %d, offset %d: the key is no call id", r.Topic, r.Partition, r.Offset)
		}
		var kept T
		wanted := false
		if r.Value != nil {
			record, err := schemas.Calls.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
			if err != nil {
				return fmt.Errorf("reading %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
			}
			kept, wanted = keep(&record)
		}
		mu.Lock()
		if wanted {
			calls[id] = kept
		} else {
			delete(calls, id)
		}
		mu.Unlock()
	}
	return nil
}
