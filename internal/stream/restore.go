package stream

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// RestoringError says which partitions are being restored.
type RestoringError struct{ Partitions []int32 }

func (e *RestoringError) Error() string {
	return fmt.Sprintf("restoring the state of partitions %v", e.Partitions)
}

// restore brings a task's table up to the changelog and then lets its input
// flow. It runs beside the lane, and tries until it has succeeded, is cancelled,
// or finds that the group has to go back first.
func (l *lane[V]) restore(ctx context.Context, cl *kgo.Client, t *task) {
	defer close(t.restored)
	for wait := newBackOff(); ctx.Err() == nil; pause(ctx, wait.NextBackOff()) {
		err := l.restoreOnce(ctx, cl, t)
		mismatch := (*MismatchError)(nil)
		switch {
		case err == nil:
			l.opened(cl, t)
			return
		case errors.As(err, &mismatch):
			l.wantBack(t, mismatch)
			return
		case ctx.Err() == nil:
			l.restoreFailed(t, err)
		}
	}
}

// restoreOnce takes the partition's table, unless it has it, and restores it.
func (l *lane[V]) restoreOnce(ctx context.Context, cl *kgo.Client, t *task) (err error) {
	if t.table == nil {
		if t.table, err = l.store.Acquire(ctx, t.partition); err != nil {
			return err
		}
	}
	return l.restoreTable(ctx, cl, t)
}

