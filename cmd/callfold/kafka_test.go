package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/bodies"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/schemas"
)

// recordTime is the time of all records that the scripts' commands put into Kafka.
var recordTime = time.Date(2026, time.March, 2, 9, 1, 0, 0, time.UTC)

// foldIntoKafka puts the bodies of the files into the topic events, as ingest
// does, and the states that they make into calls, as the processor does.
func foldIntoKafka(ts *testscript.TestScript, pattern string) {
	client := producer(ts)
	defer client.Close()
	folded := map[int64]schemas.CallRecord{}
	files, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	for _, path := range files {
		file, err := os.Open(path)
		ts.Check(err)
		defer file.Close()
		for body, err := range bodies.Split(file) {
			ts.Check(err)
			event, err := schemas.ParseEvent(body.Value)
			ts.Check(err)
			r := record("aircall.events", event.CallID, schemas.EventSchema, body.Value)
			ts.Check(client.ProduceSync(context.Background(), r).FirstErr())
			folded[event.CallID] = schemas.Fold(folded[event.CallID], event, r.Offset)
		}
	}
	for id, c := range folded {
		value, err := schemas.Calls.Encode(c)
		ts.Check(err)
		ts.Check(client.ProduceSync(context.Background(), record("aircall.calls", id, schemas.Calls.Schema(), value)).FirstErr())
	}
}

// putOutcome puts an outcome into the topic tasks, as the sink does.
func putOutcome(ts *testscript.TestScript, path string) {
	client := producer(ts)
	defer client.Close()
	o, err := schemas.Outcomes.Decode(schemas.Outcomes.Schema(), []byte(ts.ReadFile(path)))
	ts.Check(err)
	value, err := schemas.Outcomes.Encode(o)
	ts.Check(err)
	ts.Check(client.ProduceSync(context.Background(), record("aircall.tasks", o.CallID, schemas.Outcomes.Schema(), value)).FirstErr())
}

func producer(ts *testscript.TestScript) *kgo.Client {
	brokers := strings.Split(ts.Getenv("CALLFOLD_KAFKA_BROKERS"), ",")
	client, err := kgo.NewClient(append(kafka.ProducerOptions(), kgo.SeedBrokers(brokers...))...)
	ts.Check(err)
	return client
}

func record(topic string, call int64, schema string, value []byte) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Key: strconv.AppendInt(nil, call, 10), Value: value, Timestamp: recordTime,
		Headers: []kgo.RecordHeader{
			{Key: schemas.HeaderSchema, Value: []byte(schema)},
			{Key: schemas.HeaderReceivedAt, Value: strconv.AppendInt(nil, recordTime.UnixMilli(), 10)},
			{Key: schemas.HeaderSource, Value: []byte(schemas.Webhook)},
		},
	}
}
