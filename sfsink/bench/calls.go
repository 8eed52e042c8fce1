//go:build unix

package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// prefix of the topics.
const prefix = "bench."

// backlog makes calls as they wait after an outage: the newest state of each.
func backlog(calls int) ([]*kgo.Record, error) {
	g := traffic.New(traffic.Options{Seed: 1})
	records := make([]*kgo.Record, calls)
	for i := range records {
		call := g.Call()
		var record schemas.CallRecord
		for n, e := range call.Events {
			event, err := schemas.ParseEvent(e.Body)
			if err != nil {
				return nil, fmt.Errorf("parsing an event of the generator: %w", err)
			}
			record = schemas.Fold(record, event, int64(n))
		}
		value, err := schemas.Calls.Encode(record)
		if err != nil {
			return nil, fmt.Errorf("encoding a call: %w", err)
		}
		records[i] = &kgo.Record{
			Topic: prefix + kafka.Calls, Key: strconv.AppendInt(nil, call.ID, 10), Value: value,
			Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}},
		}
	}
	return records, nil
}

// preload makes the topics and fills that of the calls.
func preload(ctx context.Context, brokers []string, partitions int, records []*kgo.Record) error {
	client, err := kgo.NewClient(clientOptions(brokers)...)
	if err != nil {
		return fmt.Errorf("making a Kafka client: %w", err)
	}
	defer client.Close()
	s := kafkaSettings(brokers)
	s.Partitions, s.ReplicationFactor = partitions, 1
	if _, err := kafka.Create(ctx, client, kafka.Topics(s, false)); err != nil {
		return err
	}
	written := kgo.AbortingFirstErrPromise(client)
	for _, r := range records {
		fresh := *r // a record is the client's once it was produced
		client.Produce(ctx, &fresh, written.Promise())
	}
	if err := written.Err(); err != nil {
		return fmt.Errorf("writing the calls: %w", err)
	}
	return nil
}

func kafkaSettings(brokers []string) settings.Kafka {
	return settings.Kafka{Brokers: brokers, TopicPrefix: prefix}
}

// clientOptions are those of the stages' clients.
func clientOptions(brokers []string) []kgo.Opt {
	opts, err := kafka.Options(kafkaSettings(brokers), "callfold-bench", quiet(), nil)
	if err != nil { // only TLS and SASL can be wrong, and there is none
		panic(err)
	}
	return append(opts, kafka.ProducerOptions()...)
}
