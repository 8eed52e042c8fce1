package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
)

// restore brings a task's table up to the changelog and then lets its input
// flow. It runs beside the lane, and tries until it has succeeded, is cancelled,
// or finds that the group has to go back first. While the disk is full it waits.
func (l *lane[V]) restore(ctx context.Context, cl *kgo.Client, t *task) {
	defer close(t.restored)
	for wait := newBackOff(); ctx.Err() == nil; pause(ctx, wait.NextBackOff()) {
		if l.store.WaitForRoom(ctx) != nil {
			return // the partition was taken away, or the stage ends
		}
		err := l.restoreOnce(ctx, cl, t)
		mismatch := (*MismatchError)(nil)
		switch {
		case err == nil:
			l.opened(cl, t)
			return
		case errors.As(err, &mismatch):
			l.wantBack(t, mismatch)
			return
		case ctx.Err() == nil && !errors.Is(err, table.ErrFull):
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
	if err := l.readChangelog(ctx, cl, t); err != nil {
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
		if err := l.readChangelog(ctx, cl, t); err != nil {
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

// readChangelog applies the changelog to the table, from its checkpoint up to
// the high watermark as it is now.
func (l *lane[V]) readChangelog(ctx context.Context, session *kgo.Client, t *task) error {
	tab := t.table
	ends, err := l.changelogEnds(ctx, kadm.NewClient(session), t.partition)
	if err != nil {
		return err
	}
	t.before = ends.input
	if why := unfit(tab.Checkpoint(), ends, l.opts.Now()); why != "" {
		l.log.Warn("the local state cannot be continued; restoring it from nothing", "partition", t.partition, "cause", why)
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
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.opts.Changelog: {t.partition: start}}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Of compressed bytes; states grow about tenfold.
		kgo.FetchMaxPartitionBytes(restoreBytes),
		// Commit and abort markers are seen, so that the position passes a
		// transaction at the end of the log.
		kgo.KeepControlRecords(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		// They save nothing with one partition, and closing the client would end them
		// with a request of its own, and without a lock (franz-go 1.22).
		kgo.DisableFetchSessions(),
		// For the barrier: a second one does no harm, and without a producer id
		// nothing has to be asked for that a vanished broker cannot give.
		kgo.DisableIdempotentWrite(),
	)...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer cl.Close()
	r := &reading[V]{lane: l, cl: cl, of: t, ends: ends}
	defer r.rest()
	return r.run(ctx)
}
