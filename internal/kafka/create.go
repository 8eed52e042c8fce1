package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Created says what became of one topic.
type Created struct {
	Topic string `json:"topic"`
	// New is false when the topic existed already; it is then left as it is.
	New bool `json:"created"`
}

// Create makes the topics that do not exist and leaves the others as they are,
// so it can be repeated. A topic that cannot be made does not keep the rest from
// being made; the error joins the reasons. It returns when all brokers know the
// topics: those that it made, and those that exist, which somebody may have made
// just now.
func Create(ctx context.Context, client *kgo.Client, topics []Topic) ([]Created, error) {
	adm := kadm.NewClient(client)
	var done []Created
	var failed []error
	ids := map[string]kadm.TopicID{}
	for _, t := range topics {
		configs := map[string]*string{}
		for _, c := range t.Configs {
			if !c.Unset {
				configs[c.Name] = new(c.Value)
			}
		}
		answer, err := adm.CreateTopic(ctx, t.Partitions, t.ReplicationFactor, configs, t.Name)
		switch {
		case err == nil:
			done = append(done, Created{Topic: t.Name, New: true})
			ids[t.Name] = answer.ID
		case errors.Is(err, kerr.TopicAlreadyExists):
			done = append(done, Created{Topic: t.Name})
		case errors.Is(err, kerr.InvalidReplicationFactor):
			failed = append(failed, fmt.Errorf("creating topic %s: the cluster has fewer brokers than kafka.replication_factor = %d; lower it (1 on a cluster of one broker) or add brokers: %w",
				t.Name, t.ReplicationFactor, err))
		case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
			failed = append(failed, fmt.Errorf("creating topic %s: this user may not create topics; give it CREATE on the topic or have an administrator run this command: %w", t.Name, err))
		case answer.ErrMessage != "":
			failed = append(failed, fmt.Errorf("creating topic %s: %w: %s", t.Name, err, answer.ErrMessage))
		default:
			failed = append(failed, fmt.Errorf("creating topic %s: %w", t.Name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(done) > 0 {
		failed = append(failed, waitVisible(ctx, client, done, ids))
	}
	return done, errors.Join(failed...)
}
