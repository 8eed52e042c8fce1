// Package bubble is a broker for tests in virtual time: inside a bubble of
// [testing/synctest] it and its clients talk without a network.
package bubble

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

// Broker is a cluster, of one broker if nothing else is said.
type Broker struct {
	*kfake.Cluster
	t       testing.TB
	network kfake.VirtualNetwork
}

// Start starts a broker, which ends with the test.
func Start(t testing.TB, opts ...kfake.Opt) *Broker {
	t.Helper()
	b := &Broker{t: t}
	cluster, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(9093), kfake.SleepOutOfOrder(), kfake.ListenFn(b.network.Listen),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b.Cluster = cluster
	return b
}

// Options are what a client of the broker has to have.
func (b *Broker) Options() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.network.DialContext), kgo.DisableClientMetrics(),
		// Not zstd: its decoders end in finalizers, outside of the bubble.
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
	}
}

// Client makes a client that writes as the stages do.
func (b *Broker) Client(more ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	client, err := b.Open(more...)
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

// Open is Client for what is tested and makes clients itself.
func (b *Broker) Open(more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(slices.Concat(kafka.ProducerOptions(), more, b.Options())...)
}
