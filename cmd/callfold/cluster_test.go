package main

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
	"github.com/callfold/callfold/internal/settings"
)

// newCluster starts a broker with the topics of the default settings, of two
// partitions each, and returns its addresses.
func newCluster(t *testing.T) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := settings.Default().Kafka
	s.Partitions, s.ReplicationFactor = 2, 1
	if _, err := kafka.Create(t.Context(), client, kafka.Topics(s, true)); err != nil {
		t.Fatal(err)
	}
	return cluster.ListenAddrs()
}
