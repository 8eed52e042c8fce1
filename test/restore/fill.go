//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

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

// template is a call of real traffic: its state before its last event, and that
// event.
type template struct {
	id          []byte
	state, last []byte
}

// filler writes the topics.
type filler struct {
	client    *kgo.Client
	templates []template
}

func newFiller(ctx context.Context, addr string) (*filler, error) {
	k := kafkaSettings(addr)
	opts, err := kafka.Options(k, "restore", quiet(), nil)
	if err != nil {
		return nil, err
	}
	// A processor's transaction has some hundred states of a partition.
	opts = append(opts, kafka.ProducerOptions()...)
	client, err := kgo.NewClient(append(opts, kgo.ProducerBatchMaxBytes(160<<10), kgo.ProducerLinger(50*time.Millisecond))...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	if _, err := kafka.Create(ctx, client, kafka.Topics(k, false)); err != nil {
		client.Close()
		return nil, err
	}
	f := &filler{client: client}
	f.templates, err = templates(5000)
	return f, err
}

func kafkaSettings(addr string) settings.Kafka {
	k := settings.Default().Kafka
	k.Brokers, k.TopicPrefix, k.ReplicationFactor, k.Instance = []string{addr}, topicPrefix, 1, "restore"
	return k
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// templates folds some calls of generated traffic.
func templates(n int) ([]template, error) {
	g := traffic.New(traffic.Options{Seed: 1, FirstID: templateIDs})
	all := make([]template, 0, n)
	for len(all) < n {
		call := g.Call()
		if len(call.Events) < 2 {
			continue
		}
		var record schemas.CallRecord
		for i, d := range call.Events[:len(call.Events)-1] {
			e, err := schemas.ParseEvent(d.Body)
			if err != nil {
				return nil, fmt.Errorf("parsing generated traffic: %w", err)
			}
			record = schemas.Fold(record, e, int64(i))
		}
		state, err := schemas.Calls.Encode(record)
		if err != nil {
			return nil, err
		}
		all = append(all, template{id: strconv.AppendInt(nil, call.ID, 10), state: state, last: call.Events[len(call.Events)-1].Body})
	}
	return all, nil
}

// fill writes the states of so many calls, and returns how many bytes they are.
func (f *filler) fill(ctx context.Context, calls int) (written int64, err error) {
	failed := kgo.AbortingFirstErrPromise(f.client)
	schema := []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}}
	for i := range calls {
		t, key := f.call(i)
		value := bytes.ReplaceAll(t.state, t.id, key)
		written += int64(len(value))
		f.client.Produce(ctx, &kgo.Record{Topic: callsT, Key: key, Value: value, Headers: schema}, failed.Promise())
	}
	if err := failed.Err(); err != nil {
		return 0, fmt.Errorf("filling the changelog: %w", err)
	}
	return written, nil
}

func (f *filler) call(i int) (template, []byte) {
	return f.templates[i%len(f.templates)], strconv.AppendInt(nil, firstID+int64(i), 10)
}

// load sends events of calls chosen at random, at an even rate.
func (f *filler) load(ctx context.Context, o options, calls int) error {
	failed := kgo.AbortingFirstErrPromise(f.client)
	rng := rand.New(rand.NewPCG(1, 0))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < o.load; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for range o.rate / 100 {
			t, key := f.call(rng.IntN(calls))
			f.client.Produce(ctx, &kgo.Record{Topic: events, Key: key, Value: bytes.ReplaceAll(t.last, t.id, key)}, failed.Promise())
		}
	}
	if err := failed.Err(); err != nil {
		return fmt.Errorf("writing events: %w", err)
	}
	return nil
}
