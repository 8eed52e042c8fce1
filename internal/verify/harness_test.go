//go:build synctests

package verify

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

const (
	events, calls, group = "e", "c", "callfold-processor"
	partitions           = 3
)

// world is a broker in a bubble of virtual time, and one who writes as ingest and the
// processor do.
type world struct {
	t       *testing.T
	broker  *bubble.Broker
	client  *kgo.Client
	adm     *kadm.Client
	folded  map[int64]schemas.CallRecord
	where   map[int64]int32 // the partition of each call
	reached map[int32]int64
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, broker: bubble.Start(t, kfake.SeedTopics(partitions, events, calls)), folded: map[int64]schemas.CallRecord{}, where: map[int64]int32{}, reached: map[int32]int64{}}
		w.client = w.broker.Client()
		defer w.client.Close()
		w.adm = kadm.NewClient(w.client)
		test(w)
	})
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// received is when the first event came in; each call is a second later. It is after
// all that the generator's calls are about.
var received = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

// publish puts a body into events, as ingest does.
func (w *world) publish(call int64, body []byte) *kgo.Record {
	w.t.Helper()
	r := &kgo.Record{Topic: events, Key: strconv.AppendInt(nil, call, 10), Value: body, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderSchema, Value: []byte(schemas.EventSchema)},
		{Key: schemas.HeaderReceivedAt, Value: strconv.AppendInt(nil, received.Add(time.Duration(len(w.folded))*time.Second).UnixMilli(), 10)},
	}}
	w.check(w.client.ProduceSync(context.Background(), r).FirstErr())
	return r
}

// receive publishes the events of so many calls, and folds them.
func (w *world) receive(generator *traffic.Generator, n int) {
	w.t.Helper()
	for range n {
		for _, d := range generator.Deliver(generator.Call()) {
			r := w.publish(d.CallID, d.Body)
			e, err := schemas.ParseEvent(d.Body)
			w.check(err)
			w.folded[d.CallID] = schemas.Fold(w.folded[d.CallID], e, r.Offset)
			w.where[d.CallID], w.reached[r.Partition] = r.Partition, r.Offset+1
		}
	}
}

// process writes the states of some calls, and last of each partition how far they
// account for events, as the processor does.
func (w *world) process(states map[int64]schemas.CallRecord) {
	w.t.Helper()
	for id, record := range states {
		value, err := schemas.Calls.Encode(record)
		w.check(err)
		w.put(id, value)
	}
	for p, next := range w.reached {
		w.check(w.manual(&kgo.Record{Partition: p, Key: []byte("marker"), Value: []byte("{}"), Headers: []kgo.RecordHeader{
			{Key: "marker", Value: []byte("marker")}, stream.NextInputHeader(next),
		}}))
	}
}

// put writes a record to calls.
func (w *world) put(id int64, value []byte) {
	w.t.Helper()
	w.check(w.manual(&kgo.Record{Partition: w.where[id], Key: strconv.AppendInt(nil, id, 10), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}}}))
}

func (w *world) manual(r *kgo.Record) error {
	client := w.broker.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	r.Topic = calls
	return client.ProduceSync(context.Background(), r).FirstErr()
}

// verify runs the verification, with the options changed.
func (w *world) verify(change ...func(*Options)) *Report {
	w.t.Helper()
	v := w.run(change...)
	w.check(v.Close())
	return &v.Report
}

func (w *world) run(change ...func(*Options)) *Verification {
	w.t.Helper()
	o := Options{Client: w.client, Events: events, Calls: calls, Group: group, Progress: &Progress{}}
	for _, c := range change {
		c(&o)
	}
	v, err := Run(context.Background(), o)
	w.check(err)
	if done, total := o.Progress.Done.Load(), o.Progress.Total.Load(); done != total && len(v.Report.Hidden) == 0 {
		w.t.Errorf("progress ends at %d of %d", done, total)
	}
	return v
}

// sound verifies and wants nothing wrong.
func (w *world) sound(change ...func(*Options)) *Report {
	w.t.Helper()
	r := w.verify(change...)
	if r.Wrong() != 0 || len(r.Differences) != 0 {
		w.t.Errorf("%d calls are wrong, first %+v", r.Wrong(), r.Differences[0])
	}
	return r
}

// any is a call that the world has.
func (w *world) any() int64 {
	least := int64(0)
	for id := range w.folded {
		if least == 0 || id < least {
			least = id
		}
	}
	return least
}

// repair verifies and repairs.
func (w *world) repair() (*Report, int64, error) {
	w.t.Helper()
	v := w.run()
	n, err := v.Repair(context.Background(), w.broker.Open)
	w.check(v.Close())
	return &v.Report, n, err
}

func found(r *Report) string {
	return fmt.Sprintf("missing %d, extra %d, different %d", r.Missing, r.Extra, r.Different)
}
