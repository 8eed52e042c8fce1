package partition

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// Progress is how far a reading has come. It may be looked at meanwhile.
type Progress struct {
	// Done and Total count offsets of the topic; in a compacted topic there are
	// fewer records.
	Done, Total atomic.Int64
}

// Reading reads one partition to its end as it was at the beginning: each gets the
// records of one fetch. complete is false where a transaction that stays open hides
// what is committed behind it.
type Reading func(each func([]*kgo.Record) error) (complete bool, err error)

// ReadAll has all partitions of a topic read, or, with keys, those in which records of
// these keys are. Several are read at a time: work is called for each by its number,
// side by side, and its first error ends all of it.
func ReadAll(ctx context.Context, client *kgo.Client, topic string, keys []string, progress *Progress, work func(number int32, read Reading) error) error {
	found, err := Lookup(ctx, client, topic)
	if err != nil {
		return err
	}
	numbers, err := found.numbers(topic, keys)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("%w (run callfold topics create)", err)
	case err != nil:
		return err
	}
	parts := make([]*Partition, len(numbers))
	for i, number := range numbers {
		if parts[i], err = found.Partition(topic, number); err != nil {
			return err
		}
		progress.Total.Add(parts[i].Len())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for i, p := range parts {
		group.Go(func() error {
			return work(numbers[i], func(each func([]*kgo.Record) error) (bool, error) {
				return p.Read(ctx, func(records []*kgo.Record, offsets int64) error {
					progress.Done.Add(offsets)
					return each(records)
				})
			})
		})
	}
	return group.Wait()
}

// numbers are the partitions of these keys, or all.
func (t *Topics) numbers(topic string, keys []string) ([]int32, error) {
	count, err := t.Count(topic)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		numbers := make([]int32, count)
		for i := range numbers {
			numbers[i] = int32(i)
		}
		return numbers, nil
	}
	var numbers []int32
	for _, key := range keys {
		number, err := t.NumberOf(topic, key)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}
