package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// Bounds of one restore's memory. The client holds one fetch while another is
// applied.
const (
	// restoreBytes is of compressed records.
	restoreBytes = 1 << 20
	// changesAtOnce is how many records become one batch of the table.
	changesAtOnce = 1000
)

// reading is one pass over a changelog partition.
type reading[V any] struct {
	*lane[V]
	of      *task
	cl      *kgo.Client
	ends    changelogEnds
	barrier bool // one was written
	progress
}

// quiet is how long a fetch waits before the reader asks itself whether there
// is anything left to see.
const quiet = 500 * time.Millisecond

func (r *reading[V]) run(ctx context.Context) error {
	r.begun(r.opts.Now(), r.left())
	for r.left() > 0 {
		r.tell()
		if err := r.queue(ctx); err != nil {
			return err
		}
		fctx, cancel := context.WithTimeout(ctx, quiet)
		fetches := r.cl.PollFetches(fctx)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, f := range fetches.Errors() {
			if !errors.Is(f.Err, context.DeadlineExceeded) {
				return fmt.Errorf("reading %s, partition %d: %w", r.opts.Changelog, r.of.partition, f.Err)
			}
		}
		records := fetches.Records()
		if len(records) == 0 {
			if err := r.writeBarrier(ctx); err != nil {
				return err
			}
		}
		for len(records) > 0 {
			n := min(len(records), changesAtOnce)
			if err := r.apply(records[:n]); err != nil {
				return err
			}
			records = records[n:]
		}
	}
	r.metrics.restoring(r.of.partition, 0)
	return nil
}

// left is how many offsets there are to go.
func (r *reading[V]) left() int64 { return r.ends.highWatermark - r.of.table.Checkpoint().Offset }

// apply makes the changes of some changelog records in the table.
func (r *reading[V]) apply(records []*kgo.Record) error {
	c := r.of.table.Checkpoint()
	c.SavedAt = r.opts.Now()
	changes := make([]table.Change, 0, len(records))
	for _, rec := range records {
		c.Offset = rec.Offset + 1
		if rec.Attrs.IsControl() {
			continue
		}
		if n := NextInput(rec); n > 0 {
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
	return r.of.table.Apply(changes, c)
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
	o, ok := stable.Lookup(r.opts.Changelog, r.of.partition)
	if !ok && err != nil { // else the error is about other partitions
		return fmt.Errorf("asking for the last stable offset of %s: %w", r.opts.Changelog, err)
	}
	if !ok || o.Err != nil || o.Offset < r.ends.highWatermark {
		return nil // a transaction is open, or we could not tell; the next look will
	}
	m := marker(barrierMarker)
	m.Topic, m.Partition = r.opts.Changelog, r.of.partition
	written := kgo.AbortingFirstErrPromise(r.cl)
	r.cl.Produce(ctx, m, written.Promise())
	if err := errors.Join(firstError(ctx, written)); err != nil {
		return fmt.Errorf("writing a barrier to %s, partition %d: %w", r.opts.Changelog, r.of.partition, err)
	}
	r.barrier = true
	return nil
}
