package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// names of topics and groups are those of the default settings.
var names = settings.Default().Kafka

// createTopics makes the topics, and waits for brokers that are not there yet.
func createTopics(ctx context.Context, brokers []string, replicas int) error {
	want := names
	want.Partitions, want.ReplicationFactor = partitions, replicas
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	return until(ctx, patience, "the topics", func(ctx context.Context) error {
		_, err := kafka.Create(ctx, client, kafka.Topics(want, false))
		return err
	})
}

// quiet bounds how long a topic's reader waits for the next record.
const quiet = 30 * time.Second

// readTopic visits every committed record of a topic up to its present end, each
// partition in order.
func readTopic(ctx context.Context, brokers []string, topic string, visit func(*kgo.Record) error) error {
	start := kgo.NewOffset().AtStart()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(start), kgo.ConsumeResetOffset(start),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(200*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	left := map[int32]int64{} // ends still to be reached
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	for len(left) > 0 {
		pctx, cancel := context.WithTimeout(ctx, quiet)
		fetches := client.PollFetches(pctx)
		cancel()
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading %s: %w", topic, err)
		}
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() && failed == nil {
				failed = visit(r)
			}
			if end, ok := left[r.Partition]; ok && r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// readEvents enters all records of the topic events.
func (e *evidence) readEvents(ctx context.Context, brokers []string) error {
	return readTopic(ctx, brokers, kafka.TopicName(names, kafka.Events), func(r *kgo.Record) error {
		received, err := strconv.ParseInt(stream.Header(r, schemas.HeaderReceivedAt), 10, 64)
		if err != nil {
			return fmt.Errorf("reading %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		e.addEvent(r.Value, r.Offset, received)
		return nil
	})
}

// readCalls enters the newest record of each call, and whether each input was
// accounted for once.
func (e *evidence) readCalls(ctx context.Context, brokers []string) error {
	return readTopic(ctx, brokers, kafka.TopicName(names, kafka.Calls), func(r *kgo.Record) error {
		if next := stream.Header(r, schemas.HeaderNextInput); next != "" {
			n, err := strconv.ParseInt(next, 10, 64)
			if err != nil {
				return fmt.Errorf("reading %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
			}
			e.addNextInput(r.Partition, n)
		}
		if stream.IsMarker(r) {
			return nil
		}
		id, err := strconv.ParseInt(string(r.Key), 10, 64)
		if err != nil {
			return fmt.Errorf("reading %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		e.calls[id] = r.Value
		return nil
	})
}

// retrying counts the calls whose write to Salesforce is still to be tried again.
func retrying(ctx context.Context, brokers []string) (int, error) {
	parked := map[string]bool{}
	err := readTopic(ctx, brokers, kafka.TopicName(names, kafka.Tasks), func(r *kgo.Record) error {
		if stream.IsMarker(r) {
			return nil
		}
		o, err := schemas.Outcomes.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
		if err != nil {
			return err
		}
		if o.Result == schemas.Retrying {
			parked[string(r.Key)] = true
		} else {
			delete(parked, string(r.Key))
		}
		return nil
	})
	return len(parked), err
}

// errBehind says that a group has not handled everything.
var errBehind = errors.New("there is input left")

// caughtUp is nil when the group has handled all of the topic, of which no
// transaction is open any more.
func caughtUp(ctx context.Context, client *kgo.Client, topic, group string) error {
	adm := kadm.NewClient(client)
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	stable, err := adm.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = stable.Error()
	}
	if err != nil {
		return fmt.Errorf("asking for the stable end of %s: %w", topic, err)
	}
	reached, err := adm.FetchOffsets(ctx, group)
	if err == nil {
		err = reached.Error()
	}
	if err != nil {
		return fmt.Errorf("asking how far %s has come: %w", group, err)
	}
	left, open := int64(0), int64(0)
	from := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		s, _ := stable.Lookup(topic, end.Partition)
		open += end.Offset - s.Offset
		at := int64(0)
		if o, ok := reached.Lookup(topic, end.Partition); ok {
			at = max(at, o.At)
		}
		if at < end.Offset {
			left += end.Offset - at
			from[end.Partition] = at
		}
	})
	// Behind the last record there may be the marks of transactions.
	if open > 0 || left > 50*partitions {
		return fmt.Errorf("%w: %s has %d records of %s to go, %d of them in open transactions", errBehind, group, left, topic, open)
	}
	return nothingIn(ctx, client, topic, group, from)
}

// nothingIn is nil when there is no record from these offsets on.
func nothingIn(ctx context.Context, client *kgo.Client, topic, group string, from map[int32]int64) error {
	found, err := partition.Lookup(ctx, client, topic)
	if err != nil {
		return err
	}
	for number, at := range from {
		p, err := found.Partition(topic, number)
		if err != nil {
			return err
		}
		if _, err := p.From(at).Read(ctx, func(records []*kgo.Record, _ int64) error {
			if len(records) > 0 {
				return fmt.Errorf("%w: %s has records of %s to go", errBehind, group, topic)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
