package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/stream"
)

const (
	// patience is how long an open transaction is waited for. Those of the
	// stages take well under a second.
	patience = 5 * time.Second
	// fetchWait is how long the broker waits for something to answer with.
	fetchWait = 500 * time.Millisecond
	// fetchBytes is about how much is asked for at once when a partition is read.
	fetchBytes = 8 << 20
)

// partitions are those of one call.
type partitions struct{ events, calls, tasks *partition }

// partition is one partition of a topic, asked for records by offset. It asks
// its leader itself: a consumer would not tell that there is nothing more to
// come, which is what a reader of a compacted topic has to know.
type partition struct {
	client     *kgo.Client
	unpack     kgo.Decompressor
	topic      string
	topicID    kadm.TopicID
	number     int32
	leader     int32
	start, end int64 // the offsets that it had when it was looked up
}

// partitionsOf looks up where the records of a key are.
func partitionsOf(ctx context.Context, client *kgo.Client, topics Topics, key string) (partitions, error) {
	names := []string{topics.Events, topics.Calls, topics.Tasks}
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return partitions{}, fmt.Errorf("asking Kafka for the topics: %w", err)
	}
	starts, err := admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return partitions{}, fmt.Errorf("asking Kafka where the topics start: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return partitions{}, fmt.Errorf("asking Kafka where the topics end: %w", err)
	}
	// The stages write to the number of the partition that they read.
	number, err := numberOf(key, details[topics.Events])
	if err != nil {
		return partitions{}, fmt.Errorf("looking up the topic %s: %w", topics.Events, err)
	}
	unpack := kgo.DefaultDecompressor()
	lookup := func(topic string) *partition {
		found, ok := details[topic].Partitions[number]
		start, _ := starts.Lookup(topic, number)
		end, _ := ends.Lookup(topic, number)
		switch wrong := errors.Join(details[topic].Err, found.Err, start.Err, end.Err); {
		case err != nil:
		case wrong != nil:
			err = fmt.Errorf("looking up the topic %s: %w", topic, wrong)
		case !ok:
			err = fmt.Errorf("the topic %s has no partition %d, which %s has; all must have as many", topic, number, topics.Events)
		}
		return &partition{
			client: client, unpack: unpack, topic: topic, topicID: details[topic].ID, number: number,
			leader: found.Leader, start: start.Offset, end: end.Offset,
		}
	}
	return partitions{lookup(topics.Events), lookup(topics.Calls), lookup(topics.Tasks)}, err
}

// numberOf is the partition that Kafka's own clients, and our producers, choose
// for a key.
func numberOf(key string, events kadm.TopicDetail) (int32, error) {
	if events.Err != nil {
		return 0, events.Err
	}
	if len(events.Partitions) == 0 {
		return 0, kerr.UnknownTopicOrPartition
	}
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic(events.Topic)
	return int32(partitioner.Partition(&kgo.Record{Key: []byte(key)}, len(events.Partitions))), nil
}

// newest is the newest committed record of a key; nil where there is none, or
// it was deleted.
func (p *partition) newest(ctx context.Context, key string) (*kgo.Record, error) {
	var found *kgo.Record
	var idle time.Time // since when nothing came; zero: something came
	for offset := p.start; offset < p.end; {
		records, next, err := p.fetch(ctx, offset, fetchBytes)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if string(r.Key) == key && !stream.IsMarker(r) {
				found = r
			}
		}
		switch {
		case next > offset:
			idle = time.Time{}
		case idle.IsZero():
			idle = time.Now()
		case time.Since(idle) > patience:
			// What is committed behind the open transaction no reader sees.
			return present(found), nil
		}
		offset = next
	}
	return present(found), nil
}

// present is r unless it is a tombstone.
func present(r *kgo.Record) *kgo.Record {
	if r != nil && r.Value == nil {
		return nil
	}
	return r
}

// at is the record at an offset; nil where the log has none (any more).
func (p *partition) at(ctx context.Context, offset int64) (*kgo.Record, error) {
	if offset < p.start || offset >= p.end {
		return nil, nil
	}
	// One byte: the broker then answers with the one batch that has the offset.
	records, _, err := p.fetch(ctx, offset, 1)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Offset == offset {
			return r, nil
		}
	}
	return nil, nil
}

// fetch asks for the committed records from an offset on. next is where to go
// on; it is the offset itself where nothing more is to be seen for now.
func (p *partition) fetch(ctx context.Context, offset int64, maxBytes int32) (records []*kgo.Record, next int64, err error) {
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = p.number, offset, maxBytes
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = p.topic, p.topicID
	topic.Partitions = append(topic.Partitions, part)
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(fetchWait.Milliseconds()), 1, maxBytes
	req.IsolationLevel = 1 // read_committed
	req.Topics = append(req.Topics, topic)

	answer, err := p.ask(ctx, req)
	if err != nil {
		return nil, 0, p.problem(offset, err)
	}
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: offset, IsolationLevel: kgo.ReadCommitted(), Topic: p.topic, Partition: p.number,
	}, answer, p.unpack, nil)
	if fetched.Err != nil {
		return nil, 0, p.problem(offset, fetched.Err)
	}
	return fetched.Records, next, nil
}

// ask sends a request about this partition to its leader.
func (p *partition) ask(ctx context.Context, req *kmsg.FetchRequest) (*kmsg.FetchResponseTopicPartition, error) {
	answer, err := p.client.Broker(int(p.leader)).RetriableRequest(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, errors.New("the answer is not about the partition that was asked for")
	}
	return &resp.Topics[0].Partitions[0], nil
}

func (p *partition) problem(offset int64, err error) error {
	return fmt.Errorf("reading %s, partition %d, offset %d: %w", p.topic, p.number, offset, err)
}
