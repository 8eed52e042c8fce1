package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// errNotVisible says that a topic was made and a broker does not know it yet.
var errNotVisible = errors.New("the topics were made, and not all brokers know them yet")

// waitVisible returns once the topics are known with all their leaders. On Apache
// Kafka the controller has made a topic before the brokers have heard of it, and
// what asks at once finds none.
func waitVisible(ctx context.Context, adm *kadm.Client, names []string) error {
	// Each look may be at another broker.
	for looks := 0; looks < 3; {
		// As in Check: asking for the authorized operations passes by kadm's cache.
		topics, err := adm.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
		if err != nil {
			return fmt.Errorf("looking at the new topics: %w", err)
		}
		if visible(topics, names) {
			looks++
			continue
		}
		looks = 0
		select {
		case <-ctx.Done():
			return errors.Join(errNotVisible, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

func visible(topics kadm.TopicDetails, names []string) bool {
	for _, name := range names {
		topic, ok := topics[name]
		if !ok || topic.Err != nil {
			return false
		}
		for _, p := range topic.Partitions {
			if p.Err != nil || p.Leader < 0 {
				return false
			}
		}
	}
	return true
}
