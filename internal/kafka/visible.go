package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

// errNotVisible says that there are topics and a broker does not know them yet.
var errNotVisible = errors.New("the topics are there, and not all brokers know them yet")

// waitVisible returns once every broker that answers knows the topics, and those that are
// new with all their leaders. On Apache Kafka the controller has made a topic before the
// brokers have heard of it, each at its own time, and a stage that asks one of them at once
// finds none, or one of that name that was deleted. ids are those of the new topics, zero
// where the cluster does not tell them; a broker need not tell them either. A broker that still does not know them after 30 s
// is an error, and so is a new topic that this user may not describe.
func waitVisible(ctx context.Context, client *kgo.Client, topics []Created, ids map[string]kadm.TopicID) error {
	cluster, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("asking which brokers must know the topics: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, knownWithin)
	defer cancel()
	brokers, ctx := errgroup.WithContext(ctx)
	for _, broker := range cluster.Brokers {
		brokers.Go(func() error { return waitVisibleOn(ctx, client.Broker(int(broker.NodeID)), topics, ids) })
	}
	return brokers.Wait()
}

// knownWithin is how long all of it may take. A topic that is half deleted may stay unknown
// for ever.
const knownWithin = 30 * time.Second

// silences is how many times in a row a broker is asked in vain: one that is only slow
// would say the wrong thing once it answers, one that is gone misleads nobody.
const silences = 3

// waitVisibleOn is waitVisible for one broker.
func waitVisibleOn(ctx context.Context, broker *kgo.Broker, topics []Created, ids map[string]kadm.TopicID) error {
	for silent := 0; ; {
		known, err := visibleOn(ctx, broker, topics, ids)
		switch {
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			return err
		case ctx.Err() != nil:
			return errors.Join(errNotVisible, ctx.Err())
		case err != nil:
			silent++
		default:
			silent = 0
		}
		if known || silent == silences {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// brokerPatience is how long one broker may take to say which topics it knows.
const brokerPatience = 5 * time.Second

// visibleOn tells whether a broker knows the topics. The error is for a broker that
// cannot be asked, or a new topic that it does not show to this user.
func visibleOn(ctx context.Context, broker *kgo.Broker, topics []Created, ids map[string]kadm.TopicID) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, brokerPatience)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	isNew := map[string]bool{}
	for _, t := range topics {
		isNew[t.Topic] = t.New
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &t.Topic
		req.Topics = append(req.Topics, topic)
	}
	answer, err := broker.RetriableRequest(ctx, req)
	if err != nil {
		return false, err
	}
	for _, topic := range answer.(*kmsg.MetadataResponse).Topics {
		name := *topic.Topic
		switch err := kerr.ErrorForCode(topic.ErrorCode); {
		case errors.Is(err, kerr.TopicAuthorizationFailed) && isNew[name]:
			return false, fmt.Errorf("looking at the new topic %s (give this user the right DESCRIBE on it): %w", name, err)
		case errors.Is(err, kerr.UnknownTopicOrPartition), err != nil && isNew[name]:
			return false, nil
		case isNew[name] && ids[name] != kadm.TopicID{} && topic.TopicID != kadm.TopicID{} && ids[name] != topic.TopicID:
			return false, nil
		case isNew[name] && leaderless(topic.Partitions):
			return false, nil
		}
	}
	return true, nil
}

// leaderless tells whether one of the partitions has no leader. Of an old topic this is
// nothing to wait for: a broker may be away for long.
func leaderless(partitions []kmsg.MetadataResponseTopicPartition) bool {
	return slices.ContainsFunc(partitions, func(p kmsg.MetadataResponseTopicPartition) bool {
		return kerr.ErrorForCode(p.ErrorCode) != nil || p.Leader < 0
	})
}
