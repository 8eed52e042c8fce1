package partition

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

// Patience is how long an open transaction is waited for. Those of the stages
// take well under a second.
const Patience = 5 * time.Second

const (
	// fetchWait is how long the broker waits for something to answer with.
	fetchWait = 500 * time.Millisecond
	// fetchBytes is about how much is asked for at once when a partition is read,
	// as it is on the wire; decompressed it may be ten times as much.
	fetchBytes = 1 << 20
)

// Partition is one partition of a topic, with the start and the end that it had
// when it was looked up.
type Partition struct {
	client     *kgo.Client
	unpack     kgo.Decompressor
	topic      string
	topicID    kadm.TopicID
	number     int32
	leader     int32
	start, end int64
}

// Len is how many offsets lie between start and end. No more records are there;
// in a compacted topic there are fewer.
func (p *Partition) Len() int64 { return p.end - p.start }

// Start is the offset of the oldest record that is kept.
func (p *Partition) Start() int64 { return p.start }

// End is the offset behind the last that Read reads.
func (p *Partition) End() int64 { return p.end }

// TopicID is that of the partition's topic.
func (p *Partition) TopicID() kadm.TopicID { return p.topicID }

// Until is the partition up to an offset, or to its end if that is less.
func (p *Partition) Until(offset int64) *Partition {
	part := *p
	part.end = min(p.end, max(p.start, offset))
	return &part
}

// From is the partition from an offset on, or from its start if that is more.
func (p *Partition) From(offset int64) *Partition {
	part := *p
	part.start = max(p.start, min(offset, p.end))
	return &part
}

// Since is the partition from the first record on that was written at a time or
// later, by the clocks of those who wrote.
func (p *Partition) Since(ctx context.Context, at time.Time) (*Partition, error) {
	listed, err := kadm.NewClient(p.client).ListOffsetsAfterMilli(ctx, at.UnixMilli(), p.topic)
	if err != nil {
		return nil, p.problem(p.start, err)
	}
	found, ok := listed.Lookup(p.topic, p.number)
	switch {
	case found.Err != nil:
		return nil, p.problem(p.start, found.Err)
	case !ok || found.Offset < 0:
		return p.From(p.end), nil
	}
	return p.From(found.Offset), nil
}

// Read reads the committed records from start to end, in order: each gets those
// of one fetch, and how many offsets they took up, the gaps before them included.
// Records at the end or behind it may come, too. complete is false where a
// transaction that stays open hides what is committed behind it.
func (p *Partition) Read(ctx context.Context, each func(records []*kgo.Record, offsets int64) error) (complete bool, err error) {
	var idle time.Time // since when nothing came; zero: something came
	for offset := p.start; offset < p.end; {
		records, next, err := p.fetch(ctx, offset, fetchBytes)
		if err != nil {
			return false, err
		}
		if err := each(records, min(next, p.end)-offset); err != nil {
			return false, err
		}
		switch {
		case next > offset:
			idle = time.Time{}
		case idle.IsZero():
			idle = time.Now()
		case time.Since(idle) > Patience:
			return false, nil
		}
		offset = next
	}
	return true, nil
}

// At is the record at an offset; nil where the log has none (any more).
func (p *Partition) At(ctx context.Context, offset int64) (*kgo.Record, error) {
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
func (p *Partition) fetch(ctx context.Context, offset int64, maxBytes int32) (records []*kgo.Record, next int64, err error) {
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
func (p *Partition) ask(ctx context.Context, req *kmsg.FetchRequest) (*kmsg.FetchResponseTopicPartition, error) {
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

func (p *Partition) problem(offset int64, err error) error {
	return fmt.Errorf("reading %s, partition %d, offset %d: %w", p.topic, p.number, offset, err)
}
