package partition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cenkalti/backoff/v4"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics are topics as they were when they were looked up: where their
// partitions are, and where these start and end.
type Topics struct {
	client       *kgo.Client
	unpack       kgo.Decompressor
	details      kadm.TopicDetails
	starts, ends kadm.ListedOffsets
	unlisted     error // why they may not be there for each partition; nil where they are
}

// Lookup asks Kafka for the topics of these names. That one does not exist is
// told by the methods that need it.
func Lookup(ctx context.Context, client *kgo.Client, names ...string) (*Topics, error) {
	var topics *Topics
	found := false // all but partitions that still have no leader, which Partition tells
	_, err := patiently(ctx, electing, func() (_ struct{}, err error) {
		topics, err = lookup(ctx, client, names)
		if found = err == nil; found {
			err = topics.moving()
		}
		return struct{}{}, err
	})
	if err != nil && (!found || ctx.Err() != nil) {
		return nil, err
	}
	return topics, nil
}

func lookup(ctx context.Context, client *kgo.Client, names []string) (*Topics, error) {
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		// Any broker can answer this, and the client has tried them.
		return nil, backoff.Permanent(fmt.Errorf("asking Kafka for the topics: %w", err))
	}
	t := &Topics{client: client, unpack: kgo.DefaultDecompressor(), details: details}
	var noStarts, noEnds error
	if t.starts, noStarts = admin.ListStartOffsets(ctx, names...); noStarts != nil {
		noStarts = fmt.Errorf("asking Kafka where the topics start: %w", noStarts)
	}
	if t.ends, noEnds = admin.ListEndOffsets(ctx, names...); noEnds != nil {
		noEnds = fmt.Errorf("asking Kafka where the topics end: %w", noEnds)
	}
	t.unlisted = cmp.Or(noStarts, noEnds)
	if some := (*kadm.ShardErrors)(nil); errors.As(t.unlisted, &some) {
		t.unlisted = some.Errs[0].Err // of the leader that was away; it hides what it has
		return t, nil
	}
	return t, t.unlisted
}

// moving is why a partition cannot be read just now, if one cannot and that may pass.
func (t *Topics) moving() error {
	for name, detail := range t.details {
		for number := range detail.Partitions {
			if _, err := t.Partition(name, number); err != nil && passing(err) {
				return err
			}
		}
	}
	return nil
}

// Count is how many partitions a topic has.
func (t *Topics) Count(topic string) (int, error) {
	detail := t.details[topic]
	switch {
	case detail.Err != nil:
		return 0, fmt.Errorf("looking up the topic %s: %w", topic, detail.Err)
	case len(detail.Partitions) == 0:
		return 0, fmt.Errorf("looking up the topic %s: %w", topic, kerr.UnknownTopicOrPartition)
	}
	return len(detail.Partitions), nil
}

// NumberOf is the partition that Kafka's own clients, and our producers, choose
// for a key in a topic.
func (t *Topics) NumberOf(topic, key string) (int32, error) {
	count, err := t.Count(topic)
	if err != nil {
		return 0, err
	}
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	return int32(partitioner.Partition(&kgo.Record{Key: []byte(key)}, count)), nil
}

// Partition is one partition of a topic.
func (t *Topics) Partition(topic string, number int32) (*Partition, error) {
	count, err := t.Count(topic)
	if err != nil {
		return nil, err
	}
	found, ok := t.details[topic].Partitions[number]
	if !ok {
		return nil, fmt.Errorf("the topic %s has no partition %d: it has %d, and all topics must have as many", topic, number, count)
	}
	leader := new(atomic.Int32)
	leader.Store(found.Leader)
	start, startListed := t.starts.Lookup(topic, number)
	end, endListed := t.ends.Lookup(topic, number)
	wrong := cmp.Or(found.Err, start.Err, end.Err)
	if wrong == nil && (!startListed || !endListed) {
		wrong = cmp.Or(t.unlisted, error(kerr.LeaderNotAvailable))
	}
	if wrong != nil {
		return nil, fmt.Errorf("looking up the topic %s, partition %d (see that its brokers run and it has a leader, then run the command again): %w", topic, number, wrong)
	}
	return &Partition{
		client: t.client, unpack: t.unpack, topic: topic, topicID: t.details[topic].ID, number: number,
		leader: leader, start: start.Offset, end: end.Offset,
	}, nil
}
