package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// commit writes a handled batch in one transaction: the changed states and the
// rejected records of each partition, and the offsets. It returns why the
// transaction was cleanly aborted, if it was, and an error when its outcome is
// unknown.
func (l *lane[V]) commit(ctx context.Context, b *Batch[V]) (aborted, unknown error) {
	err := b.Each(ctx, func(_ context.Context, p *Partition[V]) error { return l.output(p) })
	if err != nil {
		return nil, err
	}
	var out []*kgo.Record
	for _, p := range b.Partitions {
		out = append(append(out, p.changelog...), p.rejected...)
	}
	if len(out) == 0 {
		return nil, nil // timers that changed nothing
	}

	// A transaction that was begun must be ended, also when the stage is told to
	// stop. It is bounded by its own timeout, and then by endWithin: if that does
	// not do, its outcome is unknown, which is safe.
	ctx, cancel := outlive(ctx, endWithin)
	defer cancel()
	ctx, cancelTimeout := context.WithTimeout(ctx, l.opts.Timeouts.Transaction)
	defer cancelTimeout()
	if err := l.session.Begin(); err != nil {
		return nil, fmt.Errorf("beginning a transaction: %w", err)
	}
	produced := kgo.AbortingFirstErrPromise(l.session.Client())
	for _, r := range out {
		l.session.Produce(ctx, r, produced.Promise())
	}
	problem, err := firstError(ctx, produced)
	if err != nil {
		return nil, fmt.Errorf("writing the results of a batch: %w", err)
	}
	if problem == nil && !b.consumed() {
		problem = l.fence(ctx, b)
	}
	committed, err := l.end(ctx, kgo.TransactionEndTry(problem == nil))
	switch {
	case err != nil:
		return nil, errors.Join(err, problem)
	case problem != nil:
		return fmt.Errorf("writing the results of a batch: %w", problem), nil
	case !committed:
		return errRebalanced, nil
	}
	return nil, nil
}

// end ends the transaction, or only rewinds the input where none was begun.
//
// The end waits for a heartbeat. When the client has lost its coordinator since the
// poll, it sends none before it has rejoined the group, and it does not rejoin
// while a turn holds off rebalances: each would wait for the other until the
// context is done. So rebalances are allowed after a while; one that takes place
// then makes the end a clean abort.
func (l *lane[V]) end(ctx context.Context, try kgo.TransactionEndTry) (committed bool, err error) {
	allow := time.AfterFunc(2*l.opts.Timeouts.Heartbeat, l.session.AllowRebalance)
	defer allow.Stop()
	l.aborts.Store(false)
	return l.session.End(ctx, try)
}

// endWithin bounds how long a transaction may take when the stage was told to
// stop. Together with Grace and closeWithin it bounds [Engine.Run], which has to
// be less than the 30 s that Kubernetes gives.
const endWithin = 10 * time.Second

// firstError waits until all records are written or refused. It returns the
// first refusal, and an error when the brokers did not answer in time: the client
// waits for them for ever, until it is closed.
func firstError(ctx context.Context, produced *kgo.FirstErrPromise) (refused, err error) {
	all := make(chan error, 1)
	go func() { all <- produced.Err() }()
	select {
	case refused = <-all:
		return refused, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// output makes the records that a partition writes.
func (l *lane[V]) output(p *Partition[V]) error {
	for _, key := range p.order {
		value, err := l.opts.Codec.Encode(*p.changed[key])
		if err != nil {
			return fmt.Errorf("encoding the state of %s: %w", key, err)
		}
		if len(value) > mostStateBytes {
			if err := p.rejectKey(key, len(value)); err != nil {
				return err
			}
			continue
		}
		p.changelog = append(p.changelog, &kgo.Record{
			Key: []byte(key), Value: value,
			Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(l.opts.Codec.Schema())}},
		})
	}
	if p.next > 0 && len(p.changelog) == 0 {
		p.changelog = append(p.changelog, marker(nextInputMarker))
	}
	for i, r := range p.changelog {
		r.Topic, r.Partition = l.opts.Changelog, p.ID
		if i == len(p.changelog)-1 {
			r.Headers = append(r.Headers, NextInputHeader(p.reached()))
		}
	}
	for _, r := range p.rejected {
		r.Topic, r.Partition = l.opts.Rejected, p.ID
	}
	return nil
}

