package history

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/partition"
	"github.com/callfold/callfold/internal/stream"
)

// partitions are those of one call; the stages write to the number of the
// partition that they read.
type partitions struct{ events, calls, tasks *partition.Partition }

// partitionsOf looks up where the records of a key are.
func partitionsOf(ctx context.Context, client *kgo.Client, topics Topics, key string) (partitions, error) {
	found, err := partition.Lookup(ctx, client, topics.Events, topics.Calls, topics.Tasks)
	if err != nil {
		return partitions{}, err
	}
	number, err := found.NumberOf(topics.Events, key)
	if err != nil {
		return partitions{}, err
	}
	events, err1 := found.Partition(topics.Events, number)
	calls, err2 := found.Partition(topics.Calls, number)
	tasks, err3 := found.Partition(topics.Tasks, number)
	return partitions{events, calls, tasks}, errors.Join(err1, err2, err3)
}

// newest is the newest committed record of a key; nil where there is none, or
// it was deleted. What is committed behind a transaction that stays open no
// reader sees.
func newest(ctx context.Context, p *partition.Partition, key string) (*kgo.Record, error) {
	var found *kgo.Record
	_, err := p.Read(ctx, func(records []*kgo.Record, _ int64) error {
		for _, r := range records {
			if string(r.Key) == key && !stream.IsMarker(r) {
				found = r
			}
		}
		return nil
	})
	if err != nil || found == nil || found.Value == nil {
		return nil, err
	}
	return found, nil
}
