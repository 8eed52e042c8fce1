package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/callfold/callfold/internal/kafka"
)

// TestBrokerStopped: a broker is stopped in order in the midst of work, and comes back.
func TestBrokerStopped(t *testing.T) { brokerRestarts(t, false) }

// TestBrokerKilled: with SIGKILL. Of three nodes it is one that leads partitions.
func TestBrokerKilled(t *testing.T) {
	only(t, "after a kill the embedded broker needs fresh transactional ids, as callfold dev gives them (package broker)", one, three)
	brokerRestarts(t, true)
}

func brokerRestarts(t *testing.T, hard bool) {
	f := shared
	if f.kind == embedded { // others use the shared one at the same time
		t.Parallel()
		own, err := startFleet(t.Context(), t.TempDir())
		check(t, err)
		defer own.close()
		f = own
	}
	w := newWorldOn(t, f)
	p := w.processor("a")
	p.ready()
	wait := w.loadSlowly(manyCalls, 5*time.Second)
	for round := 1; round <= 2; round++ {
		w.waitHandled(2000 * round)
		f.restart(t, w.leader(kafka.Events, 0), hard, time.Second)
	}
	wait()
	w.drained()
	w.verify()
}

// leader is the node that leads a partition.
func (w *world) leader(topic string, partition int32) int {
	w.Helper()
	var leader int32
	w.eventually("the partition has a leader", func(ctx context.Context) error {
		topics, err := w.adm.ListTopics(kadm.WithAuthorizedOps(ctx), w.topic(topic))
		if err != nil {
			return err
		}
		p, known := topics[w.topic(topic)].Partitions[partition]
		if !known {
			return fmt.Errorf("a broker does not know the topic: %w", topics[w.topic(topic)].Err)
		}
		if leader = p.Leader; leader < 0 {
			return fmt.Errorf("there is none: %w", p.Err)
		}
		return nil
	})
	return int(leader)
}

const needsNodes = "one broker has nobody to take over"

// TestLeaderless: half of the partitions of all topics have one replica, on a
// node that is away for thirty seconds. The other half goes on meanwhile, and
// nobody has to lend a hand afterwards.
func TestLeaderless(t *testing.T) {
	only(t, needsNodes, three)
	w := emptyWorld(t, shared)
	const away = 3
	w.assignTopics(func(partition int32) []int32 { return []int32{1 + 2*(partition%2)} })
	p := w.processor("a")
	w.load(manyCalls / 3)
	w.drained()
	before := w.events
	shared.stop(t, away, true)
	outage := time.NewTimer(30 * time.Second)
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		w.load(manyCalls / 3) // what has no leader waits in the producer, and only that
	}()
	w.waitHandled(before + 500) // by the partitions that have a leader, for as long as the others have none
	<-outage.C
	shared.start(t, away)
	<-loaded
	w.drained()
	w.verify()
	if p.err != nil {
		t.Errorf("the processor ended: %v", p.err)
	}
}

// assignTopics makes the topics with chosen replicas.
func (w *world) assignTopics(replicas func(partition int32) []int32, configs ...kafka.Config) {
	w.Helper()
	w.kafka.ReplicationFactor = len(replicas(0))
	for _, topic := range kafka.Topics(w.kafka, false) {
		wanted := kmsg.NewCreateTopicsRequestTopic()
		wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic.Name, -1, -1
		for partition := range topic.Partitions {
			assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			assignment.Partition, assignment.Replicas = partition, replicas(partition)
			wanted.ReplicaAssignment = append(wanted.ReplicaAssignment, assignment)
		}
		for _, config := range append(topic.Configs, configs...) {
			c := kmsg.NewCreateTopicsRequestTopicConfig()
			c.Name, c.Value = config.Name, &config.Value
			wanted.Configs = append(wanted.Configs, c)
		}
		req := kmsg.NewPtrCreateTopicsRequest()
		req.TimeoutMillis, req.Topics = 10_000, append(req.Topics, wanted)
		answer, err := req.RequestWith(w.patiently(), w.client)
		check(w.T, err)
		check(w.T, kerr.ErrorForCode(answer.Topics[0].ErrorCode))
	}
	w.createTopics() // they exist: it waits until every broker knows them
}

// TestTooFewInSync: with one of two replicas away the topics take nothing, since
// it would be on one disk only. It waits, and nothing is lost or doubled.
func TestTooFewInSync(t *testing.T) {
	only(t, needsNodes, three)
	w := emptyWorld(t, shared)
	const away = 3
	w.assignTopics(func(int32) []int32 { return []int32{1, away} })
	for _, topic := range []string{kafka.Events, kafka.Calls, kafka.Rejected} {
		w.configure(topic, map[string]string{"min.insync.replicas": "2"})
	}
	p := w.processor("a")
	w.load(manyCalls / 3)
	w.drained()
	shared.stop(t, away, true)
	// An idempotent producer would not give up what may have been written.
	hasty := w.newClient(kgo.RecordDeliveryTimeout(3*time.Second), kgo.DisableIdempotentWrite())
	refused := w.record(1, []byte(`no event`))
	w.eventually("nothing is taken", func(ctx context.Context) error {
		if err := hasty.ProduceSync(ctx, refused).FirstErr(); err == nil {
			w.events, w.poison = w.events+1, w.poison+1
			return fmt.Errorf("it was")
		}
		return nil
	})
	wait := w.loadSlowly(manyCalls/3, time.Second)
	shared.start(t, away)
	wait()
	w.drained()
	// The record that was refused may have been written all the same.
	w.events, w.poison = len(w.readAll(kafka.Events)), 0
	w.verify()
	p.stop()
}
