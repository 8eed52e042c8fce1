package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// repairTimeout bounds a transaction of the repair.
const repairTimeout = 60 * time.Second

// repair writes states in the place of the processor: as the only member of its
// group. A transaction commits offsets in the name of the group's generation in which
// it was alone; Kafka refuses it once anybody else has joined.
type repair struct {
	client     *kgo.Client
	group      string
	id         string // transactional
	member     string
	generation int32
}

// PartialError says that not all events could be folded: what looks wrong may be right.
type PartialError struct {
	// Cut and Hidden are those of the [Report].
	Cut, Hidden []int32
}

func (e *PartialError) Error() string {
	if len(e.Cut) > 0 {
		return fmt.Sprintf("nothing was repaired: the oldest records of these partitions of events are gone: %v; their calls can be right although no event makes them", e.Cut)
	}
	return fmt.Sprintf("nothing was repaired: a transaction that stays open hides what was committed behind it in these partitions: %v", e.Hidden)
}

// Repair writes the right states of the calls that are not as they should be, as the
// processor would have, and returns how many. A [*BusyError] says that the processor
// is running, or has begun to meanwhile, a [*PartialError] that what the events make is
// not known. open makes a client that has the options
// given besides those of all producers.
func (v *Verification) Repair(ctx context.Context, open func(...kgo.Opt) (*kgo.Client, error)) (repaired int64, err error) {
	if r := &v.Report; len(r.Cut) > 0 || len(r.Hidden) > 0 {
		return 0, &PartialError{r.Cut, r.Hidden}
	}
	if err := idle(ctx, v.options.Client, v.options.Group); err != nil {
		return 0, err
	}
	r, err := v.join(ctx, open)
	if err != nil {
		return 0, err
	}
	defer r.client.Close() // leaves the group
	for _, w := range v.parts {
		for keys := range slices.Chunk(w.wrong, together) {
			if err := r.write(ctx, w, keys); err != nil {
				return repaired, fmt.Errorf("repairing partition %d: %w", w.number, err)
			}
			repaired += int64(len(keys))
		}
	}
	return repaired, nil
}

// join becomes the only member of the group.
func (v *Verification) join(ctx context.Context, open func(...kgo.Opt) (*kgo.Client, error)) (*repair, error) {
	r := &repair{group: v.options.Group, id: v.options.Group + "-verify"}
	joined := make(chan struct{}, 1)
	client, err := open(
		kgo.TransactionalID(r.id), kgo.TransactionTimeout(repairTimeout), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumerGroup(r.group), kgo.ConsumeTopics(v.options.Events), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(_ context.Context, client *kgo.Client, given map[string][]int32) {
			client.PauseFetchPartitions(given) // nothing is to be read
			select {
			case joined <- struct{}{}:
			default:
			}
		}),
	)
	if err != nil {
		return nil, err
	}
	r.client = client
	select {
	case <-joined:
		if r.member, r.generation = client.GroupMetadata(); r.generation < 0 {
			err = fmt.Errorf("the group %s gave no generation", r.group)
		} else {
			err = alone(ctx, client, r.group)
		}
	case <-ctx.Done():
		err = fmt.Errorf("joining the group %s: %w", r.group, ctx.Err())
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return r, nil
}

// write writes the states of some keys in one transaction, which also commits the
// group's offset up to which they account.
func (r *repair) write(ctx context.Context, w *work, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	records, err := w.states(keys)
	if err != nil {
		return err
	}
	if err := r.client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	if err = r.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		err = fmt.Errorf("writing states: %w", err)
	} else {
		err = r.commitOffset(ctx, w)
	}
	if ended := r.client.EndTransaction(context.WithoutCancel(ctx), kgo.TransactionEndTry(err == nil)); ended != nil {
		return errors.Join(err, fmt.Errorf("ending a transaction: %w", ended))
	}
	return err
}

// states are the records of the right states. One without is removed.
func (w *work) states(keys []string) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for i, key := range keys {
		r := &kgo.Record{Topic: w.options.Calls, Partition: w.number, Key: []byte(key)}
		value, ok, err := w.folded.Get(key)
		if err != nil {
			return nil, err
		}
		if ok {
			r.Value = value
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())})
		}
		if i == len(keys)-1 {
			r.Headers = append(r.Headers, stream.NextInputHeader(w.accounted()))
		}
		records = append(records, r)
	}
	return records, nil
}

// commitOffset makes the group's offset part of the open transaction.
func (r *repair) commitOffset(ctx context.Context, w *work) error {
	id, epoch, err := r.client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("asking for the producer id: %w", err)
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.Group, add.ProducerID, add.ProducerEpoch = r.id, r.group, id, epoch
	added, err := add.RequestWith(ctx, r.client)
	if err == nil {
		err = kerr.ErrorForCode(added.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("adding offsets to a transaction: %w", err)
	}
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.Group, commit.ProducerID, commit.ProducerEpoch = r.id, r.group, id, epoch
	commit.MemberID, commit.Generation = r.member, r.generation
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = w.options.Events, w.eventsID
	offset := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	offset.Partition, offset.Offset = w.number, w.accounted()
	topic.Partitions = append(topic.Partitions, offset)
	commit.Topics = append(commit.Topics, topic)
	committed, err := commit.RequestWith(ctx, r.client)
	if err != nil {
		return fmt.Errorf("committing the group's offset: %w", err)
	}
	for _, t := range committed.Topics {
		for _, p := range t.Partitions {
			switch err := kerr.ErrorForCode(p.ErrorCode); {
			case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.RebalanceInProgress):
				return &BusyError{r.group}
			case err != nil:
				return fmt.Errorf("committing the group's offset: %w", err)
			}
		}
	}
	return nil
}
