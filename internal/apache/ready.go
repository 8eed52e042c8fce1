package apache

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
)

// probe is the name of the topic, the group and the transactional id with which
// a cluster is tried.
const probe = "callfold-ready"

// ready returns when the cluster does what a stage asks of it.
func (c *Cluster) ready(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Direct()...), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	for node := 1; node <= c.opts.Nodes; node++ {
		if err := c.serves(ctx, node); err != nil {
			return err
		}
	}
	return c.try(ctx, "making a topic and beginning a transaction", func(ctx context.Context) error {
		return serve(ctx, client)
	})
}

// serve makes a topic, with the replicas that all will have, and asks for what
// creates Kafka's own topics: a group's coordinator and a transaction.
func serve(ctx context.Context, client *kgo.Client) error {
	adm := kadm.NewClient(client)
	if _, err := adm.CreateTopic(ctx, 1, -1, nil, probe); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	if _, err := adm.DeleteTopic(ctx, probe); err != nil {
		return err
	}
	begin := kmsg.NewPtrInitProducerIDRequest()
	begin.TransactionalID = new(probe)
	begin.TransactionTimeoutMillis = 10_000
	answer, err := begin.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return err
	}
	return adm.FindGroupCoordinators(ctx, probe).Error()
}

// serves returns when the node knows all nodes that run and itself as one that
// may lead partitions.
func (c *Cluster) serves(ctx context.Context, node int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address(c.opts.internalPort(node))))
	if err != nil {
		return err
	}
	defer client.Close()
	running := c.running()
	return c.try(ctx, fmt.Sprintf("waiting until node %d serves", node), func(ctx context.Context) error {
		answer, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client.SeedBrokers()[0])
		if err != nil {
			return err
		}
		for _, wanted := range running {
			if !slices.ContainsFunc(answer.Brokers, func(b kmsg.MetadataResponseBroker) bool { return int(b.NodeID) == wanted }) {
				return fmt.Errorf("node %d has not joined yet", wanted)
			}
		}
		return nil
	})
}

func (c *Cluster) running() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var nodes []int
	for node, p := range c.nodes {
		if p.running() {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// try repeats what fails, until ctx ends or one of the nodes dies that run now.
func (c *Cluster) try(ctx context.Context, what string, do func(context.Context) error) error {
	const pause, patience = 100 * time.Millisecond, 10 * time.Second
	watched := c.running()
	for {
		attempt, cancel := context.WithTimeout(ctx, patience)
		err := do(attempt)
		cancel()
		if err == nil {
			return nil
		}
		for _, node := range watched {
			if p := c.node(node); !p.running() {
				return p.died()
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("starting Apache Kafka: %s: %w (%w)", what, err, ctx.Err())
		case <-time.After(pause):
		}
	}
}
