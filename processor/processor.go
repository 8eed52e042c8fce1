package processor

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/eventlog"
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
	event, err := eventlog.Read(r)
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
