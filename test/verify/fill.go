//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// Call ids: those of the templates, and those made of them, which have the same
// length.
const (
	templateIDs = 1_000_000_000_000
	firstID     = 2_000_000_000_000
)

// atATime is how many calls go on at a time.
const atATime = 200

func kafkaSettings(addr string) settings.Kafka {
	k := settings.Default().Kafka
	k.Brokers, k.TopicPrefix, k.ReplicationFactor, k.Instance = []string{addr}, "", 1, "bench"
	return k
}

func connect(addr string, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := kafka.Options(kafkaSettings(addr), "bench-verify", slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(opts, more...)...)
}

// filled is what the topics hold.
type filled struct {
	events, eventBytes, stateBytes int64
}

// filler writes the topics: events as ingest does, and calls as the processor does.
type filler struct {
	filled
	ctx       context.Context
	client    *kgo.Client
	templates []traffic.Call
	states    map[int]*schemas.CallRecord // of the calls that go on
	place     kgo.TopicPartitioner
	next      []int64 // the next offset of each partition of events
	failed    *kgo.FirstErrPromise
}

// fill writes the events and states of so many calls.
func fill(ctx context.Context, o options, addr string) (filled, error) {
	client, err := connect(addr, append(kafka.ProducerOptions(), kgo.ProducerLinger(50*time.Millisecond))...)
	if err != nil {
		return filled{}, err
	}
	defer client.Close()
	k := kafkaSettings(addr)
	k.Partitions = o.partitions
	if _, err := kafka.Create(ctx, client, kafka.Topics(k, false)); err != nil {
		return filled{}, err
	}
	f := &filler{
		ctx: ctx, client: client, templates: templates(5000), states: map[int]*schemas.CallRecord{},
		place: kgo.StickyKeyPartitioner(nil).ForTopic(kafka.Events), next: make([]int64, o.partitions), failed: kgo.AbortingFirstErrPromise(client),
	}
	for i := range o.calls + atATime {
		for _, step := range []struct{ call, event int }{{i, 0}, {i - atATime/2, 1}, {i - atATime, 2}} {
			if step.call < 0 || step.call >= o.calls {
				continue
			}
			if err := f.event(step.call, step.event); err != nil {
				return filled{}, err
			}
		}
	}
	if err := f.failed.Err(); err != nil {
		return filled{}, fmt.Errorf("filling the topics: %w", err)
	}
	return f.filled, f.commit(k)
}

// templates are calls of generated traffic with at least three events.
func templates(n int) []traffic.Call {
	g := traffic.New(traffic.Options{Seed: 1, FirstID: templateIDs})
	all := make([]traffic.Call, 0, n)
	for len(all) < n {
		if c := g.Call(); len(c.Events) >= 3 {
			all = append(all, c)
		}
	}
	return all
}

// event writes one of the three events of a call, and with the last its state. Every
// second call has no second one.
func (f *filler) event(call, which int) error {
	if which == 1 && call%2 == 1 {
		return nil
	}
	t := f.templates[call%len(f.templates)]
	d := t.Events[[]int{0, len(t.Events) / 2, len(t.Events) - 1}[which]]
	id := firstID + int64(call)
	key := strconv.AppendInt(nil, id, 10)
	body := bytes.ReplaceAll(d.Body, strconv.AppendInt(nil, t.ID, 10), key)
	record := eventlog.Record(kafka.Events, body, d.Event, id, schemas.Webhook, d.At)
	partition := f.place.Partition(record, len(f.next))
	e, err := schemas.ParseEvent(body)
	if err != nil {
		return fmt.Errorf("parsing generated traffic: %w", err)
	}
	if f.states[call] == nil {
		f.states[call] = &schemas.CallRecord{}
	}
	state := f.states[call]
	*state = schemas.Fold(*state, e, f.next[partition])
	f.next[partition]++
	f.events++
	f.eventBytes += int64(len(body))
	f.client.Produce(f.ctx, record, f.failed.Promise())
	if which < 2 {
		return nil
	}
	delete(f.states, call)
	value, err := schemas.Calls.Encode(*state)
	if err != nil {
		return err
	}
	f.stateBytes += int64(len(value))
	f.client.Produce(f.ctx, &kgo.Record{Topic: kafka.Calls, Key: key, Value: value, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())},
	}}, f.failed.Promise())
	return nil
}

// commit notes that the processor's group has read all of events.
func (f *filler) commit(k settings.Kafka) error {
	offsets := kadm.Offsets{}
	for p, next := range f.next {
		offsets.AddOffset(kafka.Events, int32(p), next, -1)
	}
	if err := kadm.NewClient(f.client).CommitAllOffsets(f.ctx, kafka.GroupName(k, kafka.ProcessorGroup), offsets); err != nil {
		return fmt.Errorf("committing the group's offsets: %w", err)
	}
	return nil
}
