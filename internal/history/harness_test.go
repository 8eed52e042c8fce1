package history

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

var topics = Topics{Events: "e", Calls: "c", Tasks: "t"}

// world is a broker in a bubble of virtual time, and one who writes as ingest,
// the processor and the sink do.
type world struct {
	t      *testing.T
	broker *bubble.Broker
	client *kgo.Client
	folded map[int64]schemas.CallRecord
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, folded: map[int64]schemas.CallRecord{}}
		w.broker = bubble.Start(t, kfake.NumBrokers(2), kfake.Ports(9093, 9094), kfake.SeedTopics(5, topics.Events, topics.Calls, topics.Tasks))
		w.client = w.broker.Client()
		defer w.client.Close()
		test(w)
	})
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// receive puts a body into the topic events, as ingest does, and folds it.
func (w *world) receive(body []byte) schemas.CallRecord {
	w.t.Helper()
	e, err := schemas.ParseEvent(body)
	w.check(err)
	r := &kgo.Record{Topic: topics.Events, Key: key(e.CallID), Value: body, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderSource, Value: []byte(schemas.Webhook)},
		{Key: schemas.HeaderReceivedAt, Value: []byte("1767261600123")},
	}}
	w.check(w.client.ProduceSync(context.Background(), r).FirstErr())
	w.folded[e.CallID] = schemas.Fold(w.folded[e.CallID], e, r.Offset)
	return w.folded[e.CallID]
}

// call receives a whole call of the generator.
func (w *world) call(g *traffic.Generator, kind traffic.Kind) schemas.CallRecord {
	w.t.Helper()
	var last schemas.CallRecord
	for _, d := range g.Deliver(g.CallOf(kind)) {
		last = w.receive(d.Body)
	}
	return last
}

func key(id int64) []byte { return strconv.AppendInt(nil, id, 10) }

// stateOf is a record of the topic calls, in the partition of the call's events.
func (w *world) stateOf(c schemas.CallRecord) *kgo.Record {
	w.t.Helper()
	value, err := schemas.Calls.Encode(c)
	w.check(err)
	return w.record(topics.Calls, c.State.ID, schemas.Calls.Schema(), value)
}

func (w *world) outcomeOf(o schemas.Outcome) *kgo.Record {
	w.t.Helper()
	value, err := schemas.Outcomes.Encode(o)
	w.check(err)
	return w.record(topics.Tasks, o.CallID, schemas.Outcomes.Schema(), value)
}

func (w *world) record(topic string, id int64, schema string, value []byte) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Partition: w.partition(id), Key: key(id), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schema)}},
	}
}

// partition is where the producer put the call's events.
func (w *world) partition(id int64) int32 {
	probe := &kgo.Record{Topic: topics.Events, Key: key(id), Value: []byte("probe")}
	w.check(w.client.ProduceSync(context.Background(), probe).FirstErr())
	return probe.Partition
}

// begin writes records in a transaction that it leaves open.
func (w *world) begin(id string, records ...*kgo.Record) *kgo.Client {
	w.t.Helper()
	client := w.broker.Client(kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	w.check(client.BeginTransaction())
	w.check(client.ProduceSync(context.Background(), records...).FirstErr())
	return client
}

func (w *world) end(client *kgo.Client, how kgo.TransactionEndTry) {
	w.t.Helper()
	w.check(client.EndTransaction(context.Background(), how))
	client.Close()
}

// commit writes records in a transaction of their own.
func (w *world) commit(records ...*kgo.Record) {
	w.t.Helper()
	w.end(w.begin("tx", records...), kgo.TryCommit)
}

func (w *world) read(id int64) (Call, error) {
	return Read(context.Background(), w.client, topics, id)
}

// forget deletes the events of a partition before an offset.
func (w *world) forget(partition int32, before int64) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topics.Events, partition, before, -1)
	answer, err := kadm.NewClient(w.client).DeleteRecords(context.Background(), offsets)
	w.check(err)
	w.check(answer.Error())
}
