package standin

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BusyError says that a stage is running, so nobody can stand in for it.
type BusyError struct {
	// Group is the stage's consumer group.
	Group string
}

func (e *BusyError) Error() string {
	return "the group " + e.Group + " has members: stop every process of that stage, and wait until the group has missed them (timeouts.session of the stage; 45 s with the protocol consumer)"
}

// Idle returns nil when a group has no members, else a [*BusyError].
func Idle(ctx context.Context, client *kgo.Client, group string) error {
	listed, err := kadm.NewClient(client).ListGroups(ctx)
	if err != nil {
		return fmt.Errorf("asking for the groups: %w", err)
	}
	if g, ok := listed[group]; ok && g.State != "Empty" && g.State != "Dead" {
		return &BusyError{group}
	}
	return nil
}

// alone returns nil when the group has one member.
func (m *Member) alone(ctx context.Context) error {
	group := m.options.Group
	described, err := kadm.NewClient(m.options.Client).DescribeGroups(ctx, group)
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

// Offsets are the offsets from which a group goes on in a topic, by partition; none
// where it never committed one.
func Offsets(ctx context.Context, client *kgo.Client, group, topic string) (map[int32]int64, error) {
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the group's offsets: %w", err)
	}
	reached := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At >= 0 {
			reached[o.Partition] = o.At
		}
	})
	return reached, nil
}
