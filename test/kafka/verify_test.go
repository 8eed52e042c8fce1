package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
	"github.com/callfold/callfold/schemas/oracle"
)

type (
	kadmOffset = kadm.OffsetResponse
	kadmListed = kadm.ListedOffset
)

// verify compares what is in the topics with what must be there.
func (w *world) verify() {
	w.Helper()
	want, rejected := w.expected()
	w.verifyCalls(want)
	for _, r := range w.readAll(kafka.Rejected) {
		record, err := schemas.Rejects.Decode(schemas.Rejects.Schema(), r.Value)
		check(w.T, err)
		rejected[record.Origin]--
	}
	for origin, missing := range rejected {
		if missing != 0 {
			w.Errorf("the body at %+v is in rejected %d times, want once", origin, 1-missing)
		}
	}
}

// expected folds the events in the topic the slow way, and lists what is to be rejected.
func (w *world) expected() (calls map[int64]schemas.CallRecord, rejected map[schemas.Origin]int) {
	w.Helper()
	log := w.readAll(kafka.Events)
	if w.events > 0 && len(log) != w.events {
		w.Errorf("%d records in events, %d were acknowledged, each once", len(log), w.events)
	}
	var events []oracle.Logged
	rejected = map[schemas.Origin]int{}
	for _, r := range log {
		if e, err := schemas.ParseEvent(r.Value); err == nil {
			events = append(events, oracle.Logged{Event: e, Offset: r.Offset})
		} else {
			rejected[schemas.Origin{Source: string(schemas.Webhook), Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}] = 1
		}
	}
	return oracle.Records(events), rejected
}

// verifyCalls compares the newest record of each call.
func (w *world) verifyCalls(want map[int64]schemas.CallRecord) {
	w.Helper()
	got := map[string][]byte{}
	for _, r := range w.readAll(kafka.Calls) {
		if !stream.IsMarker(r) {
			got[string(r.Key)] = r.Value
		}
	}
	wrong := 0
	for id, record := range want {
		value, err := schemas.Calls.Encode(record)
		check(w.T, err)
		if key := fmt.Sprint(id); !bytes.Equal(got[key], value) {
			if wrong++; wrong <= 3 {
				w.Errorf("call %s:\n got %s\nwant %s", key, got[key], value)
			}
		}
	}
	if wrong > 0 || len(got) != len(want) || len(want) == 0 {
		w.Errorf("%d of %d calls are wrong, and %d are there", wrong, len(want), len(got))
	}
}

// readAll reads a topic as a committed reader does, from its start to its end.
// No transaction may stay open in it.
func (w *world) readAll(name string) []*kgo.Record {
	w.Helper()
	topic := w.topic(name)
	ends := w.closedEnds(topic)
	client := w.newClient(kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The markers that end transactions come last.
		kgo.KeepControlRecords())
	defer client.Close()
	ctx := w.patiently()
	var records []*kgo.Record
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			w.Fatalf("reading %s: %v; the offsets %v are still to come", topic, err, ends)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= ends[r.Partition] {
				delete(ends, r.Partition)
			}
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
		})
	}
	return records
}

// closedEnds are the ends of a topic's partitions that are not empty, once no
// transaction is open in any.
func (w *world) closedEnds(topic string) map[int32]int64 {
	w.Helper()
	ends := map[int32]int64{}
	w.eventually("no transaction is open in "+topic, func(ctx context.Context) error {
		all, err := w.adm.ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		stable, err := w.adm.ListCommittedOffsets(ctx, topic)
		if err != nil {
			return err
		}
		all.Each(func(o kadmListed) {
			if s, _ := stable.Lookup(topic, o.Partition); o.Err != nil || s.Err != nil || s.Offset != o.Offset {
				err = errors.Join(fmt.Errorf("partition %d ends at %d, and is stable up to %d", o.Partition, o.Offset, s.Offset), o.Err, s.Err)
			} else if o.Offset > 0 {
				ends[o.Partition] = o.Offset
			}
		})
		return err
	})
	return ends
}
