package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/bodies"
	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/partition"
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

// putReject puts a record into the topic rejected, as ingest and the processor do.
func putReject(ts *testscript.TestScript, path string) {
	client := producer(ts)
	defer client.Close()
	r, err := schemas.Rejects.Decode(schemas.Rejects.Schema(), []byte(ts.ReadFile(path)))
	ts.Check(err)
	value, err := schemas.Rejects.Encode(r)
	ts.Check(err)
	put := record("aircall.rejected", r.CallID, schemas.Rejects.Schema(), value)
	put.Timestamp = time.UnixMilli(r.ReceivedAt)
	ts.Check(client.ProduceSync(context.Background(), put).FirstErr())
}

// readEvents reads the topic events, partition by partition.
func readEvents(ts *testscript.TestScript, each func(*kgo.Record) error) {
	client := producer(ts)
	defer client.Close()
	ctx := context.Background()
	found, err := partition.Lookup(ctx, client, "aircall.events")
	ts.Check(err)
	count, err := found.Count("aircall.events")
	ts.Check(err)
	for number := range int32(count) {
		p, err := found.Partition("aircall.events", number)
		ts.Check(err)
		_, err = p.Read(ctx, func(records []*kgo.Record, _ int64) error {
			for _, r := range records {
				if err := each(r); err != nil {
					return err
				}
			}
			return nil
		})
		ts.Check(err)
	}
}

// printEvents writes the records in the topic events, without the time.
func printEvents(ts *testscript.TestScript) {
	var lines []string
	readEvents(ts, func(r *kgo.Record) error {
		line := string(r.Key)
		for _, h := range r.Headers {
			if h.Key != schemas.HeaderReceivedAt {
				line += " " + h.Key + "=" + string(h.Value)
			}
		}
		lines = append(lines, line+" "+string(r.Value)+"\n")
		return nil
	})
	slices.Sort(lines)
	_, err := io.WriteString(ts.Stdout(), strings.Join(lines, ""))
	ts.Check(err)
}

// printCommands folds the commands in the topic events, as the processor does, and
// writes the newest of each call.
func printCommands(ts *testscript.TestScript) {
	var lines []string
	for id, c := range foldEvents(ts) {
		for _, command := range []schemas.Latest[schemas.Command]{c.State.Retry, c.State.Erased} {
			if v := command.Value; command.Known() {
				lines = append(lines, fmt.Sprintf("%d: %s: %s (%s)", id, v.Who, v.Why, v.StateHash))
			}
		}
	}
	slices.Sort(lines)
	_, err := io.WriteString(ts.Stdout(), strings.Join(lines, "\n")+"\n")
	ts.Check(err)
}

// processEvents folds the topic events and puts the states into calls, as the
// processor does.
func processEvents(ts *testscript.TestScript) {
	client := producer(ts)
	defer client.Close()
	for id, c := range foldEvents(ts) {
		value, err := schemas.Calls.Encode(c)
		ts.Check(err)
		ts.Check(client.ProduceSync(context.Background(), record("aircall.calls", id, schemas.Calls.Schema(), value)).FirstErr())
	}
}

// foldEvents folds all of the topic events.
func foldEvents(ts *testscript.TestScript) map[int64]schemas.CallRecord {
	folded := map[int64]schemas.CallRecord{}
	readEvents(ts, func(r *kgo.Record) error {
		event, err := schemas.ParseEvent(r.Value)
		if err == nil {
			folded[event.CallID] = schemas.Fold(folded[event.CallID], event, r.Offset)
		}
		return err
	})
	return folded
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
