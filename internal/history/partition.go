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

// firstWindow is how many offsets of a partition newest reads first.
const firstWindow = 4096

// newest is the newest committed record of a key; nil where there is none, or
// it was deleted. What is committed behind a transaction that stays open no
// reader sees.
//
// The partition is read from its end on backwards, in growing windows: Kafka has no
// index of keys, but it is calls of today that are asked about most.
func newest(ctx context.Context, p *partition.Partition, key string) (*kgo.Record, error) {
	for window, end := int64(firstWindow), p.End(); end > p.Start(); window, end = 4*window, end-window {
		part := p.From(end - window).Until(end)
		records, complete, err := recordsOf(ctx, part, key)
		if err == nil && !complete && part.Start() > p.Start() {
			// All windows may lie behind what hides them; each would be waited for.
			records, _, err = recordsOf(ctx, p, key)
			end = p.Start()
		}
		if err != nil {
			return nil, err
		}
		if len(records) == 0 {
			continue
		}
		if found := records[len(records)-1]; found.Value != nil {
			return found, nil
		}
		return nil, nil
	}
	return nil, nil
}

// recordsOf are the committed records of a key in a part of a partition, in order.
func recordsOf(ctx context.Context, p *partition.Partition, key string) (found []*kgo.Record, complete bool, err error) {
	complete, err = p.Read(ctx, func(records []*kgo.Record, _ int64) error {
		for _, r := range records {
			if string(r.Key) == key && !stream.IsMarker(r) {
				found = append(found, r)
			}
		}
		return nil
	})
	return found, complete, err
}
