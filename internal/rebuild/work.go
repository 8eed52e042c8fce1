package rebuild

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/refold"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// work is one partition at work.
type work struct {
	*building
	number int32
	writer *kgo.Client

	// folded has the states that the events make, held what the topic held.
	folded, held *table.Table
	// until is the offset of events before which all is folded.
	until int64
	hash  string

	at     int64 // next-input of the topic's partition
	report Report

	lot      []*kgo.Record
	lotBytes int
}

const (
	// transactionTimeout bounds a transaction, which has one lot.
	transactionTimeout = 60 * time.Second
	// mostBytes bounds a lot.
	mostBytes = 8 << 20
	// heldTables and outcomeTables are the numbers of the tables with what is held, and
	// with hashes of outcomes, beyond those of the tables with what was folded.
	heldTables    = 1 << 24
	outcomeTables = 2 << 24
)

// mostRecords bounds a lot, too.
var mostRecords = 2000 // of tests: fewer

// begin takes what the work on a partition needs. From then on no other run writes to it.
func (w *work) begin(ctx context.Context) (err error) {
	if w.folded, err = w.store.Acquire(ctx, w.number); err != nil {
		return err
	}
	if w.held, err = w.store.Acquire(ctx, w.number+heldTables); err != nil {
		return err
	}
	if w.writer, err = w.openWriter(w.number); err != nil {
		return err
	}
	if _, _, err := w.writer.ProducerID(ctx); err != nil {
		return fmt.Errorf("beginning to write: %w", err)
	}
	return nil
}

// release gives back what begin took.
func (w *work) release() {
	for _, t := range []*table.Table{w.folded, w.held} {
		if t != nil {
			t.Release()
		}
	}
	if w.writer != nil {
		w.writer.Close()
	}
}

func (w *work) build(ctx context.Context) error {
	if err := w.readHeld(ctx); err != nil {
		return err
	}
	if err := w.fold(ctx); err != nil {
		return err
	}
	return w.write(ctx)
}

// look looks up the partition of a topic as it is now.
func (w *work) look(ctx context.Context, topic string) (*partition.Partition, error) {
	found, err := partition.Lookup(ctx, w.Client, topic)
	if err != nil {
		return nil, err
	}
	return found.Partition(topic, w.number)
}

// read reads a partition to its end.
func (w *work) read(ctx context.Context, topic string, p *partition.Partition, each func(*kgo.Record) error) error {
	complete, err := p.Read(ctx, func(records []*kgo.Record, offsets int64) error {
		w.Progress.Done.Add(offsets)
		for _, r := range records {
			if r.Offset >= p.End() {
				break
			}
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !complete {
		err = &PartialError{Topic: topic, Partition: w.number}
	}
	return err
}

// readHeld remembers what the topic holds.
func (w *work) readHeld(ctx context.Context) error {
	p, err := w.look(ctx, w.Calls)
	if err != nil {
		return err
	}
	held := refold.NewHeld(w.held)
	if err := w.read(ctx, w.Calls, p, func(r *kgo.Record) error { return held.Note(r, true) }); err != nil {
		return err
	}
	w.at = held.NextInput
	return held.Flush()
}

// fold folds the events.
func (w *work) fold(ctx context.Context) error {
	p, err := w.look(ctx, w.Events)
	if err != nil {
		return err
	}
	if p.Start() > 0 {
		return &PartialError{Topic: w.Events, Partition: w.number, Cut: true}
	}
	if w.until = w.bound(p.End()); w.until > p.End() {
		return fmt.Errorf("%s ends at %d, and the group %s, or the new topic, has read it up to %d: it was made anew, or belongs to others", w.Events, p.End(), w.Processor, w.until)
	}
	p = p.Until(w.until)
	w.Progress.Total.Add(p.Len() - w.expected[w.number])
	states := refold.NewStates(w.folded)
	if err := w.read(ctx, w.Events, p, states.Fold); err != nil {
		return err
	}
	w.report.Events, w.report.Unfoldable = states.Folded, states.Unfoldable
	return states.Flush()
}

// bound is the offset up to which events are folded.
func (w *work) bound(end int64) int64 {
	if len(w.offsets) > 0 {
		// Where the group has no offset it has handled nothing. Where the topic is ahead,
		// somebody moved the group back.
		return max(w.offsets[w.number], w.at)
	}
	if w.stays || w.at > 0 {
		return w.at
	}
	return end
}

// write writes what the topic holds otherwise, and computes the hash.
func (w *work) write(ctx context.Context) error {
	sum := sha256.New()
	err := refold.Compare(w.folded, w.held, func(p refold.Pair) error {
		if p.Folded != nil {
			w.report.Calls++
			for _, part := range [][]byte{[]byte(p.Key), p.Folded} {
				sum.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
				sum.Write(part)
			}
		}
		switch {
		case p.Same:
			return nil
		case p.Folded == nil:
			w.report.Removed++
		default:
			w.report.Written++
			w.Progress.Written.Add(1)
		}
		return w.add(ctx, state(p.Key, p.Folded))
	})
	if err != nil {
		return err
	}
	w.hash = hex.EncodeToString(sum.Sum(nil))
	if w.at != w.until || w.report.Written+w.report.Removed > 0 {
		w.lot = append(w.lot, stream.NextInputMarker(w.until))
	}
	return w.flush(ctx)
}

// state is the record of a state; without one it removes what is there.
func state(key string, value []byte) *kgo.Record {
	r := &kgo.Record{Key: []byte(key)}
	if value != nil {
		r.Value = append([]byte(nil), value...)
		r.Headers = []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}}
	}
	return r
}

// add writes a record with others.
func (w *work) add(ctx context.Context, r *kgo.Record) error {
	w.lot = append(w.lot, r)
	if w.lotBytes += len(r.Value); len(w.lot) < mostRecords && w.lotBytes < mostBytes {
		return nil
	}
	return w.flush(ctx)
}

// flush writes the lot in a transaction of its own.
func (w *work) flush(ctx context.Context) error {
	if len(w.lot) == 0 {
		return nil
	}
	for _, r := range w.lot {
		r.Topic, r.Partition = w.Calls, w.number
	}
	err := transact(ctx, w.writer, w.lot)
	w.lot, w.lotBytes = w.lot[:0], 0
	if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) {
		return fmt.Errorf("another build of %s has begun, and goes on in the place of this one: %w", w.Calls, err)
	}
	return err
}

// openWriter makes the client that writes to a partition of the topic to build.
func (o Options) openWriter(number int32) (*kgo.Client, error) {
	return o.Open(kgo.TransactionalID(fmt.Sprintf("%s-rebuild-%d", o.Calls, number)), kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
}

// transact writes records in a transaction of their own.
func transact(ctx context.Context, writer *kgo.Client, records []*kgo.Record) error {
	if err := writer.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	err := writer.ProduceSync(ctx, records...).FirstErr()
	if err != nil {
		err = fmt.Errorf("writing states: %w", err)
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	if ended := writer.EndTransaction(ending, kgo.TransactionEndTry(err == nil)); ended != nil {
		err = errors.Join(err, fmt.Errorf("ending a transaction: %w", ended))
	}
	return err
}
