package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/traffic"
	"github.com/callfold/callfold/schemas"
)

// seed of all generated calls.
const seed = 3

// firstCall leaves room for the calls of one load.
const firstCall = 1_000_000_000

// deliveries are the webhooks of so many calls that no load had before, with
// duplicates and reordering, as they came in: many calls at a time.
func (w *world) deliveries(calls int) []traffic.Delivery {
	generator := traffic.New(traffic.Options{Seed: seed, FirstID: firstCall + int64(w.calls)*1000})
	w.calls += calls
	var all []traffic.Delivery
	const together = 50
	for calls > 0 {
		var lives [][]traffic.Delivery
		for range min(together, calls) {
			lives = append(lives, generator.Deliver(generator.Call()))
		}
		calls -= len(lives)
		for len(lives) > 0 { // the next of each, round and round
			var left [][]traffic.Delivery
			for _, life := range lives {
				all = append(all, life[0])
				if len(life) > 1 {
					left = append(left, life[1:])
				}
			}
			lives = left
		}
	}
	return all
}

// load puts the events of so many calls into the topic events, as ingest does,
// and among them bodies that are no events. It returns when all are acknowledged.
func (w *world) load(calls int) {
	w.Helper()
	w.produce(w.client, w.deliveries(calls))
}

// loadUntil loads a little again and again until the condition gives no error: for
// what shows only while there is work, and may take its time.
func (w *world) loadUntil(what string, condition func(context.Context) error) {
	w.Helper()
	w.eventually(what, func(ctx context.Context) error {
		err := condition(ctx)
		if err != nil {
			w.load(10)
		}
		return err
	})
}

// loadSlowly is load that takes about so long, in the background. The function
// returned waits for its end; until then nothing else may load.
func (w *world) loadSlowly(calls int, over time.Duration) (wait func()) {
	deliveries := w.deliveries(calls)
	const steps = 50
	done := make(chan struct{})
	go func() {
		defer close(done)
		each := len(deliveries)/steps + 1
		tick := time.NewTicker(over / steps)
		defer tick.Stop()
		for len(deliveries) > 0 {
			n := min(each, len(deliveries))
			w.produce(w.client, deliveries[:n])
			deliveries = deliveries[n:]
			<-tick.C
		}
	}()
	return func() {
		w.Helper()
		select {
		case <-done:
		case <-time.After(2 * patience):
			w.Fatal("the load does not end")
		}
	}
}

func (w *world) produce(client *kgo.Client, deliveries []traffic.Delivery) {
	var records []*kgo.Record
	for i, d := range deliveries {
		records = append(records, w.record(d.CallID, d.Body))
		if i%50 == 49 {
			records = append(records, w.record(d.CallID, []byte(`no event`)))
			w.poison++
		}
	}
	if err := client.ProduceSync(context.WithoutCancel(w.Context()), records...).FirstErr(); err != nil {
		w.Errorf("loading: %v", err) // it may be another goroutine
		return
	}
	w.events += len(records)
}

func (w *world) record(call int64, body []byte) *kgo.Record {
	return &kgo.Record{
		Topic: w.topic(kafka.Events), Key: strconv.AppendInt(nil, call, 10), Value: body,
		Headers: []kgo.RecordHeader{
			{Key: schemas.HeaderSchema, Value: []byte(schemas.EventSchema)},
			{Key: schemas.HeaderSource, Value: []byte(schemas.Webhook)},
			{Key: schemas.HeaderReceivedAt, Value: strconv.AppendInt(nil, time.Now().UnixMilli(), 10)},
		},
	}
}

// handled is how many input records the group has behind it.
func (w *world) handled(ctx context.Context) (int64, error) {
	offsets, err := w.adm.FetchOffsets(ctx, w.group())
	if err != nil {
		return 0, err
	}
	var sum int64
	offsets.Each(func(o kadmOffset) { sum += max(0, o.At) })
	return sum, nil
}

// waitHandled waits until the group has so many behind it.
func (w *world) waitHandled(want int) {
	w.Helper()
	w.eventually(fmt.Sprintf("%d events are handled", want), func(ctx context.Context) error {
		n, err := w.handled(ctx)
		if err == nil && n < int64(want) {
			err = fmt.Errorf("%d are", n)
		}
		return err
	})
}

// drained waits until nothing is left to do for the group, and says how long
// that took.
func (w *world) drained() {
	w.Helper()
	begin := time.Now()
	w.eventually("all events are handled", func(ctx context.Context) error {
		n, err := w.handled(ctx)
		if err != nil {
			return err
		}
		ends, err := w.adm.ListEndOffsets(ctx, w.topic(kafka.Events))
		if err != nil {
			return err
		}
		if err := ends.Error(); err != nil { // a partition that has no leader has no end either
			return err
		}
		var all int64
		ends.Each(func(o kadmListed) { all += o.Offset })
		if n < all {
			return fmt.Errorf("%d of %d are", n, all)
		}
		return nil
	})
	w.Logf("drained after %.1f s", time.Since(begin).Seconds())
}
