package partition

import (
	"context"
	"errors"
	"fmt"

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
}

// Lookup asks Kafka for the topics of these names. That one does not exist is
// told by the methods that need it.
func Lookup(ctx context.Context, client *kgo.Client, names ...string) (*Topics, error) {
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("asking Kafka for the topics: %w", err)
	}
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("asking Kafka where the topics start: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("asking Kafka where the topics end: %w", err)
	}
	return &Topics{client: client, unpack: kgo.DefaultDecompressor(), details: details, starts: starts, ends: ends}, nil
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
	start, _ := t.starts.Lookup(topic, number)
	end, _ := t.ends.Lookup(topic, number)
	if wrong := errors.Join(found.Err, start.Err, end.Err); wrong != nil {
		return nil, fmt.Errorf("looking up the topic %s: %w", topic, wrong)
	}
	return &Partition{
		client: t.client, unpack: t.unpack, topic: topic, topicID: t.details[topic].ID, number: number,
		leader: found.Leader, start: start.Offset, end: end.Offset,
	}, nil
}
