package partition

import (
	"context"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Kept tells of which of some keys the newest record of a compacted topic has a value: it
// has not where the value was taken away, whatever lies before that until the topic is
// compacted. The partitions of the keys are read for it. hidden are the numbers of those in
// which a transaction that stays open hides what was committed behind it.
func Kept(ctx context.Context, client *kgo.Client, topic string, keys []string, progress *Progress) (kept map[string]bool, hidden []int32, err error) {
	kept = make(map[string]bool, len(keys))
	if len(keys) == 0 {
		return kept, nil, nil
	}
	for _, key := range keys {
		kept[key] = false
	}
	var mu sync.Mutex
	err = ReadAll(ctx, client, topic, keys, progress, func(number int32, read Reading) error {
		complete, err := read(func(records []*kgo.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range records {
				if _, asked := kept[string(r.Key)]; asked {
					kept[string(r.Key)] = r.Value != nil
				}
			}
			return nil
		})
		if err == nil && !complete {
			mu.Lock()
			defer mu.Unlock()
			hidden = append(hidden, number)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(hidden)
	return kept, hidden, nil
}
