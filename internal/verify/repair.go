package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/standin"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// together is how many states go into one transaction.
const together = 1000

// PartialError says that not all events could be folded: what looks wrong may be right.
type PartialError struct {
	// Cut and Hidden are those of the [Report].
	Cut, Hidden []int32
}

func (e *PartialError) Error() string {
	if len(e.Cut) > 0 {
		return fmt.Sprintf("nothing was repaired: the oldest records of these partitions of events are gone: %v; their calls can be right although no event makes them", e.Cut)
	}
	return fmt.Sprintf("nothing was repaired: a transaction that stays open hides what was committed behind it in these partitions: %v", e.Hidden)
}

// Repair writes the right states of the calls that are not as they should be, in the
// place of the processor, and returns how many. A [*standin.BusyError] says that the processor
// is running, or has begun to meanwhile, a [*PartialError] that what the events make is
// not known. open makes a client that has the options
// given besides those of all producers.
func (v *Verification) Repair(ctx context.Context, open func(...kgo.Opt) (*kgo.Client, error)) (repaired int64, err error) {
	if r := &v.Report; len(r.Cut) > 0 || len(r.Hidden) > 0 {
		return 0, &PartialError{r.Cut, r.Hidden}
	}
	processor, err := standin.Join(ctx, standin.Options{
		Client: v.options.Client, Open: open, Group: v.options.Group, Topic: v.options.Events, ID: v.options.Group + "-verify",
	})
	if err != nil {
		return 0, err
	}
	defer processor.Close()
	for _, w := range v.parts {
		for keys := range slices.Chunk(w.wrong, together) {
			if err := w.repair(ctx, processor, keys); err != nil {
				return repaired, fmt.Errorf("repairing partition %d: %w", w.number, err)
			}
			repaired += int64(len(keys))
		}
	}
	return repaired, nil
}

// repair writes the states of some keys in one transaction, which also commits the
// group's offset up to which they account.
func (w *work) repair(ctx context.Context, processor *standin.Member, keys []string) error {
	records, err := w.states(keys)
	if err != nil {
		return err
	}
	return processor.Write(ctx, records, w.number, w.accounted())
}

// states are the records of the right states. One without is removed.
func (w *work) states(keys []string) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for i, key := range keys {
		r := &kgo.Record{Topic: w.options.Calls, Partition: w.number, Key: []byte(key)}
		value, ok, err := w.folded.Get(key)
		if err != nil {
			return nil, err
		}
		if ok {
			r.Value = value
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: schemas.HeaderSchema, Value: []byte(schemas.Calls.Schema())})
		}
		if i == len(keys)-1 {
			r.Headers = append(r.Headers, stream.NextInputHeader(w.accounted()))
		}
		records = append(records, r)
	}
	return records, nil
}
