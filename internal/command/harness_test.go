package command

import (
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/callfold/callfold/internal/kafka"
)

const (
	events     = "events"
	partitions = 3
)

// world is a broker in a bubble of virtual time, and a client with the options of one that sends commands.
type world struct {
	*testing.T
	cluster *kfake.Cluster
	net     *kfake.VirtualNetwork
	client  *kgo.Client
}

func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, net: &kfake.VirtualNetwork{}}
		var err error
		w.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9093), kfake.SleepOutOfOrder(),
			kfake.SeedTopics(partitions, events), kfake.ListenFn(w.net.Listen))
		w.check(err)
		defer w.cluster.Close()
		// Not zstd: its decoders end in finalizers, outside of the bubble.
		w.client = w.open(append(append(kafka.ProducerOptions(), ProducerOptions()...), kgo.ProducerBatchCompression(kgo.SnappyCompression()))...)
		defer w.client.Close()
		test(w)
	})
}

func (w *world) open(opts ...kgo.Opt) *kgo.Client {
	w.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers("127.0.0.1:9093"), kgo.Dialer(w.net.DialContext), kgo.DisableClientMetrics())...)
	w.check(err)
	return client
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
