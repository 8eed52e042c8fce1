package partition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
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
	leader     *atomic.Int32 // the broker that led the partition when it was last looked up; shared by its parts
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
	offset, err := patiently(ctx, away, func() (int64, error) {
		listed, err := kadm.NewClient(p.client).ListOffsetsAfterMilli(ctx, at.UnixMilli(), p.topic)
		found, ok := listed.Lookup(p.topic, p.number)
		switch {
		case !ok: // and not because of another partition, whose leader is away
			return 0, cmp.Or(err, listed.Error(), error(kerr.UnknownTopicOrPartition))
		case found.Err == nil && found.Offset < 0:
			return p.end, nil
		}
		return found.Offset, found.Err
	})
	if err != nil {
		return nil, p.problem(p.start, err)
	}
	return p.From(offset), nil
}

// Read reads the committed records from start to end, in order: each gets those
// of one fetch, and how many offsets they took up, the gaps before them included. The
// next fetch is under way meanwhile.
// Records at the end or behind it may come, too. complete is false where a
// transaction that stays open hides what is committed behind it.
func (p *Partition) Read(ctx context.Context, each func(records []*kgo.Record, offsets int64) error) (complete bool, err error) {
	if p.start >= p.end {
		return true, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var idle time.Duration // for how long leaders have answered with nothing; while none answers nothing is hidden
	coming := p.ahead(ctx, p.start)
	for offset := p.start; offset < p.end; {
		f := <-coming
		if f.err != nil {
			return false, f.err
		}
		if f.next < p.end {
			coming = p.ahead(ctx, f.next)
		}
		if err := each(f.records, min(f.next, p.end)-offset); err != nil {
			return false, err
		}
		switch {
		case f.next > offset:
			idle = 0
		case idle > Patience:
			return false, nil
		default:
			idle += f.took
		}
		offset = f.next
	}
	return true, nil
}

// fetched is what came of a fetch, see [Partition.fetch].
type fetched struct {
	records []*kgo.Record
	next    int64
	took    time.Duration // of the request that was answered, without those that failed before
	err     error
}

// ahead fetches from an offset on, and gives what came once it is there.
func (p *Partition) ahead(ctx context.Context, offset int64) <-chan fetched {
	coming := make(chan fetched, 1)
	go func() {
		coming <- p.fetch(ctx, offset, fetchBytes)
	}()
	return coming
}

// At is the record at an offset; nil where the log has none (any more).
func (p *Partition) At(ctx context.Context, offset int64) (*kgo.Record, error) {
	if offset < p.start || offset >= p.end {
		return nil, nil
	}
	// One byte: the broker then answers with the one batch that has the offset.
	f := p.fetch(ctx, offset, 1)
	if f.err != nil {
		return nil, f.err
	}
	for _, r := range f.records {
		if r.Offset == offset {
			return r, nil
		}
	}
	return nil, nil
}

// fetch asks for the committed records from an offset on, wherever the partition moves
// meanwhile. next is where to go on; it is the offset itself where nothing more is to be
// seen for now.
func (p *Partition) fetch(ctx context.Context, offset int64, maxBytes int32) fetched {
	moved := false
	f, err := patiently(ctx, away, func() (fetched, error) {
		if moved {
			if err := p.findLeader(ctx); err != nil {
				return fetched{}, err
			}
		}
		moved = true
		return p.fetchOnce(ctx, offset, maxBytes)
	})
	if err != nil {
		return fetched{err: p.problem(offset, err)}
	}
	return f
}

// findLeader looks up where the partition is now. Offsets of a topic that was made anew are
// others: nothing of it may be read for the old one.
func (p *Partition) findLeader(ctx context.Context) error {
	// Asking for the authorized operations too passes by kadm's cache, which has the old one.
	details, err := kadm.NewClient(p.client).ListTopics(kadm.WithAuthorizedOps(ctx), p.topic)
	if err != nil {
		return err
	}
	topic := details[p.topic]
	found := topic.Partitions[p.number]
	switch {
	case topic.Err != nil:
		return topic.Err
	case topic.ID != p.topicID:
		return backoff.Permanent(errors.New("the topic was made anew meanwhile; run the command again"))
	case found.Err != nil:
		return found.Err
	}
	p.leader.Store(found.Leader)
	return nil
}

// fetchOnce asks whom it takes for the leader.
func (p *Partition) fetchOnce(ctx context.Context, offset int64, maxBytes int32) (fetched, error) {
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = p.number, offset, maxBytes
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = p.topic, p.topicID
	topic.Partitions = append(topic.Partitions, part)
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(fetchWait.Milliseconds()), 1, maxBytes
	req.IsolationLevel = 1 // read_committed
	req.Topics = append(req.Topics, topic)

	began := time.Now()
	answer, err := p.ask(ctx, req)
	if err != nil {
		return fetched{}, err
	}
	took := time.Since(began)
	got, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: offset, IsolationLevel: kgo.ReadCommitted(), Topic: p.topic, Partition: p.number,
	}, answer, p.unpack, nil)
	var told *kerr.Error
	switch {
	case errors.As(got.Err, &told):
		return fetched{}, got.Err
	case got.Err != nil: // It came, and cannot be read: asking again does not help.
		return fetched{}, backoff.Permanent(got.Err)
	}
	return fetched{records: got.Records, next: next, took: took}, nil
}

// ask sends a request about this partition to its leader, once: who fails may not be the
// leader any more.
func (p *Partition) ask(ctx context.Context, req *kmsg.FetchRequest) (*kmsg.FetchResponseTopicPartition, error) {
	answer, err := p.client.Broker(int(p.leader.Load())).Request(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, backoff.Permanent(errors.New("the answer is not about the partition that was asked for"))
	}
	return &resp.Topics[0].Partitions[0], nil
}

func (p *Partition) problem(offset int64, err error) error {
	return fmt.Errorf("reading %s, partition %d, offset %d: %w", p.topic, p.number, offset, err)
}
