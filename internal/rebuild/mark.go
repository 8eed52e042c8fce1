package rebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
)

const (
	// mark is the kind of the first record of each partition.
	mark = "rebuild"
	// headerSource is the mark's header that names the log: the topic and its incarnation.
	headerSource = "rebuilt-from"
)

// source names the log: the topic and its incarnation.
func source(log string, p *partition.Partition) string { return fmt.Sprintf("%s/%s", log, p.TopicID()) }

// Claim marks the topic to build, which was made for it a moment ago: builds know it by
// that. All partitions get their mark, or none.
func Claim(ctx context.Context, o Options) error {
	found, err := partition.Lookup(ctx, o.Client, o.Events, o.Calls)
	if err != nil {
		return err
	}
	count, err := found.Count(o.Calls)
	if err != nil {
		return err
	}
	log, err := found.Partition(o.Events, 0)
	if err != nil {
		return err
	}
	writer, err := o.openWriter(0)
	if err != nil {
		return err
	}
	defer writer.Close()
	marks := make([]*kgo.Record, count)
	for number := range marks {
		marks[number] = stream.Marker(mark, kgo.RecordHeader{Key: headerSource, Value: []byte(source(o.Events, log))})
		marks[number].Topic, marks[number].Partition = o.Calls, int32(number)
	}
	if err := transact(ctx, writer, marks); err != nil {
		return fmt.Errorf("marking %s: %w", o.Calls, err)
	}
	return nil
}

// claimOwn claims the topic to build where nothing is in it.
func claimOwn(ctx context.Context, o Options) error {
	found, err := partition.Lookup(ctx, o.Client, o.Calls)
	if err != nil {
		return err
	}
	count, err := found.Count(o.Calls)
	if err != nil {
		return err
	}
	for number := range int32(count) {
		p, err := found.Partition(o.Calls, number)
		if err != nil {
			return err
		}
		if r, err := o.first(ctx, number, p); err != nil || r != nil {
			return err
		}
	}
	return Claim(ctx, o)
}

// first is the oldest record in a partition of the topic to build; nil where none is there.
func (o Options) first(ctx context.Context, number int32, p *partition.Partition) (r *kgo.Record, err error) {
	enough := errors.New("one record is enough")
	complete, err := p.Read(ctx, func(records []*kgo.Record, _ int64) error {
		if len(records) == 0 {
			return nil
		}
		r = records[0]
		return enough
	})
	switch {
	case errors.Is(err, enough):
		return r, nil
	case err == nil && !complete: // as for a moment after a claim
		return nil, &PartialError{Topic: o.Calls, Partition: number}
	}
	return nil, err
}

// ForeignError says that the topic to build is not one that a build has made.
type ForeignError struct{ Topic, Source string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the topic %s was there before and was not made from %s as it is now; it may be another installation's, also where it is empty: name a new prefix, or delete the topic if nobody needs it", e.Topic, e.Source)
}

// InUseError says that the stages work with the topic.
type InUseError struct{ Topic, Group string }

func (e *InUseError) Error() string {
	return fmt.Sprintf("the group %s reads %s: the stages were switched over to it; name a new prefix", e.Group, e.Topic)
}

// PartialError says that not all events can be folded.
type PartialError struct {
	// Topic is what cannot be read, and Partition its part.
	Topic     string
	Partition int32
	// Cut is true where the oldest records are gone; else a transaction that stays open
	// hides the newest.
	Cut bool
}

func (e *PartialError) Error() string {
	if e.Cut {
		return fmt.Sprintf("the oldest records of %s, partition %d, are gone: calls that began in them cannot be made again", e.Topic, e.Partition)
	}
	return fmt.Sprintf("a transaction that stays open hides the newest records of %s, partition %d: try again when it has ended", e.Topic, e.Partition)
}
