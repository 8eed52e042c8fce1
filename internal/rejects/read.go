package rejects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
	"github.com/callfold/callfold/schemas"
)

// Record is a record of the topic rejected.
type Record struct {
	Place Place
	// RejectedAt is when it was put there.
	RejectedAt time.Time
	// RejectedRecord is its value; a listing leaves the body out.
	schemas.RejectedRecord
}

// Listing is what a reading found.
type Listing struct {
	// Records are those that the filter wants, without bodies, the newest first.
	Records []Record
	// Foreign are records that are none of callfold's.
	Foreign []Place
	// Hidden are the numbers of the partitions in which a transaction that stays
	// open hides what was committed behind it.
	Hidden []int32
}

// Read reads the topic to its end as it is at the beginning. The error is
// [schemas.ErrNewerSchema] where a record cannot be read by this version.
func Read(ctx context.Context, client *kgo.Client, topic string, filter Filter, progress *partition.Progress) (Listing, error) {
	var mu sync.Mutex
	var all Listing
	err := partition.ReadAll(ctx, client, topic, nil, progress, func(number int32, read partition.Reading) error {
		var found Listing
		complete, err := read(func(records []*kgo.Record) error {
			for _, r := range records {
				switch record, err := parse(r); {
				case errors.Is(err, schemas.ErrNewerSchema):
					return err
				case err != nil:
					found.Foreign = append(found.Foreign, record.Place)
				case filter.wants(record):
					record.Body, record.BodyBase64 = "", nil
					found.Records = append(found.Records, record)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		all.Records, all.Foreign = append(all.Records, found.Records...), append(all.Foreign, found.Foreign...)
		if !complete {
			all.Hidden = append(all.Hidden, number)
		}
		return nil
	})
	slices.SortFunc(all.Records, func(a, b Record) int {
		return cmp.Or(b.RejectedAt.Compare(a.RejectedAt), a.Place.compare(b.Place))
	})
	slices.SortFunc(all.Foreign, Place.compare)
	slices.Sort(all.Hidden)
	return all, err
}

// parse reads a record; its place is known also with an error.
func parse(r *kgo.Record) (Record, error) {
	record := Record{Place: Place{r.Partition, r.Offset}, RejectedAt: r.Timestamp}
	value, err := schemas.Rejects.Decode(stream.Header(r, schemas.HeaderSchema), r.Value)
	if err != nil {
		return record, fmt.Errorf("reading %s, record %v: %w", r.Topic, record.Place, err)
	}
	record.RejectedRecord = value
	return record, nil
}

// ErrGone means that there is no such record, or none any more: they are kept for 30
// days.
var ErrGone = errors.New("there is no such record, or none any more: they are kept for 30 days")

// Get reads one record, with its body. The error may be [ErrGone].
func Get(ctx context.Context, topics *partition.Topics, topic string, at Place) (Record, error) {
	count, err := topics.Count(topic)
	if err != nil {
		return Record{}, fmt.Errorf("%w (run callfold topics create)", err)
	}
	if int(at.Partition) >= count {
		return Record{}, fmt.Errorf("record %v: %w", at, ErrGone)
	}
	p, err := topics.Partition(topic, at.Partition)
	if err != nil {
		return Record{}, err
	}
	r, err := p.At(ctx, at.Offset)
	switch {
	case err != nil:
		return Record{}, err
	case r == nil:
		return Record{}, fmt.Errorf("record %v: %w", at, ErrGone)
	}
	return parse(r)
}

// Kept is the body as it is kept, and whether that is all of it.
func (r Record) Kept() (body []byte, whole bool) {
	if r.BodyBase64 != nil {
		return r.BodyBase64, !r.Truncated
	}
	return []byte(r.Body), !r.Truncated
}
