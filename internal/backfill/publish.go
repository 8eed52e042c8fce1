package backfill

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/schemas"
)

// delivery is how long the brokers may take to acknowledge the calls of a page.
const delivery = 30 * time.Second

// ProducerOptions are those of the client, beside kafka.ProducerOptions. A call that
// may have been written is given up when time is up: to publish it again does no harm.
func ProducerOptions() []kgo.Opt { return []kgo.Opt{kgo.AllowIdempotentProduceCancellation()} }

// record is a call object as a record of the topic events. id is 0 where the text
// is no call: the processor then puts it into rejected, with the reason.
func (b *Backfill) record(id int64, text []byte) *kgo.Record {
	now := b.o.Now()
	r := &kgo.Record{
		Topic: b.o.Events, Value: text, Timestamp: now,
		Headers: []kgo.RecordHeader{
			{Key: schemas.HeaderSchema, Value: []byte(schemas.EventSchema)},
			{Key: schemas.HeaderEvent, Value: []byte(schemas.EventREST)},
			{Key: schemas.HeaderReceivedAt, Value: strconv.AppendInt(nil, now.UnixMilli(), 10)},
			{Key: schemas.HeaderSource, Value: []byte(schemas.Backfill)},
		},
	}
	if id != 0 {
		r.Key = strconv.AppendInt(nil, id, 10)
	}
	return r
}

// publish returns when all in-sync replicas have the records.
func (b *Backfill) publish(ctx context.Context, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, delivery)
	defer cancel()
	if err := b.o.Client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("publishing calls: %w", err)
	}
	return nil
}