// mostStateBytes leaves room in a record for key, headers and framing.
const mostStateBytes = MaxRecordBytes - 4096

// rejectKey takes back the change of a state that no record can hold, and
// rejects the input that made it: nothing may block a partition. If it was made
// because a timer went off, that ends here: it would go off for ever.
func (p *Partition[V]) rejectKey(key string, size int) error {
	delete(p.changed, key)
	input := false
	for _, r := range p.Records {
		if string(r.Key) == key {
			input = true
			if err := p.Reject(r, schemas.TooLarge, fmt.Sprintf("the state would take %d bytes, a record holds %d", size, mostStateBytes)); err != nil {
				return err
			}
		}
	}
	if !input {
		p.silenced = append(p.silenced, key)
	}
	return nil
}

// reached is the input offset up to which the partition's states account.
func (p *Partition[V]) reached() int64 {
	if p.next > 0 {
		return p.next
	}
	return p.table.Checkpoint().NextInput
}

// fence makes a transaction without input depend on our membership. A
// transaction that commits offsets is refused when the group has moved on; one
// that only timers caused would commit nothing, and a process that had been
// paused for a while could write to a changelog that has a new owner. So it
// commits the unchanged offsets, in the name of our generation.
//
// When that is accepted, a new owner can only have been made after the changes
// were written; its restore waits for this transaction.
func (l *lane[V]) fence(ctx context.Context, b *Batch[V]) error {
	cl := l.session.Client()
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("flushing: %w", err)
	}
	pid, epoch, err := cl.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("asking for the producer id: %w", err)
	}
	if err := l.addOffsets(ctx, cl, pid, epoch); err != nil {
		return err
	}

	member, generation := cl.GroupMetadata()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group = l.id+l.opts.TransactionalSuffix, l.opts.Group
	req.ProducerID, req.ProducerEpoch = pid, epoch
	req.MemberID, req.Generation, req.InstanceID = member, generation, &l.id
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = l.opts.Input, l.inputID
	for _, p := range b.Partitions {
		offset := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		offset.Partition, offset.Offset = p.ID, p.reached()
		topic.Partitions = append(topic.Partitions, offset)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("committing offsets: %w", err)
	}
	var errs []error
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			errs = append(errs, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("committing offsets: %w", err)
	}
	return nil
}

// apply makes the changes of a committed batch in the tables.
func (l *lane[V]) apply(b *Batch[V]) error {
	for _, p := range b.Partitions {
		if len(p.changelog) == 0 && len(p.silenced) == 0 {
			continue
		}
		c := p.table.Checkpoint()
		if len(p.changelog) > 0 {
			c.NextInput, c.SavedAt = p.reached(), b.Now
		}
		changes, err := l.silence(p)
		if err != nil {
			return err
		}
		for _, r := range p.changelog {
			c.Offset = r.Offset + 1
			if IsMarker(r) {
				continue
			}
			key := string(r.Key)
			changes = append(changes, table.Change{Key: key, Value: r.Value, Due: l.due(*p.changed[key])})
		}
		if err := p.table.Apply(changes, c); err != nil {
			return fmt.Errorf("applying a committed batch: %w", err)
		}
		for _, ch := range changes[len(p.silenced):] {
			l.hot.put(p.ownership, ch.Key, p.changed[ch.Key], len(ch.Value))
		}
		if p.next > 0 {
			l.lags.handled(p.ID, p.next)
		}
		l.metrics.done(len(p.Records), len(changes)-len(p.silenced), p.reasons)
	}
	return nil
}

// silence lists the changes that end the timers of states which could not be
// changed. Only the table learns of it: after a restore such a timer goes off once
// more.
func (l *lane[V]) silence(p *Partition[V]) ([]table.Change, error) {
	var changes []table.Change
	for _, key := range p.silenced {
		value, _, err := p.table.Get(key)
		if err != nil {
			return nil, fmt.Errorf("ending the timer of %s: %w", key, err)
		}
		l.log.Error("what a timer made of a state is too large for a record; the timer is ended", "partition", p.ID, "key", key)
		changes = append(changes, table.Change{Key: key, Value: value})
	}
	return changes, nil
}

// due is when a state wants to be looked at again, zero for never.
func (l *lane[V]) due(v V) time.Time {
	if l.opts.Timer != nil {
		if at, ok := l.opts.Timer(v); ok {
			return at
		}
	}
	return time.Time{}
}
