package stream

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/callfold/callfold/internal/table"
	"github.com/callfold/callfold/schemas"
)

// Batch is what one turn handles, and one transaction commits.
type Batch[V any] struct {
	// Partitions have input, or timers that are due.
	Partitions []*Partition[V]
	// Now is the engine's clock at the start of the turn.
	Now time.Time

	owned func() error
}

// StillOwned returns an error once the group may have given the batch's
// partitions to somebody else, as it does when a process stands still for longer
// than its session. The batch cannot be committed then. A handler with effects
// outside of Kafka asks right before each.
func (b *Batch[V]) StillOwned() error { return b.owned() }

// Each calls f for all partitions in parallel and returns the first error.
func (b *Batch[V]) Each(ctx context.Context, f func(context.Context, *Partition[V]) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range b.Partitions {
		g.Go(func() error { return f(ctx, p) })
	}
	return g.Wait()
}

// consumed reports whether the batch moves any input offset.
func (b *Batch[V]) consumed() bool {
	for _, p := range b.Partitions {
		if p.next > 0 {
			return true
		}
	}
	return false
}

// Partition is one input partition inside one turn: its input, and its states
// as this turn sees them. Different partitions may be used concurrently, one
// partition may not.
type Partition[V any] struct {
	// ID is the partition's number.
	ID int32
	// Records are the input, in order; none when only timers are due.
	Records []*kgo.Record
	// Due are the keys whose timers have expired, the longest due first. Each
	// must be Put again, or its timer stays due.
	Due []string
	// Repeats is how many of the first Records may have been handled before by a
	// turn that did not commit, of this owner of the partition or of the one
	// before. Outside of Kafka some of what that turn did may have taken place.
	Repeats int
	// Since is the same for Due: a timer that went off before it may have been
	// handled, by a clock of the one or the other process.
	Since time.Time

	codec     Codec[V]
	table     *table.Table
	hot       *hotStates[V]
	ownership uint64
	// next is the input offset after Records, 0 where there is no input. It may
	// be beyond the last record, since the engine's own markers are left out.
	next int64

	// The overlay: what this turn changed.
	changed  map[string]*V // each the overlay's own, until the batch is applied
	order    []string      // keys of changed, in the order of their first change
	silenced []string      // keys of Due whose timers must end without a change
	rejected []*kgo.Record // for the topic of rejected records
	reasons  []schemas.RejectReason

	changelog []*kgo.Record // what the transaction writes of it, see lane.output
}

// Get returns the state of a key as of this turn, and false where there is none.
// What it points to must not be changed: a changed state is a new one, for Put.
func (p *Partition[V]) Get(key string) (V, bool, error) {
	if v, ok := p.changed[key]; ok {
		return *v, true, nil
	}
	if v, ok := p.hot.get(p.ownership, key); ok {
		return v, true, nil
	}
	var zero V
	b, ok, err := p.table.Get(key)
	if err != nil || !ok {
		return zero, false, err
	}
	v, err := p.codec.Decode(p.codec.Schema(), b)
	if err != nil {
		return zero, false, fmt.Errorf("reading the state of %s: %w", key, err)
	}
	return v, true, nil
}

// Put changes the state of a key. It counts when the transaction commits.
//
// The state may be kept and given out again by Get of a later turn (see
// [Options.HotStates]), so what it points to must not be changed afterwards, and
// it must not differ, for the handler, from what the codec makes of its record.
func (p *Partition[V]) Put(key string, v V) {
	if old, ok := p.changed[key]; ok {
		*old = v
		return
	}
	if p.changed == nil {
		p.changed = map[string]*V{}
	}
	p.order = append(p.order, key)
	own := v
	p.changed[key] = &own
}

// What a rejection keeps of its record, in bytes. Together they fit a record,
// however large the one that is rejected: in base64 the body grows by a third.
const (
	mostRejectedBody = 1 << 20
	mostRejectedName = 1 << 10 // key and headers
)

// Reject sends an input record that cannot be used to the topic of rejected
// records, in the turn's transaction. Of a monstrous one it keeps the beginning.
func (p *Partition[V]) Reject(r *kgo.Record, reason schemas.RejectReason, detail string) error {
	receivedAt, _ := strconv.ParseInt(Header(r, schemas.HeaderReceivedAt), 10, 64)
	id, _ := strconv.ParseInt(string(r.Key), 10, 64)
	rejected := schemas.RejectedRecord{
		Reason: reason, Detail: detail,
		Origin: schemas.Origin{
			Source: begin(Header(r, schemas.HeaderSource), mostRejectedName), Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		},
		ReceivedAt: receivedAt,
		Event:      begin(Header(r, schemas.HeaderEvent), mostRejectedName),
		CallID:     id,
		BodySize:   int64(len(r.Value)),
		Truncated:  len(r.Value) > mostRejectedBody,
	}
	rejected.SetBody(begin(r.Value, mostRejectedBody))
	value, err := schemas.Rejects.Encode(rejected)
	if err != nil {
		return fmt.Errorf("encoding a rejected record: %w", err)
	}
	p.rejected = append(p.rejected, &kgo.Record{
		Key: begin(r.Key, mostRejectedName), Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderSchema, Value: []byte(schemas.Rejects.Schema())}},
	})
	p.reasons = append(p.reasons, reason)
	return nil
}

// begin returns at most so many bytes of the beginning.
func begin[T ~string | ~[]byte](of T, most int) T { return of[:min(len(of), most)] }

// Header returns the value of a record's header, "" where there is none.
func Header(r *kgo.Record, key string) string {
	// Outside of the loop the compiler knows whether the text must be on the heap.
	return string(header(r, key))
}

func header(r *kgo.Record, key string) []byte {
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Key == key {
			return h.Value
		}
	}
	return nil
}
