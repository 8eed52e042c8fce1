//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// eventLog is the topic of events, and what folding it writes.
type eventLog struct {
	prefix string // of the topics
	topic  string
	events int
	bytes  int64 // in all bodies together
	calls  int
	// records are what the topic calls holds after each event, one behind the
	// other, and spans where each begins and ends, by partition and offset.
	records []byte
	spans   [][]span
}

type span struct{ from, to int }

// record is what the topic calls holds once the event at offset was folded.
func (l *eventLog) record(partition int32, offset int64) []byte {
	s := l.spans[partition][offset]
	return l.records[s.from:s.to]
}

// callsAtATime is how much closer calls follow each other than the generator
// has them do, so that a hundred times as many overlap: the traffic of a company
// that keeps two cores busy.
const callsAtATime = 100

// generate makes the events of so many calls in the order in which they come in.
func generate(events int) ([]traffic.Delivery, int) {
	g := traffic.New(traffic.Options{Seed: 1})
	type arrival struct {
		traffic.Delivery
		at time.Time
	}
	var all []arrival
	calls := 0
	var first time.Time
	for len(all) < events {
		c := g.Call()
		calls++
		start := c.Events[0].At
		if first.IsZero() {
			first = start
		}
		earlier := start.Sub(first) * (callsAtATime - 1) / callsAtATime
		for _, d := range g.Deliver(c) {
			all = append(all, arrival{d, d.At.Add(-earlier)})
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return a.at.Compare(b.at) })
	deliveries := make([]traffic.Delivery, events)
	for i := range deliveries {
		deliveries[i] = all[i].Delivery
	}
	return deliveries, calls
}

// preload fills the topic of events.
func preload(ctx context.Context, c *cluster, o options, dir string) (*eventLog, error) {
	deliveries, calls := generate(o.events)
	log := &eventLog{prefix: fmt.Sprintf("callfold-bench-%d.", os.Getpid()), events: len(deliveries), calls: calls}
	log.topic = log.prefix + kafka.Events
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := createTopics(ctx, client, c, o, log.prefix, kafka.Events); err != nil {
		return nil, err
	}
	records, err := produce(ctx, client, log, deliveries)
	if err != nil {
		return nil, err
	}
	return log, log.fold(records, o.partitions, dir)
}

// produce writes the events as ingest does.
func produce(ctx context.Context, client *kgo.Client, log *eventLog, deliveries []traffic.Delivery) ([]*kgo.Record, error) {
	header := func(key, value string) kgo.RecordHeader { return kgo.RecordHeader{Key: key, Value: []byte(value)} }
	written := kgo.AbortingFirstErrPromise(client)
	records := make([]*kgo.Record, len(deliveries))
	for i, d := range deliveries {
		log.bytes += int64(len(d.Body))
		records[i] = &kgo.Record{
			Topic: log.topic, Key: strconv.AppendInt(nil, d.CallID, 10), Value: d.Body,
			Headers: []kgo.RecordHeader{
				header(schemas.HeaderSchema, schemas.EventSchema),
				header(schemas.HeaderEvent, d.Event),
				header(schemas.HeaderReceivedAt, strconv.FormatInt(d.At.UnixMilli(), 10)),
				header(schemas.HeaderSource, string(schemas.Webhook)),
			},
		}
		client.Produce(ctx, records[i], written.Promise())
	}
	if err := written.Err(); err != nil {
		return nil, fmt.Errorf("writing the events: %w", err)
	}
	return records, nil
}

// fold keeps what folding the records writes in a file that is mapped into
// memory: on the heap it would make the collector's work look small.
func (l *eventLog) fold(records []*kgo.Record, partitions int, dir string) (err error) {
	f, err := os.Create(filepath.Join(dir, "calls"))
	if err != nil {
		return fmt.Errorf("making a file for the states: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	l.spans = make([][]span, partitions)
	states := map[int64]schemas.CallRecord{}
	end := 0
	for _, r := range records {
		e, err := schemas.ParseEvent(r.Value)
		if err != nil {
			return fmt.Errorf("parsing an event of the generator: %w", err)
		}
		if want := int64(len(l.spans[r.Partition])); r.Offset != want {
			return fmt.Errorf("partition %d has offset %d where %d was expected", r.Partition, r.Offset, want)
		}
		states[e.CallID] = schemas.Fold(states[e.CallID], e, r.Offset)
		b, err := schemas.Calls.Encode(states[e.CallID])
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("writing the states: %w", err)
		}
		l.spans[r.Partition] = append(l.spans[r.Partition], span{end, end + len(b)})
		end += len(b)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the states: %w", err)
	}
	l.records, err = syscall.Mmap(int(f.Fd()), 0, end, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping the states: %w", err)
	}
	return nil
}

// createTopics makes topics as `callfold topics create` does.
func createTopics(ctx context.Context, client *kgo.Client, c *cluster, o options, prefix string, names ...string) error {
	s := c.settings()
	s.TopicPrefix, s.Partitions, s.ReplicationFactor = prefix, o.partitions, o.replication
	var wanted []kafka.Topic
	for _, t := range kafka.Topics(s, false) {
		if slices.ContainsFunc(names, func(n string) bool { return t.Name == prefix+n }) {
			wanted = append(wanted, t)
		}
	}
	_, err := kafka.Create(ctx, client, wanted)
	return err
}
