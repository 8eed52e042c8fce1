package standin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactionTimeout bounds a transaction.
const transactionTimeout = 60 * time.Second

// Options say for whom to stand in.
type Options struct {
	// Client asks Kafka.
	Client *kgo.Client
	// Open makes the client that writes, with the options given besides those of all
	// producers.
	Open func(...kgo.Opt) (*kgo.Client, error)
	// Group is the consumer group, Topic what it reads.
	Group, Topic string
	// ID is the transactional id.
	ID string
}

// Member is the only member of a group.
type Member struct {
	options    Options
	client     *kgo.Client
	topicID    kadm.TopicID
	member     string
	generation int32
}

// Join becomes the only member of a group. A [*BusyError] says that it has others. The
// member must be closed.
func Join(ctx context.Context, o Options) (*Member, error) {
	if err := Idle(ctx, o.Client, o.Group); err != nil {
		return nil, err
	}
	topics, err := kadm.NewClient(o.Client).ListTopics(ctx, o.Topic)
	if err == nil {
		err = topics[o.Topic].Err
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the topic %s: %w", o.Topic, err)
	}
	m := &Member{options: o, topicID: topics[o.Topic].ID}
	joined := make(chan struct{}, 1)
	m.client, err = o.Open(
		kgo.TransactionalID(o.ID), kgo.TransactionTimeout(transactionTimeout), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumerGroup(o.Group), kgo.ConsumeTopics(o.Topic), kgo.DisableAutoCommit(),
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
	select {
	case <-joined:
		if m.member, m.generation = m.client.GroupMetadata(); m.generation < 0 {
			err = fmt.Errorf("the group %s gave no generation", o.Group)
		} else {
			err = m.alone(ctx)
		}
	case <-ctx.Done():
		err = fmt.Errorf("joining the group %s: %w", o.Group, ctx.Err())
	}
	if err != nil {
		m.client.Close()
		return nil, err
	}
	return m, nil
}

// Close leaves the group.
func (m *Member) Close() { m.client.Close() }

// Write writes records in one transaction, which also commits the offset from which the
// group goes on in a partition of its topic. A [*BusyError] says that somebody has joined:
// then nothing was written.
func (m *Member) Write(ctx context.Context, records []*kgo.Record, partition int32, offset int64) error {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	if err := m.client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	err := m.client.ProduceSync(ctx, records...).FirstErr()
	if err != nil {
		err = fmt.Errorf("writing records: %w", err)
	} else {
		err = m.commitOffset(ctx, partition, offset)
	}
	if ended := m.client.EndTransaction(context.WithoutCancel(ctx), kgo.TransactionEndTry(err == nil)); ended != nil {
		return errors.Join(err, fmt.Errorf("ending a transaction: %w", ended))
	}
	return err
}

// commitOffset makes the group's offset part of the open transaction.
func (m *Member) commitOffset(ctx context.Context, partition int32, at int64) error {
	id, epoch, err := m.client.ProducerID(ctx)
	if err != nil {
		return fmt.Errorf("asking for the producer id: %w", err)
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.Group, add.ProducerID, add.ProducerEpoch = m.options.ID, m.options.Group, id, epoch
	added, err := add.RequestWith(ctx, m.client)
	if err == nil {
		err = kerr.ErrorForCode(added.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("adding offsets to a transaction: %w", err)
	}
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.Group, commit.ProducerID, commit.ProducerEpoch = m.options.ID, m.options.Group, id, epoch
	commit.MemberID, commit.Generation = m.member, m.generation
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = m.options.Topic, m.topicID
	offset := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	offset.Partition, offset.Offset = partition, at
	topic.Partitions = append(topic.Partitions, offset)
	commit.Topics = append(commit.Topics, topic)
	committed, err := commit.RequestWith(ctx, m.client)
	if err != nil {
		return fmt.Errorf("committing the group's offset: %w", err)
	}
	for _, t := range committed.Topics {
		for _, p := range t.Partitions {
			switch err := kerr.ErrorForCode(p.ErrorCode); {
			case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.RebalanceInProgress):
				return &BusyError{m.options.Group}
			case err != nil:
				return fmt.Errorf("committing the group's offset: %w", err)
			}
		}
	}
	return nil
}
