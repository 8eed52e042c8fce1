//go:build synctests

package backfill

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/aircall"
	"github.com/callfold/callfold/internal/aircallsim"
	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

const (
	events, calls = "e", "c"
	partitions    = 3
)

// world is a broker and Aircall in a bubble of virtual time, and one who writes as
// ingest and the processor do.
type world struct {
	t       *testing.T
	client  *kgo.Client
	aircall *aircallsim.Server
	dir     string
	offset  map[int32]int64 // up to where events were folded
	folded  map[int64]schemas.CallRecord
	firstID int64 // of the newest generator
}

func inWorld(t *testing.T, test func(w *world)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, dir: dir, folded: map[int64]schemas.CallRecord{}, offset: map[int32]int64{}}
		w.client = bubble.Start(t, kfake.SeedTopics(partitions, events, calls)).Client(ProducerOptions()...)
		defer w.client.Close()
		w.aircall = aircallsim.New(aircallsim.Options{})
		test(w)
	})
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// backfill is one with the options changed.
func (w *world) backfill(change ...func(*Options)) *Backfill {
	w.t.Helper()
	client, err := aircall.New(aircall.Options{URL: "http://aircall.test", ID: "dev", Token: "dev", Reserve: 0.2, Tries: 5, HTTPClient: w.aircall.Client()})
	w.check(err)
	o := Options{Aircall: client, Client: w.client, Events: events, Calls: calls, Dir: w.dir, Logger: slog.New(slog.DiscardHandler), Now: time.Now}
	for _, c := range change {
		c(&o)
	}
	return New(o)
}

// receive puts the webhooks of a call into events, as ingest does, those that
// are wanted.
func (w *world) receive(c traffic.Call, wanted func(traffic.Delivery) bool) {
	w.t.Helper()
	for _, d := range c.Events {
		if wanted == nil || wanted(d) {
			w.put(events, d.CallID, d.Body, schemas.EventSchema)
		}
	}
}

func (w *world) put(topic string, id int64, value []byte, schema string) {
	w.t.Helper()
	w.check(w.client.ProduceSync(context.Background(), &kgo.Record{
		Topic: topic, Key: strconv.AppendInt(nil, id, 10), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schema)}},
	}).FirstErr())
}

// process folds what is new in events, and writes the states that changed to
// calls, as the processor does. It gives the records that it folded.
func (w *world) process() (folded []*kgo.Record) {
	w.t.Helper()
	found, err := partition.Lookup(context.Background(), w.client, events)
	w.check(err)
	changed := map[int64]bool{}
	for number := range int32(partitions) {
		p, err := found.Partition(events, number)
		w.check(err)
		_, err = p.Read(context.Background(), func(records []*kgo.Record, _ int64) error {
			for _, r := range records {
				if r.Offset < w.offset[number] {
					continue
				}
				e, err := schemas.ParseEvent(r.Value)
				w.check(err)
				before := w.folded[e.CallID]
				w.folded[e.CallID] = schemas.Fold(before, e, r.Offset)
				changed[e.CallID] = true
				folded = append(folded, r)
				w.offset[number] = r.Offset + 1
			}
			return nil
		})
		w.check(err)
	}
	var all []*kgo.Record
	for id := range changed {
		value, err := schemas.Calls.Encode(w.folded[id])
		w.check(err)
		all = append(all, &kgo.Record{Topic: calls, Key: strconv.AppendInt(nil, id, 10), Value: value,
			Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())}}})
	}
	w.check(w.client.ProduceSync(context.Background(), all...).FirstErr())
	return folded
}

// hashes are those of all states.
func (w *world) hashes() map[int64]string {
	all := map[int64]string{}
	for id, r := range w.folded {
		all[id] = r.State.Hash()
	}
	return all
}

// header is a header of a record.
func header(r *kgo.Record, name string) string { return stream.Header(r, name) }
