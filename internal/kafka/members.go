package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Members is how many members a group has, and the topics that they read, in order and
// some more than once; none while these are about to change. A group that is not there has
// no members. Only the group's coordinator is asked: another broker may be out of reach.
func Members(ctx context.Context, adm *kadm.Client, group string) (count int, topics []string, err error) {
	count, topics, err = members(ctx, adm, group)
	if shards := (*kadm.ShardErrors)(nil); errors.As(err, &shards) {
		err = shards.Errs[0].Err // there is one, for one group; it hides what it has
	}
	if err != nil {
		return 0, nil, fmt.Errorf("asking Kafka who is in the group %s: %w", group, err)
	}
	return count, topics, nil
}

func members(ctx context.Context, adm *kadm.Client, group string) (int, []string, error) {
	described, err := adm.DescribeGroups(ctx, group)
	if err != nil {
		return 0, nil, err
	}
	classic := described[group]
	if classic.Err != nil && !errors.Is(classic.Err, kerr.GroupIDNotFound) {
		return 0, nil, classic.Err
	}
	if len(classic.Members) > 0 {
		return len(classic.Members), classic.JoinTopics(), nil
	}
	if classic.Err == nil && slices.Contains(memberless, classic.State) {
		return 0, nil, nil
	}
	return consumerMembers(ctx, adm, group)
}

// memberless are the states in which a group of the classic protocol may have no members.
// A broker that has groups of the protocol consumer says of these that it does not find
// them (Kafka 4.0, KIP-1043), and one that has none says Dead: it must not be asked the
// other question, which it does not know.
var memberless = []string{"Dead", "Empty", "PreparingRebalance"}

// consumerMembers are those of a group of the protocol consumer (KIP-848), of which Kafka
// tells by a request of its own. A cluster whose feature group.version is off refuses it,
// and has no such groups.
func consumerMembers(ctx context.Context, adm *kadm.Client, group string) (int, []string, error) {
	described, err := adm.DescribeConsumerGroups(ctx, group)
	if err != nil {
		return 0, nil, err
	}
	consumer := described[group]
	if errors.Is(consumer.Err, kerr.GroupIDNotFound) || errors.Is(consumer.Err, kerr.UnsupportedVersion) {
		return 0, nil, nil
	}
	if consumer.Err != nil {
		return 0, nil, consumer.Err
	}
	var topics []string
	for _, member := range consumer.Members {
		topics = append(topics, member.SubscribedTopics...)
	}
	slices.Sort(topics)
	return len(consumer.Members), topics, nil
}
