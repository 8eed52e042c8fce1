package stream

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/callfold/callfold/internal/table"
)

// changelogEnds is what a restore has to know about a changelog partition.
type changelogEnds struct {
	topicID       string
	highWatermark int64
	retention     time.Duration // delete.retention.ms: how long tombstones are kept
	input         int64         // where the input partition ends
}

// unfit says why a table cannot be continued from its checkpoint, or "".
func unfit(c table.Checkpoint, ends changelogEnds, now time.Time) string {
	// Half of the time that tombstones are kept: the other half is for clocks
	// that differ, or were changed.
	age := now.Sub(c.SavedAt)
	switch {
	case c == table.Checkpoint{}:
		return ""
	case c.TopicID != ends.topicID:
		return "the changelog topic is another one than before: deleted and made again, or switched to"
	case c.Offset > ends.highWatermark:
		return fmt.Sprintf("it reaches offset %d, the changelog ends at %d", c.Offset, ends.highWatermark)
	case age > ends.retention/2:
		return fmt.Sprintf("it was last written at %s and may have missed deletions", c.SavedAt.Format(time.RFC3339))
	case age < -ends.retention/2:
		return fmt.Sprintf("it was last written at %s, which is to come, so nobody knows whether it missed deletions; see to the clock", c.SavedAt.Format(time.RFC3339))
	}
	return ""
}

func (l *lane[V]) changelogEnds(ctx context.Context, adm *kadm.Client, partition int32) (changelogEnds, error) {
	var ends changelogEnds
	topic := l.opts.Changelog
	topics, err := adm.ListTopics(ctx, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return ends, fmt.Errorf("asking for the topic %s: %w", topic, err)
	}
	ends.topicID = hex.EncodeToString(topicID(topics[topic].ID))
	// It asks for all partitions, and the error may be about others: one without a
	// leader must not hold up the restore of the rest.
	end, err := adm.ListEndOffsets(ctx, topic, l.opts.Input)
	o, ok := end.Lookup(topic, partition)
	if !ok && err != nil {
		return ends, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	if !ok {
		return ends, fmt.Errorf("%s has no partition %d, %s has: they must have the same number", topic, partition, l.opts.Input)
	}
	if o.Err != nil {
		return ends, fmt.Errorf("asking for the end of %s, partition %d: %w", topic, partition, o.Err)
	}
	ends.highWatermark, ends.input = o.Offset, math.MaxInt64
	if in, ok := end.Lookup(l.opts.Input, partition); ok && in.Err == nil {
		ends.input = in.Offset
	}
	ends.retention = deleteRetention(ctx, adm, topic)
	return ends, nil
}

func topicID(id kadm.TopicID) []byte { return id[:] }

// deleteRetention asks for delete.retention.ms; where it cannot be read (a
// right is missing) Kafka's default holds.
func deleteRetention(ctx context.Context, adm *kadm.Client, topic string) time.Duration {
	const byDefault = 24 * time.Hour
	configs, err := adm.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return byDefault
	}
	rc, err := configs.On(topic, nil)
	if err != nil {
		return byDefault
	}
	for _, c := range rc.Configs {
		if c.Key == "delete.retention.ms" {
			if d, err := time.ParseDuration(c.MaybeValue() + "ms"); err == nil && d > 0 {
				return d
			}
		}
	}
	return byDefault
}
