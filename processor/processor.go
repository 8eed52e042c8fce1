package processor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Processor is the handler of the stage.
type Processor struct{}

// Handle folds a batch of events, partitions in parallel. It fails only where
// the local state cannot be read, or with [schemas.ErrNewerSchema].
func (p Processor) Handle(ctx context.Context, b *stream.Batch[schemas.CallRecord]) error {
	return b.Each(ctx, func(_ context.Context, part *stream.Partition[schemas.CallRecord]) error {
		for _, r := range part.Records {
			if err := foldRecord(part, r); err != nil {
				return fmt.Errorf("partition %d, offset %d: %w", r.Partition, r.Offset, err)
			}
		}
		return nil
	})
}

func foldRecord(part *stream.Partition[schemas.CallRecord], r *kgo.Record) error {
	event, err := Read(r)
	if rejection := (*schemas.Rejection)(nil); errors.As(err, &rejection) {
		return part.Reject(r, rejection.Reason, rejection.Detail)
	}
	if err != nil {
		return err
	}
	key := string(r.Key)
	record, _, err := part.Get(key)
	if err != nil {
		return err
	}
	part.Put(key, schemas.Fold(record, event, r.Offset))
	return nil
}

// Read parses the event of a record of the topic events. The error is a [*schemas.Rejection] for
// what can never be folded.
func Read(r *kgo.Record) (schemas.Event, error) {
	switch err := schemas.CheckEventSchema(stream.Header(r, schemas.HeaderSchema)); {
	case errors.Is(err, schemas.ErrUnknownSchema):
		return schemas.Event{}, &schemas.Rejection{Reason: schemas.NotACall, Detail: "the record's schema header is not that of an event"}
	case err != nil:
		return schemas.Event{}, err
	}
	event, err := schemas.ParseEvent(r.Value)
	if err != nil {
		return event, err
	}
	if key := strconv.AppendInt(make([]byte, 0, 20), event.CallID, 10); !bytes.Equal(r.Key, key) {
		return event, &schemas.Rejection{Reason: schemas.KeyMismatch, Detail: "the record's key is not the body's call id"}
	}
	if event.TooFarAhead(ReceivedAt(r)) {
		return event, &schemas.Rejection{Reason: schemas.FutureTime, Detail: "timestamp is more than 24 h after the event was received"}
	}
	return event, nil
}

// ReceivedAt is when the event came in; where a producer did not say, when the
// broker got it.
func ReceivedAt(r *kgo.Record) time.Time {
	if ms, err := strconv.ParseInt(stream.Header(r, schemas.HeaderReceivedAt), 10, 64); err == nil {
		return time.UnixMilli(ms)
	}
	return r.Timestamp
}
