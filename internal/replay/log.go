package replay

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// Progress is how far a reading has come. It may be looked at meanwhile.
type Progress struct {
	// Done and Total count offsets of the topics calls and tasks.
	Done, Total atomic.Int64
	// Planned counts calls, of Chosen.
	Planned, Chosen atomic.Int64
}

// log is a copy of the newest records of calls and tasks, on disk, by partition and
// call.
type log struct {
	calls, outcomes []*table.Table
	topics          *partition.Topics
	// ends are where the partitions ended, by topic.
	ends   map[string][]int64
	mu     sync.Mutex
	hidden []int32
}

// release gives the tables back.
func (l *log) release() {
	for _, tables := range [][]*table.Table{l.calls, l.outcomes} {
		for _, t := range tables {
			if t != nil {
				t.Release()
			}
		}
	}
}

// readLog copies both topics to their ends as they are now.
func readLog(ctx context.Context, o *Options, store *table.Store) (*log, error) {
	topics, err := partition.Lookup(ctx, o.Kafka, o.Calls, o.Tasks)
	if err != nil {
		return nil, err
	}
	count, err := topics.Count(o.Calls)
	if err != nil {
		return nil, fmt.Errorf("%w (run callfold topics create)", err)
	}
	l := &log{
		topics: topics,
		calls:  make([]*table.Table, count), outcomes: make([]*table.Table, count),
		ends: map[string][]int64{o.Calls: make([]int64, count), o.Tasks: make([]int64, count)},
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for n := range int32(count) {
		for _, c := range []struct {
			topic     string
			tables    []*table.Table
			number    int32 // of the table
			normalise func(schema string, value []byte) ([]byte, error)
		}{
			{o.Calls, l.calls, n, normal(schemas.Calls)},
			{o.Tasks, l.outcomes, int32(count) + n, normal(schemas.Outcomes)},
		} {
			p, err := topics.Partition(c.topic, n)
			if err == nil {
				c.tables[n], err = store.Acquire(ctx, c.number)
			}
			if err != nil {
				l.release()
				return nil, err
			}
			o.Progress.Total.Add(p.Len())
			l.ends[c.topic][n] = p.End()
			group.Go(func() error {
				complete, err := copyPartition(gctx, p, c.tables[n], c.normalise, o.Progress)
				if err == nil && !complete {
					l.mu.Lock()
					l.hidden = append(l.hidden, n)
					l.mu.Unlock()
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// since are the keys of calls of which something came in since the log was read.
func (l *log) since(ctx context.Context, o *Options) (map[string]bool, error) {
	topics, err := partition.Lookup(ctx, o.Kafka, o.Calls, o.Tasks)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for topic, ends := range l.ends {
		for n, end := range ends {
			p, err := topics.Partition(topic, int32(n))
			if err != nil {
				return nil, err
			}
			if _, err := p.From(end).Read(ctx, func(records []*kgo.Record, _ int64) error {
				for _, r := range records {
					keys[string(r.Key)] = true
				}
				return nil
			}); err != nil {
				return nil, err
			}
		}
	}
	return keys, nil
}

// normal gives values in the present schema.
func normal[T any](codec schemas.Codec[T]) func(schema string, value []byte) ([]byte, error) {
	return func(schema string, value []byte) ([]byte, error) {
		if schema == codec.Schema() {
			return value, nil
		}
		v, err := codec.Decode(schema, value)
		if err != nil {
			return nil, err
		}
		return codec.Encode(v)
	}
}

// together is how many changes go into a table at once.
const together = 1000

// copyPartition puts the newest record of each key into a table. complete is false
// where a transaction that stays open hides what is behind it.
func copyPartition(ctx context.Context, p *partition.Partition, to *table.Table, normalise func(string, []byte) ([]byte, error), progress *Progress) (complete bool, err error) {
	var changes []table.Change
	flush := func() error {
		err := to.Apply(changes, table.Checkpoint{})
		changes = changes[:0]
		return err
	}
	complete, err = p.Read(ctx, func(records []*kgo.Record, offsets int64) error {
		progress.Done.Add(offsets)
		for _, r := range records {
			if stream.IsMarker(r) {
				continue
			}
			c := table.Change{Key: string(r.Key)}
			if r.Value != nil {
				if c.Value, err = normalise(stream.Header(r, schemas.HeaderSchema), r.Value); err != nil {
					return fmt.Errorf("reading %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
				}
			}
			changes = append(changes, c)
			if len(changes) == together {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return complete, flush()
}
