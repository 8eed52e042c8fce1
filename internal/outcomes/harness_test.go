package outcomes

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka/bubble"
	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/schemas"
)

const (
	tasks      = "tasks"
	partitions = 3
)

// world is a broker in a bubble of virtual time, and one who writes as the sink does.
type world struct {
	*testing.T
	broker *bubble.Broker
	client *kgo.Client
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, broker: bubble.Start(t, kfake.SeedTopics(partitions, tasks))}
		w.client = w.broker.Client()
		defer w.client.Close()
		test(w)
	})
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) put(records ...*kgo.Record) {
	w.Helper()
	w.check(w.client.ProduceSync(context.Background(), records...).FirstErr())
}

// begin writes records in a transaction that it leaves open.
func (w *world) begin(records ...*kgo.Record) *kgo.Client {
	w.Helper()
	client := w.broker.Client(kgo.TransactionalID("tx"))
	w.check(client.BeginTransaction())
	w.check(client.ProduceSync(context.Background(), records...).FirstErr())
	return client
}

func (w *world) end(client *kgo.Client, how kgo.TransactionEndTry) {
	w.Helper()
	w.check(client.EndTransaction(context.Background(), how))
	client.Close()
}

func (w *world) read(filter Filter, limit int) Listing {
	w.Helper()
	var progress partition.Progress
	l, err := Read(context.Background(), w.client, tasks, filter, limit, &progress)
	w.check(err)
	if progress.Done.Load() != progress.Total.Load() && len(l.Hidden) == 0 {
		w.Errorf("%d of %d offsets were counted", progress.Done.Load(), progress.Total.Load())
	}
	return l
}

// outcomeRecord is a record as the sink writes it.
func outcomeRecord(t testing.TB, o schemas.Outcome) *kgo.Record {
	t.Helper()
	value, err := schemas.Outcomes.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{
		Topic: tasks, Key: strconv.AppendInt(nil, o.CallID, 10), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Outcomes.Schema())}},
	}
}

func tombstone(id int64) *kgo.Record {
	return &kgo.Record{Topic: tasks, Key: strconv.AppendInt(nil, id, 10)}
}

func outcome(id int64, result schemas.Result, code string, decided int64) schemas.Outcome {
	o := schemas.Outcome{CallID: id, Result: result, StateHash: "00", DecidedAt: decided}
	if code != "" {
		o.Error = &schemas.OutcomeError{Code: code, Class: "permanent", Fields: []string{"Subject", "Type"}, Fix: "Mend " + code + "."}
		o.Attempts = 2
	}
	return o
}

func ids(calls []Call) []int64 {
	out := make([]int64, len(calls))
	for i, c := range calls {
		out[i] = c.ID
	}
	return out
}