// restoreTable restores once, checks the result against the group, and where
// they disagree restores again from nothing.
func (l *lane[V]) restoreTable(ctx context.Context, cl *kgo.Client, t *task) error {
	began := time.Now()
	from := t.table.Checkpoint().Offset
	if err := l.readChangelog(ctx, t.table, t.partition); err != nil {
		return err
	}
	problem, err := l.guard(ctx, cl, t)
	if err != nil {
		return err
	}
	if problem != nil {
		l.metrics.guard.Inc()
		l.log.Error("the restored state does not fit the group's offset; restoring it from nothing", "partition", t.partition, "problem", problem)
		if err := t.table.Reset(); err != nil {
			return err
		}
		if err := l.readChangelog(ctx, t.table, t.partition); err != nil {
			return err
		}
		problem, err = l.guard(ctx, cl, t)
		if err != nil {
			return err
		}
	}
	if problem != nil {
		l.metrics.guard.Inc()
		if err := l.mend(t, problem); err != nil {
			return err
		}
	}
	l.log.Info("restored", "partition", t.partition, "from", from, "to", t.table.Checkpoint().Offset, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// changelogEnds is what a restore has to know about a changelog partition.
type changelogEnds struct {
	topicID       string
	highWatermark int64
	retention     time.Duration // delete.retention.ms: how long tombstones are kept
}

// readChangelog applies the changelog to the table, from its checkpoint up to
// the high watermark as it is now.
func (l *lane[V]) readChangelog(ctx context.Context, tab *table.Table, partition int32) error {
	admin, err := kgo.NewClient(l.opts.Client()...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer admin.Close()
	ends, err := l.changelogEnds(ctx, kadm.NewClient(admin), partition)
	if err != nil {
		return err
	}
	if why := unfit(tab.Checkpoint(), ends, l.opts.Now()); why != "" {
		l.log.Warn("the local state cannot be continued; restoring it from nothing", "partition", partition, "cause", why)
		if err := tab.Reset(); err != nil {
			return err
		}
	}
	if c := tab.Checkpoint(); c.TopicID != ends.topicID {
		if err := tab.Apply(nil, table.Checkpoint{TopicID: ends.topicID, SavedAt: l.opts.Now()}); err != nil {
			return err
		}
	}
	if tab.Checkpoint().Offset >= ends.highWatermark {
		return nil
	}

	start := kgo.NewOffset().At(tab.Checkpoint().Offset)
	if tab.Checkpoint().Offset == 0 {
		start = kgo.NewOffset().AtStart()
	}
	cl, err := kgo.NewClient(append(l.opts.Client(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.opts.Changelog: {partition: start}}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(16<<20),
		// Commit and abort markers are seen, so that the position passes a
		// transaction at the end of the log.
		kgo.KeepControlRecords(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// For the barrier: a second one does no harm, and without a producer id
		// nothing has to be asked for that a vanished broker cannot give.
		kgo.DisableIdempotentWrite(),
	)...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	r := &reading[V]{lane: l, cl: cl, table: tab, partition: partition, ends: ends}
	return r.run(ctx)
}

// unfit says why a table cannot be continued from its checkpoint, or "".
func unfit(c table.Checkpoint, ends changelogEnds, now time.Time) string {
	switch {
	case c == table.Checkpoint{}:
		return ""
	case c.TopicID != ends.topicID:
		return "the changelog topic was deleted and made again"
	case c.Offset > ends.highWatermark:
		return fmt.Sprintf("it reaches offset %d, the changelog ends at %d", c.Offset, ends.highWatermark)
	case now.Sub(c.SavedAt) > ends.retention/2:
		return fmt.Sprintf("it was last written at %s and may have missed deletions", c.SavedAt.Format(time.RFC3339))
	}
	return ""
}

func (l *lane[V]) changelogEnds(ctx context.Context, adm *kadm.Client, partition int32) (changelogEnds, error) {
	var ends changelogEnds
	topic := l.opts.Changelog
	topics, err := adm.ListTopics(ctx, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return ends, fmt.Errorf("asking for the topic %s: %w", topic, err)
	}
	ends.topicID = hex.EncodeToString(topicID(topics[topic].ID))
	end, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return ends, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	o, ok := end.Lookup(topic, partition)
	if !ok {
		return ends, fmt.Errorf("%s has no partition %d, %s has: they must have the same number", topic, partition, l.opts.Input)
	}
	if o.Err != nil {
		return ends, fmt.Errorf("asking for the end of %s, partition %d: %w", topic, partition, o.Err)
	}
	ends.highWatermark = o.Offset
	ends.retention = deleteRetention(ctx, adm, topic)
	return ends, nil
}

func topicID(id kadm.TopicID) []byte { return id[:] }

// deleteRetention asks for delete.retention.ms; where it cannot be read (a
// right is missing) Kafka's default holds.
func deleteRetention(ctx context.Context, adm *kadm.Client, topic string) time.Duration {
	const byDefault = 24 * time.Hour
	configs, err := adm.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return byDefault
	}
	rc, err := configs.On(topic, nil)
	if err != nil {
		return byDefault
	}
	for _, c := range rc.Configs {
		if c.Key == "delete.retention.ms" {
			if d, err := time.ParseDuration(c.MaybeValue() + "ms"); err == nil && d > 0 {
				return d
			}
		}
	}
	return byDefault
}

// reading is one pass over a changelog partition.
type reading[V any] struct {
	*lane[V]
	cl        *kgo.Client
	table     *table.Table
	partition int32
	ends      changelogEnds
	barrier   bool // one was written
}

// quiet is how long a fetch waits before the reader asks itself whether there
// is anything left to see.
const quiet = 500 * time.Millisecond

func (r *reading[V]) run(ctx context.Context) error {
	for r.table.Checkpoint().Offset < r.ends.highWatermark {
		r.metrics.restoring(r.partition, r.ends.highWatermark-r.table.Checkpoint().Offset)
		fctx, cancel := context.WithTimeout(ctx, quiet)
		fetches := r.cl.PollFetches(fctx)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, f := range fetches.Errors() {
			if !errors.Is(f.Err, context.DeadlineExceeded) {
				return fmt.Errorf("reading %s, partition %d: %w", r.opts.Changelog, r.partition, f.Err)
			}
		}
		if fetches.NumRecords() == 0 {
			if err := r.writeBarrier(ctx); err != nil {
				return err
			}
			continue
		}
		if err := r.apply(fetches.Records()); err != nil {
			return err
		}
	}
	r.metrics.restoring(r.partition, 0)
	return nil
}

// apply makes the changes of some changelog records in the table.
func (r *reading[V]) apply(records []*kgo.Record) error {
	c := r.table.Checkpoint()
	c.SavedAt = r.opts.Now()
	var changes []table.Change
	for _, rec := range records {
		c.Offset = rec.Offset + 1
		if rec.Attrs.IsControl() {
			continue
		}
		if n := nextInput(rec); n > 0 {
			c.NextInput = n
		}
		if IsMarker(rec) {
			continue
		}
		change, err := r.change(rec)
		if err != nil {
			return fmt.Errorf("restoring %s, partition %d, offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)
		}
		changes = append(changes, change)
	}
	r.metrics.restored.Add(float64(len(changes)))
	return r.table.Apply(changes, c)
}

// change turns a changelog record into a change of the table, which holds
// values of the present schema only.
func (r *reading[V]) change(rec *kgo.Record) (table.Change, error) {
	ch := table.Change{Key: string(rec.Key), Value: rec.Value}
	schema := Header(rec, schemas.HeaderSchema)
	if rec.Value == nil || schema == r.opts.Codec.Schema() && r.opts.Timer == nil {
		return ch, nil
	}
	v, err := r.opts.Codec.Decode(schema, rec.Value)
	if err != nil {
		return ch, err
	}
	if schema != r.opts.Codec.Schema() {
		if ch.Value, err = r.opts.Codec.Encode(v); err != nil {
			return ch, err
		}
	}
	ch.Due = r.due(v)
	return ch, nil
}

// writeBarrier is called when nothing more came although the high watermark is
// not reached. Either a transaction is still open: then its end will come. Or
// what is left of the log cannot be seen: a compacted tail, or the records of
// a transaction that died with the embedded broker and has no marker. Then a
// record of our own behind it shows that everything before was seen. It is
// written once and outside of any transaction, so a read_committed reader sees
// it only when every transaction before it has ended.
func (r *reading[V]) writeBarrier(ctx context.Context) error {
	if r.barrier {
		return nil
	}
	stable, err := kadm.NewClient(r.cl).ListCommittedOffsets(ctx, r.opts.Changelog)
	if err != nil {
		return fmt.Errorf("asking for the last stable offset of %s: %w", r.opts.Changelog, err)
	}
	if o, ok := stable.Lookup(r.opts.Changelog, r.partition); !ok || o.Err != nil || o.Offset < r.ends.highWatermark {
		return nil // a transaction is open, or we could not tell; the next look will
	}
	m := marker(barrierMarker)
	m.Topic, m.Partition = r.opts.Changelog, r.partition
	written := kgo.AbortingFirstErrPromise(r.cl)
	r.cl.Produce(ctx, m, written.Promise())
	if err := errors.Join(firstError(ctx, written)); err != nil {
		return fmt.Errorf("writing a barrier to %s, partition %d: %w", r.opts.Changelog, r.partition, err)
	}
	r.barrier = true
	return nil
}
