package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BusyError says that the processor is running, so nothing can be repaired.
type BusyError struct {
	// Group is the processor's consumer group.
	Group string
}

func (e *BusyError) Error() string {
	return "the group " + e.Group + " has members: stop every processor, and wait until the group has missed them (processor.timeouts.session; 45 s with the protocol consumer)"
}

// idle returns nil when a group has no members.
func idle(ctx context.Context, client *kgo.Client, group string) error {
	listed, err := kadm.NewClient(client).ListGroups(ctx)
	if err != nil {
		return fmt.Errorf("asking for the groups: %w", err)
	}
	if g, ok := listed[group]; ok && g.State != "Empty" && g.State != "Dead" {
		return &BusyError{group}
	}
	return nil
}

// alone returns nil when a group has one member.
func alone(ctx context.Context, client *kgo.Client, group string) error {
	described, err := kadm.NewClient(client).DescribeGroups(ctx, group)
	if err == nil {
		err = described[group].Err
	}
	if err != nil {
		return fmt.Errorf("asking for the members of the group %s: %w", group, err)
	}
	if len(described[group].Members) != 1 {
		return &BusyError{group}
	}
	return nil
}

// groupOffsets are the offsets up to which a group has read a topic, by partition.
func groupOffsets(ctx context.Context, client *kgo.Client, group, topic string) (map[int32]int64, error) {
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the group's offsets: %w", err)
	}
	reached := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic {
			reached[o.Partition] = o.At
		}
	})
	return reached, nil
}
